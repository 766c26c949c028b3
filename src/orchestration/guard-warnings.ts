// Owns what the status says of budgets that are used up and breakers that are open.
import type { Backend } from '../store/backend.ts';

const SHOWN = 10;

export function guardWarnings(backend: Backend, namespace: string): string[] {
  return [
    ...backend
      .heldBudgets({ namespace, limit: SHOWN })
      .map(({ owner, id, limit }) => `The budget of the ${owner} ${id} is used up (${limit}); what it bounds is paused until it is raised.`),
    ...backend
      .openBreakers({ namespace, limit: SHOWN })
      .map(({ workflow, state }) => `The breaker of the workflow ${workflow} is open after ${state.failures} failed runs in a row; none is started.`),
  ];
}
