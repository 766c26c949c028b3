// Owns the error of what could not be done with resources.
import { LogisticsError } from '../domain/errors.ts';

/** A pool, an amount or an allocation that is not as asked for. */
export class ResourceError extends LogisticsError {}
