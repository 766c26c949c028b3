// Owns the demonstration: a real server over stdio, a real client, a real workflow on this checkout, killed in the middle and
// finished after a restart. It exits 0 only if every claim it prints was checked.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const REPORT = join(root, 'demo-output', 'report.md');
const DEADLINE_MS = 120_000;

interface EventLine {
  readonly cursor: number;
  readonly type: string;
  readonly step_id?: string;
  readonly item_index?: number;
}

type Reply = Record<string, unknown>;

const began = Date.now();
const failures: string[] = [];
const say = (text = ''): void => void process.stdout.write(`${text}\n`);
const seconds = (): string => `${((Date.now() - began) / 1_000).toFixed(1).padStart(5)} s`;
const tell = (text: string): void => say(`  ${seconds()}  ${text}`);

function check(holds: boolean, claim: string): void {
  say(`  ${holds ? '✓' : '✗'} ${claim}`);
  if (!holds) failures.push(claim);
}

/** One server process with one client on it, as a host would start it. */
class Host {
  readonly client = new Client({ name: 'demo', version: '1.0.0' });
  readonly #transport: StdioClientTransport;

  constructor(folder: string) {
    this.#transport = new StdioClientTransport({
      command: process.execPath,
      args: [join(root, 'bin', 'logistics-mcp.js'), '--config', join(folder, 'logistics.config.yaml'), '--data-dir', join(folder, 'data'), '--log-level', 'warn'],
      cwd: root,
      stderr: 'inherit',
    });
  }

  async open(): Promise<this> {
    await this.client.connect(this.#transport);
    return this;
  }

  get pid(): number {
    return this.#transport.pid ?? 0;
  }

  async call(name: string, args: Reply): Promise<Reply> {
    const result = await this.client.callTool({ name, arguments: args });
    if (result.isError === true) throw new Error(`${name}: ${JSON.stringify(result.content)}`);
    return (result.structuredContent ?? {}) as Reply;
  }

  /** Every event of an execution so far. */
  async events(id: string): Promise<EventLine[]> {
    const all: EventLine[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await this.call('get', { id, view: 'events', limit: 200, ...(cursor === undefined ? {} : { cursor }) });
      all.push(...(page.events as EventLine[]));
      if (typeof page.next_cursor !== 'string') return all;
      cursor = page.next_cursor;
    }
  }

  /** SIGKILL: no goodbye, no flush. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.client.onclose = resolve;
    });
    process.kill(this.pid, 'SIGKILL');
    await closed;
  }
}

const keyOf = (event: EventLine): string => `${event.step_id ?? ''}${event.item_index === undefined ? '' : `[${event.item_index}]`}`;
const finished = (events: readonly EventLine[]): Set<string> => new Set(events.filter((event) => event.type === 'step_completed').map(keyOf));

async function killInTheMiddle(host: Host, executionId: string): Promise<{ done: Set<string>; cursor: number }> {
  for (const until = Date.now() + DEADLINE_MS; Date.now() < until; ) {
    const summary = await host.call('get', { id: executionId });
    if (summary.status === 'completed' || summary.status === 'failed') throw new Error(`The run ended (${String(summary.status)}) before it could be killed.`);
    const events = await host.events(executionId);
    const done = finished(events);
    // The authors are done, the folders are still to come.
    if (done.has('each_author') && done.has('folders')) {
      await host.kill();
      return { done, cursor: events.at(-1)?.cursor ?? 0 };
    }
    await host.call('wait', { ids: [executionId], timeout_ms: 20 });
  }
  throw new Error('The run did not get far enough in time.');
}

async function waitForEnd(host: Host, executionId: string): Promise<Reply> {
  for (const until = Date.now() + DEADLINE_MS; Date.now() < until; ) {
    await host.call('wait', { ids: [executionId], timeout_ms: 5_000 });
    const summary = await host.call('get', { id: executionId });
    if (['completed', 'failed', 'cancelled'].includes(String(summary.status))) return summary;
  }
  throw new Error('The run did not end in time.');
}

async function writeArtifact(host: Host, id: string): Promise<string> {
  let text = '';
  for (let offset = 0; ; ) {
    const piece = await host.call('get', { id, ...(offset === 0 ? {} : { cursor: String(offset) }) });
    text += String(piece.content ?? '');
    if (typeof piece.next_cursor !== 'string') break;
    offset = Number(piece.next_cursor);
  }
  mkdirSync(dirname(REPORT), { recursive: true });
  writeFileSync(REPORT, text);
  return text;
}

function needGit(): number {
  const git = spawnSync('git', ['-C', root, 'rev-list', '--count', 'HEAD'], { encoding: 'utf8' });
  if (git.status === 0) return Number(git.stdout.trim());
  process.stderr.write('The demo reads the git history of this checkout, and there is none here. Clone the repository with git, then run it again.\n');
  process.exit(2);
}

function writeConfig(folder: string): void {
  // Its own configuration allows exactly what the workflow needs: reading the history and the list of files.
  writeFileSync(
    join(folder, 'logistics.config.yaml'),
    ['concurrency: 4', 'shell:', `  root: ${JSON.stringify(root)}`, '  allow:', '    - argv: [git, log, --format=*, --, "*"]', '    - argv: [git, log, --format=*]', '    - argv: [git, ls-files]', ''].join('\n'),
  );
}

async function main(): Promise<void> {
  const commits = needGit();
  execFileSync(process.execPath, [join(root, 'scripts', 'build.js')], { stdio: ['ignore', 'ignore', 'inherit'] });
  const folder = mkdtempSync(join(tmpdir(), 'logistics-demo-'));
  try {
    writeConfig(folder);
    say('logistics-mcp demo: a report about this checkout, interrupted by a crash');
    say();
    let host = await new Host(folder).open();
    tell(`server started (pid ${host.pid}), ${(await host.client.listTools()).tools.length} tools`);
    for (const name of ['folder-report', 'repository-report']) {
      const made = await host.call('create_workflow', { definition: readFileSync(join(root, 'examples', `${name}.yaml`), 'utf8'), mode: 'apply' });
      tell(`workflow ${name} stored as version ${String(made.version)}`);
    }
    const start = { name: 'repository-report', input: { pause: '1500ms' }, idempotency_key: 'demo' };
    const started = await host.call('execute_workflow', start);
    const executionId = String(started.execution_id);
    tell(`execution ${executionId} started`);

    const before = await killInTheMiddle(host, executionId);
    tell(`server killed with SIGKILL; ${before.done.size} steps were finished: ${[...before.done].join(', ')}`);

    host = await new Host(folder).open();
    tell(`server started again (pid ${host.pid}) on the same folder`);
    const again = await host.call('execute_workflow', start);
    const summary = await waitForEnd(host, executionId);
    tell(`execution ${executionId} is ${String(summary.status)}`);
    const events = await host.events(executionId);
    const output = (await host.call('get', { id: executionId, view: 'output' })).output as { artifact?: { id: string; bytes: number }; authors?: number; folders?: number } | null;
    const report = output?.artifact === undefined ? '' : await writeArtifact(host, output.artifact.id);
    const children = await host.call('list', { kind: 'executions', filter: { workflow: 'folder-report', status: 'completed' }, limit: 100 });
    await host.client.close();

    const rerun = events.filter((event) => event.cursor > before.cursor && (event.type === 'step_started' || event.type === 'step_completed') && before.done.has(keyOf(event)));
    const twice = [...finished(events)].filter((key) => events.filter((event) => event.type === 'step_completed' && keyOf(event) === key).length > 1);
    say();
    say('Checked:');
    check(summary.status === 'completed', 'the same execution completed after the crash');
    check(again.replayed === true && again.execution_id === executionId, 'asking again with the same idempotency key gave the same execution');
    check(before.done.size >= 4, `${before.done.size} steps were finished before the crash`);
    check(rerun.length === 0 && twice.length === 0, 'no finished step ran again');
    check((output?.folders ?? 0) > 0 && (children.items as unknown[]).length === output?.folders, `every folder had a child workflow of its own (${output?.folders ?? 0})`);
    check(report.includes(`${commits} commit(s)`) && report.length === output?.artifact?.bytes, `the report counts the ${commits} commit(s) that git counts`);
    say();
    if (failures.length > 0) throw new Error(`${failures.length} claim(s) did not hold.`);
    say(`The report: ${REPORT}`);
    say(report.split('\n').slice(0, 8).map((line) => `  ${line}`).join('\n'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
