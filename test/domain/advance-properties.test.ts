import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExecutionEvent } from '../../src/domain/transition.ts';
import { isTerminal } from '../../src/domain/workflow-execution.ts';
import { faultsOf, type Sim, step, World, workflow } from '../support/advance-driver.ts';
import { CHILD, happen, type RandomStep, randomOf, randomSteps } from './advance-random.ts';

const MAX_TURNS = 5_000;

/** Lets things happen in the order of the seed until nothing can; faults of the rows after each are fatal. */
function runOut(
  world: World,
  steps: readonly RandomStep[],
  seed: number,
  options: { meddle?: (turn: number, random: (below: number) => number) => unknown; round?: number } = {},
): void {
  const random = randomOf(seed);
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const waits = options.meddle?.(turn, random) === true;
    const more = happen(world, steps, random, options.round);
    for (const sim of world.sims.values()) expect(faultsOf(sim)).toEqual([]);
    if (!more && !waits) return;
  }
  throw new Error('it never comes to rest');
}

function begin(steps: readonly RandomStep[], maxChanges: number, hold = false): { world: World; sim: Sim } {
  const world = new World({ maxChanges });
  world.define(CHILD);
  const plan = world.define(
    workflow(
      'random',
      steps.map((one) => one.step),
      { onFailure: [step('alarm'), step('alarm_again', { if: '${{ execution.error.code != "" }}' })] },
    ),
  );
  return { world, sim: world.start(plan, { hold }) };
}

function expectEnded(sim: Sim): void {
  expect(sim.row.status).toSatisfy(isTerminal);
  for (const status of Object.values(sim.outcomes())) expect(status).toMatch(/^(completed|failed|cancelled|skipped)/);
}

const changes = fc.constantFrom(40, 45, 64, 500);

describe('advance, whatever the order', () => {
  it('ends every run with the same outcome per step, in transitions of bounded size', () => {
    fc.assert(
      fc.property(randomSteps(14, { waits: true }), fc.nat(), fc.nat(), changes, (steps, seedA, seedB, maxChanges) => {
        const a = begin(steps, maxChanges);
        const b = begin(steps, 500);
        runOut(a.world, steps, seedA);
        runOut(b.world, steps, seedB);
        expectEnded(a.sim);
        expect(a.sim.outcomes()).toEqual(b.sim.outcomes());
        expect(a.sim.row.status).toBe(b.sim.row.status);
        expect(a.sim.row.error?.code).toBe(b.sim.row.error?.code);
      }),
      { numRuns: 150 },
    );
  });

  it('ends and keeps its books when it is paused, resumed, cancelled and retried at any moment', () => {
    fc.assert(
      fc.property(
        randomSteps(12, { waits: true }),
        fc.nat(),
        changes,
        fc.array(fc.record({ at: fc.nat(60), what: fc.constantFrom('pause', 'resume', 'cancel', 'retry') }), { maxLength: 5 }),
        (steps, seed, maxChanges, acts) => {
          const { world, sim } = begin(steps, maxChanges);
          runOut(world, steps, seed, {
            meddle: (turn, random) => {
              for (const act of acts) {
                if (act.at !== turn) continue;
                world.deliver(sim, random(sim.inbox.length + 1), control(act.what));
              }
            },
          });
          expectEnded(sim);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('a pause starts nothing (the reference store watches) and changes no outcome, whenever it comes and however often', () => {
    fc.assert(
      fc.property(
        randomSteps(12, { waits: true }),
        fc.nat(),
        changes,
        fc.boolean(),
        fc.array(fc.record({ at: fc.nat(60), what: fc.constantFrom('pause', 'pause', 'resume'), whom: fc.nat(6) }), { minLength: 1, maxLength: 8 }),
        (steps, seed, maxChanges, gated, acts) => {
          const plain = begin(steps, 500);
          runOut(plain.world, steps, seed);
          const { world, sim } = begin(steps, maxChanges, gated);
          runOut(world, steps, seed + 1, {
            meddle: (turn, random) => {
              if (gated && turn === 10) sim.inbox.push({ type: 'admitted' });
              for (const act of acts) {
                if (act.at !== turn) continue;
                const whom = [...world.sims.values()][act.whom] ?? sim;
                world.deliver(whom, random(whom.inbox.length + 1), control(act.what));
              }
              // A gated run rests until it is admitted.
              return gated && turn < 10;
            },
          });
          expectEnded(sim);
          expect(sim.outcomes()).toEqual(plain.sim.outcomes());
          expect(sim.row.status).toBe(plain.sim.row.status);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('a retry comes to its end whatever its children did by themselves, and counts each item once', () => {
    fc.assert(
      fc.property(
        randomSteps(8, { waits: false }),
        fc.nat(),
        changes,
        fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
        fc.nat(12),
        (steps, seed, maxChanges, picks, turns) => {
          const plain = steps.map((one) => ({ ...one, step: { ...one.step, compensate: undefined } })) as unknown as RandomStep[];
          const { world, sim } = begin(plain, maxChanges);
          runOut(world, plain, seed);
          if (sim.row.status === 'completed') return;
          const random = randomOf(seed);
          for (const pick of picks) {
            const children = world.children(sim).filter((child) => child.row.status === 'failed' || child.row.status === 'cancelled');
            const child = children[pick % Math.max(1, children.length)];
            if (child !== undefined) world.deliver(child, 0, control('retry'));
          }
          // Some of them are through by now, some run, some fail again.
          for (let turn = 0; turn < turns; turn++) happen(world, plain, random, turn % 3 === 0 ? 0 : 1);
          world.deliver(sim, random(sim.inbox.length + 1), control('retry'));
          runOut(world, plain, seed + 1, { round: 1 });
          expectEnded(sim);
          for (const row of sim.steps.values()) {
            if (row.each === null || row.status !== 'completed') continue;
            expect(row.each.completed + row.each.failed).toBe(row.each.total);
            expect((sim.read(row.index, { kind: 'items' }) as unknown[]).length).toBe(row.each.total);
            expect(row.each.adopted ?? []).toEqual([]);
          }
          expect([...sim.steps.values()].filter((row) => row.status === 'failed' && !row.tolerated && row.error?.code === 'handler_failed')).toEqual([]);
        },
      ),
      { numRuns: 120 },
    );
  });

  it('a retry runs what failed again and nothing that completed', () => {
    fc.assert(
      fc.property(randomSteps(12, { waits: true }), fc.nat(), changes, fc.nat(80), (steps, seed, maxChanges, cancelAt) => {
        const plain = steps.map((one) => ({ ...one, step: { ...one.step, compensate: undefined } })) as unknown as RandomStep[];
        const { world, sim } = begin(plain, maxChanges);
        runOut(world, plain, seed, {
          meddle: (turn) => {
            if (turn === cancelAt && cancelAt < 40) world.deliver(sim, 0, control('cancel'));
          },
        });
        expectEnded(sim);
        if (sim.row.status === 'completed') return;
        const before = sim.outcomes();
        expect(world.deliver(sim, 0, control('retry'))).toMatchObject({ kind: 'applied' });
        runOut(world, plain, seed + 1, { round: 1 });
        expectEnded(sim);
        expect(sim.row.retries).toBe(1);
        const after = sim.outcomes();
        for (const [id, status] of Object.entries(before)) if (status === 'completed') expect(after[id]).toBe('completed');
        // A job that fails never again: what may still fail is decided by expressions and timeouts, not by jobs.
        const jobsFailed = [...sim.steps.values()].filter((row) => row.status === 'failed' && !row.tolerated && row.error?.code === 'handler_failed');
        expect(jobsFailed).toEqual([]);
      }),
      { numRuns: 120 },
    );
  });

  it('a fork ends with the outcomes of its source when its jobs do the same, and repeats no step outside the fork', () => {
    fc.assert(
      fc.property(randomSteps(12, { waits: false }), fc.nat(), fc.nat(), fc.nat(), (steps, seed, pick, forkSeed) => {
        const { world, sim } = begin(steps, 64);
        runOut(world, steps, seed);
        const from = `s${pick % steps.length}`;
        const fork = world.start(sim.plan, { fork: { of: sim, step: from } });
        runOut(world, steps, forkSeed);
        expectEnded(fork);
        expect(fork.outcomes()).toEqual(sim.outcomes());
        for (const row of fork.steps.values()) {
          if (!row.reused) continue;
          expect(row.status).toBe('completed');
          expect([...fork.jobs.values()].some((job) => job.step === row.index)).toBe(false);
        }
        expect(fork.step(from).reused).toBe(false);
      }),
      { numRuns: 80 },
    );
  });
});

function control(what: string): ExecutionEvent {
  if (what === 'cancel') return { type: 'cancel', reason: 'Enough.', code: 'cancelled', by: 'test' };
  return { type: what as 'pause' | 'resume' | 'retry', by: 'test' };
}
