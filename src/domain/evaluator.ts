// Owns the interface between the engine and the expression language; the language itself lives in src/expression.
import type { Json, JsonObject } from './json.ts';

/** What names mean while one expression is evaluated. `status` feeds success(), failure() and always(). */
export interface ExpressionScope {
  readonly values: JsonObject;
  readonly status?: { readonly failed: boolean } | undefined;
}

/** `condition`: runs inside the store's write (if, forEach, keys), small cost cap. `schedule`: as condition, where many may be due in one write, so with the smallest cap. `render`: with, transform, output. */
export type ExpressionMode = 'condition' | 'schedule' | 'render';

/** A path that an expression reads, from its root: ['steps', 'fetch', 'output', 'items']. */
export type ReferencePath = readonly string[];

export interface ExpressionFault {
  /** Where inside the template, as a JSON pointer-like path: `/url` or `` for the whole. */
  readonly path: string;
  readonly code: 'invalid_expression' | 'expression_too_costly' | 'unresolved_reference';
  readonly message: string;
  readonly expected?: string | undefined;
  readonly nearMatches?: readonly string[] | undefined;
}

/**
 * A template is any JSON value; strings in it may hold `${{ expression }}`. A string that is one whole expression keeps
 * the type of its value; mixed text becomes a string. All methods are pure and safe on hostile input.
 */
export interface Evaluator {
  /** Every fault of the template: syntax, cost guard, shape. Empty when it is fine. */
  check(template: Json, mode: ExpressionMode): readonly ExpressionFault[];
  /** The paths a template reads. A template that does not parse has none. */
  references(template: Json): readonly ReferencePath[];
  /** True when the template calls success(), failure() or always(). */
  usesStatus(template: Json): boolean;
  /** True when some string of the template holds an expression. */
  isDynamic(template: Json): boolean;
  /** Value of the template; throws LogisticsError (unresolved_reference, invalid_expression, expression_too_costly). */
  render(template: Json, scope: ExpressionScope, mode: ExpressionMode): Json;
  /** As render in mode `render`, but what could run long is done in a thread that is ended after `limitMs`. */
  renderBounded(template: Json, scope: ExpressionScope, limitMs: number): Promise<Json>;
  /** Ends the thread, if one was started. */
  close(): Promise<void>;
}
