// Owns budgets: what a run, session, schedule or project may use, what it has used, and when that is used up.
import { z } from 'zod';
import { Duration } from './duration.ts';
import { type ErrorData, LogisticsError } from './errors.ts';
import type { JsonObject } from './json.ts';
import { freeStarts, type RateLimit, type Starts } from './rate-limit.ts';
import { MAX_DEPTH, MAX_FOREACH_ITEMS, type WorkflowBudget } from './workflow-definition.ts';

export const MAX_BUDGET_RUNS = 1_000_000;
export const MAX_BUDGET_COUNT = 1_000_000_000;
export const MAX_BUDGET_TOKENS = 1_000_000_000_000;
export const MAX_BUDGET_COST = 1_000_000_000;

const Window = Duration.refine((ms) => ms >= 1, 'expected at least 1 ms');

/** As it is written; null and what is left out bound nothing. */
export const Budget = z
  .strictObject({
    runs: z
      .strictObject({ max: z.int().min(1).max(MAX_BUDGET_RUNS), window: Window })
      .nullish()
      .describe('Starts of runs in any window.'),
    wall_clock: Window.nullish().describe('Time that runs take, pauses left out, for example "2h".'),
    attempts: z.int().min(1).max(MAX_BUDGET_COUNT).nullish().describe('Attempts of jobs that end.'),
    fan_out: z.int().min(1).max(MAX_FOREACH_ITEMS).nullish().describe('Items of one forEach.'),
    depth: z.int().min(0).max(MAX_DEPTH).nullish().describe('Levels of workflow.run below a run that was started.'),
    tokens: z.int().min(1).max(MAX_BUDGET_TOKENS).nullish().describe('Tokens that workers report.'),
    cost: z.number().positive().max(MAX_BUDGET_COST).nullish().describe('Cost that workers report, in the unit that they use.'),
  })
  .transform(({ runs, wall_clock, attempts, fan_out, depth, tokens, cost }): BudgetLimits => {
    return {
      runs: runs == null ? null : { limit: runs.max, periodMs: runs.window },
      wallClockMs: wall_clock ?? null,
      attempts: attempts ?? null,
      fanOut: fan_out ?? null,
      depth: depth ?? null,
      tokens: tokens ?? null,
      cost: cost ?? null,
    };
  });

/** Normal form; null = no bound. */
export interface BudgetLimits {
  readonly runs: RateLimit | null;
  readonly wallClockMs: number | null;
  readonly attempts: number | null;
  readonly fanOut: number | null;
  readonly depth: number | null;
  readonly tokens: number | null;
  readonly cost: number | null;
}

/** The budget of a definition in the same form. */
export function limitsOf({ runs, wallClockMs, attempts, fanOut, depth, tokens, cost }: WorkflowBudget): BudgetLimits {
  return {
    runs: runs === undefined ? null : { limit: runs.max, periodMs: runs.windowMs },
    wallClockMs: wallClockMs ?? null,
    attempts: attempts ?? null,
    fanOut: fanOut ?? null,
    depth: depth ?? null,
    tokens: tokens ?? null,
    cost: cost ?? null,
  };
}

export const BUDGET_LIMITS = ['runs', 'wall_clock', 'attempts', 'fan_out', 'depth', 'tokens', 'cost'] as const;
export type BudgetLimit = (typeof BUDGET_LIMITS)[number];

/** Whose budget it is. That of a workflow bounds each of its runs; its `runs` are counted over all of them. */
export const BUDGET_OWNERS = ['run', 'session', 'schedule', 'project', 'workflow'] as const;
export type BudgetOwner = (typeof BUDGET_OWNERS)[number];

export interface BudgetUse {
  readonly attempts: number;
  readonly tokens: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost: number;
  readonly wallClockMs: number;
  readonly starts: Starts;
}

/** A budget as readers see it. */
export interface BudgetView {
  readonly limits: BudgetLimits | null;
  readonly used: Omit<BudgetUse, 'starts'> & { readonly runs: number };
  /** What is used up: it, or what belongs to it, is paused. */
  readonly held: BudgetLimit | null;
}

/** The first limit of which nothing is left; what bounds one step, or starts in a window, is looked at where that begins. */
export function usedUp(limits: BudgetLimits, used: BudgetUse): BudgetLimit | null {
  if (limits.wallClockMs !== null && used.wallClockMs >= limits.wallClockMs) return 'wall_clock';
  if (limits.attempts !== null && used.attempts >= limits.attempts) return 'attempts';
  if (limits.tokens !== null && used.tokens >= limits.tokens) return 'tokens';
  return limits.cost !== null && used.cost >= limits.cost ? 'cost' : null;
}

/** When the next run may start, where none may now; null when one may. */
export function nextStartAt(limits: BudgetLimits, starts: Starts, now: number): number | null {
  if (limits.runs === null) return null;
  const { free, nextAt } = freeStarts(starts, limits.runs, now);
  return free > 0 ? null : (nextAt ?? now);
}

/** The bound as it was written, and what stands against it. */
export function figuresOf(limits: BudgetLimits, used: BudgetUse, limit: BudgetLimit): JsonObject {
  const { runs, wallClockMs, attempts, fanOut, depth, tokens, cost } = limits;
  const max = { runs: runs?.limit ?? null, wall_clock: wallClockMs, attempts, fan_out: fanOut, depth, tokens, cost }[limit];
  const counted = { wall_clock: used.wallClockMs, attempts: used.attempts, tokens: used.tokens, cost: used.cost };
  return { limit, max, ...(limit in counted ? { used: counted[limit as keyof typeof counted] } : {}) };
}

export function budgetReason(limit: BudgetLimit): string {
  return `budget: ${limit}`;
}

const RAISE: Readonly<Record<BudgetOwner, (id: string) => string>> = {
  run: (id) => `control id=${id} action=update budget={…} raises it; what it held goes on.`,
  session: (id) => `control id=${id} action=update budget={…} raises it; what it held goes on.`,
  schedule: (id) => `control id=${id} action=update change={budget: {…}} raises it; what it held goes on.`,
  project: (id) => `manage_project project=${id} action=update budget={…} raises it; what it held goes on.`,
  workflow: (id) => `Wait until earlier starts have left the window, or store a version of ${id} with a larger budget.`,
};

/** How its budget is raised. */
export function raiseOf(owner: BudgetOwner, id: string): string {
  return RAISE[owner](id);
}

/** What is told to whoever may not start, or go on; `retryAt` where time alone gives some of it back. */
export function budgetError(owner: BudgetOwner, id: string, limit: BudgetLimit, details: JsonObject, retryAt: number | null = null): ErrorData {
  const when = retryAt === null ? '' : ` The next one may start at ${new Date(retryAt).toISOString()}.`;
  return new LogisticsError('budget_exceeded', `The budget of the ${owner} ${id} is used up: ${limit}.${when}`, {
    path: owner === 'run' ? 'id' : owner,
    retryable: retryAt !== null,
    nextActions: [raiseOf(owner, id)],
    details: { owner, id, ...details, ...(retryAt === null ? {} : { retry_at: retryAt }) },
  }).toData();
}

/** What bounds the steps of a run: the strictest of all budgets that it belongs to. */
export interface StepBounds {
  /** Items of one forEach, or null. */
  readonly fanOut: number | null;
  /** Levels of workflow.run that may still follow, or null. */
  readonly levels: number | null;
}

export const UNBOUNDED: StepBounds = { fanOut: null, levels: null };

/** The bounds with one more budget, whose owner stands `above` levels above the run. */
export function bounded(bounds: StepBounds, limits: BudgetLimits, above: number): StepBounds {
  return { fanOut: least(bounds.fanOut, limits.fanOut), levels: least(bounds.levels, limits.depth === null ? null : Math.max(0, limits.depth - above)) };
}

function least(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
