// Owns the ids under which work is followed as a task: that of the execution, job or batch itself; of a wait, all that it waits for.
import { Id } from '../src/domain/id.ts';
import { parseRange } from '../src/domain/job-range.ts';

export interface WaitTask {
  readonly ids: readonly string[];
  readonly mode: 'all' | 'any';
  readonly until: 'ended' | 'waiting';
  /** Event cursor of the call, or null. */
  readonly cursor: string | null;
  /** Epoch ms of the call. */
  readonly since: number;
}

// It travels in a header of HTTP, whose lines are bounded.
const MAX_CHARS = 6_000;
const WAIT = /^wait:(all|any):(ended|waiting):(-|\d{1,15}):(\d{1,15}):([a-z0-9_.,]+)$/;

/** Null for a wait that is too long to be named. */
export function waitTaskId({ ids, mode, until, cursor, since }: WaitTask): string | null {
  const id = `wait:${mode}:${until}:${cursor ?? '-'}:${since}:${ids.join(',')}`;
  return id.length <= MAX_CHARS && parseWaitTask(id) !== null ? id : null;
}

export function parseWaitTask(id: string): WaitTask | null {
  const [, mode, until, cursor, since, list] = (id.length <= MAX_CHARS ? WAIT.exec(id) : null) ?? [];
  const ids = list?.split(',') ?? [];
  if (ids.length === 0 || !ids.every((each) => Id.safeParse(each).success || parseRange(each) !== null)) return null;
  return { ids, mode: mode as WaitTask['mode'], until: until as WaitTask['until'], cursor: cursor === '-' ? null : (cursor as string), since: Number(since) };
}
