// Owns what is said about a plan: its levels, its longest chain, and the counts that decide how long a run takes.
import type { Plan, PlanNode } from '../domain/plan.ts';
import { agentNeeds } from '../orchestration/capability-gap.ts';
import { levelsOf } from '../orchestration/execution-graph.ts';

export interface PlanFacts {
  readonly name: string;
  readonly hash: string;
  readonly steps: number;
  readonly edges: number;
  /** Step ids by level: those of one level can run at the same time. */
  readonly levels: readonly (readonly { readonly id: string; readonly task: string; readonly needs: readonly string[]; readonly for_each: boolean }[])[];
  readonly widest_level: number;
  /** One of the longest chains; no run can be shorter than it. */
  readonly longest_chain: readonly string[];
  readonly for_each: number;
  readonly approvals: number;
  readonly conditional: number;
  readonly compensations: number;
  readonly on_failure: number;
  readonly max_parallel: number | null;
  readonly requires: readonly string[];
  /** Which steps need a worker agent, and with which capabilities. */
  readonly worker_agents: readonly string[];
}

export function planFacts(plan: Plan): PlanFacts {
  const main = plan.nodes.slice(0, plan.mainCount);
  const nodeOf = (id: string): PlanNode => plan.nodes[plan.indexOf.get(id) as number] as PlanNode;
  const levels = levelsOf(plan).map((ids) =>
    ids.map((id) => {
      const node = nodeOf(id);
      return { id, task: node.step.task, needs: node.step.needs, for_each: node.step.forEach !== undefined };
    }),
  );
  const number = (test: (node: PlanNode) => boolean): number => main.filter(test).length;
  return {
    name: plan.definition.name,
    hash: plan.hash,
    steps: plan.mainCount,
    edges: main.reduce((sum, node) => sum + node.needs.length, 0),
    levels,
    widest_level: Math.max(...levels.map((level) => level.length)),
    longest_chain: longestChain(plan),
    for_each: number((node) => node.step.forEach !== undefined),
    approvals: number((node) => node.kind === 'wait.approval'),
    conditional: number((node) => node.step.if !== undefined),
    compensations: plan.compensations.length,
    on_failure: plan.onFailure.length,
    max_parallel: plan.definition.maxParallel ?? null,
    requires: [...new Set(plan.nodes.flatMap((node) => node.requires))].sort(),
    worker_agents: agentNeeds(plan),
  };
}

function longestChain(plan: Plan): string[] {
  const length = new Array<number>(plan.mainCount).fill(1);
  const before = new Array<number>(plan.mainCount).fill(-1);
  let last = plan.order[0] ?? -1;
  for (const index of plan.order) {
    for (const need of (plan.nodes[index] as PlanNode).needs) {
      if ((length[need] as number) + 1 <= (length[index] as number)) continue;
      length[index] = (length[need] as number) + 1;
      before[index] = need;
    }
    if ((length[index] as number) > (length[last] as number)) last = index;
  }
  const chain: string[] = [];
  for (let at = last; at >= 0; at = before[at] as number) chain.unshift((plan.nodes[at] as PlanNode).id);
  return chain;
}
