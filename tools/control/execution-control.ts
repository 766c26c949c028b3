// Owns the control actions of an execution: each is one event or one new run.
import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../../src/domain/json.ts';
import { warned } from '../create-workflow.ts';
import { nextFor } from '../views/execution-views.ts';
import { budgetToWire } from '../wire/budget.ts';
import { approve } from './approval.ts';
import type { ControlRequest } from './request.ts';

/** What a changed budget does, for every owner. */
export const BUDGET_SET = 'The budget acts from now on: what is no longer used up goes on, what was used stays.';
const CANCELLED = 'Cancelled on request.';

export async function controlExecution(request: ControlRequest): Promise<JsonObject> {
  const { context, id, action, receipt } = request;
  const { engine, caller } = context;
  switch (action) {
    case 'restart': {
      const started = await engine.tasks.restart(id, caller, receipt);
      return { ...told(request, started.executionId), from_execution_id: id, replayed: started.replayed, ...warned(started.warnings) };
    }
    case 'fork': {
      const forked = await engine.tasks.fork(id, request.step as string, caller, receipt);
      return {
        ...told(request, forked.executionId),
        from_execution_id: id,
        replayed: forked.replayed,
        ...names('reused_steps', forked.reused),
        ...names('reexecuted_steps', forked.reexecuted),
      };
    }
    case 'update': {
      const { replayed } = await engine.budgets.set('run', id, request.budget ?? null, receipt);
      return { ...told(request, id), ...budgetToWire(engine.budgets.of('run', id)), replayed, message: BUDGET_SET };
    }
    default: {
      const reply = await send(request);
      return { ...told(request, id), replayed: reply.replayed, message: reply.message };
    }
  }
}

function send(request: ControlRequest): Promise<{ readonly replayed: boolean; readonly message: string }> {
  const { context, id, action, receipt } = request;
  const { tasks } = context.engine;
  switch (action) {
    case 'pause':
      return tasks.pause(id, context.caller, receipt);
    case 'resume':
      return tasks.resume(id, context.caller, receipt);
    case 'retry':
      return tasks.retry(id, context.caller, receipt);
    case 'signal':
      return tasks.send(
        id,
        {
          type: 'signal',
          name: request.name as string,
          payload: request.payload ?? null,
          signalId: request.signal_id ?? randomUUID(),
          by: context.caller.principal,
        },
        receipt,
      );
    case 'approve':
      return approve(request);
    default:
      return tasks.cancel(id, request.reason ?? CANCELLED, context.caller, receipt);
  }
}

/** The execution as it stands after the action. */
function told({ context, action }: ControlRequest, id: string): JsonObject {
  const row = context.engine.backend.getExecution(id);
  return { execution_id: id, action, status: row?.status ?? 'removed', next: row === null ? [] : nextFor(row) };
}

function names(field: string, list: readonly string[]): JsonObject {
  return { [field]: list.slice(0, 50), ...(list.length > 50 ? { [`${field}_total`]: list.length } : {}) };
}
