// Owns an explanation on the wire: why something is not done, and what may be done about it.
import type { JsonObject } from '../../src/domain/json.ts';
import type { Explanation, Reason } from '../../src/orchestration/explain.ts';
import { compact, iso, shortText } from './compact.ts';

export function explanationToWire(explanation: Explanation): JsonObject {
  return compact({
    [`${explanation.kind}_id`]: explanation.id,
    status: explanation.status,
    reasons: explanation.reasons.map(reasonToWire),
    steps:
      explanation.steps.length === 0
        ? undefined
        : explanation.steps.map((step) => ({ step: step.stepId, status: step.status, reasons: step.reasons.map(reasonToWire) })),
    allowed_actions: explanation.allowedActions,
  });
}

function reasonToWire(reason: Reason): JsonObject {
  return compact({
    code: reason.code,
    message: shortText(reason.message),
    blocked_by: reason.blockedBy === undefined || reason.blockedBy.length === 0 ? undefined : reason.blockedBy,
    until: iso(reason.until),
  });
}
