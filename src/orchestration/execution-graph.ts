// Owns the picture of a plan: valid Mermaid with escaped labels, and its levels.
import type { Plan, PlanNode } from '../domain/plan.ts';

/** Steps by level: a step stands one level below the deepest step it needs. */
export function levelsOf(plan: Plan): string[][] {
  const level = new Array<number>(plan.mainCount).fill(0);
  const levels: string[][] = [];
  for (const index of plan.order) {
    const node = plan.nodes[index] as PlanNode;
    for (const need of node.needs) level[index] = Math.max(level[index] as number, (level[need] as number) + 1);
    const at = level[index] as number;
    while (levels.length <= at) levels.push([]);
    (levels[at] as string[]).push(node.id);
  }
  return levels;
}

const CLASSES =
  'classDef completed fill:#d9f2d9,stroke:#2e7d32\n  classDef failed fill:#fbdcdc,stroke:#c62828\n  classDef running fill:#dce9fb,stroke:#1565c0\n  classDef waiting fill:#fff3cd,stroke:#b58105\n  classDef skipped fill:#eeeeee,stroke:#9e9e9e';

/** Mermaid flowchart; `statusOf` colours the steps of a run. At most `limit` steps. */
export function toMermaid(plan: Plan, statusOf: (stepId: string) => string | undefined, limit = 200): { readonly text: string; readonly truncated: boolean } {
  const lines = ['flowchart TD'];
  const shown = plan.nodes.slice(0, Math.min(plan.mainCount, limit));
  for (const node of shown) {
    const status = statusOf(node.id);
    const label = `${node.id}<br/>${node.step.task}${node.step.forEach === undefined ? '' : ' × each'}`;
    lines.push(
      `  s${node.index}["${label.replaceAll('"', '#quot;')}"]${status !== undefined && /^(completed|failed|running|waiting|skipped)$/.test(status) ? `:::${status}` : ''}`,
    );
  }
  for (const node of shown) for (const need of node.needs) if (need < limit) lines.push(`  s${need} --> s${node.index}`);
  lines.push(`  ${CLASSES}`);
  return { text: lines.join('\n'), truncated: plan.mainCount > shown.length };
}
