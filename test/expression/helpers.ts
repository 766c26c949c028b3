// Owns the scope and the shorthand that expression tests share.

import { LogisticsError } from '../../src/domain/errors.ts';
import type { ExpressionMode } from '../../src/domain/evaluator.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { createEvaluator } from '../../src/expression/cel-evaluator.ts';

export const evaluator = createEvaluator();

export const VALUES: JsonObject = {
  input: {
    mode: 'x',
    count: 2,
    one: 1,
    text: 'abc',
    nothing: null,
    yes: true,
    huge: 1e300,
    list: [1, 2, 3],
    empty: [],
    object: { a: 1, b: 2 },
    constructor: 5,
    people: [
      { name: 'Bo', age: 30 },
      { name: 'Al', age: 10 },
      { name: 'Cy', age: 10 },
    ],
  },
  steps: {
    fetch: { output: { total: 4, items: [{ x: 7 }] }, status: 'completed', error: null },
    'fetch-data': { output: [5], status: 'failed' },
    in: { output: 'keyword' },
  },
};

/** Value of one expression. */
export function value(expression: string, mode: ExpressionMode = 'render', values: JsonObject = VALUES, failed = false): Json {
  return evaluator.render(`\${{ ${expression} }}`, { values, status: { failed } }, mode);
}

/** The error of one expression; fails when there is none or when it is of another class. */
export function failure(expression: string, mode: ExpressionMode = 'render', values: JsonObject = VALUES): LogisticsError {
  return caught(() => value(expression, mode, values));
}

export function caught(work: () => unknown): LogisticsError {
  try {
    work();
  } catch (error) {
    if (error instanceof LogisticsError) return error;
    throw error;
  }
  throw new Error('Expected an error.');
}
