// Owns the state of one evaluation, and what may be absorbed while it runs.
import type { Json, JsonObject } from '../domain/json.ts';
import { asFailure, type ExpressionFailure, invalid } from './failure.ts';
import type { Meter } from './meter.ts';
import { kindOf } from './value.ts';

export interface Frame {
  readonly values: JsonObject;
  /** What failure() answers. */
  readonly failed: boolean;
  readonly meter: Meter;
  /** Loop variables by slot. */
  readonly locals: Json[];
}

/** A compiled expression. */
export type Run = (frame: Frame) => Json;

/** Loop variables in reach; a shadowed name keeps its slot, so slots are counted apart from names. */
export interface Slots {
  readonly names: ReadonlyMap<string, number>;
  readonly count: number;
}

export const NO_SLOTS: Slots = { names: new Map(), count: 0 };

/** Steps for an absorbed failure: making one takes about 6 µs. */
const FAILURE_STEPS = 600;

/** The value as a bool; `what` is the start of the message when it is none. */
export function isTrue(value: Json, what: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(`${what} needs true or false, got ${kindOf(value)}.`, 'a comparison such as x > 0, x != null or size(x) > 0; bool(x) converts');
}

/** Rethrows what must not be absorbed; pays for what is. */
export function absorb(thrown: unknown, frame: Frame): ExpressionFailure {
  const failure = asFailure(thrown);
  if (failure.code === 'expression_too_costly') throw failure;
  frame.meter.spend(FAILURE_STEPS);
  return failure;
}
