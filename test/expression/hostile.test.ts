// Hostile expressions are refused or ended quickly, always with a LogisticsError.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { Json } from '../../src/domain/json.ts';
import { functionNames } from '../../src/expression/functions/library.ts';
import { caught, evaluator, failure, VALUES, value } from './helpers.ts';

const items = Array.from({ length: 100_000 }, (_, id) => ({ id, name: `n${id}` }));
const big = { input: { items, text: 'a'.repeat(1_000_000), numbers: items.map(({ id }) => id) } };

/** Takes no more of a processor than a bound that leaves room for a slow machine: the point is milliseconds, not minutes. What others do meanwhile does not count. */
function timed<T>(work: () => T): T {
  const start = process.threadCpuUsage();
  const result = work();
  const { user, system } = process.threadCpuUsage(start);
  expect((user + system) / 1_000).toBeLessThan(6_000);
  return result;
}

describe('refused before running', () => {
  it.each([
    ['deep parentheses', `${'('.repeat(1_000)}1${')'.repeat(1_000)}`],
    ['many nots', `${'!'.repeat(4_000)}true`],
    ['fifty nots', `${'!'.repeat(50)}true`],
    ['many minuses', `${'- '.repeat(100)}1`],
    ['deep lists', `${'['.repeat(100)}${']'.repeat(100)}`],
    ['deep calls', `${'abs('.repeat(60)}1${')'.repeat(60)}`],
    ['deep ternaries', `${'true ? 1 : '.repeat(60)}1`],
    ['long', `1${' + 1'.repeat(1_500)}`],
    ['many nodes', `1${'+1'.repeat(1_000)}`],
    ['long name', `input.${'x'.repeat(5_000)}`],
    ['range', 'range(1000000000)'],
    ['padding', "padStart('a', 1000000000)"],
  ])('%s', (_, expression) => {
    expect(timed(() => failure(expression)).code).toBe('expression_too_costly');
  });

  it('lets long flat chains through', () => {
    expect(value(`1${' + 1'.repeat(400)}`)).toBe(401);
  });
});

describe('ended while running', () => {
  it.each([
    ['quadratic in', 'input.items.filter(e, e in input.items)'],
    ['quadratic equality', 'input.items.all(e, input.items == input.items.map(f, f)) || true'],
    ['concatenation', 'input.items.map(e, input.items + input.items)'],
    ['sorting', 'input.items.map(e, sort(input.numbers))'],
    ['missing everywhere', 'input.items.all(e, e.zzz > 1)'],
    ['shared output', 'input.items.map(e, input.items)'],
    ['shared text', 'input.items.map(e, input.text)'],
    ['shared JSON', 'toJson(input.items.map(e, input.items))'],
    ['joined', 'join(input.items.map(e, input.text))'],
    ['doubling', `input.text${' + input.text'.repeat(40)}`],
    ['replacing', "replace(input.text, 'a', input.text)"],
    ['replacing by pattern', "regexReplace(input.text, 'a', input.text)"],
    ['replacing slowly', "regexReplace(input.text, '(?:a.*b|a)', 'x')"],
    ['patterns', 'input.items.map(e, regex(input.text, "(a+)+$" + string(e.id)))'],
    ['compiling', 'input.items.filter(e, regex("x", "(\\\\w{1,100}){1,10}" + string(e.id)))'],
    ['long pattern', 'regex("a", input.text)'],
    ['text equality', 'input.items.exists(e, input.text + "x" == input.text + "y")'],
    ['unique', 'unique(input.items.map(e, input.items))'],
    ['flattening', 'flatten(input.items.map(e, input.items))'],
    ['keys', 'input.items.map(e, keys(input))'.replace('keys(input)', 'merge({"a": input.items}, {"b": input.items}).entries()')],
    ['mixed', 'input.items.map(e, upper(input.text))'],
    ['splitting', "input.items.map(e, input.text.split('a'))"],
    ['characters', "input.items.map(e, input.text.split(''))"],
    ['searching', 'input.items.filter(e, input.text.contains(input.text + "b"))'],
  ])('%s', (_, expression) => {
    for (const mode of ['condition', 'render'] as const) {
      expect(timed(() => failure(expression, mode, big))).toMatchObject({ code: 'expression_too_costly' });
    }
  });

  it('bounds mixed text and deep values', () => {
    const texts = '${{ input.text }}'.repeat(20);
    expect(caught(() => evaluator.render(texts, { values: big }, 'render')).code).toBe('expression_too_costly');
    let deep: Json = 1;
    for (let i = 0; i < 50_000; i++) deep = [deep];
    const values = { input: { a: deep, b: structuredCloneDeep(50_000) } };
    expect(failure('input.a == input.b', 'condition', values).code).toBe('expression_too_costly');
    expect(failure('toJson(input.a)', 'render', values).code).toBe('expression_too_costly');
    expect(value('input.a', 'render', values)).toBe(deep);
  });

  it('allows one level over a hundred thousand items', () => {
    const loop = 'input.items.filter(e, e.id % 2 == 0 && e.name != "n4").map(e, e.name)';
    expect(timed(() => value(loop, 'condition', big))).toHaveLength(49_999);
    expect(timed(() => value('input.items.map(e, default(e.x, 0)).sum()', 'condition', big))).toBe(0);
    expect(timed(() => value('sortBy(input.items, "name").size()', 'condition', big))).toBe(100_000);
    expect(timed(() => value('unique(input.items).size()', 'render', big))).toBe(100_000);
  });

  it('matches patterns in linear time', () => {
    expect(timed(() => value("regex(input.text, '(a+)+$')", 'render', { input: { text: `${'a'.repeat(10_000)}b` } }))).toBe(false);
  });
});

function structuredCloneDeep(depth: number): Json {
  let deep: Json = 1;
  for (let i = 0; i < depth; i++) deep = [deep];
  return deep;
}

const WORDS = [
  ...functionNames(),
  'input',
  'steps',
  'steps.fetch-data',
  'list',
  'e',
  'count',
  'text',
  'object',
  'people',
  'nothing',
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'null',
  'true',
  'in',
  '1',
  '2.5',
  '1e400',
  '0x',
  '1u',
  "'a'",
  '"',
  "'''",
  'r"',
  'b"x"',
  '\\',
  '\\u00',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '.',
  '.?',
  '[?',
  ',',
  ':',
  '?',
  '+',
  '-',
  '*',
  '/',
  '%',
  '==',
  '!=',
  '<',
  '>=',
  '&&',
  '||',
  '!',
  '//',
  '\n',
  ' ',
  '$',
  '${{',
  '}}',
  '\u0000',
  '\ud800',
  'é',
  '😀',
  '\u202e',
];

function mustBehave(template: Json): void {
  for (const mode of ['condition', 'render'] as const) {
    const faults = evaluator.check(template, mode);
    try {
      const result = evaluator.render(template, { values: VALUES }, mode);
      expect(faults).toEqual([]);
      expect(JSON.stringify(result)).toBeTypeOf('string');
    } catch (error) {
      expect(error).toBeInstanceOf(LogisticsError);
      expect(['invalid_expression', 'unresolved_reference', 'expression_too_costly']).toContain((error as LogisticsError).code);
    }
  }
  evaluator.references(template);
  evaluator.usesStatus(template);
}

describe('random input', () => {
  it('never crashes on words of the language', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...WORDS), { maxLength: 25 }), (words) => mustBehave(`\${{ ${words.join('')} }}`)),
      { numRuns: 3_000 },
    );
  });

  it('never crashes on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.boolean(), (text, wrap) => mustBehave(wrap ? `\${{${text}}}` : text)),
      { numRuns: 2_000 },
    );
  });

  it('calls every function with every kind of argument', () => {
    const argument = fc.constantFrom(
      '1',
      '-1',
      '1e300',
      "'a'",
      "''",
      "'('",
      'null',
      'true',
      '[]',
      '[1, "a", null, [2]]',
      '{}',
      '{"a": 1}',
      'input',
      'input.people',
      'input.list',
    );
    fc.assert(
      fc.property(fc.constantFrom(...functionNames()), fc.array(argument, { maxLength: 4 }), fc.boolean(), (name, args, method) => {
        mustBehave(method ? `\${{ (${args[0] ?? '1'}).${name}(${args.slice(1).join()}) }}` : `\${{ ${name}(${args.join()}) }}`);
      }),
      { numRuns: 4_000 },
    );
  });
});
