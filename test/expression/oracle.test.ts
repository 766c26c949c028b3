// Where cel-js has an answer, ours is the same: the language stays CEL.
import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { value } from './helpers.ts';

const oracle = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false });
const VALUES = { input: { n: 3, m: -2.5, s: 'abc', t: 'b', l: [1, 2, 2.5], k: ['a', 'b'], o: { a: 1, b: { c: 'x' } }, z: null, y: true } };

const { expression } = fc.letrec<{ number: string; text: string; bool: string; list: string; expression: string }>((tie) => {
  const binary = (left: keyof Ties, operators: readonly string[], right: keyof Ties): fc.Arbitrary<string> =>
    fc.tuple(tie(left), fc.constantFrom(...operators), tie(right)).map(([a, operator, b]) => `(${a} ${operator} ${b})`);
  type Ties = { number: string; text: string; bool: string; list: string; expression: string };
  return {
    number: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('input.n', 'input.m', 'input.l[0]', 'input.o.a', '1.0', '0.5', '-4.0', 'input.missing'),
      binary('number', ['+', '-', '*'], 'number'),
      fc.tuple(tie('bool'), tie('number'), tie('number')).map(([c, a, b]) => `(${c} ? ${a} : ${b})`),
    ),
    text: fc.oneof({ depthSize: 'small' }, fc.constantFrom("'a'", "''", 'input.s', 'input.t', 'input.o.b.c', "'é😀'"), binary('text', ['+'], 'text')),
    bool: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('true', 'false', 'input.y', 'has(input.o.a)', 'has(input.q)', "'a' in input.o", "'b' in input.k", 'input.z == null'),
      binary('number', ['<', '<=', '>', '>=', '==', '!='], 'number'),
      binary('text', ['<', '>=', '==', '!='], 'text'),
      binary('bool', ['&&', '||', '==', '!='], 'bool'),
      binary('list', ['==', '!='], 'list'),
      binary('number', ['in'], 'list'),
      tie('bool').map((a) => `!${a}`),
      fc.tuple(tie('text'), fc.constantFrom('contains', 'startsWith', 'endsWith'), tie('text')).map(([a, name, b]) => `${a}.${name}(${b})`),
      fc.tuple(tie('list'), fc.constantFrom('all', 'exists', 'exists_one'), fc.constantFrom('>', '==')).map(([a, name, op]) => `${a}.${name}(e, e ${op} 1.0)`),
    ),
    list: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('input.l', '[1.0, input.m]', '[input.n]'),
      binary('list', ['+'], 'list'),
      tie('list').map((a) => `${a}.map(e, e * 2.0)`),
      tie('list').map((a) => `${a}.filter(e, e > 1.0)`),
    ),
    expression: fc.oneof(tie('number'), tie('text'), tie('bool'), tie('list')),
  };
});

describe('oracle', () => {
  it('agrees with cel-js wherever that has an answer', () => {
    let answers = 0;
    fc.assert(
      fc.property(
        expression.filter((source) => source.length < 500),
        (source) => {
          let expected: unknown;
          try {
            expected = oracle.evaluate(source, VALUES);
          } catch {
            return;
          }
          answers++;
          // JSON has one zero, cel-js two.
          expect(value(source, 'render', VALUES)).toEqual(JSON.parse(JSON.stringify(expected)));
        },
      ),
      { numRuns: 2_000 },
    );
    expect(answers).toBeGreaterThan(500);
  });
});
