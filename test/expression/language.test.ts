// Operators, references and functions of the expression language.
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import { functionNames } from '../../src/expression/functions/library.ts';
import { failure, value } from './helpers.ts';

const GOOD: readonly (readonly [string, Json])[] = [
  // numbers: one type
  ['1 == 1.0', true],
  ['3 / 2', 1.5],
  ['4 / 2', 2],
  ['input.count + 1', 3],
  ['input.count % 2', 0],
  ['-7 % 3', -1],
  ['7.5 % 2', 1.5],
  ['-0 * 5', 0],
  ['0 * -1', 0],
  ['input.count > 1 && input.count <= 2.0', true],
  ['1 + 2 * 3 - 4', 3],
  ['0xff', 255],
  ['1u + 1', 2],
  ['1e3', 1000],
  ['-input.count', -2],
  ['- 0', 0],
  ['size(input.list) + 1', 4],
  ['input.list[size(input.list) - 1]', 3],
  ['input.list[input.one]', 2],
  ['input.list[1.0]', 2],
  ['input.huge * 2 > 1', true],
  ['9007199254740990 + 1', 9007199254740991],
  ['input.huge + 1 == input.huge', true],
  // other operators
  ["'a' + 'b'", 'ab'],
  ['[1] + [2]', [1, 2]],
  ["true ? 'a' : 1", 'a'],
  ["false ? 'a' : 1", 1],
  ['[1, "a", null, {"b": []}]', [1, 'a', null, { b: [] }]],
  ['!input.yes', false],
  ["'a' < 'b'", true],
  ["'b' >= 'b'", true],
  ['false < true', true],
  ["'a' <= 'a' && 'b' > 'a'", true],
  ['1 != 2', true],
  ['1 == "1"', false],
  ['null == false', false],
  ['[1, {"a": 2}] == [1.0, {"a": 2.0}]', true],
  ['[1] == [1, 2]', false],
  ['[1] == {"a": 1}', false],
  ['{"a": 1} == [1]', false],
  ['{"a": 1} == {"b": 1}', false],
  ['{"a": 1} == {"a": 1, "b": 1}', false],
  ['{"a": 1, "b": 2} == {"b": 2, "a": 1}', true],
  ['1 in input.list', true],
  ['4 in input.list', false],
  ['"a" in input.object', true],
  ['"constructor" in input.object', false],
  ['input.missing || true', true],
  ['true || input.missing', true],
  ['false && input.missing', false],
  ['input.missing && false', false],
  ['true && true', true],
  ['false || false', false],
  // references
  ['input.mode', 'x'],
  ["input['mode']", 'x'],
  ['input.nothing == null', true],
  ['input.constructor', 5],
  ['steps.fetch.output.items[0].x', 7],
  ['steps.fetch-data.output[0] - 1', 4],
  ["steps['fetch-data'].status", 'failed'],
  ['steps . fetch-data . output', [5]],
  ['steps.in.output', 'keyword'],
  ["'steps.fetch-data'", 'steps.fetch-data'],
  ['(input.object).a', 1],
  ['{"steps": {"a": 1}}.steps.a', 1],
  ['[[1, 2]][0][1]', 2],
  ['{"7": "seven"}[7]', 'seven'],
  ['"\\u0041\\n"', 'A\n'],
  ["r'\\d'", '\\d'],
  ["'''it's'''", "it's"],
  ['// note\n1', 1],
  // has and default
  ['has(input.mode)', true],
  ['has(input.q)', false],
  ['has(input.q.r.s)', false],
  ['has(input.nothing)', true],
  ["has(input['mode'])", true],
  ['has(input.list[3])', false],
  ['has(item)', false],
  ['has(input.list[input.q])', false],
  ['default(input.q.r, 5)', 5],
  ['default(input.nothing, 5)', 5],
  ['default(input.mode, 5)', 'x'],
  ['input.q.default(3)', 3],
  ['default(input.q + 1, 0)', 0],
  ['default(input.list[input.q], 0)', 0],
  ['default(first(input.empty), "none")', 'none'],
  ['default(fromJson("{}").a, 1)', 1],
  ['default(item, input.mode)', 'x'],
  // loops
  ['input.list.map(e, e * 2)', [2, 4, 6]],
  ['input.list.map(e, e > 1, e * 2)', [4, 6]],
  ['input.list.filter(e, e > 1)', [2, 3]],
  ['[].all(e, e > 0)', true],
  ['input.list.all(e, e > 1)', false],
  ['input.list.exists(e, e == 2)', true],
  ['input.list.exists(e, e == 9)', false],
  ['input.list.exists_one(e, e > 2)', true],
  ['input.list.exists_one(e, e > 1)', false],
  ['input.object.map(k, k)', ['a', 'b']],
  ['input.people.map(item, item.name)', ['Bo', 'Al', 'Cy']],
  ['[1, {"a": 1}].exists(e, e.a == 1)', true],
  ['[{"a": 2}, 1].all(e, e.a == 1)', false],
  ['input.list.filter(e, e > 1).map(e, e + input.one)', [3, 4]],
  // lists
  ['sum(input.list)', 6],
  ['sum([])', 0],
  ['avg([1, 2])', 1.5],
  ['avg([])', null],
  ['min(input.list)', 1],
  ['max([])', null],
  ['max(1, 3, 2)', 3],
  ["min(['b', 'a'])", 'a'],
  ["join(input.list, '-')", '1-2-3'],
  ["input.list.join(', ')", '1, 2, 3'],
  ['[null, "a", {"b": 1}].join()', ',a,{"b":1}'],
  ['sort([3, 1, 2])', [1, 2, 3]],
  ["['b', 'a'].sort()", ['a', 'b']],
  ['sort([2, null, 1])', [1, 2, null]],
  ["input.people.sortBy('age').map(p, p.name)", ['Al', 'Cy', 'Bo']],
  ["sortBy([{}, {'a': 1}], 'a')", [{ a: 1 }, {}]],
  ['unique([1, 1.0, "1", null, null, {"a": 1, "b": 2}, {"b": 2, "a": 1}])', [1, '1', null, { a: 1, b: 2 }]],
  ['flatten([[1], [2, [3]]])', [1, 2, [3]]],
  ['flatten([[1, [2, [3]]]], 3)', [1, 2, 3]],
  ['first(input.list)', 1],
  ['last(input.list)', 3],
  ['last([])', null],
  ['reverse(input.list)', [3, 2, 1]],
  ['range(3)', [0, 1, 2]],
  ['range(2, 5)', [2, 3, 4]],
  ['range(-1)', []],
  [
    'zip([1, 2], ["a", "b", "c"])',
    [
      [1, 'a'],
      [2, 'b'],
    ],
  ],
  ["countBy(input.people, 'age')", { 10: 2, 30: 1 }],
  ["groupBy([{'k': null}, {'k': [1]}, {'k': '__proto__'}], 'k').keys()", ['null', '[1]', '__proto__']],
  ["input.people.groupBy('name').Bo[0].age", 30],
  ['input.list.contains(2)', true],
  ['input.list.contains(2.5)', false],
  // objects
  ['keys(input.object)', ['a', 'b']],
  ['values(input.object)', [1, 2]],
  ['entries({"a": 1})', [{ key: 'a', value: 1 }]],
  ['merge({"a": 1}, {"a": 2, "b": 3})', { a: 2, b: 3 }],
  ['size(input.object)', 2],
  // text
  ['upper(input.text)', 'ABC'],
  ["'ABC'.lower()", 'abc'],
  ["trim(' a ')", 'a'],
  ["'a.b.c'.replace('.', '-')", 'a-b-c'],
  ["'abc'.contains('b')", true],
  ["'abc'.startsWith('ab')", true],
  ["'abc'.endsWith('ab')", false],
  ['substring("a😀b", 1, 2)', '😀'],
  ["'abc'.substring(1)", 'bc'],
  ['size("a😀b")', 3],
  ["padStart(5, 3, '0')", '005'],
  ["padEnd('a', 3)", 'a  '],
  ["padStart('abc', 1)", 'abc'],
  ["split('a,b', ',')", ['a', 'b']],
  ["'😀b'.split('')", ['😀', 'b']],
  ["'ab'.split('')", ['a', 'b']],
  // conversions
  ['toJson({"a": [1]})', '{"a":[1]}'],
  ['fromJson(\'{"__proto__": 1}\').keys()', ['__proto__']],
  ["number('3.5') + 1", 4.5],
  ['number(true)', 1],
  ['number(false)', 0],
  ["number(' 1e3 ')", 1000],
  ["int('7.9')", 7],
  ['int(-0.5)', 0],
  ["double('.5')", 0.5],
  ['string(1)', '1'],
  ['string(null)', ''],
  ['string([1])', '[1]'],
  ["bool('no')", false],
  ["bool('ON')", true],
  ['bool(0)', false],
  ['bool(null)', false],
  ['bool(true)', true],
  ['round(2.5)', 3],
  ['round(-2.5)', -3],
  ['round(1.005, 2)', 1.01],
  ['round(-0.2)', 0],
  ['round(7)', 7],
  ['round(input.huge)', 1e300],
  ['floor(-1.5)', -2],
  ['ceil(-0.5)', 0],
  ['abs(-3)', 3],
  ['round(0.0000001, 3)', 0],
  ['[null, true, 1, "a", [], {}].map(e, type(e))', ['null', 'bool', 'number', 'string', 'list', 'object']],
  // regular expressions
  ["regex(input.text, '^a.c$')", true],
  ["input.text.regex('z')", false],
  ["regexFind('order 42', '[0-9]+')", '42'],
  ["regexFind('abc', '[0-9]+')", null],
  ["regexReplace('a1b22', '([0-9]+)', '<$1$$>')", 'a<1$>b<22$>'],
  ["regexReplace('abc', '', '-')", '-a-b-c-'],
  ["regexReplace('abc', 'b', 'x')", 'axc'],
  // status
  ['success()', true],
  ['failure()', false],
  ['always()', true],
];

describe('expressions', () => {
  it.each(GOOD)('%s', (expression, expected) => {
    expect(value(expression)).toStrictEqual(expected);
  });

  it('answers success(), failure() and always() from the status', () => {
    expect(['success()', 'failure()', 'always()'].map((e) => value(e, 'condition', {}, true))).toEqual([false, true, true]);
  });

  it('keeps __proto__ a plain member of objects it makes', () => {
    for (const expression of ['{"__proto__": 1}', 'merge({"__proto__": 1})', 'fromJson(\'{"__proto__": 1}\')', 'groupBy([{"a": "__proto__"}], "a")']) {
      const made = value(expression) as object;
      expect(Object.keys(made)).toEqual(['__proto__']);
      expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
    }
  });

  it('does not change its inputs', () => {
    const list = Object.freeze([3, 1, 2]);
    expect(value('sort(input.l) + reverse(input.l)', 'render', { input: { l: list } })).toEqual([1, 2, 3, 2, 1, 3]);
  });

  it('has exactly these functions', () => {
    expect(functionNames().join(' ')).toBe(
      'abs all always avg bool ceil contains countBy default double endsWith entries exists exists_one failure filter first flatten floor fromJson groupBy has int join keys last lower map max merge min ' +
        'number padEnd padStart range regex regexFind regexReplace replace reverse round size sort sortBy split startsWith string substring success sum toJson trim type unique upper values zip',
    );
  });
});

const BAD: readonly (readonly [string, RegExp])[] = [
  ['9007199254740991 + 1', /2\^53/],
  ['99999999999999999999', /2\^53/],
  ['18446744073709551615u', /2\^53/],
  ['1 / 0', /Division by zero/],
  ['1 % 0', /zero/],
  ['1e308 * 10', /too large/],
  ['"a" + 1', /string and number/],
  ['1 - "a"', /number and string/],
  ['null + 1', /null and number/],
  ['{} + {}', /object and object/],
  ['-"a"', /needs a number/],
  ['1 < "a"', /no order/],
  ['null < 1', /no order/],
  ['[1] < [2]', /no order/],
  ['1 in "abc"', /list or an object/],
  ['1 in input.object', /string as key/],
  ['1 in 5', /list or an object/],
  ['1 ? 2 : 3', /true or false/],
  ['1 && true', /true or false/],
  ['true && 1', /true or false/],
  ['false || 1', /true or false/],
  ['!1', /true or false/],
  ['input.list.filter(e, e)', /true or false/],
  ['input.list.all(e, e)', /true or false/],
  ['input.count.map(e, e)', /list or an object/],
  ['input.nothing.map(e, e)', /list or an object/],
  ['{1: 2}', /keys of an object/],
  ['{input.count: 2}', /keys of an object/],
  ['input.list[0.5]', /whole number/],
  ['input.list[true]', /index is a number/],
  ["input.text.matches('a+')", /not available/],
  ["matches(input.text, 'a')", /not available/],
  ['foo(1)', /no function foo/],
  ['input.foo()', /no function foo/],
  ['sum()', /0 arguments/],
  ['upper(1, 2)', /2 arguments/],
  ['success(1)', /no arguments/],
  ['has(1)', /one reference/],
  ['input.mode.has()', /one reference/],
  ['has()', /0 arguments/],
  ['map(1, 2)', /on a list/],
  ['input.list.map(e)', /variable and an expression|no function/],
  ['input.list.map(1, 2)', /variable|invalid/],
  ['input.list.map(steps, 1)', /cannot be the variable/],
  ['steps', /must be named/],
  ['keys(steps)', /must be named/],
  ['steps[input.mode].output', /must be named/],
  ['secrets', /must be named/],
  ['toJson(secrets)', /must be named/],
  ['b"abc"', /Byte texts/],
  ['input.?mode', /Syntax error/],
  ['optional.none()', /no (name|function)/],
  ['', /empty/],
  ['1 +', /Syntax error/],
  ["'abc", /closing|Unterminated/],
  ['upper(1)', /argument 1 must be text, got 1/],
  ['join(null)', /must be a list, got null/],
  ['keys([])', /must be an object, got list/],
  ['floor("a")', /must be a number, got string/],
  ['range(1.5)', /whole number, got 1.5/],
  ['size(1)', /size\(x\) needs/],
  ['sum(["a"])', /numbers only/],
  ['max(1)', /list or several/],
  ['max([{}])', /no order/],
  ['sort([1, "a"])', /no order/],
  ['flatten([], 21)', /depth/],
  ['substring("abc", 2, 1)', /inside/],
  ['substring("abc", 0, 9)', /inside/],
  ['padStart("a", -1)', /not negative/],
  ['replace("a", "", "b")', /not empty/],
  ['number("x")', /not a number/],
  ['number([])', /cannot convert list/],
  ['int(1e300)', /2\^53/],
  ['bool("maybe")', /neither/],
  ['bool([])', /cannot convert/],
  ['fromJson("{secret")', /^fromJson\(text\): the text is not valid JSON\.$/],
  ['round(1, 16)', /digits/],
  ["regex('a', '(')", /not valid/],
  ["regex('a', '(?=a)')", /not valid/],
  ["regexReplace('a', 'a', '$2')", /no group 2/],
];

describe('faulty expressions', () => {
  it.each(BAD)('%s', (expression, message) => {
    const error = failure(expression);
    expect(error.message).toMatch(message);
    expect(['invalid_expression', 'unresolved_reference']).toContain(error.code);
    expect(error.nextActions.length).toBeGreaterThan(0);
  });

  it.each([
    ['a === b', /==/],
    ['a ?? b', /default/],
    ['input?.a', /has\(/],
    ['input.list.map(e => e)', /map\(e/],
    ['input.text | upper', /upper\(x\)/],
    ['input.count = 2', /==/],
    ['not input.yes', /!/],
    ['if input.yes', /\? a : b/],
    ['`x`', /quotes/],
    ['2 ** 3', /power/],
    ['input.text.toUpperCase()', /upper/],
    ['length(input.list)', /size/],
    ['input.list.some(e, e)', /exists/],
    ['upper', /calls the function/],
  ])('%s says what to write instead', (expression, expected) => {
    expect(failure(expression).expected).toMatch(expected);
  });

  it('gives the position in the source as it was written', () => {
    expect(failure('steps.fetch-data.output + steps.fetch-data.status = 1').message).toContain('at character 51');
    expect(failure('1 = 2').message).toContain('at character 3');
  });
});

describe('unresolved references', () => {
  it('name the path, near matches, what is there and what to do', () => {
    const error = failure('steps.fetch.output.totl > 1');
    expect(error).toMatchObject({
      code: 'unresolved_reference',
      path: 'steps.fetch.output.totl',
      nearMatches: ['total'],
      details: { at: '', expression: 'steps.fetch.output.totl > 1' },
    });
    expect(error.message).toContain('it has total, items');
    expect(error.message).toContain('default(steps.fetch.output.totl, fallback)');
  });

  it.each([
    ['input.lst', 'input.lst', /has no field "lst"/],
    ['input.text.x', 'input.text.x', /is string/],
    ['input.nothing.x', 'input.nothing.x', /is null/],
    ['input.list.name', 'input.list.name', /input\.list\.map\(e, e\.name\)/],
    ['input.list.length', 'input.list.length', /size\(input\.list\)/],
    ['input.text.length', 'input.text.length', /size/],
    ['input.list[7]', 'input.list[7]', /0 to 2/],
    ['input.list[-1]', 'input.list[-1]', /0 to 2/],
    ['input.empty[input.one]', 'input.empty[1]', /is empty/],
    ['steps.fetch-dat.output', 'steps.fetch-dat', /fetch-data/],
    ["input['a b']", 'input["a b"]', /no field "a b"/],
    ['item', 'item', /forEach/],
    ['session.context.x', 'session', /no value/],
    ['input.people.all(p, p.agee > 0)', 'p.agee', /it has name, age/],
    ['first(input.people).nme', 'first(input.people).nme', /it has name/],
    ['groupBy(input.people, "x")', 'x', /Element 0/],
    ['input.__proto__', 'input.__proto__', /no field/],
    ['input.object.constructor', 'input.object.constructor', /no field/],
    ["input['toString']", 'input.toString', /no field/],
    ['input.list.push', 'input.list.push', /is a list/],
    ['input.text.constructor', 'input.text.constructor', /is string/],
  ])('%s', (expression, path, message) => {
    const error = failure(expression);
    expect(error).toMatchObject({ code: 'unresolved_reference', path });
    expect(error.message).toMatch(message);
  });

  it('are found before running when the name can never exist', () => {
    expect(failure('inputs.mode')).toMatchObject({ code: 'unresolved_reference', nearMatches: ['input'] });
    expect(failure('input.user-name').message).toContain("x['first-second']");
  });
});
