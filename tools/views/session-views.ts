// Owns what can be read of a session: itself with its calls, and the log of its work.
import type { JsonObject } from '../../src/domain/json.ts';
import { budgetToWire } from '../wire/budget.ts';
import { executionRow } from '../wire/execution.ts';
import { callToWire, sessionToWire } from '../wire/session.ts';
import { eventsView } from './events-view.ts';
import { lineageView } from './lineage-view.ts';
import { missing, showView, type ViewRequest, type Views } from './view.ts';

const CALLS_SHOWN = 10;

const VIEWS: Views = {
  summary: (r) => summary(r),
  events: (r) => ({ session_id: r.id, ...eventsView(r, { sessionId: r.id }) }),
  lineage: (r) => lineageView(r),
};

export function sessionView(request: ViewRequest): JsonObject {
  if (request.engine.backend.getSession(request.id) === null) throw missing('session', request.id, 'sessions');
  return showView('A session', VIEWS, request);
}

function summary(r: ViewRequest): JsonObject {
  const session = r.engine.sessions.require(r.id);
  const executions = r.engine.backend.listExecutions({ filter: { sessionId: r.id }, limit: 5, cursor: null });
  return {
    ...sessionToWire(session.data),
    ...budgetToWire(r.engine.budgets.of('session', r.id)),
    recent_executions: executions.items.map(executionRow),
    recent_calls: session.history(r.limit ?? CALLS_SHOWN).map(callToWire),
    next: ['list kind=executions or kind=jobs with filter.session_id shows its work'],
  };
}
