// Owns the refusal of a schedule: always with the path of the field that is at fault.
import { LogisticsError } from '../domain/errors.ts';

/** A rule, a zone or a time that cannot be used. */
export class ScheduleError extends LogisticsError {}

export interface Refusal {
  readonly path: string;
  readonly expected: string;
  readonly nearMatches?: readonly string[] | undefined;
}

/** Tells what a part refuses under its place in the whole. */
export function under<T>(place: string, part: () => T): T {
  try {
    return part();
  } catch (error) {
    if (!(error instanceof LogisticsError)) throw error;
    const { code, message, path = '', expected, nearMatches, retryable, nextActions, details } = error;
    const inside = path === '' ? place : `${place}.${path}`;
    throw new LogisticsError(code, message, { path: inside, expected, nearMatches, retryable, nextActions, details, cause: error });
  }
}

/** Throws `invalid_input`. */
export function refuse(message: string, refusal: Refusal): never {
  throw new ScheduleError('invalid_input', message, refusal);
}
