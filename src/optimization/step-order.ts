// Owns the order in which ready steps are taken, by objective: places from 0, ties as defined, the same each time.
import { type PlanGraph, planGraph } from './plan-graph.ts';
import type { Objective, PlanTask } from './plan-model.ts';

/**
 * Place of each task, smaller first. Makespan and cost: longest way to the end first (upward rank; for independent work that is
 * longest processing time first). Throughput: the same inside one run, older runs first. Mean latency: shortest step first.
 * Deadline: earliest due first, due being the latest end that still lets everything behind it end in time.
 */
export function orderFor(
  objective: Objective,
  tasks: readonly PlanTask[],
  graph: PlanGraph,
  options: { readonly deadlineMs?: number | undefined; readonly runOf?: ((task: number) => number) | undefined } = {},
): number[] {
  switch (objective) {
    case 'makespan':
    case 'cost':
      return placesBy(tasks.length, (at) => -(graph.upwardMs[at] as number));
    case 'throughput': {
      const { runOf = (): number => 0 } = options;
      return placesBy(
        tasks.length,
        (at) => runOf(at),
        (at) => -(graph.upwardMs[at] as number),
      );
    }
    case 'mean_latency':
      return placesBy(tasks.length, (at) => graph.spanMs[at] as number);
    case 'deadline': {
      const due = dueTimes(tasks, graph, options.deadlineMs ?? graph.criticalMs);
      return placesBy(tasks.length, (at) => due[at] as number);
    }
  }
}

/** Latest end of each task, ms from the start: its own deadline, and what still has to follow it. */
export function dueTimes(tasks: readonly PlanTask[], graph: PlanGraph, deadlineMs: number): number[] {
  const due = tasks.map((task, at) =>
    Math.min(deadlineMs, task.deadlineMs === null ? Number.POSITIVE_INFINITY : (graph.earliestMs[at] as number) + task.deadlineMs),
  );
  for (let i = graph.order.length - 1; i >= 0; i--) {
    const at = graph.order[i] as number;
    for (const out of graph.outs[at] as readonly number[]) due[at] = Math.min(due[at] as number, (due[out] as number) - (graph.spanMs[out] as number));
  }
  return due;
}

/**
 * Upward-rank places of the steps of a run, for the engine: equal ranks share a place. Null when the durations say nothing: unknown
 * for every step, or the same for all.
 */
export function rankPlaces(needs: readonly (readonly number[])[], durationsMs: readonly number[]): number[] | null {
  if (durationsMs.every((ms) => ms === durationsMs[0])) return null;
  const { upwardMs } = planGraph(
    needs.map((each) => ({ needs: each })),
    durationsMs,
  );
  const sorted = [...new Set(upwardMs)].sort((a, b) => b - a);
  const placeOf = new Map(sorted.map((ms, place) => [ms, place]));
  return upwardMs.map((ms) => placeOf.get(ms) as number);
}

function placesBy(count: number, ...keys: readonly ((at: number) => number)[]): number[] {
  const values = keys.map((key) => Array.from({ length: count }, (_, at) => key(at)));
  const sorted = Array.from({ length: count }, (_, at) => at).sort((a, b) => {
    for (const value of values) if (value[a] !== value[b]) return (value[a] as number) - (value[b] as number);
    return a - b;
  });
  const places = new Array<number>(count);
  for (const [place, at] of sorted.entries()) places[at] = place;
  return places;
}
