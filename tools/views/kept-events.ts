// Owns that a reader of the event log is told when entries that it has not seen are gone.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';

/** 0 asks for what is kept; any other cursor for all that came after it. */
export function checkKept({ backend, namespace }: OrchestrationEngine, cursor: number): void {
  if (cursor === 0) return;
  const first = backend.keptAfter({ namespace });
  if (cursor >= first) return;
  throw new LogisticsError('cursor_expired', `Entries after ${cursor} were removed, since their retention is over.`, {
    path: 'cursor',
    expected: `${first} or later, or 0 for all that are kept`,
    nextActions: [`Go on with after=${first}, which misses nothing from there on, and read the state of what you follow again.`],
    details: { first_cursor: first },
  });
}
