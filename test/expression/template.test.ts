// Templates: types, mixing, escapes, faults, references.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import { createEvaluator } from '../../src/expression/cel-evaluator.ts';
import { caught, evaluator, VALUES, value } from './helpers.ts';

const scope = { values: VALUES };
const render = (template: Json): Json => evaluator.render(template, scope, 'render');

describe('render', () => {
  it.each<[Json, Json]>([
    ['plain', 'plain'],
    ['', ''],
    [null, null],
    [5, 5],
    ['{{name}} $ $$ {', '{{name}} $ $$ {'],
    ['${{ input.count }}', 2],
    ['  ${{ input.list }}\n', [1, 2, 3]],
    ['${{input.count}}', 2],
    ['n=${{ input.count }}', 'n=2'],
    ['${{ input.count }}${{ input.mode }}', '2x'],
    ['a ${{ input.nothing }} b', 'a  b'],
    ['${{ input.list }} and ${{ input.object }} ${{ true }}', '[1,2,3] and {"a":1,"b":2} true'],
    ['$${{ x }}', '${{ x }}'],
    ['$$${{ x }} ${{ 1 }}', '$${{ x }} 1'],
    ["${{ '}}' }}", '}}'],
    ['${{ {"a": {"b": 1}} }}', { a: { b: 1 } }],
    ['${{ {"a": {"b": 1}}}}', { a: { b: 1 } }],
    ['${{ """a"}}""" }}', 'a"}}'],
    ["${{ 'a\\'}}' }}", "a'}}"],
    [
      { a: ['${{ input.count }}', 'x', 1], b: { c: null } },
      { a: [2, 'x', 1], b: { c: null } },
    ],
  ])('%j', (template, expected) => {
    expect(render(template)).toStrictEqual(expected);
  });

  it('shares what has no expression and what is referred to', () => {
    const fixed = { deep: ['x'] };
    const rendered = render({ fixed, value: '${{ input.list }}' }) as { fixed: unknown; value: unknown };
    expect(rendered.fixed).toBe(fixed);
    expect(rendered.value).toBe((VALUES.input as { list: unknown }).list);
    expect(render(fixed)).toBe(fixed);
  });

  it('says where in the template an error is', () => {
    const error = caught(() => render({ 'a/b': ['ok', { '~': 'x ${{ 1 / 0 }}' }] }));
    expect(error).toMatchObject({ code: 'invalid_expression', path: '/a~1b/1/~0', details: { at: '/a~1b/1/~0', expression: '1 / 0' } });
  });

  it('keeps the type of arbitrary JSON in a whole-value reference', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const values = { input: { v: json as Json, w: [json as Json] } };
        expect(evaluator.render('${{ input.v }}', { values }, 'render')).toBe(json);
        expect(evaluator.render({ a: ' ${{ input.w[0] }}' }, { values }, 'condition')).toEqual({ a: json });
        expect(evaluator.render('${{ fromJson(toJson(input.v)) == input.v }}', { values }, 'condition')).toBe(true);
        expect(evaluator.render('${{ input.w == [input.v] && input.v in input.w }}', { values }, 'condition')).toBe(true);
      }),
    );
  });

  it('reads members of any name', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (name, json) => {
        const input = Object.fromEntries([[name, json as Json]]);
        const values = { input, steps: { a: { output: name } } };
        expect(evaluator.render('${{ input[steps.a.output] }}', { values }, 'render')).toBe(json);
      }),
    );
  });

  it('leaves text without an expression as it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('$', '{', '}', 'a', "'") }).filter((text) => !text.includes('${{')),
        (text) => {
          expect(render(text)).toBe(text);
        },
      ),
    );
  });
});

describe('check', () => {
  it('reports every fault with its place', () => {
    const faults = evaluator.check(
      { a: '${{ foo(1) + tota }}', 'b/c': ['${{ 1 + }}'], '${{k}}': 1, d: 'x ${{ 1', e: '${{ }}', ok: '${{ input.x }}' },
      'render',
    );
    expect(faults.map(({ path, code }) => [path, code])).toEqual([
      ['/a', 'invalid_expression'],
      ['/a', 'unresolved_reference'],
      ['/b~1c/0', 'invalid_expression'],
      ['/${{k}}', 'invalid_expression'],
      ['/d', 'invalid_expression'],
      ['/e', 'invalid_expression'],
    ]);
    expect(faults.find((fault) => fault.path === '/d')?.message).toContain('no closing');
  });

  it('allows one loop level in conditions and three in rendering', () => {
    const nested = (levels: number): string => `\${{ ${'[1].map(a, '.repeat(levels)}1${')'.repeat(levels)} }}`;
    const codes = (levels: number, mode: 'condition' | 'render'): string[] => evaluator.check(nested(levels), mode).map((fault) => fault.code);
    expect([codes(1, 'condition'), codes(2, 'condition'), codes(3, 'render'), codes(4, 'render')]).toEqual([
      [],
      ['expression_too_costly'],
      [],
      ['expression_too_costly'],
    ]);
    expect(evaluator.check('${{ [1].filter(a, true).map(a, 1).all(a, true) }}', 'condition')).toEqual([]);
    expect(caught(() => evaluator.render(nested(2), scope, 'condition')).code).toBe('expression_too_costly');
    expect(caught(() => evaluator.render(nested(2), scope, 'render')).code).toBe('expression_too_costly');
  });

  it('bounds the number of expressions and the depth of a template', () => {
    const many = Array.from({ length: 1_001 }, () => '${{ 1 }}');
    expect(evaluator.check(many, 'render').map((fault) => fault.code)).toEqual(['expression_too_costly']);
    expect(caught(() => render(many)).code).toBe('expression_too_costly');
    expect(render(many.slice(1))).toHaveLength(1_000);
    let deep: Json = '${{ 1 }}';
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(evaluator.check(deep, 'render')[0]?.message).toContain('nested deeper than 200');
    expect(caught(() => render(deep)).code).toBe('expression_too_costly');
    expect(evaluator.isDynamic(deep)).toBe(true);
    expect(evaluator.references(deep)).toEqual([]);
  });

  it('takes limits', () => {
    const small = createEvaluator({ expressionLength: 5 });
    expect(small.check('${{ 1 + 1 }}', 'render')).toEqual([]);
    expect(small.check('${{ 1 + 10 }}', 'render')[0]).toMatchObject({ code: 'expression_too_costly' });
  });

  it('keeps working when more texts come than it remembers', () => {
    const small = createEvaluator({ cachedSources: 2 });
    for (let round = 0; round < 3; round++) for (let i = 0; i < 5; i++) expect(small.render(`\${{ ${i} }}`, scope, 'render')).toBe(i);
  });

  it('does not remember long texts, but renders them', () => {
    const long = 'x'.repeat(10_000);
    expect(render(`${long}\${{ input.count }}`)).toBe(`${long}2`);
  });
});

describe('analysis', () => {
  it.each<[Json, string[]]>([
    ['${{ steps.a.output.items[0].x }}', ['steps.a.output.items']],
    ["${{ steps['a-b'].output + steps.c-d.output }}", ['steps.a-b.output', 'steps.c-d.output']],
    ['${{ input.list.map(e, e.x + input.y).size() }}', ['input.list', 'input.y']],
    ['${{ input.list.map(item, item.x) }} ${{ item.y }}', ['input.list', 'item.y']],
    ['${{ input[steps.a.output].x }}', ['steps.a.output', 'input']],
    ['${{ has(event.x) ? default(session.context.y, index) : {"k": [execution.id]} }}', ['event.x', 'session.context.y', 'index', 'execution.id']],
    [{ a: 'x ${{ secrets.TOKEN }} ${{ secrets.TOKEN }}', b: ['${{ schedule.at }}'] }, ['secrets.TOKEN', 'schedule.at']],
    ['${{ first(input.a).b }}', ['input.a']],
    ['$${{ input.a }}', []],
    ['${{ input. }}', []],
    [{ a: '${{ nothing.x }}' }, []],
  ])('references of %j', (template, expected) => {
    expect(evaluator.references(template).map((path) => path.join('.'))).toEqual(expected);
  });

  it('knows templates that use the status, and dynamic ones', () => {
    expect(evaluator.usesStatus({ a: ['${{ success() && input.x }}'] })).toBe(true);
    expect(evaluator.usesStatus('${{ input.success }} success()')).toBe(false);
    expect([5, 'x', { a: ['${{ 1 }}'] }, 'x $${{ y }}', [null]].map((template) => evaluator.isDynamic(template))).toEqual([false, false, true, true, false]);
  });
});

describe('lazy evaluation', () => {
  it('runs only the branch that is taken', () => {
    expect(value('has(input.q) ? input.q : "none"')).toBe('none');
  });
});
