// The queue against the reference model: after every command the store shows what the model shows.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RETRY_MS, ReferenceModel } from '../support/reference-model.ts';
import { Bench, type Capabilities, completed, failed, type MakeBackend } from './harness.ts';

type Pick = { readonly at: number };
type Command =
  | { readonly c: 'enqueue'; readonly priority: number; readonly delay: number | null; readonly needs: readonly number[]; readonly maxAttempts: number }
  | ({ readonly c: 'complete' | 'fail' | 'release' | 'stale' | 'cancel' | 'redrive' } & Pick)
  | { readonly c: 'claim'; readonly limit: number; readonly by: number }
  | { readonly c: 'crash'; readonly by: number }
  | { readonly c: 'pass'; readonly ms: number }
  | { readonly c: 'clear' };

const at = fc.nat({ max: 30 });
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      c: fc.constant('enqueue' as const),
      priority: fc.constantFrom(0, 25, 50, 50, 51, 100),
      delay: fc.option(fc.constantFrom(0, 500, 5_000)),
      needs: fc.array(at, { maxLength: 3 }),
      maxAttempts: fc.constantFrom(1, 2),
    }),
  },
  { weight: 4, arbitrary: fc.record({ c: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 4 }), by: fc.nat({ max: 1 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      c: fc.constantFrom('complete' as const, 'fail' as const, 'release' as const, 'stale' as const, 'cancel' as const, 'redrive' as const),
      at,
    }),
  },
  { weight: 1, arbitrary: fc.record({ c: fc.constant('crash' as const), by: fc.nat({ max: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ c: fc.constant('pass' as const), ms: fc.constantFrom(1, 500, 1_000, 60_000) }) },
  { weight: 1, arbitrary: fc.record({ c: fc.constant('clear' as const) }) },
);

const ENDED = new Set(['completed', 'failed', 'cancelled']);

class Run {
  readonly bench: Bench;
  readonly model: ReferenceModel;
  readonly #epochs: number[] = [];
  readonly #ids: string[] = [];

  constructor(bench: Bench) {
    this.bench = bench;
    this.model = new ReferenceModel(bench.env.limits.ageStepMs, bench.env.limits.maxCrashes);
  }

  async start(): Promise<void> {
    this.#epochs.push(await this.bench.join(), await this.bench.join());
  }

  async step(command: Command): Promise<void> {
    const { bench, model } = this;
    switch (command.c) {
      case 'enqueue': {
        const retry = {
          maxAttempts: command.maxAttempts,
          initialIntervalMs: RETRY_MS,
          backoffCoefficient: 1,
          maxIntervalMs: RETRY_MS,
          jitter: 'none' as const,
          nonRetryable: [],
        };
        const needs = [...new Set(command.needs.map((need) => this.#ids[need % Math.max(1, this.#ids.length)]).filter((id) => id !== undefined))];
        const runAt = command.delay === null ? null : bench.now + command.delay;
        const id = await bench.enqueue({ priority: command.priority, runAt, dependsOn: needs, retry });
        this.#ids.push(id);
        model.enqueue(bench.now, { id, priority: command.priority, runAt, needs, maxAttempts: command.maxAttempts });
        return;
      }
      case 'claim': {
        const epoch = this.#epochs[command.by] as number;
        const claimed = await bench.claim(command.limit, { epoch });
        expect(claimed.map((job) => ({ id: job.jobId, token: job.token, attempt: job.attempt }))).toEqual(model.claim(epoch, command.limit));
        return;
      }
      case 'crash':
        await this.#crash(command.by);
        return;
      case 'pass':
        bench.now += command.ms;
        await bench.due();
        model.fireDue(bench.now);
        return;
      case 'clear':
        await bench.backend.clearQueue({ namespace: 'default', queue: 'default', limit: 500 });
        await bench.backend.clearQueue({ namespace: 'default', queue: 'default', limit: 500 });
        model.clear(bench.now);
        return;
      default:
        await this.#onJob(command);
    }
  }

  async #onJob(command: Extract<Command, Pick>): Promise<void> {
    const { bench, model } = this;
    const wanted =
      command.c === 'complete' || command.c === 'fail' || command.c === 'release' ? (id: string) => model.jobs.get(id)?.status === 'running' : () => true;
    const ids = this.#ids.filter(wanted);
    const job = model.jobs.get(ids[command.at % Math.max(1, ids.length)] ?? '');
    if (job === undefined) return;
    const lease = { jobId: job.id, token: job.token };
    if (command.c === 'stale') {
      expect(await bench.settle({ ...lease, token: job.token - 1 })).toEqual({ kind: 'lease_lost' });
    } else if (command.c === 'cancel') {
      if (job.status === 'running') return;
      const done = model.cancelWaiting(bench.now, job.id);
      expect((await bench.cancel(job.id)).kind).toBe(done ? 'cancelled' : 'already_ended');
    } else if (command.c === 'redrive') {
      const done = model.redrive(bench.now, job.id);
      expect((await bench.backend.redriveJob({ jobId: job.id })).kind).toBe(done ? 'redriven' : 'refused');
    } else {
      const outcome = command.c === 'complete' ? completed() : command.c === 'fail' ? failed() : ({ status: 'released' } as const);
      if (command.c === 'complete') model.complete(bench.now, job.id);
      else if (command.c === 'fail') model.fail(bench.now, job.id);
      else model.giveBack(bench.now, job.id, false);
      expect(await bench.settle(lease, outcome)).toMatchObject({ kind: 'settled', status: job.status });
    }
  }

  /** The process falls silent; the others go on. Time that passed unswept looks like a suspend, after which a whole lease is waited. */
  async #crash(by: number): Promise<void> {
    const { bench, model } = this;
    const dead = this.#epochs[by] as number;
    for (let i = 0; i < 3; i++) {
      bench.now += 16_000;
      for (const epoch of [bench.epoch, ...this.#epochs]) if (epoch !== dead) await bench.backend.heartbeat({ epoch });
      await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide });
    }
    model.crash(bench.now, dead);
    this.#epochs[by] = await bench.join();
  }

  compare(): void {
    const { bench, model } = this;
    const counts: Record<string, number> = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0, retry: 0 };
    for (const job of model.jobs.values()) {
      counts[job.status] = (counts[job.status] as number) + 1;
      const { status, owner, attempt, crashes } = bench.backend.getJob(job.id) as NonNullable<ReturnType<typeof bench.backend.getJob>>;
      expect({ id: job.id, status, owner, attempt, crashes }).toEqual({
        id: job.id,
        status: job.status,
        owner: job.owner,
        attempt: job.attempt,
        crashes: job.crashes,
      });
    }
    expect(bench.backend.peekJob({ namespace: 'default', queue: 'default' })?.id).toBe(model.ready()[0]);
    const stats = bench.backend.queueStats({});
    if (model.jobs.size > 0) expect(stats[0]?.counts).toEqual(counts);
    expect(bench.backend.queueSize({ namespace: 'default', queue: 'default' })).toBe((counts.pending as number) + (counts.retry as number));
  }

  /** Left alone with a worker, everything that was taken in comes to one end. */
  async finish(): Promise<void> {
    const { bench, model } = this;
    for (const job of [...model.jobs.values()])
      if (job.status === 'running')
        await this.#onJob({ c: 'complete', at: [...model.jobs.values()].filter((other) => other.status === 'running').indexOf(job) });
    for (let round = 0; round < 200 && [...model.jobs.values()].some((job) => !ENDED.has(job.status)); round++) {
      await this.step({ c: 'pass', ms: 5_000 });
      const claimed = await bench.claim(50, { epoch: bench.epoch });
      model.claim(bench.epoch, 50);
      for (const job of claimed) {
        model.complete(bench.now, job.jobId);
        await bench.settle(job);
      }
    }
    this.compare();
    expect([...model.jobs.values()].filter((job) => !ENDED.has(job.status))).toEqual([]);
  }
}

export function queueModelContract(make: MakeBackend, _capabilities: Capabilities): void {
  describe('the queue and its model', () => {
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
            await run.finish();
          } finally {
            await bench.dispose();
          }
        }),
        { numRuns: 60, interruptAfterTimeLimit: 8_000 },
      );
    });
  });
}
