// Owns questions about paths in the graph of needs, for graphs of 10,000 steps and 100,000 edges: no recursion, no copies.

/** Node i needs the nodes `needs[i]`. */
export type NeedsGraph = readonly (readonly number[])[];

/** A node, and one that should be among its ancestors. */
export interface AncestorQuestion {
  readonly node: number;
  readonly ancestor: number;
}

/** Nodes in an order in which needs come first; nodes on a cycle, and all that depend on one, are left out. */
export function needsOrder(graph: NeedsGraph): number[] {
  const outs: number[][] = graph.map(() => []);
  const open = graph.map((needs, node) => {
    for (const need of needs) (outs[need] as number[]).push(node);
    return needs.length;
  });
  const order: number[] = [];
  for (let node = 0; node < graph.length; node++) if (open[node] === 0) order.push(node);
  for (let at = 0; at < order.length; at++) {
    for (const out of outs[order[at] as number] as number[]) if (--(open[out] as number) === 0) order.push(out);
  }
  return order;
}

/**
 * The questions whose answer is no. Questions about nodes that `order` leaves out have no answer and count as yes.
 * 32 ancestors are followed at once as bits of a word, so 10,000 different ones cost 313 sweeps over (part of) the edges.
 */
export function notAncestors<Q extends AncestorQuestion>(graph: NeedsGraph, order: readonly number[], questions: readonly Q[]): Q[] {
  const sorted = sortedGraph(graph, order);
  const { place } = sorted;
  const missing = new Set<Q>();
  const open = new Map<number, Q[]>();
  for (const question of questions) {
    const { node, ancestor } = question;
    if (place[node] === -1 || (graph[node] as readonly number[]).includes(ancestor)) continue;
    // Ancestors come first in the order.
    if ((place[ancestor] as number) >= (place[node] as number) || place[ancestor] === -1) missing.add(question);
    else if (!open.get(ancestor)?.push(question)) open.set(ancestor, [question]);
  }
  const targets = [...open.keys()].sort((a, b) => (place[a] as number) - (place[b] as number));
  const reached = new Int32Array(order.length);
  for (let from = 0; from < targets.length; from += 32) {
    const batch = targets.slice(from, from + 32);
    const asked = batch.map((target) => open.get(target) as Q[]);
    const start = place[batch[0] as number] as number;
    const end = asked.flat().reduce((last, { node }) => Math.max(last, place[node] as number), start);
    sweep(sorted, reached, batch, start, end);
    for (const [bit, list] of asked.entries()) {
      for (const question of list) if (((reached[place[question.node] as number] as number) & (1 << bit)) === 0) missing.add(question);
    }
  }
  return questions.filter((question) => missing.has(question));
}

interface SortedGraph {
  /** Place of each node in the order, -1 for those left out. */
  readonly place: Int32Array;
  /** The needs of the node at place p, as places: `needs[first[p]]` up to before `needs[first[p + 1]]`. */
  readonly first: Int32Array;
  readonly needs: Int32Array;
}

function sortedGraph(graph: NeedsGraph, order: readonly number[]): SortedGraph {
  const place = new Int32Array(graph.length).fill(-1);
  for (const [at, node] of order.entries()) place[node] = at;
  const first = new Int32Array(order.length + 1);
  for (const [at, node] of order.entries()) first[at + 1] = (first[at] as number) + (graph[node] as readonly number[]).length;
  const needs = new Int32Array(first[order.length] as number);
  for (const [at, node] of order.entries())
    needs.set(
      (graph[node] as readonly number[]).map((need) => place[need] as number),
      first[at],
    );
  return { place, first, needs };
}

/** Sets bit b of every place from `start` to `end` that is, or has among its ancestors, the b-th target. */
function sweep({ place, first, needs }: SortedGraph, reached: Int32Array, targets: readonly number[], start: number, end: number): void {
  reached.fill(0, 0, end + 1);
  for (const [bit, target] of targets.entries()) reached[place[target] as number] = 1 << bit;
  for (let at = start; at <= end; at++) {
    let bits = reached[at] as number;
    const stop = first[at + 1] as number;
    for (let edge = first[at] as number; edge < stop; edge++) bits |= reached[needs[edge] as number] as number;
    reached[at] = bits;
  }
}
