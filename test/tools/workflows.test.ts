// create_workflow and execute_workflow: what is previewed, stored, planned, run, repeated and refused.
import { describe, expect, it } from 'vitest';
import { engineFor } from '../support/test-engine.ts';
import { refusal, toolsOf } from '../support/tool-run.ts';

const GREET = {
  name: 'greet',
  input: { type: 'object', properties: { who: { type: 'string' } }, required: ['who'] },
  steps: [
    { id: 'hello', task: 'echo', with: { value: 'hello ${{ input.who }}' } },
    { id: 'shout', needs: ['hello'], task: 'transform', with: { value: '${{ steps.hello.output }}!' } },
  ],
  output: '${{ steps.shout.output }}',
};

describe('create_workflow', () => {
  it('previews by default and stores nothing', async () => {
    const run = toolsOf(await engineFor());
    expect(await run('create_workflow', { definition: GREET })).toMatchObject({
      valid: true,
      mode: 'preview',
      name: 'greet',
      steps_total: 2,
      input_schema: GREET.input,
    });
    expect(await run('list', { kind: 'workflows' })).toMatchObject({ count: 0 });
  });

  it('previews a wrong definition as data with every fault', async () => {
    const run = toolsOf(await engineFor());
    const reply = await run('create_workflow', {
      definition: 'name: x\nsteps:\n  - {id: a, task: ecoh}\n  - {id: b, task: echo, needs: [aa], with: {value: 1}}\n',
    });
    expect(reply).toMatchObject({ valid: false, faults_total: 2 });
    expect(reply.faults).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: 'steps[0].task', code: 'unknown_task_type', near_matches: ['echo'] }),
        expect.objectContaining({ path: 'steps[1].needs[0]', near_matches: ['a', 'b'] }),
      ]),
    );
  });

  it('refuses to apply a wrong definition, and names all faults', async () => {
    const run = toolsOf(await engineFor());
    const error = await refusal(
      run('create_workflow', {
        definition: {
          name: 'x',
          steps: [
            { id: 'a', task: 'ecoh' },
            { id: 'a', task: 'echo', with: { value: 1 } },
          ],
        },
        mode: 'apply',
      }),
    );
    expect(error.code).toBe('invalid_definition');
    expect((error.details as { faults: unknown[] }).faults.length).toBeGreaterThanOrEqual(2);
  });

  it('stores a version once, a changed one as the next', async () => {
    const run = toolsOf(await engineFor());
    const first = await run('create_workflow', { definition: GREET, mode: 'apply', idempotency_key: 'k1' });
    expect(first).toMatchObject({ valid: true, name: 'greet', version: 1, created: true, replayed: false });
    expect(await run('create_workflow', { definition: GREET, mode: 'apply', idempotency_key: 'k1' })).toMatchObject({
      workflow_id: first.workflow_id,
      replayed: true,
    });
    expect(await run('create_workflow', { definition: GREET, mode: 'apply' })).toMatchObject({ workflow_id: first.workflow_id, version: 1, created: false });
    const changed = { ...GREET, description: 'changed' };
    expect((await refusal(run('create_workflow', { definition: changed, mode: 'apply', idempotency_key: 'k1' }))).code).toBe('conflict');
    expect(await run('create_workflow', { definition: changed, mode: 'apply' })).toMatchObject({ version: 2, created: true });
  });
});

describe('execute_workflow', () => {
  it('runs a stored workflow by name and waits', async () => {
    const run = toolsOf(await engineFor());
    await run('create_workflow', { definition: GREET, mode: 'apply' });
    const reply = await run('execute_workflow', { name: 'greet', input: { who: 'Ada' }, wait_ms: 10_000 });
    expect(reply).toMatchObject({ workflow: 'greet', version: 1, status: 'completed', output: 'hello Ada!', replayed: false, steps_done: 2, steps_total: 2 });
  });

  it('takes workflow_name and parameters as other names, but not both', async () => {
    const run = toolsOf(await engineFor());
    await run('create_workflow', { definition: GREET, mode: 'apply' });
    expect(await run('execute_workflow', { workflow_name: 'greet', parameters: { who: 'Bo' }, wait_ms: 10_000 })).toMatchObject({ output: 'hello Bo!' });
    expect(await refusal(run('execute_workflow', { workflow_name: 'greet', name: 'greet' }))).toMatchObject({ code: 'invalid_input', path: 'workflow_name' });
  });

  it('answers at once without wait_ms, and the same key gives the same execution', async () => {
    const run = toolsOf(await engineFor());
    const args = { definition: GREET, input: { who: 'Cy' }, idempotency_key: 'once' };
    const first = await run('execute_workflow', args);
    const again = await run('execute_workflow', { ...args, wait_ms: 10_000 });
    expect(again).toMatchObject({ execution_id: first.execution_id, replayed: true, status: 'completed' });
    expect(await refusal(run('execute_workflow', { ...args, input: { who: 'Di' } }))).toMatchObject({ code: 'conflict', path: 'idempotency_key' });
    expect(await run('list', { kind: 'executions' })).toMatchObject({ count: 1 });
  });

  it('dry_run gives the plan and starts nothing', async () => {
    const run = toolsOf(await engineFor());
    const reply = await run('execute_workflow', { definition: GREET, input: { who: 'Ed' }, dry_run: true });
    expect(reply).toMatchObject({ dry_run: true, status: 'planned', levels: [['hello'], ['shout']], input: { who: 'Ed' } });
    expect(reply.execution_id).toBeUndefined();
    expect(await run('list', { kind: 'executions' })).toMatchObject({ count: 0 });
    expect(await refusal(run('execute_workflow', { definition: GREET, input: { wo: 'Ed' }, dry_run: true }))).toMatchObject({ code: 'invalid_input' });
  });

  it('a failed run is an answer, with its error and what to do', async () => {
    const run = toolsOf(await engineFor());
    const reply = await run('execute_workflow', {
      definition: { name: 'f', steps: [{ id: 'a', task: 'transform', with: { value: '${{ input.none }}' } }] },
      input: { some: 1 },
      wait_ms: 10_000,
    });
    expect(reply).toMatchObject({ status: 'failed', error: { code: expect.any(String) } });
    expect(reply.next).toContain('get view=explain');
  });

  it('refuses what it does not know with the nearest that it does', async () => {
    const run = toolsOf(await engineFor());
    await run('create_workflow', { definition: GREET, mode: 'apply' });
    expect(await refusal(run('execute_workflow', { name: 'gret', input: {} }))).toMatchObject({ code: 'not_found', nearMatches: ['greet'] });
    expect(await refusal(run('execute_workflow', {}))).toMatchObject({ code: 'invalid_input', path: 'name' });
    expect(await refusal(run('execute_workflow', { name: 'greet', prioritty: 1 }))).toMatchObject({
      code: 'invalid_input',
      path: 'prioritty',
      nearMatches: ['priority'],
    });
    expect(await refusal(run('execute_workflow', { definition: GREET, input: { who: 'x' }, session_id: 'sess_01m80dxqpk0005c6147qhgmgst' }))).toMatchObject({
      code: 'not_found',
      path: 'session_id',
    });
  });

  it('a long output is cut, marked, and read in pieces', async () => {
    const run = toolsOf(await engineFor());
    const value = 'é😀'.repeat(5_000);
    const reply = await run('execute_workflow', {
      definition: { name: 'long', steps: [{ id: 'a', task: 'echo', with: { value } }], output: '${{ steps.a.output }}' },
      wait_ms: 10_000,
    });
    expect(reply).toMatchObject({ status: 'completed', truncated: true });
    let text = '';
    for (let cursor: unknown; ; ) {
      const piece = await run('get', { id: reply.execution_id, view: 'output', ...(cursor === undefined ? {} : { cursor }) });
      text += piece.output_json as string;
      cursor = piece.next_cursor;
      if (cursor === undefined) break;
    }
    expect(JSON.parse(text)).toBe(value);
  });
});
