// Owns what follows from the graph and the durations alone, whatever the capacity: levels, ranks, earliest and latest times, slack, the critical path.
import { type PlanCapacity, type PlanTask, roundsOf, runMs } from './plan-model.ts';

export interface PlanGraph {
  /** Positions in an order in which needs come first, ties as given. */
  readonly order: readonly number[];
  readonly outs: readonly (readonly number[])[];
  readonly level: readonly number[];
  /** Ms of a whole task where nothing but its own width holds it up. */
  readonly spanMs: readonly number[];
  /** Upward rank: ms from its start to the end of the run along its longest way. */
  readonly upwardMs: readonly number[];
  readonly earliestMs: readonly number[];
  /** How late it may start without moving the end, against its earliest start. */
  readonly slackMs: readonly number[];
  readonly criticalMs: number;
  /** One longest way, first to last. */
  readonly criticalPath: readonly number[];
}

/** `spanMs` gives the ms of each task; the graph has no cycle (a compiled definition). */
export function planGraph(tasks: readonly Pick<PlanTask, 'needs'>[], spanMs: readonly number[]): PlanGraph {
  const outs: number[][] = tasks.map(() => []);
  for (const [at, task] of tasks.entries()) for (const need of task.needs) (outs[need] as number[]).push(at);
  const order = topological(tasks, outs);
  const level = new Array<number>(tasks.length).fill(0);
  const earliest = new Array<number>(tasks.length).fill(0);
  const upward = new Array<number>(tasks.length).fill(0);
  for (const at of order) {
    for (const need of (tasks[at] as PlanTask).needs) {
      level[at] = Math.max(level[at] as number, (level[need] as number) + 1);
      earliest[at] = Math.max(earliest[at] as number, (earliest[need] as number) + (spanMs[need] as number));
    }
  }
  for (let i = order.length - 1; i >= 0; i--) {
    const at = order[i] as number;
    let longest = 0;
    for (const out of outs[at] as number[]) longest = Math.max(longest, upward[out] as number);
    upward[at] = longest + (spanMs[at] as number);
  }
  let critical = 0;
  for (const at of order) critical = Math.max(critical, upward[at] as number);
  // A remainder of floating point is no slack.
  const slack = upward.map((up, at) => {
    const left = critical - (earliest[at] as number) - up;
    return left < 1e-6 * critical ? 0 : left;
  });
  return {
    order,
    outs,
    level,
    spanMs,
    upwardMs: upward,
    earliestMs: earliest,
    slackMs: slack,
    criticalMs: critical,
    criticalPath: longestWay(order, outs, upward, tasks),
  };
}

/** Ms of each task on this capacity: on equal slots its own, on workers the mean over those that can run it (HEFT), or the fastest. */
export function spansOf(tasks: readonly PlanTask[], capacity: PlanCapacity, by: 'mean' | 'fastest'): number[] {
  return tasks.map((task) => {
    const ms = task.estimate.p50Ms;
    if (task.kind === 'wait' || capacity.workers === null) return ms * roundsOf(task);
    const able = capacity.workers.filter((worker) => task.requires.every((need) => worker.capabilities.includes(need)));
    const times = able.map((worker) => runMs(ms, worker.speed));
    const one = by === 'fastest' ? Math.min(...times) : times.reduce((sum, time) => sum + time, 0) / times.length;
    return one * roundsOf(task);
  });
}

function topological(tasks: readonly Pick<PlanTask, 'needs'>[], outs: readonly (readonly number[])[]): number[] {
  const open = tasks.map((task) => task.needs.length);
  const order: number[] = [];
  for (const [at, left] of open.entries()) if (left === 0) order.push(at);
  for (let i = 0; i < order.length; i++) for (const out of outs[order[i] as number] as readonly number[]) if (--(open[out] as number) === 0) order.push(out);
  return order;
}

function longestWay(
  order: readonly number[],
  outs: readonly (readonly number[])[],
  upward: readonly number[],
  tasks: readonly Pick<PlanTask, 'needs'>[],
): number[] {
  const longest = (among: readonly number[]): number | undefined => {
    let best: number | undefined;
    for (const at of among) if (best === undefined || (upward[at] as number) > (upward[best] as number)) best = at;
    return best;
  };
  const way: number[] = [];
  for (let at = longest(order.filter((each) => (tasks[each] as PlanTask).needs.length === 0)); at !== undefined; at = longest(outs[at] as readonly number[]))
    way.push(at);
  return way;
}
