// Owns the control actions of sessions and workflows: a merge into the context, and a name that is free again.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { readBudget } from '../../src/orchestration/budget-manager.ts';
import { missing } from '../views/view.ts';
import { breakerToWire, budgetToWire } from '../wire/budget.ts';
import { sessionToWire } from '../wire/session.ts';
import { workflowRow } from '../wire/workflow.ts';
import { BUDGET_SET } from './execution-control.ts';
import type { ControlRequest } from './request.ts';

export async function controlSession({ context: { engine }, id, change, context_version, budget, receipt }: ControlRequest): Promise<JsonObject> {
  const session = engine.sessions.require(id);
  if (change === undefined && context_version !== undefined)
    throw new LogisticsError('invalid_input', 'context_version acts with context only.', { path: 'context_version', expected: 'context with it' });
  readBudget(budget);
  const data = change === undefined ? session.data : await session.updateContext(change, context_version, receipt);
  const message = budget === undefined ? 'Merged into the context; null removes a key.' : BUDGET_SET;
  // One receipt stands for one change.
  if (budget !== undefined) await engine.budgets.set('session', id, budget);
  return { ...sessionToWire(data), ...budgetToWire(engine.budgets.of('session', id)), action: 'update', replayed: false, message };
}

const CLEARED_AT_ONCE = 1_000;

export async function controlWorkflow({ context: { engine, caller }, action, id, receipt }: ControlRequest): Promise<JsonObject> {
  const stored = engine.backend.definitionById(id);
  if (stored === null) throw missing('workflow', id, 'workflows');
  if (action === 'clear_cache') {
    const cleared = await engine.backend.clearStepCache({ namespace: stored.namespace, workflow: stored.name, limit: CLEARED_AT_ONCE, receipt });
    return {
      ...workflowRow(stored),
      action,
      status: 'cleared',
      ...cleared,
      more: cleared.count === CLEARED_AT_ONCE,
      message: `Forgot the kept results of steps of ${stored.name}, of all its versions; its steps run again.`,
    };
  }
  if (action === 'resume') {
    const { reset, replayed } = await engine.budgets.reset(stored.name, caller, receipt);
    const message = reset ? `The breaker of ${stored.name} is closed: runs start again, and failures count anew.` : 'Its breaker was closed already.';
    return {
      ...workflowRow(stored),
      action,
      status: 'closed',
      replayed: replayed || !reset,
      message,
      ...breakerToWire(engine.budgets.breaker(stored.name, stored.definition)),
    };
  }
  const deleted = await engine.backend.deleteDefinition({ id, receipt });
  return {
    ...workflowRow(stored),
    action: 'delete',
    status: 'deleted',
    replayed: !deleted,
    message: 'This version can no longer be started by name; runs of it go on.',
  };
}
