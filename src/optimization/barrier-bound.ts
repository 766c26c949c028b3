// Owns the bounds by place in the graph: what all has to be done before a step and after it cannot overlap, and what cannot start before a moment is done after it.
import type { PlanGraph } from './plan-graph.ts';

/** Steps that are looked at: those with the most needs and followers. Each pair of them costs a pass over all steps. */
const LOOKED_AT = 24;
/** With fewer neighbours for each that could work at once a step holds nobody up. */
const MIN_NEIGHBOURS = 2;

/**
 * No schedule on this many units of speed is shorter: from barrier to barrier there is at least the work between them, shared by
 * all. `workMs` is what each step costs (0 for waits), the graph's spans how long it takes at least.
 */
export function barrierBound(
  needs: readonly (readonly number[])[],
  graph: PlanGraph,
  workMs: readonly number[],
  speed: number,
): { readonly ms: number; readonly step: number } | null {
  const degree = (at: number): number => (needs[at] as readonly number[]).length + (graph.outs[at] as readonly number[]).length;
  const position = new Map(graph.order.map((at, place) => [at, place]));
  const barriers = graph.order
    .filter((at) => degree(at) > MIN_NEIGHBOURS * speed)
    .sort((a, b) => degree(b) - degree(a) || a - b)
    .slice(0, LOOKED_AT)
    .sort((a, b) => (position.get(a) as number) - (position.get(b) as number));
  const before = barriers.map((at) => marked(at, needs));
  const after = barriers.map((at) => marked(at, graph.outs));
  const sum = (one: Uint8Array, other?: Uint8Array): number => {
    let total = 0;
    for (let at = 0; at < one.length; at++) if (one[at] === 1 && (other === undefined || other[at] === 1)) total += workMs[at] as number;
    return total;
  };
  const starts: number[] = [];
  let best: { ms: number; step: number } | null = null;
  for (const [v, at] of barriers.entries()) {
    let start = Math.max(graph.earliestMs[at] as number, sum(before[v] as Uint8Array) / speed);
    for (let u = 0; u < v; u++) {
      const earlier = barriers[u] as number;
      if ((before[v] as Uint8Array)[earlier] !== 1) continue;
      start = Math.max(start, (starts[u] as number) + (graph.spanMs[earlier] as number) + sum(after[u] as Uint8Array, before[v]) / speed);
    }
    starts.push(start);
    const span = graph.spanMs[at] as number;
    const ms = start + Math.max(graph.upwardMs[at] as number, span + sum(after[v] as Uint8Array) / speed);
    if (best === null || ms > best.ms) best = { ms, step: at };
  }
  return best;
}

/**
 * What cannot start before some moment has to be done after it, by all together, and what has to follow it comes after that; and
 * the same from the end.
 */
export function windowBound(graph: PlanGraph, workMs: readonly number[], speed: number): { readonly ms: number; readonly step: number } | null {
  const tail = (at: number): number => (graph.upwardMs[at] as number) - (graph.spanMs[at] as number);
  const works = graph.order.filter((at) => (workMs[at] as number) > 0);
  const one = sweep(works, (at) => graph.earliestMs[at] as number, tail, workMs, speed);
  const other = sweep(works, tail, (at) => graph.earliestMs[at] as number, workMs, speed);
  return one === null || (other !== null && other.ms > one.ms) ? other : one;
}

/** The most of: the least `near` of a set, its work shared by all, the least `far` of it; over the sets of those whose `near` is at least some value. */
function sweep(
  steps: readonly number[],
  near: (at: number) => number,
  far: (at: number) => number,
  workMs: readonly number[],
  speed: number,
): { readonly ms: number; readonly step: number } | null {
  let work = 0;
  let least = Number.POSITIVE_INFINITY;
  let best: { ms: number; step: number } | null = null;
  for (const at of [...steps].sort((a, b) => near(b) - near(a) || a - b)) {
    work += workMs[at] as number;
    least = Math.min(least, far(at));
    const ms = near(at) + work / speed + least;
    if (best === null || ms > best.ms) best = { ms, step: at };
  }
  return best;
}

/** 1 for everything that can be reached from a step along the edges, without itself. */
function marked(from: number, edges: readonly (readonly number[])[]): Uint8Array {
  const marks = new Uint8Array(edges.length);
  const open = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const next of edges[at] as readonly number[]) {
      if (marks[next] === 1) continue;
      marks[next] = 1;
      open.push(next);
    }
  }
  return marks;
}
