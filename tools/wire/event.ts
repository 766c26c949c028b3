// Owns an entry of the event log on the wire.
import type { LogisticsEvent } from '../../src/domain/event.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { clipped, compact, iso } from './compact.ts';

const DATA_CHARS = 300;

export function eventToWire(event: LogisticsEvent): JsonObject {
  return {
    ...compact({
      cursor: event.cursor,
      at: iso(event.at),
      type: event.type,
      execution_id: event.executionId,
      step: event.stepId,
      item: event.itemIndex,
      job_id: event.jobId,
      // Whose work it is, the execution or job says itself.
      session_id: event.executionId === undefined && event.jobId === undefined ? event.sessionId : undefined,
    }),
    ...clipped('data', Object.keys(event.data).length === 0 ? undefined : event.data, DATA_CHARS),
  };
}
