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
 * 32 ancestors are followed at once as bits of a word, so 10,000 different ones cost 313 sweeps over the edges.
 */
export function notAncestors<Q extends AncestorQuestion>(graph: NeedsGraph, order: readonly number[], questions: readonly Q[]): Q[] {
  const ordered = new Set(order);
  const open = questions.filter(({ node, ancestor }) => ordered.has(node) && !(graph[node] as readonly number[]).includes(ancestor));
  const byAncestor = new Map<number, Q[]>();
  for (const question of open) {
    const same = byAncestor.get(question.ancestor);
    if (same === undefined) byAncestor.set(question.ancestor, [question]);
    else same.push(question);
  }
  const missing = new Set<Q>();
  const targets = [...byAncestor.keys()];
  const mask = new Int32Array(graph.length);
  const own = new Int32Array(graph.length);
  for (let from = 0; from < targets.length; from += 32) {
    const batch = targets.slice(from, from + 32);
    for (const [bit, target] of batch.entries()) own[target] = 1 << bit;
    for (const node of order) {
      let bits = 0;
      for (const need of graph[node] as readonly number[]) bits |= (mask[need] as number) | (own[need] as number);
      mask[node] = bits;
    }
    for (const [bit, target] of batch.entries()) {
      own[target] = 0;
      for (const question of byAncestor.get(target) as Q[]) if (((mask[question.node] as number) & (1 << bit)) === 0) missing.add(question);
    }
  }
  return questions.filter((question) => missing.has(question));
}
