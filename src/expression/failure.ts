// Owns how an expression fails: a cheap internal failure first, a full LogisticsError only when it reaches the caller.
import { LogisticsError } from '../domain/errors.ts';
import { nearMatches } from '../domain/near-match.ts';

export type FailureCode = 'invalid_expression' | 'expression_too_costly' | 'unresolved_reference';

/** One thing wrong with an expression, found before it runs. */
export interface Problem {
  readonly code: FailureCode;
  readonly message: string;
  readonly expected?: string | undefined;
  readonly nearMatches?: readonly string[] | undefined;
}

interface FailureFields {
  readonly expected?: string | undefined;
  readonly nearMatches?: readonly string[] | undefined;
  /** The path that could not be resolved. */
  readonly reference?: string | undefined;
  /** Near matches are looked up among the keys of `owner`, and only when the failure is shown. */
  readonly owner?: object | undefined;
  readonly key?: string | undefined;
}

/** What stops an evaluation. Too costly is final; the others may be absorbed by `||`, `&&` or default(). */
export class ExpressionFailure extends Error {
  readonly code: FailureCode;
  readonly fields: FailureFields;

  constructor(code: FailureCode, message: string, fields: FailureFields = {}) {
    super(message);
    this.code = code;
    this.fields = fields;
  }
}

export function invalid(message: string, expected?: string): ExpressionFailure {
  return new ExpressionFailure('invalid_expression', message, { expected });
}

export function costly(message: string): ExpressionFailure {
  return new ExpressionFailure('expression_too_costly', message);
}

/** The failure as an error for the caller; `at` is the place in the template, `source` the expression. */
export function toLogisticsError(thrown: unknown, at: string, source: string): LogisticsError {
  if (thrown instanceof LogisticsError) return thrown;
  const failure = asFailure(thrown);
  const { reference, owner, key, expected } = failure.fields;
  const near = failure.fields.nearMatches ?? (owner && key !== undefined ? nearMatches(key, Object.keys(owner).slice(0, 1_000)) : []);
  return new LogisticsError(failure.code, failure.message, {
    path: reference ?? at,
    expected,
    nearMatches: near,
    details: { at, expression: source.length > 200 ? `${source.slice(0, 200)}…` : source },
    cause: failure === thrown ? undefined : thrown,
  });
}

/** Any thrown value as a failure: running out of stack is a cost, anything else a fault of the expression. */
export function asFailure(thrown: unknown): ExpressionFailure {
  if (thrown instanceof ExpressionFailure) return thrown;
  if (thrown instanceof RangeError) return costly('The expression or its values are nested too deeply, or too large.');
  return invalid('The expression could not be evaluated.');
}
