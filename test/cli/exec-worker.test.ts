// worker --exec: an agent command does the jobs; what it prints is checked, what it fails with is told, and it is ended when it must.
import { describe, expect, it } from 'vitest';
import { agentOutput } from '../../src/cli/agent-output.ts';
import { commandWords } from '../../src/cli/command-words.ts';
import type { WorkerAgent } from '../../src/domain/worker-agent.ts';
import { comesTrue } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { engineFor, refusal, until } from '../support/test-engine.ts';
import { type CliFolder, cliFolder } from './cli-folder.ts';

/** The agent: what it does is told by the prompt. */
const AGENT = `
import { appendFileSync, readFileSync } from 'node:fs';
const lease = JSON.parse(readFileSync(0, 'utf8'));
const [what, arg] = lease.payload.prompt.split(' ');
console.error('asked to ' + lease.payload.prompt);
switch (what) {
  case 'ok': console.log(JSON.stringify({ n: 1, id: process.env.LOGISTICS_JOB_ID, key: process.env.LOGISTICS_IDEMPOTENCY_KEY, attempt: process.env.LOGISTICS_ATTEMPT, secret: process.env.LOGISTICS_SECRET_X ?? null })); break;
  case 'fenced': console.log('Here you are:\\n\\u0060\\u0060\\u0060json\\n{"n": 2}\\n\\u0060\\u0060\\u0060\\nDone.'); break;
  case 'text': console.log('just words'); break;
  case 'fix': console.log(JSON.stringify(lease.rejected === undefined ? { n: 'x' } : { n: lease.rejected.faults.length })); break;
  case 'wrong': console.log('{"n": "x"}'); break;
  case 'exit': process.exit(Number(arg)); break;
  case 'hold': { const look = setInterval(() => { if (readFileSync(arg, 'utf8') === 'now') { clearInterval(look); console.log('{}'); } }, 20); break; }
  case 'hang': { const parent = process.ppid; appendFileSync(arg, 'began\\n'); setInterval(() => { if (process.ppid !== parent) process.exit(); }, 200); break; }
}
`;

const SCHEMA = '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}';

function place(): CliFolder & { readonly exec: string } {
  const folder = cliFolder();
  return Object.assign(folder, { exec: `"${process.execPath}" ${folder.write('agent.mjs', AGENT)}` });
}

async function agentJob(folder: CliFolder, prompt: string, ...flags: string[]): Promise<string> {
  const made = await folder.json(['enqueue', 'agent.task', JSON.stringify({ prompt }), '--requires', 'review', ...flags]);
  return made.job_id as string;
}

const once = (folder: CliFolder & { readonly exec: string }, ...flags: string[]): ReturnType<CliFolder['cli']> =>
  folder.cli(['worker', '--exec', folder.exec, '--capability', 'review', '--once', ...flags], { env: { LOGISTICS_SECRET_X: 'hidden' } });

describe('worker --exec', () => {
  it('gives the lease on standard input and takes standard output as the result', async () => {
    const folder = place();
    const ids = [await agentJob(folder, 'ok'), await agentJob(folder, 'fenced'), await agentJob(folder, 'text')];
    const { code, stdout, stderr } = await once(folder, '--concurrency', '3');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr.match(/✓ completed .*agent\.task {2}job_/g)).toHaveLength(3);
    const results = await Promise.all(ids.map(async (id) => (await folder.json(['get', id])).result));
    expect(results).toEqual([{ n: 1, id: ids[0], key: ids[0], attempt: '1', secret: null }, { n: 2 }, { text: 'just words' }]);
    expect(await folder.json(['get', ids[0] as string, '--view', 'logs'])).toMatchObject({ lines: [{ message: 'asked to ok' }] });
    expect(await folder.json(['list', 'workers'])).toMatchObject({
      items: [{ kind: 'process' }, { kind: 'agent', status: 'left', capabilities: ['agent.task', 'review'] }],
    });
  });

  it('shows the command what did not fit, once, and then fails', async () => {
    const folder = place();
    const fixed = await agentJob(folder, 'fix', '--output', SCHEMA);
    const wrong = await agentJob(folder, 'wrong', '--output', SCHEMA, '--retry', '1');
    const { code, stdout } = await once(folder, '--concurrency', '2', '--json');
    expect(code).toBe(1);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.map((event) => event.event)).toEqual(['started', 'claimed', 'claimed', 'job', 'job', 'stopped']);
    expect(events).toContainEqual(expect.objectContaining({ job_id: fixed, status: 'completed' }));
    expect(events).toContainEqual(expect.objectContaining({ job_id: wrong, status: 'failed', code: 'output_invalid' }));
    expect(await folder.json(['get', fixed])).toMatchObject({ result: { n: 1 } });
  });

  it.each([
    ['1', 'retry'],
    ['65', 'failed'],
    ['78', 'failed'],
  ])('exit code %s leaves the job %s', async (exit, status) => {
    const folder = place();
    const id = await agentJob(folder, `exit ${exit}`);
    expect((await once(folder)).code).toBe(1);
    expect(await folder.json(['get', id])).toMatchObject({ status, error: { code: 'command_failed' } });
  });

  it('a command that cannot be started does no harm to the job', async () => {
    const folder = place();
    const id = await agentJob(folder, 'ok');
    const { code, stderr } = await folder.cli(['worker', '--exec', 'no-such-agent-command', '--capability', 'review']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/command_failed|could not be started/);
    expect(await folder.json(['get', id])).toMatchObject({ status: 'pending', attempt: 0 });
  });

  it('--timeout ends a command that hangs', async () => {
    const folder = place();
    const id = await agentJob(folder, `hang ${folder.write('began', '')}`, '--retry', '1');
    await once(folder, '--timeout', '300ms');
    expect(await folder.json(['get', id])).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
  });

  it('a cancelled job ends its command, and the worker goes on', async () => {
    const folder = place();
    const id = await agentJob(folder, `hang ${folder.write('began', '')}`);
    const worker = folder.start(['worker', '--exec', folder.exec, '--capability', 'review', '--json']);
    await worker.seen(`"claimed","job_id":"${id}"`);
    await folder.cli(['control', id, 'cancel']);
    await worker.seen(`"job_id":"${id}","status":"cancelled"`);
    const next = await agentJob(folder, 'ok');
    await worker.seen(`"job_id":"${next}","status":"completed"`);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('"stopped"') });
  });

  it('a lease that is lost ends the command, and the worker goes on', async () => {
    const folder = place();
    const id = await agentJob(folder, `hang ${folder.write('began', '')}`, '--retry', '1');
    const worker = folder.start(['worker', '--exec', folder.exec, '--capability', 'review', '--name', 'ada', '--json']);
    await worker.seen(`"claimed","job_id":"${id}"`);
    const { items } = await folder.json(['list', 'workers', '--status', 'active']);
    const [ada] = items as { worker_id: string; namespace: string }[];
    const other = await engineFor({ dataDir: folder.data, namespace: ada?.namespace as string });
    await other.workerAgents.leave(ada?.worker_id as string, 'local');
    await worker.seen(`"job_id":"${id}","status":"lease_lost"`);
    await folder.cli(['control', id, 'cancel']);
    const next = await agentJob(folder, 'ok', '--priority', 'critical');
    await worker.seen(`"job_id":"${next}","status":"completed"`);
  });

  it('SIGTERM gives the job back when the grace is over, unharmed', async () => {
    const folder = place();
    folder.write('logistics.config.yaml', 'limits: {shutdownGrace: 100ms}\n');
    const id = await agentJob(folder, `hang ${folder.write('began', '')}`);
    const worker = folder.start(['worker', '--exec', folder.exec, '--capability', 'review', '--json']);
    await worker.seen(`"claimed","job_id":"${id}"`);
    worker.child.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    expect(await folder.json(['get', id])).toMatchObject({ status: 'pending', attempt: 0 });
    expect(await folder.json(['list', 'workers', '--status', 'active'])).toMatchObject({ count: 0 });
  });

  it('a worker that was killed and is started again goes on at once with its job, which counts as crashed', async () => {
    const folder = place();
    const id = await agentJob(folder, `hang ${folder.write('began', '')}`);
    const flags = ['worker', '--exec', folder.exec, '--capability', 'review', '--name', 'nightly', '--json'];
    const first = folder.start(flags);
    await first.seen(`"claimed","job_id":"${id}"`);
    first.child.kill('SIGKILL');
    await first.ended;
    const second = folder.start(flags);
    await second.seen(`"claimed","job_id":"${id}"`);
    expect(await folder.json(['get', id])).toMatchObject({ status: 'running', crashes: 1 });
    second.child.kill('SIGKILL');
  });

  it('two of one name do not take from each other', async () => {
    const folder = place();
    const ids = [await agentJob(folder, `hang ${folder.write('began', '')}`), await agentJob(folder, `hang ${folder.write('began', '')}`)];
    const flags = ['worker', '--exec', folder.exec, '--capability', 'review', '--name', 'nightly', '--json'];
    const two = [folder.start(flags), folder.start(flags)];
    await Promise.all(two.map((worker) => worker.seen('"claimed"')));
    for (const id of ids) expect(await folder.json(['get', id])).toMatchObject({ status: 'running', attempt: 1 });
    expect(await folder.json(['list', 'workers', '--status', 'active'])).toMatchObject({ count: 2 });
  });

  it('a job that it holds and does not run is given back and done', async () => {
    const folder = place();
    const id = await agentJob(folder, 'ok');
    const worker = folder.start(['worker', '--exec', folder.exec, '--capability', 'none', '--name', 'ada', '--lease', '3s', '--json']);
    await worker.seen('"started"');
    const { namespace } = await folder.json(['get', id]);
    const other = await engineFor({ dataDir: folder.data, namespace: namespace as string });
    await until(other, () => other.backend.listWorkers({ filter: { status: 'active' }, limit: 1, cursor: null }).items.length === 1);
    const [ada] = other.backend.listWorkers({ filter: { status: 'active' }, limit: 1, cursor: null }).items as [WorkerAgent];
    // As when the answer of a claim is lost: stored, and not known to the worker.
    const claimed = await other.backend.claimForWorker({
      worker: { ...ada, id: ada.id, capabilities: ['review'], leaseMs: 3_000 },
      limit: 1,
      queue: undefined,
      nonce: null,
    });
    expect(claimed).toMatchObject({ leases: [{ job: { jobId: id } }] });
    await comesTrue(() => other.backend.getJob(id)?.status === 'pending');
    expect(other.backend.getJob(id)).toMatchObject({ attempt: 0, crashes: 0 });
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0 });
  });

  it('what was done while the store was away is reported when it is back', async () => {
    const server = await RedisServer.start();
    try {
      const folder = place();
      const store = ['--store', server.url('exec')];
      const id = await agentJob(folder, `hold ${folder.write('go', '')}`, ...store);
      const worker = folder.start(['worker', '--exec', folder.exec, '--capability', 'review', '--json', ...store]);
      await worker.seen(`"claimed","job_id":"${id}"`);
      await server.kill('SIGKILL');
      folder.write('go', 'now');
      await worker.seen('"trouble"');
      await server.up();
      await worker.seen(`"job_id":"${id}","status":"completed"`);
      const next = await agentJob(folder, 'ok', ...store);
      await worker.seen(`"job_id":"${next}","status":"completed"`);
      worker.child.kill('SIGTERM');
      expect(await worker.ended).toMatchObject({ code: 0 });
    } finally {
      await server.stop();
    }
  }, 60_000);

  it('--once goes on until nothing is ready', async () => {
    const folder = place();
    for (let i = 0; i < 3; i++) await agentJob(folder, 'ok');
    expect((await once(folder)).code).toBe(0);
    expect(await folder.json(['list', 'jobs', '--status', 'completed'])).toMatchObject({ count: 3 });
  });

  it('refuses flags that would not act', async () => {
    const folder = place();
    for (const flags of [['--lease', '1m'], ['--once'], ['--timeout', '1m'], ['--name', 'x']])
      expect(await folder.cli(['worker', ...flags])).toMatchObject({ code: 2, stderr: expect.stringContaining(flags[0] as string) });
    for (const flags of [['--lease', '1ms'], ['--concurrency', '0'], ['--queue', 'a', 'b'], ['--until-idle'], ['--timeout', 'soon']])
      expect(await folder.cli(['worker', '--exec', 'true', ...flags])).toMatchObject({ code: 2, stderr: expect.stringContaining(flags[0] as string) });
  });
});

describe('the words of a command', () => {
  it.each([
    ['claude -p', ['claude', '-p']],
    ['a "b c" \'d "e"\' f\\ g', ['a', 'b c', 'd "e"', 'f g']],
    ['a "" b', ['a', '', 'b']],
    ['"C:\\Program Files\\a.exe" x', ['C:\\Program Files\\a.exe', 'x']],
    ['a $HOME `b` ;c', ['a', '$HOME', '`b`', ';c']],
  ])('%s', (text, words) => expect(commandWords(text, '--exec')).toEqual(words));

  it.each(['', '  ', 'a "b', "a 'b"])('%j is none', async (text) =>
    expect(await refusal(() => Promise.resolve(commandWords(text, '--exec')))).toMatchObject({ path: '--exec' }),
  );
});

describe('what a command printed', () => {
  it.each([
    ['{"a": 1}', { a: 1 }],
    [' [1, 2] \n', [1, 2]],
    ['first ```\n{"a": 1}\n``` then\n```json\n{"a": 2}\n```', { a: 2 }],
    ['Result: {"a": {"b": 1}}', { a: { b: 1 } }],
    ['I saw {"a": 1} there.', { text: 'I saw {"a": 1} there.' }],
    ['```\nno json\n```', { text: '```\nno json\n```' }],
    ['', { text: '' }],
  ])('%j', (printed, output) => expect(agentOutput(printed)).toEqual(output));
});
