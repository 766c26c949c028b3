// Owns who started what: the one origin of each run, job and schedule, and the tree that is made of them, bounded.
import type { ErrorData } from './errors.ts';
import { LogisticsError } from './errors.ts';

/** How something came to be: as a step of a run, fired by a schedule, asked for by running work, as a fork, in a session, by somebody. */
export const ORIGINS = ['step', 'schedule', 'work', 'fork', 'session', 'principal'] as const;
export type OriginHow = (typeof ORIGINS)[number];

export interface Origin {
  readonly how: OriginHow;
  /** Of what stands above; null for a principal. */
  readonly id: string | null;
  readonly step?: string | undefined;
  readonly item?: number | undefined;
  /** The planned time of the fire, epoch ms. */
  readonly plannedAt?: number | undefined;
}

export interface LineageNode {
  readonly id: string;
  readonly kind: 'execution' | 'job' | 'schedule' | 'session';
  readonly name: string;
  readonly status: string;
  readonly createdAt: number;
  /** Who asked, where that is kept. */
  readonly principal: string | null;
  readonly origin: Origin;
  /** Of a schedule: how many schedules stand above it. */
  readonly depth?: number | undefined;
}

export interface LineageTree extends LineageNode {
  readonly below: readonly LineageTree[];
  /** More stands below than is shown. */
  readonly more: boolean;
}

export const MAX_LINEAGE_UP = 50;
export const MAX_LINEAGE_DOWN = 8;
export const DEFAULT_SCHEDULE_DEPTH = 3;

/** What stands above, the nearest first. */
export function lineageUp(node: LineageNode, find: (id: string) => LineageNode | null): LineageNode[] {
  const above: LineageNode[] = [];
  const seen = new Set([node.id]);
  for (let at = node; above.length < MAX_LINEAGE_UP; ) {
    const next = at.origin.id === null || seen.has(at.origin.id) ? null : find(at.origin.id);
    if (next === null) return above;
    seen.add(next.id);
    above.push(next);
    at = next;
  }
  return above;
}

/** What stands below, level by level, so that the bound on their number cuts off what is deepest; `left` is how many may be shown. */
export function lineageDown(node: LineageNode, children: (id: string, limit: number) => readonly LineageNode[], left: number): LineageTree {
  interface Open {
    readonly node: LineageNode;
    readonly below: Open[];
    more: boolean;
  }
  const top: Open = { node, below: [], more: false };
  let level: Open[] = [top];
  let room = left;
  for (let depth = 0; level.length > 0; depth++) {
    const next: Open[] = [];
    for (const open of level) {
      const found = children(open.node.id, depth < MAX_LINEAGE_DOWN ? room + 1 : 1);
      const shown = depth < MAX_LINEAGE_DOWN ? found.slice(0, room) : [];
      open.more = found.length > shown.length;
      room -= shown.length;
      for (const child of shown) {
        const below: Open = { node: child, below: [], more: false };
        open.below.push(below);
        next.push(below);
      }
    }
    level = next;
  }
  const tree = (open: Open): LineageTree => ({ ...open.node, below: open.below.map(tree), more: open.more });
  return tree(top);
}

/** The refusal of a schedule that too many schedules stand above, or null. */
export function depthRefusal(depth: number, cap: number, above: string): ErrorData | null {
  if (depth <= cap) return null;
  return new LogisticsError(
    'limit_exceeded',
    `The work that asks for this schedule was itself fired by the schedule ${above}; ${depth} schedules would stand above it.`,
    {
      path: 'target',
      expected: `at most ${cap} schedules above a schedule (limits.scheduleDepth)`,
      nextActions: [`get id=${above} view=lineage shows who started what.`, 'Let one schedule do it, or ask a person to make this one.'],
      details: { depth, limit: cap },
    },
  ).toData();
}
