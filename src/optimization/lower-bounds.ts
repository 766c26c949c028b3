// Owns what no schedule can beat: the critical path, the work against the slots, what lies before and after a barrier, and what each pool is asked for.
import { barrierBound, windowBound } from './barrier-bound.ts';
import { type PlanGraph, planGraph, spansOf } from './plan-graph.ts';
import type { PlanCapacity, PlanTask } from './plan-model.ts';

export interface Bound {
  readonly kind: 'critical_path' | 'slots' | 'barrier' | 'pool';
  /** Of a pool; of a barrier the step. */
  readonly name: string | null;
  readonly ms: number;
}

/** `mean` is the graph by mean spans, where it is there: on equal slots these are the spans. All bounds, the largest first: it is the bottleneck. Pools that nothing bounds are left out. */
export function lowerBounds(tasks: readonly PlanTask[], capacity: PlanCapacity, mean?: PlanGraph): readonly Bound[] {
  const graph = mean !== undefined && capacity.workers === null ? mean : planGraph(tasks, spansOf(tasks, capacity, 'fastest'));
  let work = 0;
  const held = new Map<string, number>();
  for (const task of tasks) {
    if (task.kind === 'wait') continue;
    const total = task.estimate.p50Ms * task.count;
    work += total;
    // On workers an item may be as short as on the fastest.
    const shortest = capacity.workers === null ? total : total / Math.max(...capacity.workers.map((worker) => worker.speed));
    for (const [pool, amount] of Object.entries(task.pools)) held.set(pool, (held.get(pool) ?? 0) + amount * shortest);
  }
  const speed = capacity.workers === null ? capacity.slots : capacity.workers.reduce((sum, worker) => sum + worker.speed, 0);
  const bounds: Bound[] = [
    { kind: 'critical_path', name: null, ms: graph.criticalMs },
    { kind: 'slots', name: null, ms: work / speed },
  ];
  for (const [name, amount] of held) {
    const size = capacity.pools[name];
    if (size !== undefined) bounds.push({ kind: 'pool', name, ms: amount / size });
  }
  const works = tasks.map((task) => (task.kind === 'wait' ? 0 : task.estimate.p50Ms * task.count));
  const needs = tasks.map((task) => task.needs);
  for (const barrier of [barrierBound(needs, graph, works, speed), windowBound(graph, works, speed)]) {
    if (barrier === null || bounds.some((bound) => bound.ms >= barrier.ms * (1 - 1e-9))) continue;
    bounds.push({ kind: 'barrier', name: (tasks[barrier.step] as PlanTask).id, ms: barrier.ms });
  }
  return bounds.sort((a, b) => b.ms - a.ms);
}
