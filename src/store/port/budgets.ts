// Owns the verbs of budgets and breakers: what may be used, what was, what that holds up, and how people change it.
import type { BreakerState } from '../../domain/breaker.ts';
import type { BudgetLimit, BudgetLimits, BudgetOwner, BudgetView } from '../../domain/budget.ts';
import type { Decide } from '../../domain/transition.ts';
import type { Receipt } from './common.ts';

/** Whose budget can be read and changed by id; that of a workflow is in its definition. */
export interface BudgetOf {
  readonly owner: Exclude<BudgetOwner, 'workflow'>;
  readonly id: string;
}

export interface BudgetVerbs {
  /** Null where nothing is bounded and nothing was used. */
  budgetOf(p: BudgetOf): BudgetView | null;
  /** The whole budget, or null for none; what was used stays. What is no longer used up goes on in the same commit, or the following ones. */
  setBudget(p: BudgetOf & { readonly limits: BudgetLimits | null; readonly decide: Decide; readonly receipt?: Receipt | undefined }): Promise<{
    readonly kind: 'set' | 'not_found';
    readonly replayed: boolean;
  }>;
  /** The budget that holds a run, or null. */
  budgetHolding(executionId: string): { readonly owner: BudgetOwner; readonly id: string; readonly limit: BudgetLimit } | null;
  /** Budgets that are used up now. */
  heldBudgets(p: {
    readonly namespace: string;
    readonly limit: number;
  }): readonly { readonly owner: BudgetOwner; readonly id: string; readonly limit: BudgetLimit }[];
  breakerOf(p: { readonly namespace: string; readonly workflow: string }): BreakerState;
  /** Closes it; false when it was closed. */
  resetBreaker(p: { readonly namespace: string; readonly workflow: string; readonly by: string; readonly receipt?: Receipt | undefined }): Promise<{
    readonly reset: boolean;
    readonly replayed: boolean;
  }>;
  openBreakers(p: { readonly namespace: string; readonly limit: number }): readonly { readonly workflow: string; readonly state: BreakerState }[];
}
