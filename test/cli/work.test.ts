// Owns the commands that do what a tool does: the same data with --json, tables and hints for people, exit codes for scripts.

import { describe, expect, it } from 'vitest';
import { cliFolder, FLOW } from './cli-folder.ts';

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
