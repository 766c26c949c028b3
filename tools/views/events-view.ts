// Owns reading the log of one thing: oldest first, from a cursor, and always with the cursor to go on from.
import type { LogisticsEvent } from '../../src/domain/event.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { eventToWire } from '../wire/event.ts';
import { offsetOf } from './paged-text.ts';
import type { ViewRequest } from './view.ts';

const SHOWN = 25;

export function eventsView(request: ViewRequest, of: { readonly executionId?: string; readonly jobId?: string; readonly sessionId?: string }): JsonObject {
  const after = offsetOf(request.cursor, Number.MAX_SAFE_INTEGER);
  return eventPage(request.engine.events({ after, limit: (request.limit ?? SHOWN) + 1, ...of }), request.limit ?? SHOWN, after);
}

/** `events` may hold one more than is shown. */
export function eventPage(events: readonly LogisticsEvent[], limit: number, after: number): JsonObject {
  const shown = events.slice(0, limit);
  return { events: shown.map(eventToWire), next_cursor: String(shown.at(-1)?.cursor ?? after), ...(events.length > limit ? { truncated: true } : {}) };
}
