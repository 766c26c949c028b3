// Owns the contract of lineage: each run, job and schedule knows the one thing that it came of, and scheduled work makes schedules only so deep.
import { describe, expect, it } from 'vitest';
import { lineageUp } from '../../src/domain/lineage.ts';
import { confine } from '../../src/orchestration/confined-backend.ts';
import type { ClaimedJob } from '../../src/store/backend.ts';
import { type Bench, benches, type Capabilities, type MakeBackend } from './harness.ts';
import { addSchedule, ledgerOf, MINUTE, passTo, START, scheduleOf } from './schedule-bench.ts';

const above = (bench: Bench, id: string): string[] => {
  const node = bench.backend.lineageNode(id);
  return node === null ? [] : lineageUp(node, (of) => bench.backend.lineageNode(of)).map((each) => each.id);
};

const below = (bench: Bench, id: string): string[] => bench.backend.lineageChildren({ id, limit: 50 }).map((node) => node.id);

/** A schedule that the work of a job asks for: it fires once, a minute from now. */
async function askedFor(bench: Bench, cause: string, flow: string): Promise<string | { readonly code: string; readonly depth: unknown }> {
  const schedule = scheduleOf(bench, { maxRuns: 1, target: { kind: 'workflow', name: flow, version: null } });
  const result = await bench.backend.putSchedule({ schedule, cause });
  if (result.kind === 'stored') return result.schedule.id;
  return { code: result.error.code, depth: (result.error.details as { depth: number }).depth };
}

export function lineageContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);
  const shared = capabilities.shared ? it : it.skip;

  describe('lineage', () => {
    it('leads from a job over its run to the schedule that fired it, and down again', async () => {
      const bench = await fresh();
      const leaf = await bench.define({ steps: [{ id: 'x', task: 'x' }] });
      const flow = await bench.define({ steps: [{ id: 'kid', task: 'workflow.run', forEach: [1], with: { workflow: leaf.workflow } }] });
      const { id } = await addSchedule(bench, { maxRuns: 1, target: { kind: 'workflow', name: flow.workflow, version: null } });
      await passTo(bench, START + MINUTE);
      const run = ledgerOf(bench, id)[0]?.runId as string;
      const job = await bench.claimOne();
      const child = job.step?.executionId as string;
      expect(above(bench, job.jobId)).toEqual([child, run, id]);
      expect(bench.backend.lineageNode(job.jobId)).toMatchObject({ kind: 'job', origin: { how: 'step', id: child, step: 'x' } });
      expect(bench.backend.lineageNode(child)).toMatchObject({ kind: 'execution', origin: { how: 'step', id: run, step: 'kid', item: 0 } });
      expect(bench.backend.lineageNode(run)).toMatchObject({ origin: { how: 'schedule', id, plannedAt: START + MINUTE }, principal: 'me' });
      expect(bench.backend.lineageNode(id)).toMatchObject({ kind: 'schedule', depth: 0, origin: { how: 'principal', id: null }, principal: 'me' });
      expect([below(bench, id), below(bench, run)]).toEqual([[run], [child]]);
    });

    it('keeps what running work asked for, forks, and the work of a session', async () => {
      const bench = await fresh();
      const session = await bench.putSession({ name: 's' });
      const flow = await bench.define({ steps: [{ id: 'x', task: 'x' }] });
      const first = await bench.start(flow, { sessionId: session });
      const job = await bench.claimOne();
      const second = await bench.start(flow, { cause: job.jobId });
      const asked = await bench.enqueue({ cause: job.jobId });
      const third = await bench.enqueue({ cause: asked });
      const fork = await bench.start(flow, { forkedFrom: { executionId: first, stepIndex: 0 } });
      expect(above(bench, third)).toEqual([asked, job.jobId, first, session]);
      expect(bench.backend.lineageNode(second)?.origin).toEqual({ how: 'work', id: job.jobId });
      expect(bench.backend.lineageNode(fork)?.origin).toEqual({ how: 'fork', id: first });
      expect(new Set(below(bench, first))).toEqual(new Set([second, asked, fork]));
      expect(below(bench, asked)).toEqual([third]);
      expect(below(bench, session)).toEqual([first]);
      expect(bench.backend.lineageChildren({ id: first, limit: 2 })).toHaveLength(2);
      expect(bench.backend.lineageNode('exec_none')).toBeNull();
    });

    it('refuses a schedule that too many schedules would stand above', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'x', task: 'x' }] });
      const { id } = await addSchedule(bench, { maxRuns: 1, target: { kind: 'workflow', name: flow.workflow, version: null } });
      const made = [id];
      for (let depth = 1; depth <= 4; depth++) {
        await passTo(bench, bench.now + 2 * MINUTE);
        const [job] = (await bench.claim(1, { queue: 'default' })) as [ClaimedJob];
        // Through a job that the job asked for: what stands between does not hide the schedule.
        const between = await bench.enqueue({ cause: job.jobId, queue: 'other' });
        const next = await askedFor(bench, between, flow.workflow);
        if (depth === 4) {
          expect(next).toEqual({ code: 'limit_exceeded', depth: 4 });
          continue;
        }
        expect(bench.backend.lineageNode(next as string)).toMatchObject({ depth, origin: { how: 'work', id: between } });
        made.push(next as string);
        await bench.settle(job);
        await bench.drain();
      }
      expect(above(bench, made.at(-1) as string).filter((each) => each.startsWith('sched_'))).toEqual(made.slice(0, -1).reverse());
      // Work that no schedule fired makes schedules as anybody does.
      const run = await bench.start(flow);
      expect(bench.backend.lineageNode((await askedFor(bench, run, flow.workflow)) as string)).toMatchObject({ depth: 0, origin: { how: 'work', id: run } });
    });

    it('takes the word of a caller only for work of its own namespace', async () => {
      const bench = await fresh();
      const theirs = await bench.enqueue({ namespace: 'acme' });
      const flow = await bench.define({ steps: [{ id: 'x', task: 'x' }] });
      const run = await bench.start(flow, { cause: theirs });
      const job = await bench.enqueue({ cause: 'job_00000000000000000000000000' });
      expect(bench.backend.lineageNode(run)?.origin).toEqual({ how: 'principal', id: null });
      expect(bench.backend.lineageNode(job)?.origin).toEqual({ how: 'principal', id: null });
      const acme = confine(bench.backend, 'acme');
      expect(acme.lineageNode(run)).toBeNull();
      expect(acme.lineageChildren({ id: run, limit: 5 })).toEqual([]);
      expect(acme.lineageNode(theirs)).toMatchObject({ id: theirs });
      expect(acme.budgetOf({ owner: 'run', id: run })).toBeNull();
      expect(await acme.setBudget({ owner: 'run', id: run, limits: null, decide: bench.decide })).toMatchObject({ kind: 'not_found' });
      expect(acme.budgetHolding(run)).toBeNull();
      expect(await acme.resetBreaker({ namespace: 'default', workflow: flow.workflow, by: 'x' })).toMatchObject({ reset: false });
    });

    shared('is what another process sees, and outlives both', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'x', task: 'x' }] });
      const first = await bench.start(flow);
      const [job] = (await bench.claim(1)) as [ClaimedJob];
      const asked = await bench.enqueue({ cause: job.jobId });
      const other = await bench.another();
      await bench.settled();
      expect(other.lineageChildren({ id: first, limit: 5 }).map((node) => node.id)).toEqual([asked]);
      await bench.reopen();
      expect(above(bench, asked)).toEqual([job.jobId, first]);
    });
  });
}
