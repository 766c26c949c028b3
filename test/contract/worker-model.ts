// Worker agents against the smallest honest model: any order of claims, reports and silence ends in what the model says.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkerLease, WorkerReport } from '../../src/store/backend.ts';
import { agentJob, claimAs, complete, fail, heartbeat, LEASE, noted, release, reportAs } from './agents.ts';
import { Bench, type Capabilities, type MakeBackend } from './harness.ts';

interface ModelJob {
  readonly id: string;
  status: 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';
  /** All have one priority, so the queue goes by this, then by creation. */
  readyAt: number;
  token: number;
  attempt: number;
  crashes: number;
  holder: number | null;
  cancelledAt: number | null;
  note: number | null;
  /** How the attempt under the current token ended. */
  end: 'complete' | 'fail' | 'release' | null;
}

interface ModelWorker {
  leaseUntil: number;
  active: boolean;
}

const CAPACITY = 3;
const GRACE = 10_000;

type Command =
  | { readonly c: 'enqueue' }
  | { readonly c: 'claim'; readonly by: number; readonly limit: number }
  | { readonly c: 'report'; readonly by: number; readonly at: number; readonly kind: 'complete' | 'fail' | 'release' | 'note' | 'heartbeat' }
  | { readonly c: 'cancel'; readonly at: number }
  | { readonly c: 'leave'; readonly by: number }
  | { readonly c: 'pass'; readonly ms: number };

const by = fc.nat({ max: 2 });
const at = fc.nat({ max: 40 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ c: 'enqueue' as const }) },
  { weight: 5, arbitrary: fc.record({ c: fc.constant('claim' as const), by, limit: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 9,
    arbitrary: fc.record({
      c: fc.constant('report' as const),
      by,
      at,
      kind: fc.constantFrom('complete' as const, 'fail' as const, 'release' as const, 'note' as const, 'heartbeat' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ c: fc.constant('cancel' as const), at }) },
  { weight: 1, arbitrary: fc.record({ c: fc.constant('leave' as const), by }) },
  { weight: 3, arbitrary: fc.record({ c: fc.constant('pass' as const), ms: fc.constantFrom(1, LEASE / 2, LEASE - 1, LEASE) }) },
);

class Run {
  readonly bench: Bench;
  readonly jobs: ModelJob[] = [];
  readonly workers: (ModelWorker & { readonly id: string })[] = [];
  /** Every lease that was ever given, with the worker it went to. */
  readonly leases: { readonly by: number; readonly lease: WorkerLease }[] = [];

  constructor(bench: Bench) {
    this.bench = bench;
  }

  async start(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      const { worker } = await claimAs(this.bench, `w${i}`, { capacity: CAPACITY });
      this.workers.push({ id: worker.id, leaseUntil: this.bench.now + LEASE, active: true });
    }
  }

  async step(command: Command): Promise<void> {
    const { bench } = this;
    switch (command.c) {
      case 'enqueue': {
        const id = await agentJob(bench);
        this.jobs.push({
          id,
          status: 'pending',
          readyAt: this.bench.now,
          token: 0,
          attempt: 0,
          crashes: 0,
          holder: null,
          cancelledAt: null,
          note: null,
          end: null,
        });
        return;
      }
      case 'claim':
        await this.#claim(command.by, command.limit);
        return;
      case 'report': {
        const given = this.leases[command.at % Math.max(1, this.leases.length)];
        if (given !== undefined) await this.#report(command.by, given.lease, command.kind);
        return;
      }
      case 'cancel': {
        const job = this.jobs[command.at % Math.max(1, this.jobs.length)];
        if (job === undefined) return;
        await bench.cancel(job.id);
        if (job.status === 'pending') Object.assign(job, { status: 'cancelled', end: null });
        else if (job.status === 'running') job.cancelledAt ??= bench.now;
        return;
      }
      case 'leave': {
        const worker = this.workers[command.by] as ModelWorker & { id: string };
        await bench.backend.leaveWorker({ workerId: worker.id, decide: bench.decide });
        worker.active = false;
        worker.leaseUntil = Number.POSITIVE_INFINITY;
        for (const job of this.#heldBy(command.by)) this.#giveBack(job, false);
        return;
      }
      case 'pass':
        bench.now += command.ms;
        await bench.due();
        this.#pass();
    }
  }

  #heldBy(worker: number): ModelJob[] {
    return this.jobs.filter((job) => job.status === 'running' && job.holder === worker);
  }

  async #claim(worker: number, limit: number): Promise<void> {
    const claimed = await claimAs(this.bench, `w${worker}`, { capacity: CAPACITY, limit });
    this.#renew(worker, true);
    const places = Math.max(0, Math.min(limit, CAPACITY - this.#heldBy(worker).length));
    const best = this.jobs
      .filter((job) => job.status === 'pending')
      .sort((a, b) => a.readyAt - b.readyAt)
      .slice(0, places);
    for (const job of best) Object.assign(job, { status: 'running', holder: worker, token: job.token + 1, attempt: job.attempt + 1, end: null });
    expect(claimed.leases.map(({ job, previous }) => [job.jobId, job.token, job.attempt, previous?.note ?? null])).toEqual(
      best.map((job) => [job.id, job.token, job.attempt, job.note]),
    );
    for (const lease of claimed.leases) this.leases.push({ by: worker, lease });
  }

  #renew(worker: number, joins: boolean): void {
    const model = this.workers[worker] as ModelWorker;
    const left = model.leaseUntil === Number.POSITIVE_INFINITY;
    if (left && !joins) return;
    Object.assign(model, { active: true, leaseUntil: this.bench.now + LEASE });
  }

  async #report(worker: number, lease: WorkerLease, kind: 'complete' | 'fail' | 'release' | 'note' | 'heartbeat'): Promise<void> {
    const note = this.bench.now % 1_000;
    const reports: Record<typeof kind, WorkerReport> = { complete: complete(), fail: fail(), release: release(), note: noted(note), heartbeat };
    const result = await reportAs(this.bench, this.workers[worker] as { id: string }, lease, reports[kind]);
    this.#renew(worker, false);
    const job = this.jobs.find((one) => one.id === lease.job.jobId) as ModelJob;
    const isHolder = job.holder === worker && job.token === lease.job.token;
    if (!isHolder || (job.status !== 'running' && job.end !== kind)) {
      expect(result.kind).toBe('lease_lost');
      return;
    }
    if (job.status !== 'running') {
      expect(result).toEqual({ kind: 'replayed', status: job.status });
      return;
    }
    if (kind === 'note') job.note = note;
    if (kind === 'complete') Object.assign(job, { status: 'completed', end: kind });
    else if (kind === 'fail') Object.assign(job, { status: job.cancelledAt === null ? 'failed' : 'cancelled', end: job.cancelledAt === null ? kind : null });
    else if (kind === 'release') this.#giveBack(job, false);
    expect(result).toMatchObject({ kind: 'ok', status: job.status, cancelRequested: job.cancelledAt !== null });
  }

  #giveBack(job: ModelJob, crashed: boolean): void {
    if (crashed) job.holder = null;
    if (job.cancelledAt !== null) {
      job.status = 'cancelled';
      return;
    }
    job.attempt--;
    if (crashed) job.crashes++;
    if (!crashed) job.end = 'release';
    if (job.crashes > this.bench.env.limits.maxCrashes) job.status = 'failed';
    else Object.assign(job, { status: 'pending', readyAt: this.bench.now });
  }

  /** The lost first, each with its jobs in order; then what was cancelled and did not stop in time. */
  #pass(): void {
    const { now } = this.bench;
    const lost = new Set<number>();
    for (const [index, worker] of this.workers.entries()) {
      if (!worker.active || worker.leaseUntil > now) continue;
      if (now - worker.leaseUntil > this.bench.env.limits.leaseMs) {
        worker.leaseUntil = now + this.bench.env.limits.leaseMs;
        continue;
      }
      worker.active = false;
      lost.add(index);
    }
    for (const job of this.jobs) if (job.status === 'running' && lost.has(job.holder as number)) this.#giveBack(job, true);
    for (const job of this.jobs) if (job.status === 'running' && job.cancelledAt !== null && job.cancelledAt + GRACE <= now) job.status = 'cancelled';
  }

  compare(): void {
    const { backend } = this.bench;
    for (const model of this.jobs) {
      const job = backend.getJob(model.id);
      expect(job).toMatchObject({ status: model.status, attempt: model.attempt, crashes: model.crashes, checkpoint: model.note });
      expect(job?.worker?.id ?? null).toBe(model.status === 'running' ? (this.workers[model.holder as number]?.id ?? null) : null);
    }
    for (const [index, model] of this.workers.entries()) {
      const worker = backend.getWorker(model.id);
      expect(worker?.held.map((held) => held.jobId).sort()).toEqual(
        this.#heldBy(index)
          .map((job) => job.id)
          .sort(),
      );
      expect(worker?.held.length).toBeLessThanOrEqual(CAPACITY);
      expect(worker?.status === 'active').toBe(model.active);
    }
    const { counted, kept } = this.bench.recount();
    expect(kept).toEqual(counted);
  }
}

export function workerModelContract(make: MakeBackend, _capabilities: Capabilities): void {
  describe('worker agents and their model', () => {
    it('agree after every command', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 45 }), async (commands) => {
          const bench = await new Bench(await make()).open();
          try {
            const run = new Run(bench);
            await run.start();
            for (const next of commands) {
              await run.step(next);
              run.compare();
            }
          } finally {
            await bench.dispose();
          }
        }),
        { numRuns: 60, interruptAfterTimeLimit: 8_000 },
      );
    });
  });
}
