// Owns what no schedule can beat: the critical path, the work against the slots, and what each pool is asked for.
import { planGraph, spansOf } from './plan-graph.ts';
import type { PlanCapacity, PlanTask } from './plan-model.ts';

export interface Bound {
  readonly kind: 'critical_path' | 'slots' | 'pool';
  /** Of a pool. */
  readonly name: string | null;
  readonly ms: number;
}

/** All bounds, the largest first: it is the bottleneck. Pools that nothing bounds are left out. */
export function lowerBounds(tasks: readonly PlanTask[], capacity: PlanCapacity, durations?: readonly number[]): readonly Bound[] {
  const graph = planGraph(tasks, spansOf(tasks, capacity, 'fastest', durations));
  const msOf = (at: number): number => durations?.[at] ?? (tasks[at] as PlanTask).estimate.p50Ms;
  let work = 0;
  const held = new Map<string, number>();
  for (const [at, task] of tasks.entries()) {
    if (task.kind === 'wait') continue;
    const total = msOf(at) * task.count;
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
  return bounds.sort((a, b) => b.ms - a.ms);
}
