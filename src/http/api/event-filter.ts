// Owns what a subscriber of the event log asks for: from where on, and which entries; the same filter for what is read from the store and what comes in.

import { LogisticsError } from '../../domain/errors.ts';
import { EVENT_TYPES, type EventType, type LogisticsEvent } from '../../domain/event.ts';
import { nearMatches } from '../../domain/near-match.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { readQuery } from './query.ts';

export interface EventFilter {
  readonly types: readonly EventType[] | undefined;
  readonly executionId: string | undefined;
  readonly jobId: string | undefined;
  readonly sessionId: string | undefined;
  readonly scheduleId: string | undefined;
}

export const EVENT_PARAMETERS = {
  after: 'Cursor: entries after it, 0 for all that are kept. Default: those from now on.',
  types: 'Types of events, separated by commas.',
  execution_id: 'Entries of this execution.',
  job_id: 'Entries of this job.',
  session_id: 'Entries of this session and its work.',
  schedule_id: 'Entries of this schedule.',
} as const;

/** Throws invalid_input for what is no filter, not_found for an object that is not there. */
export function readFilter(url: string, { backend }: OrchestrationEngine): { readonly after: number | null; readonly filter: EventFilter } {
  const query = readQuery(url, Object.keys(EVENT_PARAMETERS));
  const known = (name: string, find: (id: string) => object | null): string | undefined => {
    const id = query.get(name);
    if (id === undefined || find(id) !== null) return id;
    throw new LogisticsError('not_found', `There is no ${name.slice(0, -'_id'.length)} ${id.slice(0, 100)}.`, { path: name });
  };
  return {
    after: query.has('after') ? cursorOf(query.get('after') as string, 'after') : null,
    filter: {
      types: query.get('types')?.split(',').map(typeNamed),
      executionId: known('execution_id', (id) => backend.getExecution(id)),
      jobId: known('job_id', (id) => backend.getJob(id)),
      sessionId: known('session_id', (id) => backend.getSession(id)),
      scheduleId: known('schedule_id', (id) => backend.getSchedule(id)),
    },
  };
}

export function cursorOf(text: string, path: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new LogisticsError('invalid_input', `"${text.slice(0, 60)}" is no cursor.`, { path, expected: 'the id of an event that was seen, or 0' });
}

export function passes({ types, executionId, jobId, sessionId, scheduleId }: EventFilter, event: LogisticsEvent): boolean {
  return (
    (types === undefined || types.includes(event.type)) &&
    (executionId === undefined || event.executionId === executionId) &&
    (jobId === undefined || event.jobId === jobId) &&
    (sessionId === undefined || event.sessionId === sessionId) &&
    (scheduleId === undefined || event.data.schedule_id === scheduleId)
  );
}

function typeNamed(text: string): EventType {
  const name = text.trim();
  const found = EVENT_TYPES.find((type) => type === name);
  if (found !== undefined) return found;
  throw new LogisticsError('invalid_input', `There are no events of the type ${JSON.stringify(name.slice(0, 60))}.`, {
    path: 'types',
    expected: `some of ${EVENT_TYPES.join(', ')}`,
    nearMatches: nearMatches(name.slice(0, 60), EVENT_TYPES),
  });
}
