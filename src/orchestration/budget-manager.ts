// Owns budgets and breakers as people handle them: read, set, raised, closed again; every word of a budget is checked before anything changes.
import { type BreakerState, type BreakerStatus, breakerStatus } from '../domain/breaker.ts';
import { Budget, type BudgetLimits, type BudgetView } from '../domain/budget.ts';
import { LogisticsError } from '../domain/errors.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { Decide } from '../domain/transition.ts';
import type { WorkflowDefinition } from '../domain/workflow-definition.ts';
import type { Backend } from '../store/backend.ts';
import type { BudgetOf } from '../store/port/budgets.ts';
import type { Receipt } from '../store/port/common.ts';
import type { Caller } from './caller.ts';

export interface BudgetsOptions {
  readonly backend: Backend;
  readonly decide: Decide;
  readonly namespace: string;
  readonly now: () => number;
}

export interface BreakerView extends BreakerState {
  readonly status: BreakerStatus;
  /** When a run may probe, or null. */
  readonly retryAt: number | null;
}

/** A budget as it is written: `{attempts: 100, tokens: 500000}`; null takes it away. */
export type BudgetInput = Parameters<typeof Budget.parse>[0];

/** The budgets and breakers of one namespace. */
export class BudgetManager {
  readonly #o: BudgetsOptions;

  constructor(options: BudgetsOptions) {
    this.#o = options;
  }

  /** What it may use and has used; null where nothing is bounded and nothing was used. */
  of(owner: BudgetOf['owner'], id: string): BudgetView | null {
    return this.#o.backend.budgetOf({ owner, id });
  }

  /** The whole budget anew, or null for none; what is no longer used up goes on. Throws not_found, invalid_input. */
  async set(owner: BudgetOf['owner'], id: string, budget: BudgetInput | null, receipt?: Receipt): Promise<{ readonly replayed: boolean }> {
    const limits = readBudget(budget);
    const { backend, decide } = this.#o;
    const { kind, replayed } = await backend.setBudget({ owner, id, limits, decide, receipt });
    if (kind === 'not_found') throw new LogisticsError('not_found', `There is no ${owner} ${id}.`, { path: 'id' });
    return { replayed };
  }

  /** How the breaker of a workflow stands; null for one without. */
  breaker(workflow: string, definition: WorkflowDefinition): BreakerView | null {
    const { breaker } = definition;
    if (breaker === undefined) return null;
    const { backend, namespace, now } = this.#o;
    const state = backend.breakerOf({ namespace, workflow });
    const { openedAt } = state;
    const retryAt = openedAt === null || breaker.cooldownMs === undefined ? null : openedAt + breaker.cooldownMs;
    return { ...state, status: breakerStatus(breaker, state, now()), retryAt };
  }

  /** Closes a breaker: runs start again, and failures count anew. */
  reset(workflow: string, caller: Caller, receipt?: Receipt): Promise<{ readonly reset: boolean; readonly replayed: boolean }> {
    const { backend, namespace } = this.#o;
    return backend.resetBreaker({ namespace, workflow, by: caller.principal, receipt });
  }
}

/** The budget that was written, checked; null for none, or for one that bounds nothing. */
export function readBudget(budget: unknown, path = 'budget'): BudgetLimits | null {
  if (budget === null || budget === undefined) return null;
  const limits = parseInput(Budget, budget, 'The budget is wrong', path);
  return Object.values(limits).every((limit) => limit === null) ? null : limits;
}
