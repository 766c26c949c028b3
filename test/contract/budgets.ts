// Owns the contract of budgets and breakers: what counts and when, what is paused and refused, what lets it go, each in the commit that it belongs to.
import { describe, expect, it } from 'vitest';
import { Budget, type BudgetLimits } from '../../src/domain/budget.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { Project } from '../../src/domain/project.ts';
import type { Backend, ClaimedJob } from '../../src/store/backend.ts';
import { type Bench, benches, type Capabilities, completed, failed, type MakeBackend, receipt } from './harness.ts';
import { addSchedule, ledgerOf, MINUTE, passTo, START, workAll } from './schedule-bench.ts';

const CHAIN: JsonObject[] = [
  { id: 'a', task: 'x' },
  { id: 'b', task: 'x', needs: ['a'] },
  { id: 'c', task: 'x', needs: ['b'] },
];
const ONE: JsonObject[] = [{ id: 'a', task: 'x' }];

const budget = (raw: JsonObject): BudgetLimits => Budget.parse(raw);

function raise(bench: Bench, owner: 'run' | 'session' | 'schedule' | 'project', id: string, raw: JsonObject | null): ReturnType<Backend['setBudget']> {
  return bench.backend.setBudget({ owner, id, limits: raw === null ? null : budget(raw), decide: bench.decide });
}

function exceeded(bench: Bench): JsonObject[] {
  return bench.backend.readEvents({ after: 0, limit: 100, types: ['budget_exceeded'] }).map((event) => event.data);
}

function report(bench: Bench, job: ClaimedJob, usage: { tokens?: number; cost?: number }): Promise<boolean> {
  const { tokens = 0, cost = 0 } = usage;
  return bench.backend.reportProgress({
    jobId: job.jobId,
    token: job.token,
    share: null,
    message: null,
    logs: [],
    usage: { tokens, inputTokens: 0, outputTokens: 0, cost },
    decide: bench.decide,
  });
}

async function refusalOf(bench: Bench, flow: Awaited<ReturnType<Bench['define']>>, more: { sessionId?: string } = {}): Promise<JsonObject | null> {
  try {
    await bench.start(flow, more);
    return null;
  } catch (error) {
    return { message: (error as Error).message };
  }
}

export function budgetsContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);
  const shared = capabilities.shared ? it : it.skip;

  describe('budgets of a run', () => {
    it('pause it when its attempts are used up, tell in the same commit, and let it go when raised', async () => {
      const bench = await fresh();
      const id = await bench.start(await bench.define({ steps: CHAIN, budget: { attempts: 2 } }));
      expect(await bench.work()).toEqual(['a', 'b']);
      expect(bench.backend.getExecution(id)).toMatchObject({ status: 'paused', stepsDone: 2 });
      expect(bench.backend.budgetOf({ owner: 'run', id })).toMatchObject({ held: 'attempts', used: { attempts: 2 }, limits: { attempts: 2 } });
      expect(bench.backend.budgetHolding(id)).toEqual({ owner: 'run', id, limit: 'attempts' });
      expect(exceeded(bench)).toEqual([{ owner: 'run', id, reason: 'budget: attempts', limit: 'attempts', max: 2, used: 2 }]);
      const paused = bench.backend.readEvents({ after: 0, limit: 10, executionId: id, types: ['workflow_paused'] });
      expect(paused.map((event) => event.data)).toEqual([{ by: 'budget', reason: 'budget: attempts' }]);

      expect(await bench.send(id, { type: 'resume', by: 'me' })).toMatchObject({ kind: 'refused', code: 'budget_exceeded' });
      expect(bench.status(id)).toBe('paused');
      expect(await raise(bench, 'run', id, { attempts: 3 })).toEqual({ kind: 'set', replayed: false });
      expect(await bench.work()).toEqual(['c']);
      expect(bench.status(id)).toBe('completed');
      expect(bench.backend.budgetOf({ owner: 'run', id })).toMatchObject({ held: null, used: { attempts: 3 } });
      expect(bench.backend.budgetHolding(id)).toBeNull();
      expect(exceeded(bench)).toHaveLength(1);
    });

    it('do not stop a run that ends with its last attempt', async () => {
      const bench = await fresh();
      const id = await bench.start(await bench.define({ steps: CHAIN, budget: { attempts: 3 } }));
      await bench.work();
      expect(bench.status(id)).toBe('completed');
      expect(exceeded(bench)).toEqual([]);
    });

    it('count every attempt of a step, but no crash and nothing that was given back', async () => {
      const bench = await fresh();
      const id = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x', retry: 3 }], budget: { attempts: 2 } }));
      const first = await bench.claimOne();
      await bench.settle(first, { status: 'released' });
      await bench.settle(await bench.claimOne(), failed());
      expect(bench.backend.budgetOf({ owner: 'run', id })?.used.attempts).toBe(1);
      await bench.pass(MINUTE);
      await bench.settle(await bench.claimOne(), failed());
      expect(bench.backend.getExecution(id)).toMatchObject({ status: 'paused' });
      await bench.pass(10 * MINUTE);
      expect(await bench.claim(5)).toEqual([]);
      await raise(bench, 'run', id, null);
      await bench.pass(MINUTE);
      expect(await bench.work()).toEqual(['a']);
      expect(bench.status(id)).toBe('completed');
    });

    it('count what workers report, once however often it is said, and what children use', async () => {
      const bench = await fresh();
      const child = await bench.define({ steps: ONE });
      const id = await bench.start(
        await bench.define({ steps: [{ id: 'run', task: 'workflow.run', with: { workflow: child.workflow } }, ...ONE], budget: { tokens: 100, cost: 5 } }),
      );
      await bench.drain();
      const jobs = await bench.claim(5);
      const inner = jobs.find((job) => job.step?.executionId !== id) as ClaimedJob;
      const outer = jobs.find((job) => job.step?.executionId === id) as ClaimedJob;
      expect(await report(bench, inner, { tokens: 30, cost: 0.25 })).toBe(true);
      expect(await report(bench, inner, { tokens: 30, cost: 0.25 })).toBe(true);
      await report(bench, inner, { tokens: 10 });
      const childId = inner.step?.executionId as string;
      expect(bench.backend.budgetOf({ owner: 'run', id })?.used).toMatchObject({ tokens: 30, cost: 0.25 });
      expect(bench.backend.budgetOf({ owner: 'run', id: childId })).toMatchObject({ limits: null, used: { tokens: 30 } });
      expect(bench.backend.getJob(inner.jobId)?.usage).toMatchObject({ tokens: 30, cost: 0.25 });

      await report(bench, outer, { tokens: 70 });
      expect(bench.status(id)).toBe('paused');
      await bench.drain();
      expect(bench.status(childId)).toBe('paused');
      expect(bench.backend.budgetHolding(childId)).toEqual({ owner: 'run', id, limit: 'tokens' });
      // What runs is not lost.
      await bench.settle(inner);
      await bench.settle(outer);
      await raise(bench, 'run', id, { tokens: 1_000 });
      await bench.work();
      expect([bench.status(childId), bench.status(id)]).toEqual(['completed', 'completed']);
    });

    it('sum what the attempts of a job report', async () => {
      const bench = await fresh();
      const session = await bench.putSession();
      const jobId = await bench.enqueue({ sessionId: session, retry: { ...bench.job().retry, maxAttempts: 3 } as never });
      const first = await bench.claimOne();
      await report(bench, first, { tokens: 5 });
      await bench.backend.settleJob({
        ...tokenOf(first),
        outcome: failed(),
        logs: [],
        usage: { tokens: 7, inputTokens: 0, outputTokens: 0, cost: 0 },
        decide: bench.decide,
      });
      await bench.pass(MINUTE);
      const second = await bench.claimOne();
      await bench.backend.settleJob({
        ...tokenOf(second),
        outcome: completed(),
        logs: [],
        usage: { tokens: 4, inputTokens: 0, outputTokens: 0, cost: 0 },
        decide: bench.decide,
      });
      expect(bench.backend.getJob(jobId)?.usage?.tokens).toBe(11);
      expect(bench.backend.budgetOf({ owner: 'session', id: session })?.used).toMatchObject({ tokens: 11, attempts: 0 });
    });

    it('stop its clock while it is paused, and pause it when its time is over', async () => {
      const bench = await fresh();
      const id = await bench.start(await bench.define({ steps: [{ id: 'w', task: 'sleep', with: { duration: '1d' } }], budget: { wall_clock: '10m' } }));
      await bench.pass(4 * MINUTE);
      await bench.send(id, { type: 'pause', by: 'me' });
      await bench.pass(60 * MINUTE);
      await bench.send(id, { type: 'resume', by: 'me' });
      await bench.pass(5 * MINUTE);
      expect(bench.status(id)).toBe('waiting');
      expect(bench.backend.budgetOf({ owner: 'run', id })?.used.wallClockMs).toBe(9 * MINUTE);
      await bench.pass(MINUTE);
      expect(bench.status(id)).toBe('paused');
      expect(exceeded(bench)).toMatchObject([{ limit: 'wall_clock', max: 10 * MINUTE, used: 10 * MINUTE }]);
      await raise(bench, 'run', id, { wall_clock: '20m' });
      await bench.drain();
      expect(bench.status(id)).toBe('waiting');
      await bench.pass(10 * MINUTE);
      expect(bench.status(id)).toBe('paused');
    });

    it('pause it before a forEach that is too wide and a child that is too deep', async () => {
      const bench = await fresh();
      const wide = await bench.define({ steps: [{ id: 'each', task: 'x', forEach: [1, 2, 3] }], budget: { fan_out: 2 } });
      const id = await bench.start(wide);
      expect(await bench.work()).toEqual([]);
      expect(bench.backend.getExecution(id)).toMatchObject({ status: 'paused', stepsDone: 0 });
      expect(exceeded(bench)).toEqual([{ limit: 'fan_out', wanted: 3, max: 2, reason: 'budget: fan_out' }]);
      expect(bench.backend.budgetHolding(id)).toEqual({ owner: 'run', id, limit: 'fan_out' });
      expect(await bench.send(id, { type: 'resume', by: 'me' })).toMatchObject({ kind: 'refused', code: 'budget_exceeded' });
      await raise(bench, 'run', id, { fan_out: 3 });
      expect(await bench.work()).toEqual(['each[0]', 'each[1]', 'each[2]']);
      expect(bench.status(id)).toBe('completed');

      const leaf = await bench.define({ steps: ONE });
      const middle = await bench.define({ steps: [{ id: 'leaf', task: 'workflow.run', with: { workflow: leaf.workflow } }] });
      const top = await bench.start(
        await bench.define({ steps: [{ id: 'middle', task: 'workflow.run', with: { workflow: middle.workflow } }], budget: { depth: 1 } }),
      );
      await bench.drain();
      const [child] = bench.backend.childrenOf({ executionId: top, limit: 5 });
      expect(child?.status).toBe('paused');
      expect(bench.backend.budgetHolding(child?.id as string)).toEqual({ owner: 'run', id: top, limit: 'depth' });
      await raise(bench, 'run', top, { depth: 2 });
      await bench.work();
      expect(bench.status(top)).toBe('completed');
    });

    it('count the starts of a workflow in any window, and say when the next may start', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: ONE, budget: { runs: { max: 2, window: '1h' } } });
      await bench.start(flow);
      bench.now += MINUTE;
      await bench.start(flow);
      bench.now += MINUTE;
      expect(await refusalOf(bench, flow)).toEqual({ message: expect.stringContaining('budget_exceeded') });
      expect(await refusalOf(bench, flow)).not.toBeNull();
      expect(exceeded(bench)).toMatchObject([{ owner: 'workflow', id: flow.workflow, limit: 'runs', max: 2 }]);
      bench.now += 58 * MINUTE;
      expect(await refusalOf(bench, flow)).toBeNull();
      expect(await refusalOf(bench, flow)).not.toBeNull();
    });
  });

  describe('budgets of sessions, projects and schedules', () => {
    it('pause all runs of a session, refuse what would start, and let all go when raised', async () => {
      const bench = await fresh();
      const session = bench.session();
      await bench.backend.putSession({ session, budget: budget({ attempts: 2 }) });
      const flow = await bench.define({ steps: CHAIN });
      const first = await bench.start(flow, { sessionId: session.id });
      const second = await bench.start(flow, { sessionId: session.id });
      const other = await bench.start(flow);
      await bench.work();
      expect([first, second, other].map((id) => bench.status(id))).toEqual(['paused', 'paused', 'completed']);
      expect(exceeded(bench)).toMatchObject([{ owner: 'session', id: session.id, limit: 'attempts' }]);
      expect(await refusalOf(bench, flow, { sessionId: session.id })).toEqual({ message: expect.stringContaining('budget_exceeded') });
      const refused = await bench.backend.enqueueJobs({ jobs: [bench.job({ sessionId: session.id })] });
      expect(refused).toMatchObject({ kind: 'conflict', error: { code: 'budget_exceeded', path: 'session' } });
      expect(await bench.send(second, { type: 'resume', by: 'me' })).toMatchObject({ kind: 'refused', code: 'budget_exceeded' });
      await raise(bench, 'session', session.id, { attempts: 100 });
      await bench.work();
      expect([first, second].map((id) => bench.status(id))).toEqual(['completed', 'completed']);
      expect(bench.backend.budgetOf({ owner: 'session', id: session.id })).toMatchObject({ held: null, used: { attempts: 6 } });
    });

    it('leave alone what a person paused before', async () => {
      const bench = await fresh();
      const session = bench.session();
      await bench.backend.putSession({ session, budget: budget({ attempts: 1 }) });
      const flow = await bench.define({ steps: CHAIN });
      const mine = await bench.start(flow, { sessionId: session.id });
      await bench.send(mine, { type: 'pause', by: 'me' });
      await bench.start(flow, { sessionId: session.id });
      await bench.work();
      await raise(bench, 'session', session.id, null);
      await bench.drain();
      expect(bench.status(mine)).toBe('paused');
    });

    it('pause and resume many runs in pieces', async () => {
      const bench = await fresh();
      const session = bench.session();
      await bench.backend.putSession({ session, budget: budget({ tokens: 10 }) });
      const flow = await bench.define({ steps: [{ id: 'w', task: 'sleep', with: { duration: '1d' } }] });
      const ids: string[] = [];
      for (let i = 0; i < 250; i++) ids.push(await bench.start(flow, { sessionId: session.id }));
      await bench.enqueue({ sessionId: session.id });
      await report(bench, await bench.claimOne(), { tokens: 10 });
      const all = async (): Promise<Set<string | undefined>> => {
        while ((await bench.backend.cascadeProjects({ decide: bench.decide, limit: 200 })).more);
        await bench.drain();
        return new Set(ids.map((id) => bench.status(id)));
      };
      expect(await all()).toEqual(new Set(['paused']));
      await raise(bench, 'session', session.id, null);
      expect(await all()).toEqual(new Set(['waiting']));
    });

    it('count the runs and jobs of a project by the first part of their name', async () => {
      const bench = await fresh();
      const project = projectOf(bench);
      await bench.backend.putProject({ project, budget: budget({ cost: 1, wall_clock: '10m' }) });
      const flow = await bench.define({ name: 'alpha.flow', steps: CHAIN });
      const id = await bench.start(flow);
      const job = await bench.claimOne();
      await report(bench, job, { cost: 1.5 });
      expect(bench.status(id)).toBe('paused');
      expect(await refusalOf(bench, flow)).toEqual({ message: expect.stringContaining('budget_exceeded') });
      expect(await bench.backend.enqueueJobs({ jobs: [bench.job({ queue: 'alpha.q' })] })).toMatchObject({
        kind: 'conflict',
        error: { code: 'budget_exceeded' },
      });
      await bench.settle(job);
      await raise(bench, 'project', project.id, { cost: 10, wall_clock: '10m' });
      bench.now += 11 * MINUTE;
      await bench.work();
      expect(bench.status(id)).toBe('completed');
      expect(bench.backend.budgetOf({ owner: 'project', id: project.id })).toMatchObject({ held: 'wall_clock', used: { cost: 1.5, wallClockMs: 11 * MINUTE } });
    });

    it('pause a schedule whose runs are used up, with the reason in its ledger; it goes on once the window has room', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, {}, { runs: { max: 2, window: '5m' } });
      for (const minute of [1, 2, 3]) {
        await passTo(bench, START + minute * MINUTE);
        await workAll(bench);
      }
      expect(bench.backend.getSchedule(id)).toMatchObject({ status: 'paused', pauseReason: 'budget: runs', runs: 2 });
      expect(ledgerOf(bench, id).map((entry) => entry.status)).toEqual(['fired', 'fired', 'skipped_limit']);
      const resume = (): ReturnType<Backend['changeSchedule']> => bench.backend.changeSchedule({ id, change: { kind: 'resume' }, decide: bench.decide });
      expect(await resume()).toMatchObject({ kind: 'conflict', error: { code: 'budget_exceeded', retryable: true } });
      await passTo(bench, START + 6 * MINUTE + 1_000);
      expect(await resume()).toMatchObject({ kind: 'changed', schedule: { status: 'active', pauseReason: null } });
      await passTo(bench, START + 7 * MINUTE);
      expect(ledgerOf(bench, id).at(-1)).toMatchObject({ status: 'fired' });
    });

    it('pause a schedule and its run when its attempts are used up; raised, both go on', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: CHAIN });
      const { id } = await addSchedule(bench, { target: { kind: 'workflow', name: flow.workflow, version: null } }, { attempts: 2 });
      await passTo(bench, START + MINUTE);
      await workAll(bench);
      const run = ledgerOf(bench, id)[0]?.runId as string;
      expect(bench.status(run)).toBe('paused');
      expect(bench.backend.getSchedule(id)).toMatchObject({ status: 'paused', pauseReason: 'budget: attempts' });
      await raise(bench, 'schedule', id, { attempts: 50 });
      await workAll(bench);
      expect(bench.status(run)).toBe('completed');
      expect(bench.backend.getSchedule(id)).toMatchObject({ status: 'active', pauseReason: null });
    });

    shared('are seen by other processes, and outlive them', async () => {
      const bench = await fresh();
      const session = bench.session();
      await bench.backend.putSession({ session });
      const flow = await bench.define({ steps: CHAIN });
      const other = await bench.another();
      const epoch = await bench.join(other);
      await raise(bench, 'session', session.id, { attempts: 2 });
      const id = await bench.start(flow, { sessionId: session.id });
      for (let i = 0; i < 2; i++) {
        const [job] = await bench.claim(1, { backend: other, epoch });
        await other.settleJob({ ...tokenOf(job as ClaimedJob), outcome: completed(), logs: [], decide: bench.decide });
      }
      await bench.settled();
      expect(bench.status(id)).toBe('paused');
      await bench.reopen();
      expect(bench.backend.budgetOf({ owner: 'session', id: session.id })).toMatchObject({ held: 'attempts', used: { attempts: 2 } });
      await raise(bench, 'session', session.id, { attempts: 3 });
      expect(await bench.work()).toEqual(['c']);
    });

    it('answer a repeated change once, and know no other owner', async () => {
      const bench = await fresh();
      const id = await bench.putSession();
      const set = (): ReturnType<Backend['setBudget']> =>
        bench.backend.setBudget({ owner: 'session', id, limits: budget({ tokens: 5 }), decide: bench.decide, receipt: receipt('b') });
      expect([await set(), await set()]).toEqual([
        { kind: 'set', replayed: false },
        { kind: 'set', replayed: true },
      ]);
      expect(await raise(bench, 'session', 'sess_none', { tokens: 1 })).toMatchObject({ kind: 'not_found' });
      expect(bench.backend.budgetOf({ owner: 'project', id: 'proj_none' })).toBeNull();
    });
  });

  describe('breakers', () => {
    const flowOf = (bench: Bench, cooldown: string | null): ReturnType<Bench['define']> =>
      bench.define({ steps: ONE, breaker: { failures: 2, ...(cooldown === null ? {} : { cooldown }) } });
    const run = async (bench: Bench, flow: Awaited<ReturnType<Bench['define']>>, ok: boolean): Promise<void> => {
      await bench.start(flow);
      await bench.work(() => (ok ? completed() : failed('boom', false)));
    };
    const state = (bench: Bench, workflow: string): ReturnType<Backend['breakerOf']> => bench.backend.breakerOf({ namespace: 'default', workflow });

    it('open after failures in a row, let one run probe after the cool-down, and close when it completes', async () => {
      const bench = await fresh();
      const flow = await flowOf(bench, '10m');
      await run(bench, flow, false);
      await run(bench, flow, true);
      await run(bench, flow, false);
      expect(state(bench, flow.workflow)).toEqual({ failures: 1, openedAt: null, probing: false });
      await run(bench, flow, false);
      expect(state(bench, flow.workflow)).toEqual({ failures: 2, openedAt: bench.now, probing: false });
      expect(bench.backend.openBreakers({ namespace: 'default', limit: 5 })).toMatchObject([{ workflow: flow.workflow }]);
      expect(await refusalOf(bench, flow)).toEqual({ message: expect.stringContaining('breaker_open') });
      bench.now += 10 * MINUTE;
      await bench.start(flow);
      expect(await refusalOf(bench, flow)).toEqual({ message: expect.stringContaining('A run that probes is under way.') });
      await bench.work(() => failed('boom', false));
      expect(state(bench, flow.workflow)).toEqual({ failures: 3, openedAt: bench.now, probing: false });
      bench.now += 10 * MINUTE;
      await run(bench, flow, true);
      expect(state(bench, flow.workflow)).toEqual({ failures: 0, openedAt: null, probing: false });
      const told = bench.backend.readEvents({ after: 0, limit: 50, types: ['breaker_opened', 'breaker_closed'] });
      expect(told.map((event) => event.type)).toEqual(['breaker_opened', 'breaker_opened', 'breaker_closed']);
    });

    it('hold back the fires of schedules too, and are closed by a person', async () => {
      const bench = await fresh();
      const flow = await flowOf(bench, null);
      await run(bench, flow, false);
      await run(bench, flow, false);
      const { id } = await addSchedule(bench, { target: { kind: 'workflow', name: flow.workflow, version: null } });
      await passTo(bench, START + MINUTE);
      expect(ledgerOf(bench, id)[0]).toMatchObject({ status: 'failed', error: { code: 'breaker_open' } });
      const reset = (): ReturnType<Backend['resetBreaker']> => bench.backend.resetBreaker({ namespace: 'default', workflow: flow.workflow, by: 'me' });
      expect([await reset(), await reset()]).toEqual([
        { reset: true, replayed: false },
        { reset: false, replayed: false },
      ]);
      await passTo(bench, START + 2 * MINUTE);
      expect(ledgerOf(bench, id).at(-1)).toMatchObject({ status: 'fired' });
    });
  });
}

function tokenOf({ jobId, token }: ClaimedJob): { readonly jobId: string; readonly token: number } {
  return { jobId, token };
}

function projectOf(bench: Bench): Project {
  return {
    id: bench.env.newId('project'),
    namespace: 'default',
    name: 'alpha',
    description: null,
    template: null,
    tags: [],
    owner: 'test',
    status: 'active',
    statusReason: null,
    quota: { runs: null, jobs: null },
    plan: null,
    milestones: [],
    metrics: {},
    members: [],
    revision: 1,
    createdAt: bench.now,
    updatedAt: bench.now,
  };
}
