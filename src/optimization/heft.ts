// Owns the placing on workers of differing speed (HEFT): in the given order, each item where it ends first, in a gap if one fits.
import { itemBases } from './dispatch.ts';
import { MinHeap } from './min-heap.ts';
import { canRun, type Placement, type PlanCapacity, type PlanTask, type PlanWorker, runMs, type Schedule } from './plan-model.ts';
import { PoolProfile } from './pool-profile.ts';

export interface HeftRules {
  /** Place of each task, smaller first; needs are placed before whatever needs them. */
  readonly order: readonly number[];
  readonly durationsMs: readonly number[];
  /** Latest end of each task: set, the cheapest worker that makes it is taken (cost), else the one that ends first. */
  readonly cheapestBy?: readonly number[] | undefined;
}

interface Gap {
  start: number;
  end: number;
}

interface PoolNeed {
  readonly profile: PoolProfile;
  readonly amount: number;
}

/** `workerOf` by item number, see itemBases. */
export function heft(
  tasks: readonly PlanTask[],
  outs: readonly (readonly number[])[],
  capacity: PlanCapacity,
  rules: HeftRules,
): Schedule & { readonly workerOf: Int32Array } {
  const workers = capacity.workers ?? [];
  const gaps: Gap[][] = workers.map(() => [{ start: 0, end: Number.POSITIVE_INFINITY }]);
  const profiles = new Map(Object.entries(capacity.pools).map(([name, size]) => [name, new PoolProfile(size)]));
  const bases = itemBases(tasks);
  const workerOf = new Int32Array(tasks.reduce((sum, task) => sum + task.count, 0)).fill(-1);
  const ends = new Array<number>(tasks.length).fill(0);
  const poolsOf = tasks.map((task) =>
    Object.entries(task.pools).flatMap(([name, amount]) => (profiles.has(name) ? [{ profile: profiles.get(name) as PoolProfile, amount }] : [])),
  );
  const open = tasks.map((task) => task.needs.length);
  const eligible = new MinHeap((at) => rules.order[at] as number);
  for (const [at, left] of open.entries()) if (left === 0) eligible.push(at);
  const placements: Placement[] = [];
  let makespanMs = 0;

  for (let at = eligible.pop(); at !== undefined; at = eligible.pop()) {
    const task = tasks[at] as PlanTask;
    const ms = rules.durationsMs[at] as number;
    let ready = 0;
    for (const need of task.needs) ready = Math.max(ready, ends[need] as number);
    let end = ready;
    // The width of a group as lanes: an item follows the one that left its lane first.
    const lanes = new MinHeap((lane) => laneFree[lane] as number);
    const laneFree = new Array<number>(Math.min(task.width, task.count)).fill(ready);
    for (const lane of laneFree.keys()) lanes.push(lane);
    const able = workers.flatMap((worker, w) => (canRun(task, worker) ? [w] : []));
    for (let item = 0; item < task.count; item++) {
      const lane = lanes.pop() as number;
      const from = laneFree[lane] as number;
      const put =
        task.kind === 'wait' ? { worker: -1, start: from, end: from + ms } : choose(poolsOf[at] as PoolNeed[], ms, from, able, rules.cheapestBy?.[at]);
      if (put.worker >= 0) {
        occupy(gaps[put.worker] as Gap[], put.start, put.end);
        for (const { profile, amount } of poolsOf[at] as PoolNeed[]) profile.hold(put.start, put.end - put.start, amount);
        workerOf[(bases[at] as number) + item] = put.worker;
      }
      placements.push({ task: at, item, slot: put.worker, startMs: put.start, endMs: put.end });
      laneFree[lane] = put.end;
      lanes.push(lane);
      end = Math.max(end, put.end);
    }
    ends[at] = end;
    makespanMs = Math.max(makespanMs, end);
    for (const out of outs[at] as readonly number[]) {
      open[out] = (open[out] as number) - 1;
      if (open[out] === 0) eligible.push(out);
    }
  }
  placements.sort((a, b) => a.startMs - b.startMs || a.task - b.task || a.item - b.item);
  return { makespanMs, placements, workerOf };

  function choose(
    pools: readonly PoolNeed[],
    ms: number,
    from: number,
    able: readonly number[],
    due: number | undefined,
  ): { worker: number; start: number; end: number } {
    let best: { worker: number; start: number; end: number; late: boolean; price: number } | undefined;
    for (const w of able) {
      const worker = workers[w] as PlanWorker;
      const took = runMs(ms, worker.speed);
      const start = earliestStart(gaps[w] as Gap[], pools, from, took);
      const end = start + took;
      const put = { worker: w, start, end, late: due !== undefined && end > due + 1e-6, price: due === undefined ? 0 : took * worker.price };
      if (best === undefined || isBetter(put, best)) best = put;
    }
    return best as { worker: number; start: number; end: number };
  }

  function earliestStart(free: readonly Gap[], pools: readonly PoolNeed[], from: number, took: number): number {
    for (let i = firstGap(free, from); i < free.length; i++) {
      const gap = free[i] as Gap;
      let start = Math.max(from, gap.start);
      for (;;) {
        let next = start;
        for (const { profile, amount } of pools) next = Math.max(next, profile.earliest(next, took, amount));
        if (next === start) break;
        start = next;
      }
      if (start + took <= gap.end) return start;
    }
    return Number.POSITIVE_INFINITY;
  }
}

type Put = { readonly end: number; readonly late: boolean; readonly price: number };

/** In time before late; then cheaper; then sooner. Late ones only by their end. */
function isBetter(a: Put, b: Put): boolean {
  if (a.late !== b.late) return b.late;
  if (!a.late && a.price !== b.price) return a.price < b.price;
  return a.end < b.end;
}

/** The first gap that ends after a moment. */
function firstGap(free: readonly Gap[], from: number): number {
  let low = 0;
  let high = free.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((free[middle] as Gap).end > from) high = middle;
    else low = middle + 1;
  }
  return low;
}

function occupy(free: Gap[], start: number, end: number): void {
  if (end <= start) return;
  const i = firstGap(free, start);
  const gap = free[i] as Gap;
  const rest: Gap[] = [];
  if (gap.start < start) rest.push({ start: gap.start, end: start });
  if (end < gap.end) rest.push({ start: end, end: gap.end });
  free.splice(i, 1, ...rest);
}
