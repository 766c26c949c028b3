// Owns the commands that read, wait for and act on what goes on: views for people, exit codes for scripts, decisions of a person.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliFolder, FLOW, GATE } from './cli-folder.ts';

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
