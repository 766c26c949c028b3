// Nested loops run in a thread with a time limit; everything else stays here.
import { afterAll, describe, expect, it } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import { createEvaluator } from '../../src/expression/cel-evaluator.ts';
import { VALUES } from './helpers.ts';

const evaluator = createEvaluator();
const scope = { values: VALUES };
const NESTED = '${{ input.list.map(a, input.list.map(b, a * b)) }}';
const ENDLESS = '${{ range(100000).map(a, range(100000).map(b, a * b)).size() }}';
const rejected = (promise: Promise<unknown>): Promise<LogisticsError> =>
  promise.then(
    () => Promise.reject(new Error('Expected an error.')),
    (error: unknown) => (error instanceof LogisticsError ? error : Promise.reject(error)),
  );

afterAll(() => evaluator.close());

describe('renderBounded', () => {
  it('renders without a thread what has one level', async () => {
    const list = await evaluator.renderBounded('${{ input.list }}', scope, 1_000);
    expect(list).toBe((VALUES.input as { list: unknown }).list);
    expect(await evaluator.renderBounded({ a: '${{ input.list.map(e, e + 1) }}' }, scope, 1_000)).toEqual({ a: [2, 3, 4] });
  });

  it('renders nested loops in the thread, several at once', async () => {
    const product = [
      [1, 2, 3],
      [2, 4, 6],
      [3, 6, 9],
    ];
    const answers = await Promise.all(
      [1, 2, 3].map(() =>
        evaluator.renderBounded({ a: NESTED, b: '${{ steps.fetch-data.status }}', c: '${{ failure() }}' }, { ...scope, status: { failed: true } }, 5_000),
      ),
    );
    expect(answers).toEqual([1, 2, 3].map(() => ({ a: product, b: 'failed', c: true })));
  });

  it('ends what takes too long and goes on with the next', async () => {
    const slow = rejected(evaluator.renderBounded(ENDLESS, scope, 50));
    const next = evaluator.renderBounded(NESTED, scope, 5_000);
    expect(await slow).toMatchObject({ code: 'expression_too_costly', message: expect.stringContaining('0.05 s') });
    expect(await next).toHaveLength(3);
  });

  it('gives errors of the thread back with their fields', async () => {
    const error = await rejected(evaluator.renderBounded({ a: '${{ input.people.map(p, input.list.map(e, p.agee)) }}' }, scope, 5_000));
    expect(error).toMatchObject({ code: 'unresolved_reference', path: 'p.agee', nearMatches: ['age'], details: { at: '/a' } });
    expect((await rejected(evaluator.renderBounded('${{ 1 / 0 }}', scope, 5_000))).code).toBe('invalid_expression');
    expect((await rejected(evaluator.renderBounded(`\${{ ${'[1].map(a, '.repeat(4)}1)))) }}`, scope, 5_000))).code).toBe('expression_too_costly');
  });

  it('moves a single level that does too much into the thread', async () => {
    const items = Array.from({ length: 4_000 }, (_, id) => ({ id }));
    const template = '${{ input.items.filter(e, e in input.items).size() }}';
    expect(await evaluator.renderBounded(template, { values: { input: { items } } }, 20_000)).toBe(4_000);
    expect((await rejected(evaluator.renderBounded('${{ range(100000).filter(e, e in range(100000)).size() }}', scope, 50))).code).toBe(
      'expression_too_costly',
    );
  });

  it('keeps members of any name on the way', async () => {
    const values = { input: { list: [1], odd: JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}') } };
    expect(await evaluator.renderBounded('${{ input.list.map(a, input.list.map(b, input.odd)) }}', { values }, 5_000)).toEqual([[values.input.odd]]);
  });

  it('refuses values that are not plain data', async () => {
    const values = { input: { list: [1], call: () => 1 } } as never;
    expect((await rejected(evaluator.renderBounded(NESTED, { values }, 5_000))).code).toBe('internal');
    expect(await evaluator.renderBounded(NESTED, scope, 5_000)).toHaveLength(3);
  });

  it('ends when too much memory is used', { timeout: 20_000 }, async () => {
    const small = createEvaluator({ threadHeapMb: 24 });
    const hungry = '${{ range(1000).map(a, range(100000).map(b, "x" + string(a * b))).size() }}';
    expect(await rejected(small.renderBounded(hungry, scope, 15_000))).toMatchObject({
      code: 'expression_too_costly',
      message: expect.stringContaining('memory'),
    });
    await small.close();
  });

  it('rejects what is under way on close, and everything after', async () => {
    const closing = createEvaluator();
    await closing.renderBounded(NESTED, scope, 5_000);
    const running = [rejected(closing.renderBounded(ENDLESS, scope, 60_000)), rejected(closing.renderBounded(NESTED, scope, 60_000))];
    await closing.close();
    await closing.close();
    expect((await Promise.all(running)).map((error) => error.code)).toEqual(['shutting_down', 'shutting_down']);
    expect((await rejected(closing.renderBounded(NESTED, scope, 1_000))).code).toBe('shutting_down');
    expect(closing.render('${{ 1 }}', scope, 'render')).toBe(1);
  });

  it('closes without ever having started', async () => {
    await createEvaluator().close();
  });
});
