// Owns the answer to "how long will this run take, and why": a plan, the spread of its end, and the same with something changed.
import type { DurationSource } from '../domain/duration-estimate.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type { ResourcePool } from '../domain/resource.ts';
import type { ExactAnswer } from './exact-plan.ts';
import { makePlan, type WorkPlan } from './make-plan.ts';
import type { Objective, PlanCapacity, PlanTask, PlanWorker } from './plan-model.ts';
import { type StepKnowledge, tasksOfWorkflow } from './plan-of-workflow.ts';
import { type GivenPools, poolsOfWorkflow } from './pools-of-workflow.ts';
import { seededRandom } from './seeded-random.ts';
import { type MakespanSpread, samplesFor, simulatePlan } from './simulate-plan.ts';

export interface ForecastRequest {
  readonly objective?: Objective | undefined;
  readonly deadlineMs?: number | undefined;
  /** Jobs at once, of equal speed; not together with workers. */
  readonly slots?: number | undefined;
  readonly workers?: readonly PlanWorker[] | undefined;
  /** Size of each pool, and what steps hold of it; without steps that is what the definition says. Default: the pools of the store. */
  readonly pools?: GivenPools | undefined;
  readonly durations?: StepKnowledge['durations'];
  readonly items?: StepKnowledge['items'];
  readonly whatIf?:
    | { readonly slots?: number | undefined; readonly durations?: StepKnowledge['durations']; readonly failureRates?: StepKnowledge['failureRates'] }
    | undefined;
  readonly seed?: number | undefined;
}

export interface ForecastContext {
  readonly source: DurationSource;
  /** Slots where none are asked for. */
  readonly slots: number;
  /** Read from the definition and the input. */
  readonly items: Readonly<Record<string, number>>;
  readonly waits: Readonly<Record<string, number>>;
  /** The pools of the store. */
  readonly pools: readonly ResourcePool[];
}

export interface Variant {
  readonly plan: WorkPlan;
  readonly spread: MakespanSpread;
}

export interface Forecast extends Variant {
  readonly workflow: string;
  readonly assumptions: readonly string[];
  /** The same run with what was asked for changed, drawn with the same seed. */
  readonly whatIf: Variant | null;
  readonly seed: number;
  /** The least makespan there is, where it was asked for. */
  readonly exact: ExactAnswer | null;
}

/** Throws invalid_input and limit_exceeded with the parameter that is wrong. */
export function forecast(workflow: Plan, request: ForecastRequest, context: ForecastContext): Forecast {
  if (request.workers !== undefined && (request.slots !== undefined || request.whatIf?.slots !== undefined))
    throw new LogisticsError('invalid_input', 'Both workers and slots are given.', { path: 'slots', expected: 'workers, or slots of equal speed' });
  const { pools, assumptions: ofPools } = poolsOfWorkflow(workflow, context.pools, request.pools);
  const known: StepKnowledge = {
    source: context.source,
    durations: request.durations,
    items: { ...context.items, ...request.items },
    waits: context.waits,
    poolNeeds: Object.fromEntries(Object.entries(pools).map(([name, pool]) => [name, pool.steps])),
  };
  const seed = request.seed ?? DEFAULT_SEED;
  const { tasks, assumptions } = tasksOfWorkflow(workflow, known);
  const variant = (own: readonly PlanTask[], slots: number): Variant => {
    const { capacity, bounded } = capacityOf(workflow, own, { workers: request.workers, pools }, slots);
    const plan = makePlan(bounded, capacity, { objective: request.objective ?? 'makespan', deadlineMs: request.deadlineMs });
    const items = own.reduce((sum, task) => sum + task.count, 0);
    return { plan, spread: simulatePlan(plan, { random: seededRandom(seed), samples: samplesFor(items) }) };
  };
  const base = variant(tasks, request.slots ?? context.slots);
  const { whatIf } = request;
  const changed =
    whatIf === undefined
      ? null
      : variant(
          tasksOfWorkflow(workflow, { ...known, durations: { ...request.durations, ...whatIf.durations }, failureRates: whatIf.failureRates }).tasks,
          whatIf.slots ?? request.slots ?? context.slots,
        );
  return { workflow: workflow.definition.name, ...base, assumptions: [...assumptions, ...ofPools], whatIf: changed, seed, exact: null };
}

const DEFAULT_SEED = 1;

/** Slots are no more than maxParallel of the run; on workers that bound is a pool of its own. */
function capacityOf(
  workflow: Plan,
  tasks: readonly PlanTask[],
  { workers, pools }: { readonly workers: ForecastRequest['workers']; readonly pools: GivenPools },
  slots: number,
): { readonly capacity: PlanCapacity; readonly bounded: readonly PlanTask[] } {
  const sizes = Object.fromEntries(Object.entries(pools).map(([name, pool]) => [name, pool.capacity]));
  const { maxParallel } = workflow.definition;
  if (workers === undefined) return { capacity: { slots: Math.min(slots, maxParallel ?? slots), workers: null, pools: sizes }, bounded: tasks };
  if (maxParallel === undefined || maxParallel >= workers.length) return { capacity: { slots: workers.length, workers, pools: sizes }, bounded: tasks };
  return {
    capacity: { slots: workers.length, workers, pools: { ...sizes, [MAX_PARALLEL]: maxParallel } },
    bounded: tasks.map((task) => (task.kind === 'wait' ? task : { ...task, pools: { ...task.pools, [MAX_PARALLEL]: 1 } })),
  };
}

const MAX_PARALLEL = 'maxParallel of the run';
