// Owns the refusal of a schedule: always with the path of the field that is at fault.
import { LogisticsError } from '../domain/errors.ts';

/** A rule, a zone or a time that cannot be used. */
export class ScheduleError extends LogisticsError {}

export interface Refusal {
  readonly path: string;
  readonly expected: string;
  readonly nearMatches?: readonly string[] | undefined;
}

/** Throws `invalid_input`. */
export function refuse(message: string, refusal: Refusal): never {
  throw new ScheduleError('invalid_input', message, refusal);
}
