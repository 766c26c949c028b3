// Owns finding cycles of needs and naming a true one: the shortest of each knot, always the same for the same graph.
import type { NeedsGraph } from './reachability.ts';

/** Edges looked at in search of shorter cycles; one knot of 10,000 steps would otherwise cost up to a billion. */
const SEARCH_BUDGET = 1_000_000;

/**
 * One cycle per knot of nodes that need each other: each node needs the next, the last one the first; the smallest node
 * comes first. The shortest of the knot unless the search budget ends before, then a true but maybe longer one. A node that
 * needs itself is a knot too.
 */
export function findCycles(graph: NeedsGraph): number[][] {
  const component = components(graph);
  const sizes = new Map<number, number>();
  for (const id of component) sizes.set(id, (sizes.get(id) ?? 0) + 1);
  const shortest = new Map<number, number[]>();
  const budget = { edges: SEARCH_BUDGET };
  for (let node = 0; node < graph.length; node++) {
    const id = component[node] as number;
    const needsItself = (graph[node] as readonly number[]).includes(node);
    if (sizes.get(id) === 1 && !needsItself) continue;
    const best = shortest.get(id);
    if (best !== undefined && (budget.edges <= 0 || best.length === 1)) continue;
    const found = needsItself ? [node] : shortestThrough(graph, component, node, best?.length ?? Number.POSITIVE_INFINITY, budget);
    if (found !== undefined) shortest.set(id, found);
  }
  return [...shortest.values()].map(smallestFirst).sort((a, b) => (a[0] as number) - (b[0] as number));
}

/** The shortest cycle through a node that is shorter than `below`; breadth first inside its component. */
function shortestThrough(graph: NeedsGraph, component: Int32Array, start: number, below: number, budget: { edges: number }): number[] | undefined {
  const cameFrom = new Map<number, number>([[start, -1]]);
  let layer = [start];
  for (let length = 1; length < below && layer.length > 0; length++) {
    const next: number[] = [];
    for (const node of layer) {
      for (const need of graph[node] as readonly number[]) {
        budget.edges -= 1;
        if (need === start) return pathTo(cameFrom, node);
        if (component[need] !== component[start] || cameFrom.has(need)) continue;
        cameFrom.set(need, node);
        next.push(need);
      }
    }
    // Without a bound yet, the search goes on to its end: the knot must be reported.
    if (budget.edges <= 0 && below !== Number.POSITIVE_INFINITY) return undefined;
    layer = next;
  }
  return undefined;
}

function pathTo(cameFrom: ReadonlyMap<number, number>, last: number): number[] {
  const path: number[] = [];
  for (let node = last; node !== -1; node = cameFrom.get(node) as number) path.push(node);
  return path.reverse();
}

function smallestFirst(cycle: readonly number[]): number[] {
  let at = 0;
  for (let i = 1; i < cycle.length; i++) if ((cycle[i] as number) < (cycle[at] as number)) at = i;
  return [...cycle.slice(at), ...cycle.slice(0, at)];
}

/** Number of the strongly connected component of each node (Tarjan, with a stack of its own). */
function components(graph: NeedsGraph): Int32Array {
  const count = graph.length;
  const component = new Int32Array(count).fill(-1);
  const index = new Int32Array(count).fill(-1);
  const low = new Int32Array(count);
  const edge = new Int32Array(count);
  const open: number[] = [];
  let visited = 0;
  let found = 0;
  for (let root = 0; root < count; root++) {
    if (index[root] !== -1) continue;
    const path = [root];
    while (path.length > 0) {
      const node = path[path.length - 1] as number;
      if (index[node] === -1) {
        index[node] = low[node] = visited++;
        open.push(node);
      }
      const need = (graph[node] as readonly number[])[edge[node] as number];
      if (need !== undefined) {
        edge[node] = (edge[node] as number) + 1;
        if (index[need] === -1) path.push(need);
        else if (component[need] === -1) low[node] = Math.min(low[node] as number, index[need] as number);
        continue;
      }
      path.pop();
      const parent = path[path.length - 1];
      if (parent !== undefined) low[parent] = Math.min(low[parent] as number, low[node] as number);
      if (low[node] !== index[node]) continue;
      for (let member = open.pop() as number; ; member = open.pop() as number) {
        component[member] = found;
        if (member === node) break;
      }
      found += 1;
    }
  }
  return component;
}
