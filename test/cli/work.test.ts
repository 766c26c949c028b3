// Owns the commands that do what a tool does: the same data with --json, tables and hints for people, exit codes for scripts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliFolder, FLOW, GATE } from './cli-folder.ts';

describe('enqueue', () => {
  it('gives the id of a durable job, and says that nobody works', async () => {
    const folder = cliFolder();
    const { code, stdout, stderr } = await folder.cli(['enqueue', 'echo', '{"value": 1}', '--name', 'first']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^✓ first enqueued {2}job_\w{26}\n {2}→ logistics-mcp watch job_/);
    expect(stderr).toContain('the work waits until one is');
    expect(await folder.json(['list', 'jobs'])).toMatchObject({ items: [{ name: 'first', task: 'echo', status: 'pending' }] });
  });

  it('--wait works here and prints the result', async () => {
    const folder = cliFolder();
    expect(await folder.cli(['enqueue', 'echo', '{"value": {"a": 1}}', '--wait'])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/✓ completed {2}echo {2}job_[\s\S]*"a": 1/),
    });
    expect(await folder.json(['enqueue', 'echo', '{"value": 2}', '--wait'])).toMatchObject({ status: 'completed', result: 2, replayed: false });
  });

  it('a job that fails ends with 1 and its error', async () => {
    const { code, stdout } = await cliFolder().cli(['enqueue', 'code.run', '{"code": "throw new Error(\\"no luck\\")"}', '--retry', '1', '--wait']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ failed {2}code\.run[\s\S]*no luck/);
  });

  it('every flag reaches the job', async () => {
    const folder = cliFolder();
    const first = await folder.json(['enqueue', 'echo', '{"value": 1}']);
    const flags = [
      '--queue',
      'mail',
      '--priority',
      'high',
      '--delay',
      '10m',
      '--retry',
      '{"maxAttempts": 7}',
      '--timeout',
      '5s',
      '--requires',
      'gpu',
      '--depends-on',
      String(first.job_id),
      '--idempotency-key',
      'k1',
    ];
    const { job_id: id } = await folder.json(['enqueue', 'echo', '{"value": 1}', ...flags]);
    expect(await folder.json(['get', String(id)])).toMatchObject({
      queue: 'mail',
      priority: 75,
      max_attempts: 7,
      timeout: '5s',
      requires: ['gpu'],
      depends_on: [first.job_id],
      run_at: expect.any(String),
    });
    expect(await folder.json(['enqueue', 'echo', '{"value": 1}', ...flags])).toMatchObject({ job_id: id, replayed: true });
  });

  it('says that a store in memory keeps nothing', async () => {
    const { stderr } = await cliFolder().cli(['enqueue', 'echo', '{"value": 1}', '--store', 'in_memory']);
    expect(stderr).toContain('The store lives in memory');
  });
});

describe('list', () => {
  it.each(['workflows', 'executions', 'jobs', 'queues', 'sessions', 'events'])('an empty list of %s teaches', async (kind) => {
    const { code, stdout } = await cliFolder().cli(['list', kind]);
    expect(code).toBe(0);
    expect(stdout.split('\n').length).toBeGreaterThan(1);
    expect(stdout).toMatch(kind === 'sessions' ? /create_session/ : kind === 'events' ? /event/ : /→ logistics-mcp/);
  });

  it('aligns its columns, cuts what does not fit, and goes on from a cursor', async () => {
    const folder = cliFolder();
    for (const name of ['a', `long ${'x'.repeat(100)}`, 'c']) await folder.cli(['enqueue', 'echo', '{"value": 1}', '--name', name]);
    const { stdout } = await folder.cli(['list', 'jobs', '--limit', '2'], { columns: 80, env: { NO_COLOR: '1' } });
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^id {27,}job +status +enqueued$/);
    expect(lines[2]).toMatch(/^job_\w{26} {2}long x+… {2}· pending/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    const cursor = /--cursor (\S+)/.exec(stdout)?.[1] as string;
    expect((await folder.cli(['list', 'jobs', '--cursor', cursor])).stdout).toMatch(/\n?job_\w{26} {2}a /);
  });

  it('filters by flags, and says when nothing matches', async () => {
    const folder = cliFolder();
    await folder.cli(['enqueue', 'echo', '{"value": 1}', '--queue', 'mail']);
    expect(await folder.json(['list', 'jobs', '--queue', 'mail', '--since', '1h', '--status', 'pending'])).toMatchObject({ kind: 'jobs', count: 1 });
    expect((await folder.cli(['list', 'jobs', '--queue', 'other'])).stdout).toMatch(/^No jobs match/);
    expect((await folder.cli(['list', 'jobs', '--namespace', 'elsewhere'])).stdout).toMatch(/^There are no jobs/);
    expect(await folder.json(['list', 'jobs', '--namespace', 'elsewhere', '--all-namespaces'])).toMatchObject({ count: 1 });
  });

  it.each(['workflows', 'executions', 'jobs', 'queues', 'workers', 'events', 'sessions'])('shows %s as a table', async (kind) => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    await folder.cli(['import', 'notes.yaml']);
    await folder.cli(['run', 'notes', '--input', 'repo=a']);
    const { code, stdout } = await folder.cli(['list', kind]);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/undefined|\[object|NaN/);
    if (kind !== 'sessions') expect(stdout.split('\n').length).toBeGreaterThan(2);
  });
});

describe('get', () => {
  it('shows every view of an execution for people, and the tool data with --json', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    const { execution_id } = await folder.json(['run', 'notes.yaml', '--input', 'repo=acme']);
    const id = String(execution_id);
    const shows: Record<string, RegExp> = {
      summary: /workflow {6,}notes[\s\S]*status {6,} *✓ completed/,
      steps: /step +task +status[\s\S]*each +echo +completed +\d+ms +3\/3/,
      events: /workflow_started[\s\S]*step_completed +report/,
      output: /"repo": "acme"/,
      explain: /✓ completed[\s\S]*allowed now: fork, restart/,
      graph: /^flowchart TD/,
    };
    for (const [view, pattern] of Object.entries(shows)) {
      const { code, stdout } = await folder.cli(['get', id, '--view', view]);
      expect(code, view).toBe(0);
      expect(stdout, view).toMatch(pattern);
      expect(stdout, view).not.toMatch(/undefined|\[object/);
      expect(await folder.json(['get', id, '--view', view]), view).toMatchObject({ execution_id: id });
    }
    expect((await folder.cli(['get', id, '--view', 'logs', '--step', 'report'])).stdout).toContain('done');
  });

  it('takes the name of a workflow', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    await folder.cli(['import', 'notes.yaml']);
    expect(await folder.json(['get', 'notes'])).toMatchObject({ name: 'notes', workflow_id: expect.stringMatching(/^wf_/) });
    expect((await folder.cli(['get', 'notes', '--view', 'output'])).stdout).toContain('"name": "notes"');
  });

  it('saves an artifact into a new file, never over one', async () => {
    const folder = cliFolder();
    folder.write(
      'report.yaml',
      'name: report\nsteps:\n  - {id: write, task: echo, artifact: {name: report.md, mediaType: text/markdown}, with: {value: "# Hello"}}\n',
    );
    const run = await folder.json(['run', 'report.yaml']);
    const [artifact] = run.artifacts as [{ id: string; name: string }];
    expect(artifact.name).toBe('report.md');
    expect((await folder.cli(['get', artifact.id])).stdout).toContain('# Hello');
    expect((await folder.cli(['get', artifact.id, '--save', 'out.md'])).code).toBe(0);
    expect(readFileSync(join(folder.work, 'out.md'), 'utf8')).toContain('# Hello');
    expect(await folder.cli(['get', artifact.id, '--save', 'out.md'])).toMatchObject({ code: 2, stderr: expect.stringContaining('exists already') });
    expect((await folder.cli(['get', String(run.execution_id), '--save', 'x'])).code).toBe(2);
  });
});

describe('wait, control, watch and status', () => {
  it('an approval goes from status over get to control, and only with the digest that was shown', async () => {
    const folder = cliFolder();
    folder.write('gate.yaml', GATE);
    const run = folder.start(['run', 'gate.yaml']);
    await run.seen('approve with:');
    const status = await folder.cli(['status']);
    expect(status.stdout).toMatch(/1 process working here[\s\S]*Waits for you\n {2}◷ gate\/approve {2}Publish\?/);
    const [, id, digest] = /control (exec_\w+) approve --step approve --digest (\w+)/.exec(status.stdout) as unknown as [string, string, string];
    expect(await folder.cli(['control', id, 'approve', '--digest', 'other'])).toMatchObject({ code: 1, stderr: expect.stringContaining('conflict') });
    const { code, stdout } = await folder.cli(['control', id, 'approve', '--step', 'approve', '--digest', digest, '--comment', 'fine']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/approve {2}\w+ {2}exec_\w+\n {2}approved/);
    expect((await run.ended).code).toBe(0);
    expect(await folder.json(['get', id, '--view', 'output', '--step', 'approve'])).toMatchObject({ output: { approved: true, comment: 'fine' } });
    expect((await folder.cli(['wait', id])).code).toBe(0);
    expect((await folder.cli(['watch', id])).stdout).toMatch(/approval decided {4}approve {2}approved[\s\S]*✓ completed/);
  });

  it('--reject is a decision too', async () => {
    const folder = cliFolder();
    folder.write('gate.yaml', GATE);
    const run = folder.start(['run', 'gate.yaml']);
    await run.seen('approve with:');
    const { items } = await folder.json(['list', 'executions']);
    const id = (items as [{ execution_id: string }])[0].execution_id;
    await folder.cli(['control', id, 'approve', '--reject']);
    const { code, stdout } = await run.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/step skipped {8}publish {2}condition/);
  });

  it('wait gives up without cancelling', async () => {
    const folder = cliFolder();
    const { job_id: id } = await folder.json(['enqueue', 'echo', '{"value": 1}']);
    const { code, stderr, stdout } = await folder.cli(['wait', String(id), '--timeout', '10ms']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/No process is running[\s\S]*nothing was cancelled/);
    expect(stdout).toContain('pending');
    expect(await folder.json(['wait', String(id), '--timeout', '0'])).toMatchObject({ met: false, items: [{ job_id: id, status: 'pending' }] });
  });

  it('cancel, then the exit codes of wait and watch say so', async () => {
    const folder = cliFolder();
    const { job_id: id } = await folder.json(['enqueue', 'echo', '{"value": 1}', '--delay', '1h']);
    expect((await folder.cli(['control', String(id), 'cancel', '--reason', 'not now'])).stdout).toMatch(/⊘ cancel {2}cancelled/);
    expect((await folder.cli(['wait', String(id)])).code).toBe(130);
    expect(await folder.cli(['watch', String(id)])).toMatchObject({ code: 130, stdout: expect.stringContaining('⊘ echo') });
    expect(await folder.json(['watch', String(id)])).toMatchObject({ job_id: id, status: 'cancelled' });
    const redriven = await folder.cli(['control', String(id), 'redrive']);
    expect(redriven.stderr).toContain('the work waits until one is');
  });

  it('wait --any is content with one', async () => {
    const folder = cliFolder();
    const done = await folder.json(['enqueue', 'echo', '{"value": 1}', '--wait']);
    const later = await folder.json(['enqueue', 'echo', '{"value": 1}', '--delay', '1h']);
    expect((await folder.cli(['wait', String(done.job_id), String(later.job_id), '--any'])).code).toBe(0);
  });

  it('fork says what is reused', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    const { execution_id: id } = await folder.json(['run', 'notes.yaml', '--input', 'repo=a']);
    expect((await folder.cli(['control', String(id), 'fork', '--step', 'each'])).stdout).toMatch(/reused {6}fetch\n {2}runs again {2}each, report/);
  });

  it('status of a new folder teaches, and --since tells what changed', async () => {
    const folder = cliFolder();
    expect((await folder.cli(['status'])).stdout).toMatch(/● healthy[\s\S]*Nothing has run here yet[\s\S]*→ logistics-mcp run <file>/);
    folder.write('notes.yaml', FLOW);
    await folder.cli(['run', 'notes.yaml', '--input', 'repo=a']);
    const { stdout } = await folder.cli(['status', '--since', '1h', '--detailed']);
    expect(stdout).toMatch(/1 completed[\s\S]*Queues[\s\S]*Since then[\s\S]*workflow completed/);
    expect(await folder.json(['status'])).toMatchObject({ health: 'healthy', executions: { completed: 1 }, cursor: expect.any(String) });
  });

  it('a failure is seen in status, and open work that nobody does', async () => {
    const folder = cliFolder();
    folder.write('bad.yaml', 'name: bad\nsteps:\n  - {id: a, task: code.run, retry: 1, with: {code: "throw new Error(\\"boom\\")"}}\n');
    expect((await folder.cli(['run', 'bad.yaml'])).code).toBe(1);
    expect((await folder.cli(['status'])).stdout).toMatch(/Recent failures\n {2}✗ bad/);
  });
});
