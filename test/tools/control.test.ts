// control: every action on every kind of object it acts on, and a refusal with a reason for all else.
import { describe, expect, it } from 'vitest';
import type { PersonAnswer, PersonQuestion } from '../../tools/tool.ts';
import { PersonNeeded } from '../../tools/tool.ts';
import { engineFor, heldTask } from '../support/test-engine.ts';
import { type Reply, type RunTool, refusal, toolsOf } from '../support/tool-run.ts';

const approval = (by: 'human' | 'any'): object => ({
  name: 'ask',
  steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Publish v2?', by } }],
  output: '${{ steps.ok.output }}',
});
const signal = { name: 'sig', steps: [{ id: 's', task: 'wait.signal', with: { name: 'go' } }], output: '${{ steps.s.output }}' };

async function waiting(run: RunTool, definition: object): Promise<string> {
  const { execution_id } = await run('execute_workflow', { definition });
  expect(await run('wait', { ids: [execution_id], until: 'waiting' })).toMatchObject({ met: true });
  return execution_id as string;
}

async function ended(run: RunTool, id: unknown): Promise<Reply> {
  const { items } = await run('wait', { ids: [id] });
  return (items as Reply[])[0] as Reply;
}

describe('control of an execution', () => {
  it('cancel, restart', async () => {
    const run = toolsOf(await engineFor());
    const id = await waiting(run, signal);
    expect(await run('control', { id, action: 'cancel', reason: 'not needed', idempotency_key: 'c' })).toMatchObject({
      execution_id: id,
      action: 'cancel',
      replayed: false,
    });
    expect(await ended(run, id)).toMatchObject({ status: 'cancelled', error: { message: expect.stringContaining('not needed') } });
    expect(await run('control', { id, action: 'cancel', reason: 'not needed', idempotency_key: 'c' })).toMatchObject({ replayed: true });
    expect(await refusal(run('control', { id, action: 'cancel', reason: 'other', idempotency_key: 'c' }))).toMatchObject({ code: 'conflict' });
    expect(await refusal(run('control', { id, action: 'pause' }))).toMatchObject({ code: 'invalid_transition' });
    const again = await run('control', { id, action: 'restart', idempotency_key: 'r' });
    expect(again).toMatchObject({ from_execution_id: id, replayed: false });
    expect(await run('control', { id, action: 'restart', idempotency_key: 'r' })).toMatchObject({ execution_id: again.execution_id, replayed: true });
  });

  it('pause, resume, signal', async () => {
    const run = toolsOf(await engineFor());
    const id = await waiting(run, signal);
    expect(await run('control', { id, action: 'pause' })).toMatchObject({ status: 'paused' });
    await run('control', { id, action: 'resume' });
    expect(await run('control', { id, action: 'signal', name: 'go', payload: { n: 1 }, signal_id: 's1' })).toMatchObject({ replayed: false });
    expect(await ended(run, id)).toMatchObject({ status: 'completed', output: { n: 1 } });
  });

  it('retry runs failed steps only, fork names what it reuses', async () => {
    const held = heldTask();
    const run = toolsOf(await engineFor({}, { tasks: [held] }));
    const definition = {
      name: 'two',
      steps: [
        { id: 'a', task: 'echo', with: { value: 1 } },
        { id: 'b', needs: ['a'], task: 'held', retry: 1 },
      ],
    };
    const { execution_id: id } = await run('execute_workflow', { definition });
    await held.reached(1);
    held.held.shift()?.done.reject(new Error('broken'));
    expect(await ended(run, id)).toMatchObject({ status: 'failed', error: { code: 'handler_failed' } });
    await run('control', { id, action: 'retry' });
    await held.reached(1);
    held.release('fine');
    expect(await ended(run, id)).toMatchObject({ status: 'completed' });
    const fork = await run('control', { id, action: 'fork', step: 'b' });
    expect(fork).toMatchObject({ from_execution_id: id, reused_steps: ['a'], reexecuted_steps: ['b'] });
    await held.reached(1);
    held.release();
    expect(await ended(run, fork.execution_id)).toMatchObject({ status: 'completed' });
    expect(await refusal(run('control', { id, action: 'fork', step: 'c' }))).toMatchObject({ code: 'not_found', path: 'step' });
  });
});

describe('approve', () => {
  it('an agent decides what anybody may decide, with the digest it saw', async () => {
    const run = toolsOf(await engineFor());
    const id = await waiting(run, approval('any'));
    const { waiting_for } = await run('get', { id });
    const [{ digest }] = waiting_for as [{ digest: string }];
    expect(await refusal(run('control', { id, action: 'approve' }))).toMatchObject({ code: 'invalid_input', path: 'approved' });
    expect(await refusal(run('control', { id, action: 'approve', approved: true, digest: 'old' }))).toMatchObject({ code: 'conflict' });
    await run('control', { id, action: 'approve', approved: true, comment: 'fine', digest, step: 'ok' });
    expect(await ended(run, id)).toMatchObject({ status: 'completed', output: { approved: true, comment: 'fine', by: 'agent' } });
  });

  it("an agent's own word is not a person's", async () => {
    const run = toolsOf(await engineFor());
    const id = await waiting(run, approval('human'));
    expect(await refusal(run('control', { id, action: 'approve', approved: true }))).toMatchObject({ code: 'forbidden' });
    expect(await run('get', { id })).toMatchObject({ status: 'waiting' });
  });

  it.each([
    ['yes', { action: 'accept', content: { approved: true, comment: 'go' } }, { approved: true, comment: 'go' }],
    ['no', { action: 'accept', content: { approved: false } }, { approved: false, comment: null }],
  ] as const)('where the client can ask, the person decides: %s', async (_, answer, decided) => {
    const run = toolsOf(await engineFor());
    const id = await waiting(run, approval('human'));
    const asked: PersonQuestion[] = [];
    let known: PersonAnswer | undefined;
    const askPerson = (question: PersonQuestion): PersonAnswer => {
      asked.push(question);
      if (known === undefined) throw new PersonNeeded(question);
      return known;
    };
    // What the agent wishes does not matter.
    const args = { id, action: 'approve', approved: !decided.approved };
    await expect(run('control', args, { askPerson })).rejects.toBeInstanceOf(PersonNeeded);
    expect(await run('get', { id })).toMatchObject({ status: 'waiting' });
    known = answer;
    await run('control', args, { askPerson });
    expect(asked[1]?.key).toBe(asked[0]?.key);
    expect(asked[0]?.message).toContain('Publish v2?');
    expect(await ended(run, id)).toMatchObject({ output: decided });
    expect(await run('get', { id, view: 'events', limit: 100 })).toMatchObject({
      events: expect.arrayContaining([expect.objectContaining({ type: 'approval_decided', data: expect.objectContaining({ actor: 'human' }) })]),
    });
  });

  it('a person who does not decide changes nothing', async () => {
    const run = toolsOf(await engineFor());
    const id = await waiting(run, approval('human'));
    for (const answer of [{ action: 'decline' }, { action: 'cancel' }, { action: 'accept', content: { approved: 'yes' } }] as const) {
      expect(await refusal(run('control', { id, action: 'approve' }, { askPerson: () => answer }))).toMatchObject({ code: 'forbidden' });
    }
    expect(
      await refusal(run('control', { id, action: 'approve', digest: 'old' }, { askPerson: () => ({ action: 'accept', content: { approved: true } }) })),
    ).toMatchObject({ code: 'conflict', path: 'digest' });
    expect(await run('get', { id })).toMatchObject({ status: 'waiting' });
  });

  it('several approvals have to be named', async () => {
    const run = toolsOf(await engineFor());
    const ask = (id: string): object => ({ id, task: 'wait.approval', with: { message: id, by: 'any' } });
    const id = await waiting(run, { name: 'both', steps: [ask('a'), ask('b')] });
    expect((await refusal(run('control', { id, action: 'approve', approved: true }))).message).toMatch(/a, b/);
    expect((await refusal(run('control', { id, action: 'approve', approved: true, step: 'c' }))).code).toBe('not_found');
  });
});

describe('control of jobs, sessions and workflows', () => {
  it('cancels and redrives a job', async () => {
    const run = toolsOf(await engineFor());
    const { job_id: id } = await run('enqueue_job', { task: 'echo', payload: { value: 1 }, delay: '1h' });
    expect(await run('control', { id, action: 'cancel' })).toMatchObject({ job_id: id, status: 'cancelled', replayed: false });
    expect(await run('control', { id, action: 'cancel' })).toMatchObject({ status: 'cancelled', replayed: true });
    expect(await run('control', { id, action: 'redrive' })).toMatchObject({ status: 'pending' });
    expect(await ended(run, id)).toMatchObject({ status: 'completed' });
    expect(await refusal(run('control', { id, action: 'retry' }))).toMatchObject({ code: 'invalid_transition' });
    expect(await refusal(run('control', { id, action: 'cancel' }))).toMatchObject({ code: 'invalid_transition' });
  });

  it('leaves the job of a step to its execution', async () => {
    const held = heldTask();
    const run = toolsOf(await engineFor({}, { tasks: [held] }));
    const { execution_id } = await run('execute_workflow', { definition: { name: 'h', steps: [{ id: 'a', task: 'held' }] } });
    await held.reached(1);
    const { items } = await run('list', { kind: 'jobs', filter: { execution_id } });
    const [{ job_id: id }] = items as [Reply];
    expect((await refusal(run('control', { id, action: 'cancel' }))).nextActions[0]).toContain(execution_id);
    expect((await refusal(run('control', { id, action: 'redrive' }))).code).toBe('invalid_transition');
    held.release();
  });

  it('merges into the context of a session, against the version that was read', async () => {
    const run = toolsOf(await engineFor());
    const { session_id: id } = await run('create_session', { context: { a: 1, b: 2 } });
    expect(await run('control', { id, action: 'update', context: { b: null, c: 3 }, context_version: 1 })).toMatchObject({
      context: { a: 1, c: 3 },
      context_version: 2,
    });
    expect(await refusal(run('control', { id, action: 'update', context: {}, context_version: 1 }))).toMatchObject({
      code: 'conflict',
      path: 'context_version',
    });
    expect((await refusal(run('control', { id, action: 'update', context: { big: 'x'.repeat(70_000) } }))).code).toBe('limit_exceeded');
  });

  it('deletes a workflow version', async () => {
    const run = toolsOf(await engineFor());
    const { workflow_id: id } = await run('create_workflow', {
      definition: { name: 'w', steps: [{ id: 'a', task: 'echo', with: { value: 1 } }] },
      mode: 'apply',
    });
    expect(await run('control', { id, action: 'delete' })).toMatchObject({ workflow_id: id, status: 'deleted', replayed: false });
    expect(await run('control', { id, action: 'delete' })).toMatchObject({ replayed: true });
    expect((await refusal(run('execute_workflow', { name: 'w' }))).code).toBe('not_found');
  });
});

describe('control by filter', () => {
  it('cancels at most 1,000 at once and says whether more are left', async () => {
    const run = toolsOf(await engineFor());
    const jobs = Array.from({ length: 1_020 }, () => ({ task: 'echo', payload: { value: 1 }, delay: '1h', queue: 'bulk' }));
    await run('enqueue_job', { jobs });
    const filter = { kind: 'jobs', queue: 'bulk' };
    expect(await run('control', { filter, action: 'cancel', dry_run: true })).toMatchObject({ status: 'dry_run', count: 1_000, more: true });
    expect(await run('control', { filter: { ...filter, older_than: '1h' }, action: 'cancel' })).toMatchObject({ count: 0, more: false });
    const first = await run('control', { filter: { kind: 'jobs', queue: 'bulk' }, action: 'cancel' });
    expect(first).toMatchObject({ count: 1_000, more: true });
    expect(first.ids).toHaveLength(20);
    expect(await run('control', { filter: { kind: 'jobs', queue: 'bulk' }, action: 'cancel' })).toMatchObject({ count: 20, more: false });
    expect(await run('control', { filter: { kind: 'jobs', queue: 'bulk' }, action: 'cancel' })).toMatchObject({ count: 0, more: false });
  });

  it('cancels executions of a workflow', async () => {
    const run = toolsOf(await engineFor());
    const ids = [await waiting(run, signal), await waiting(run, signal)];
    const other = await waiting(run, approval('any'));
    expect((await run('control', { filter: { kind: 'executions', workflow: 'sig' }, action: 'cancel', reason: 'all' })).ids).toEqual(
      expect.arrayContaining(ids),
    );
    for (const id of ids) expect(await ended(run, id)).toMatchObject({ status: 'cancelled' });
    expect(await run('get', { id: other })).toMatchObject({ status: 'waiting' });
  });

  it('refuses what is too wide, or would not act', async () => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('control', { filter: { kind: 'jobs' }, action: 'cancel' }))).toMatchObject({ code: 'invalid_input', path: 'filter' });
    expect(await refusal(run('control', { filter: { kind: 'jobs', queue: 'a' }, action: 'pause' }))).toMatchObject({ path: 'action' });
    expect(await refusal(run('control', { filter: { kind: 'jobs', workflow: 'a' }, action: 'cancel' }))).toMatchObject({ path: 'filter.workflow' });
    expect(await refusal(run('control', { filter: { kind: 'jobs', status: 'failed' }, action: 'cancel' }))).toMatchObject({ path: 'filter.status' });
    expect(await refusal(run('control', { filter: { kind: 'jobs', queue: 'a' }, action: 'cancel', idempotency_key: 'k' }))).toMatchObject({
      code: 'not_available',
      path: 'idempotency_key',
    });
    expect(await refusal(run('control', { filter: { kind: 'jobs', queue: 'a' }, id: 'x', action: 'cancel' }))).toMatchObject({ path: 'id' });
  });
});

describe('clear_cache', () => {
  it('forgets kept results, so that the step runs again', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const steps = [{ id: 'a', task: 'echo', with: { value: '${{ input.v }}' }, cache: { key: 'k', ttl: '1h' } }];
    const { workflow_id: id } = await run('create_workflow', { mode: 'apply', definition: { name: 'kept', steps } });
    const valueFor = async (v: number): Promise<unknown> => (await run('execute_workflow', { name: 'kept', input: { v }, wait_ms: 8_000 })).output;
    expect([await valueFor(1), await valueFor(2)]).toEqual([{ a: 1 }, { a: 1 }]);
    const call = { id, action: 'clear_cache', idempotency_key: 'once' };
    expect(await run('control', call)).toMatchObject({ workflow_id: id, status: 'cleared', count: 1, more: false, replayed: false });
    expect(await run('control', call)).toMatchObject({ count: 1, replayed: true });
    expect(await valueFor(3)).toEqual({ a: 3 });
  });
});

describe('what control refuses', () => {
  it.each([
    [{ action: 'cancel' }, 'invalid_input', 'id'],
    [{ id: 'exec_1', action: 'cancel' }, 'invalid_input', 'id'],
    [{ id: 'sched_01m80dxqsg000cebe9vpck2gth', action: 'pause' }, 'not_found', 'id'],
    [{ id: 'art_01m80dxqsg000cebe9vpck2gth', action: 'delete' }, 'invalid_input', 'id'],
    [{ id: 'exec_01m80dxqsg000cebe9vpck2gth', action: 'trigger' }, 'invalid_input', 'action'],
    [{ id: 'exec_01m80dxqsg000cebe9vpck2gth', action: 'backfill' }, 'invalid_input', 'action'],
    [{ id: 'exec_01m80dxqsg000cebe9vpck2gth', action: 'delete' }, 'invalid_input', 'action'],
    [{ id: 'exec_01m80dxqsg000cebe9vpck2gth', action: 'pause', step: 'a' }, 'invalid_input', 'step'],
    [{ id: 'exec_01m80dxqsg000cebe9vpck2gth', action: 'fork' }, 'invalid_input', 'step'],
    [{ id: 'exec_01m80dxqsg000cebe9vpck2gth', action: 'signal' }, 'invalid_input', 'name'],
    [{ id: 'exec_01m80dxqsg000cebe9vpck2gth', action: 'cancel' }, 'not_found', 'id'],
    [{ id: 'job_01m80dxqsg000cebe9vpck2gth', action: 'cancel' }, 'not_found', 'id'],
    [{ id: 'job_01m80dxqsg000cebe9vpck2gth', action: 'redrive' }, 'not_found', 'id'],
    [{ id: 'wf_01m80dxqsg000cebe9vpck2gth', action: 'delete' }, 'not_found', 'id'],
    [{ id: 'wf_01m80dxqsg000cebe9vpck2gth', action: 'clear_cache' }, 'not_found', 'id'],
    [{ id: 'job_01m80dxqsg000cebe9vpck2gth', action: 'clear_cache' }, 'invalid_input', 'action'],
    [{ id: 'sess_01m80dxqsg000cebe9vpck2gth', action: 'update', context: {} }, 'not_found', 'session_id'],
    [{ id: 'exec_01m80dxqsg000cebe9vpck2gth', action: 'cancle' }, 'invalid_input', 'action'],
  ])('%j', async (args, code, path) => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('control', args))).toMatchObject({ code, path });
  });
});
