// Owns the control actions of sessions and workflows: a merge into the context, and a name that is free again.
import type { JsonObject } from '../../src/domain/json.ts';
import { missing } from '../views/view.ts';
import { sessionToWire } from '../wire/session.ts';
import { workflowRow } from '../wire/workflow.ts';
import type { ControlRequest } from './request.ts';

export async function controlSession({ context: { engine }, id, change = {}, context_version, receipt }: ControlRequest): Promise<JsonObject> {
  const session = await engine.sessions.require(id).updateContext(change, context_version, receipt);
  return { ...sessionToWire(session), action: 'update', replayed: false, message: 'Merged into the context; null removes a key.' };
}

const CLEARED_AT_ONCE = 1_000;

export async function controlWorkflow({ context: { engine }, action, id, receipt }: ControlRequest): Promise<JsonObject> {
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
  const deleted = await engine.backend.deleteDefinition({ id, receipt });
  return {
    ...workflowRow(stored),
    action: 'delete',
    status: 'deleted',
    replayed: !deleted,
    message: 'This version can no longer be started by name; runs of it go on.',
  };
}
