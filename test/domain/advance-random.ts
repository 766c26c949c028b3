// Owns random workflows and random fates for them: what each job does is fixed, when it happens is not.
import fc from 'fast-check';
import type { WorkflowStep } from '../../src/domain/workflow-step.ts';
import { TRIGGER_RULES } from '../../src/domain/workflow-step.ts';
import { type Sim, type SimJob, step, type World, workflow } from '../support/advance-driver.ts';

export interface RandomStep {
  readonly step: WorkflowStep;
  readonly fails: boolean;
  readonly failingItems: readonly boolean[];
}

const WAITS_FOR_ALL = ['all_success', 'all_done', 'always', 'all_failed', 'none_failed', 'none_skipped'];

const raw = fc.record({
  needs: fc.array(fc.nat(30), { maxLength: 4 }),
  when: fc.constantFrom(...TRIGGER_RULES, 'all_success' as const, 'all_success' as const),
  fails: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  continueOnError: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  condition: fc.constantFrom(null, null, null, null, '${{ false }}', '${{ success() }}', '${{ failure() }}', '${{ 1 }}'),
  kind: fc.constantFrom('task', 'task', 'task', 'each', 'each', 'sleep', 'emit', 'signal', 'run', 'each_run'),
  items: fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }), { maxLength: 9 }),
  window: fc.integer({ min: 1, max: 4 }),
  tolerance: fc.constantFrom(undefined, { count: 1 }, { percent: 30 }, { percent: 100 }),
  compensated: fc.boolean(),
});

/** A DAG of up to `size` steps over every rule and several kinds; `signal` steps wait for `go` + their id. */
export function randomSteps(size: number, options: { readonly waits: boolean }): fc.Arbitrary<RandomStep[]> {
  return fc.array(raw, { minLength: 1, maxLength: size }).map((list) =>
    list.map((one, index): RandomStep => {
      const needs = index === 0 ? [] : [...new Set(one.needs.map((need) => `s${need % index}`))];
      const rule = needs.length === 0 ? 'all_success' : one.when;
      // What success() says when a rule fires early depends on who was first; such steps have no condition here.
      const condition = WAITS_FOR_ALL.includes(rule) ? one.condition : null;
      const kind = !options.waits && (one.kind === 'sleep' || one.kind === 'signal') ? 'task' : one.kind;
      return {
        fails: one.fails,
        failingItems: one.items,
        step: step(`s${index}`, {
          needs,
          when: rule,
          continueOnError: one.continueOnError,
          ...(condition === null ? {} : { if: condition }),
          ...(kind === 'each'
            ? {
                forEach: one.items.map((_, item) => item),
                maxParallel: one.window,
                ...(one.tolerance === undefined ? {} : { tolerateFailures: one.tolerance }),
              }
            : {}),
          ...(kind === 'run' ? { task: 'workflow.run', with: { workflow: 'child', input: { fails: one.fails } } } : {}),
          ...(kind === 'each_run'
            ? {
                task: 'workflow.run',
                with: { workflow: 'child', input: { fails: '${{ item }}' } },
                forEach: one.items,
                maxParallel: one.window,
                ...(one.tolerance === undefined ? {} : { tolerateFailures: one.tolerance }),
              }
            : {}),
          ...(kind === 'sleep' ? { task: 'sleep', with: { duration: '5s' } } : {}),
          ...(kind === 'emit' ? { task: 'emit', with: { event: 'said' } } : {}),
          ...(kind === 'signal' ? { task: 'wait.signal', with: { name: `go-s${index}` }, ...(one.fails ? { timeoutMs: 4_000 } : {}) } : {}),
          ...(one.compensated ? { compensate: { task: 'undo', with: {} } } : {}),
        }),
      };
    }),
  );
}

/** A small seeded generator: the order of everything that is not fixed. */
export function randomOf(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What the `workflow.run` steps run: one job that fails when its input says so. */
export const CHILD = workflow('child', [step('inner', { task: 'inner' })]);

/** The fixed fate of a job: steps and items fail as drawn, undo and alarm jobs succeed; from the second round on all do. */
export function fateOf(steps: readonly RandomStep[], sim: Sim, job: SimJob, round: number): 'completed' | 'failed' {
  if (job.task === 'inner' && round === 0) return sim.row.input.fails === true ? 'failed' : 'completed';
  const drawn = steps[job.step];
  if (job.task !== 'work' || drawn === undefined || round > 0) return 'completed';
  return (job.item === null ? drawn.fails : drawn.failingItems[job.item]) ? 'failed' : 'completed';
}

/** One random thing that may happen now to any execution; false when nothing can. */
export function happen(world: World, steps: readonly RandomStep[], random: (below: number) => number, round = 0): boolean {
  const sims = [...world.sims.values()];
  const choices: (() => void)[] = [];
  for (const sim of sims) {
    if (sim.inbox.length > 0) choices.push(() => void world.deliver(sim, 1 + random(sim.inbox.length)));
    for (const job of sim.liveJobs()) {
      if (job.status === 'running') choices.push(() => endRunning(world, sim, job, steps, random, round));
      else if (!sim.row.paused) choices.push(() => startRunning(job));
    }
  }
  if (choices.length === 0 || random(20) === 0) choices.push(...quietChoices(world, sims, steps, random));
  const choice = choices[random(choices.length)];
  choice?.();
  return choice !== undefined;
}

function startRunning(job: SimJob): void {
  job.status = 'running';
}

function endRunning(world: World, sim: Sim, job: SimJob, steps: readonly RandomStep[], random: (below: number) => number, round: number): void {
  const asked = job.cancelRequested && random(2) === 0;
  world.endJob(sim, job, asked ? 'cancelled' : fateOf(steps, sim, job, round), { step: job.step });
}

function quietChoices(world: World, sims: readonly Sim[], steps: readonly RandomStep[], random: (below: number) => number): (() => void)[] {
  const choices: (() => void)[] = [];
  for (const sim of sims) {
    if (sim.row.paused) choices.push(() => void world.deliver(sim, random(2), { type: 'resume', by: 'test' }));
    // Timers of waits rest while it is paused; deadlines and stops do not.
    const timer = world.timers(sim).find((one) => !sim.row.paused || one.timer === 'force_stop' || one.timer === 'execution_deadline');
    if (timer !== undefined && timer.timer !== 'wait_timeout') choices.push(() => world.fire(sim, timer));
    for (const [index, waiter] of sim.waiters) {
      if (waiter.kind !== 'signal') continue;
      // A step with a timeout gets that, the others their signal.
      const timeout = world.timers(sim).find((one) => one.step === index && one.timer === 'wait_timeout');
      if (timeout !== undefined && !sim.row.paused) choices.push(() => world.fire(sim, timeout));
      if (steps[index]?.step.timeoutMs === undefined) {
        choices.push(() => void world.deliver(sim, random(2), { type: 'signal', name: waiter.name, payload: 1, signalId: waiter.name, by: 'test' }));
      }
    }
  }
  return choices;
}
