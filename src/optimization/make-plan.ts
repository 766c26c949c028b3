// Owns one plan: order, placing and bounds for a goal on a capacity; what cannot be placed is refused by name before anything is computed.
import { LogisticsError } from '../domain/errors.ts';
import { nearMatches } from '../domain/near-match.ts';
import { type Dispatched, type DispatchRules, dispatch, itemBases } from './dispatch.ts';
import { heft } from './heft.ts';
import { type Bound, lowerBounds } from './lower-bounds.ts';
import { type PlanGraph, planGraph, spansOf } from './plan-graph.ts';
import { canRun, type Objective, type PlanCapacity, type PlanTask, type Schedule } from './plan-model.ts';
import { dueTimes, orderFor } from './step-order.ts';

/** Items of all steps together; a plan of so many takes about half a second. */
export const MAX_PLANNED_ITEMS = 200_000;
/** Runs that a plan for throughput puts one after the other into the same slots. */
const PIPELINED_RUNS = 8;

export interface PlanGoal {
  readonly objective: Objective;
  /** Ms from the start. */
  readonly deadlineMs?: number | undefined;
}

export interface WorkPlan {
  readonly tasks: readonly PlanTask[];
  readonly capacity: PlanCapacity;
  readonly goal: PlanGoal;
  readonly graph: PlanGraph;
  /** The largest first. */
  readonly bounds: readonly Bound[];
  readonly order: readonly number[];
  readonly schedule: Schedule;
  /** Mean end of the steps, ms from the start. */
  readonly meanLatencyMs: number;
  /** By the prices of workers; null on slots. */
  readonly cost: number | null;
  /** Runs per hour of several runs that share the capacity, and the most that it allows; for the goal throughput. */
  readonly throughput: { readonly runsPerHour: number; readonly atMostPerHour: number } | null;
  /** Who does which item, for a dispatch that follows this plan; absent on equal slots. */
  readonly assigned: DispatchRules['assigned'];
}

/** Throws invalid_input, limit_exceeded or not_available for what the capacity cannot run. */
export function makePlan(tasks: readonly PlanTask[], capacity: PlanCapacity, goal: PlanGoal): WorkPlan {
  refuseImpossible(tasks, capacity, goal);
  const graph = planGraph(tasks, spansOf(tasks, capacity, 'mean'));
  const order = orderFor(goal.objective, tasks, graph, { deadlineMs: goal.deadlineMs });
  const bounds = lowerBounds(tasks, capacity, graph);
  const placed = place(tasks, graph, capacity, order, goal);
  return {
    tasks,
    capacity,
    goal,
    graph,
    bounds,
    order,
    schedule: placed.schedule,
    meanLatencyMs: meanEnd(placed.schedule, tasks.length),
    cost: costOf(placed.schedule, capacity),
    throughput: goal.objective === 'throughput' ? throughputOf(tasks, capacity, bounds, placed.schedule.makespanMs) : null,
    assigned: placed.assigned,
  };
}

/** How a dispatch of this plan goes with other durations or failures. */
export function dispatchPlan(plan: WorkPlan, attempt: DispatchRules['attempt'], record = false): Dispatched {
  return dispatch(plan.tasks, plan.graph.outs, plan.capacity, { order: plan.order, attempt, assigned: plan.assigned, record });
}

function place(
  tasks: readonly PlanTask[],
  graph: PlanGraph,
  capacity: PlanCapacity,
  order: readonly number[],
  goal: PlanGoal,
): { readonly schedule: Schedule; readonly assigned: DispatchRules['assigned'] } {
  if (capacity.workers === null) {
    const attempt: DispatchRules['attempt'] = (at) => ({ runMs: (tasks[at] as PlanTask).estimate.p50Ms, failed: false, againMs: null });
    return { schedule: dispatch(tasks, graph.outs, capacity, { order, attempt, record: true }), assigned: undefined };
  }
  const cheapestBy = goal.objective === 'cost' ? dueTimes(tasks, graph, goal.deadlineMs ?? Number.POSITIVE_INFINITY) : undefined;
  const schedule = heft(tasks, graph.outs, capacity, { order, durationsMs: tasks.map((task) => task.estimate.p50Ms), cheapestBy });
  const bases = itemBases(tasks);
  const places = new Int32Array(schedule.workerOf.length);
  for (const [at, placement] of schedule.placements.entries()) places[(bases[placement.task] as number) + placement.item] = at;
  const unit = (task: number, item: number): number => (bases[task] as number) + item;
  return {
    schedule,
    assigned: { worker: (task, item) => schedule.workerOf[unit(task, item)] as number, place: (task, item) => places[unit(task, item)] as number },
  };
}

function throughputOf(tasks: readonly PlanTask[], capacity: PlanCapacity, bounds: readonly Bound[], aloneMs: number): WorkPlan['throughput'] {
  const size = tasks.length;
  const items = Math.max(
    1,
    tasks.reduce((sum, task) => sum + task.count, 0),
  );
  const runs = Math.max(1, Math.min(PIPELINED_RUNS, Math.floor(MAX_PLANNED_ITEMS / items)));
  const many = Array.from({ length: runs }, (_, run) => tasks.map((task) => ({ ...task, needs: task.needs.map((need) => need + run * size) }))).flat();
  const graph = planGraph(many, spansOf(many, capacity, 'mean'));
  const order = orderFor('throughput', many, graph, { runOf: (at) => Math.floor(at / size) });
  const { schedule } = place(many, graph, capacity, order, { objective: 'throughput' });
  const shared = bounds.find((bound) => bound.kind === 'slots' || bound.kind === 'pool');
  const perHour = (count: number, ms: number): number => (ms === 0 ? Number.POSITIVE_INFINITY : (count * 3_600_000) / ms);
  // Overlapping runs may get in each other's way (Graham's anomaly): then one after the other is faster.
  return { runsPerHour: Math.max(perHour(runs, schedule.makespanMs), perHour(1, aloneMs)), atMostPerHour: perHour(1, shared?.ms ?? 0) };
}

function meanEnd(schedule: Schedule, count: number): number {
  const ends = new Array<number>(count).fill(0);
  for (const placement of schedule.placements) ends[placement.task] = Math.max(ends[placement.task] as number, placement.endMs);
  return ends.reduce((sum, end) => sum + end, 0) / count;
}

function costOf(schedule: Schedule, { workers }: PlanCapacity): number | null {
  if (workers === null) return null;
  return schedule.placements.reduce((sum, { slot, startMs, endMs }) => sum + (slot < 0 ? 0 : ((endMs - startMs) / 3_600_000) * (workers[slot]?.price ?? 0)), 0);
}

function refuseImpossible(tasks: readonly PlanTask[], capacity: PlanCapacity, goal: PlanGoal): void {
  const items = tasks.reduce((sum, task) => sum + task.count, 0);
  if (items > MAX_PLANNED_ITEMS)
    throw new LogisticsError('limit_exceeded', `The plan has ${items} items.`, {
      path: 'items',
      expected: `at most ${MAX_PLANNED_ITEMS} of all steps together`,
    });
  const { workers } = capacity;
  if (goal.objective === 'cost' && (workers === null || workers.every((worker) => worker.price === 0)))
    throw new LogisticsError('invalid_input', 'The objective cost needs workers with a price.', {
      path: 'workers',
      expected: 'for example [{"name": "big", "speed": 2, "price": 3}, {"name": "small", "price": 1}]; price is per hour of work',
    });
  if (goal.objective === 'deadline' && goal.deadlineMs === undefined && tasks.every((task) => task.deadlineMs === null))
    throw new LogisticsError('invalid_input', 'The objective deadline needs one: neither the plan nor a step has it.', {
      path: 'deadline',
      expected: 'a duration from the start, such as "10m"',
    });
  for (const task of tasks) {
    if (task.kind === 'wait') continue;
    if (workers !== null && !workers.some((worker) => canRun(task, worker))) {
      const offered = [...new Set(workers.flatMap((worker) => worker.capabilities))];
      const absent = task.requires.find((need) => !offered.includes(need));
      throw new LogisticsError(
        'invalid_input',
        absent === undefined
          ? `No one worker offers all that the step ${task.id} requires.`
          : `No worker offers ${absent}, which the step ${task.id} requires.`,
        {
          path: 'workers',
          expected: `capabilities ${task.requires.join(', ')} on one worker`,
          nearMatches: absent === undefined ? [] : nearMatches(absent, offered),
        },
      );
    }
    for (const [pool, amount] of Object.entries(task.pools)) {
      const size = capacity.pools[pool];
      if (size !== undefined && amount > size)
        throw new LogisticsError('invalid_input', `The step ${task.id} needs ${amount} of the pool ${pool}, which has ${size}.`, {
          path: `pools.${pool}`,
          expected: `at least ${amount}`,
        });
    }
  }
}
