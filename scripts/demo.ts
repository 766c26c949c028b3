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
  readonly step?: string;
  readonly item?: number;
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
      args: [
        join(root, 'bin', 'logistics-mcp.js'),
        '--config',
        join(folder, 'logistics.config.yaml'),
        '--data-dir',
        join(folder, 'data'),
        '--log-level',
        'warn',
        // What the demo leaves open is thrown away with its folder.
        '--background',
        'off',
      ],
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
      const page = await this.call('get', { id, view: 'events', limit: 100, ...(cursor === undefined ? {} : { cursor }) });
      all.push(...(page.events as EventLine[]));
      if (page.truncated !== true) return all;
      cursor = String(page.next_cursor);
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

const keyOf = (event: EventLine): string => `${event.step ?? ''}${event.item === undefined ? '' : `[${event.item}]`}`;
const finished = (events: readonly EventLine[]): Set<string> => new Set(events.filter((event) => event.type === 'step_completed').map(keyOf));

/** What was finished when a server died. */
interface Finished {
  readonly steps: Set<string>;
  readonly cursor: number;
  /** Child executions, with the moment they ended. */
  readonly children: ReadonlyMap<string, string>;
}

async function children(host: Host): Promise<Map<string, string>> {
  const page = await host.call('list', { kind: 'executions', filter: { workflow: 'folder-report', status: 'completed' }, limit: 100 });
  return new Map((page.items as { execution_id: string; ended_at: string }[]).map((item) => [item.execution_id, item.ended_at]));
}

/** Kills the server as soon as the run has got to where `isThere` says. */
async function killWhen(host: Host, executionId: string, isThere: (steps: Set<string>, ended: number) => boolean): Promise<Finished> {
  for (const until = Date.now() + DEADLINE_MS; Date.now() < until; ) {
    const summary = await host.call('get', { id: executionId });
    if (summary.status === 'completed' || summary.status === 'failed') throw new Error(`The run ended (${String(summary.status)}) before it could be killed.`);
    const [events, ended] = [await host.events(executionId), await children(host)];
    const steps = finished(events);
    if (isThere(steps, ended.size)) {
      await host.kill();
      return { steps, cursor: events.at(-1)?.cursor ?? 0, children: ended };
    }
    await host.call('wait', { ids: [executionId], timeout_ms: 20 });
  }
  throw new Error('The run did not get far enough in time.');
}

/** Steps and children that were finished before a crash and were touched after it. */
function touchedAgain(before: Finished, events: readonly EventLine[], now: ReadonlyMap<string, string>): string[] {
  const steps = events.filter(
    (event) => event.cursor > before.cursor && (event.type === 'step_started' || event.type === 'step_completed') && before.steps.has(keyOf(event)),
  );
  return [...steps.map(keyOf), ...[...before.children].filter(([id, at]) => now.get(id) !== at).map(([id]) => id)];
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
    [
      'concurrency: 4',
      'shell:',
      `  root: ${JSON.stringify(root)}`,
      '  allow:',
      '    - argv: [git, log, --format=*, --, "*"]',
      '    - argv: [git, log, --format=*]',
      '    - argv: [git, ls-files]',
      '',
    ].join('\n'),
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

    const first = await killWhen(host, executionId, (steps) => steps.has('each_author') && steps.has('folders'));
    tell(`server killed (SIGKILL) while the run sleeps; finished: ${[...first.steps].join(', ')}`);
    host = await new Host(folder).open();
    tell(`server started again (pid ${host.pid}) on the same folder`);
    const again = await host.call('execute_workflow', start);

    const second = await killWhen(host, executionId, (_, ended) => ended >= 3);
    tell(`server killed (SIGKILL) amid the folders; ${second.children.size} child workflows were finished`);
    host = await new Host(folder).open();
    tell(`server started again (pid ${host.pid})`);
    const summary = await waitForEnd(host, executionId);
    tell(`execution ${executionId} is ${String(summary.status)}`);

    const events = await host.events(executionId);
    const output = (await host.call('get', { id: executionId, view: 'output' })).output as {
      artifact?: { id: string; bytes: number };
      authors?: number;
      folders?: number;
    } | null;
    const report = output?.artifact === undefined ? '' : await writeArtifact(host, output.artifact.id);
    const ended = await children(host);
    await host.client.close();

    const rerun = [...touchedAgain(first, events, ended), ...touchedAgain(second, events, ended)];
    say();
    say('Checked:');
    check(summary.status === 'completed', 'the same execution completed after two crashes');
    check(again.replayed === true && again.execution_id === executionId, 'asking again with the same idempotency key gave the same execution');
    check(
      first.steps.size >= 5 && second.children.size >= 3,
      `${second.steps.size} steps and ${second.children.size} child workflows were finished before a crash`,
    );
    check(rerun.length === 0, `no finished step ran again${rerun.length === 0 ? '' : `: ${rerun.join(', ')}`}`);
    check((output?.folders ?? 0) > 0 && ended.size === output?.folders, `every folder had one child workflow (${output?.folders ?? 0})`);
    check(
      report.includes(`${commits} commit(s)`) && Buffer.byteLength(report) === output?.artifact?.bytes,
      `the report counts the ${commits} commit(s) that git counts`,
    );
    say();
    if (failures.length > 0) throw new Error(`${failures.length} claim(s) did not hold.`);
    say(`The report: ${REPORT}`);
    say(
      report
        .split('\n')
        .slice(0, 8)
        .map((line) => `  ${line}`)
        .join('\n'),
    );
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
