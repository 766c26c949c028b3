// The rules of budgets, usage and breakers, apart from any store.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admitsRun, afterRun, type Breaker, type BreakerState, breakerStatus, CLOSED } from '../../src/domain/breaker.ts';
import { Budget, type BudgetUse, bounded, budgetError, nextStartAt, UNBOUNDED, usedUp } from '../../src/domain/budget.ts';
import { NO_USAGE, Usage, withReport } from '../../src/domain/usage.ts';

const use = (more: Partial<BudgetUse> = {}): BudgetUse => ({ attempts: 0, ...NO_USAGE, wallClockMs: 0, starts: [], ...more });

describe('a budget', () => {
  it('bounds only what is written, and knows no other word', () => {
    expect(Budget.parse({ tokens: 5, cost: null })).toEqual({
      runs: null,
      wallClockMs: null,
      attempts: null,
      fanOut: null,
      depth: null,
      tokens: 5,
      cost: null,
    });
    expect(Budget.parse({ runs: { max: 3, window: '1h' }, wall_clock: '90s' })).toMatchObject({ runs: { limit: 3, periodMs: 3_600_000 }, wallClockMs: 90_000 });
    for (const wrong of [{ token: 5 }, { tokens: 0 }, { cost: -1 }, { cost: Number.NaN }, { runs: { max: 3 } }, { depth: 99 }, { wall_clock: '0s' }])
      expect(Budget.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
  });

  it('is used up when nothing is left of one of its limits', () => {
    const limits = Budget.parse({ attempts: 2, cost: 1, wall_clock: '1s' });
    expect(usedUp(limits, use({ attempts: 1, cost: 0.999, wallClockMs: 999 }))).toBeNull();
    expect(usedUp(limits, use({ attempts: 2 }))).toBe('attempts');
    expect(usedUp(limits, use({ cost: 1 }))).toBe('cost');
    expect(usedUp(limits, use({ wallClockMs: 1_000 }))).toBe('wall_clock');
    expect(usedUp(Budget.parse({}), use({ attempts: 1e9 }))).toBeNull();
  });

  it('says when the next run may start', () => {
    const limits = Budget.parse({ runs: { max: 2, window: '1m' } });
    expect(nextStartAt(limits, [[1_000, 1]], 2_000)).toBeNull();
    expect(nextStartAt(limits, [[1_000, 2]], 2_000)).toBe(61_000);
    expect(nextStartAt(limits, [[1_000, 2]], 61_000)).toBeNull();
  });

  it('bounds steps by the strictest of all, counted from whose budget it is', () => {
    const own = bounded(UNBOUNDED, Budget.parse({ fan_out: 10, depth: 3 }), 0);
    expect(bounded(own, Budget.parse({ fan_out: 20, depth: 3 }), 2)).toEqual({ fanOut: 10, levels: 1 });
    expect(bounded(UNBOUNDED, Budget.parse({ depth: 1 }), 4)).toEqual({ fanOut: null, levels: 0 });
  });

  it('is refused with what to do, and as retryable where time gives it back', () => {
    expect(budgetError('session', 'sess_1', 'tokens', { limit: 'tokens' })).toMatchObject({ code: 'budget_exceeded', retryable: false, path: 'session' });
    expect(budgetError('workflow', 'w', 'runs', {}, 5_000)).toMatchObject({ retryable: true, details: { retry_at: 5_000 } });
  });
});

describe('usage', () => {
  it('counts what is new, whatever comes twice, late or out of order; attempts add up', () => {
    const report = fc.record({ token: fc.integer({ min: 1, max: 3 }), tokens: fc.integer({ min: 0, max: 50 }) });
    fc.assert(
      fc.property(fc.array(report, { maxLength: 20 }), (unsorted) => {
        const reports = [...unsorted].sort((a, b) => a.token - b.token);
        let kept: ReturnType<typeof withReport>['kept'] | null = null;
        let added = 0;
        for (const { token, tokens } of reports.flatMap((one) => [one, one])) {
          const next = withReport(kept, token, { ...NO_USAGE, tokens });
          expect(next.added.tokens).toBeGreaterThanOrEqual(0);
          added += next.added.tokens;
          kept = next.kept;
        }
        const most = [1, 2, 3].map((token) => Math.max(0, ...reports.filter((one) => one.token === token).map((one) => one.tokens)));
        expect(kept?.sum.tokens ?? 0).toBe(added);
        expect(added).toBe(most.reduce((a, b) => a + b, 0));
      }),
    );
  });

  it('takes tokens of both kinds together unless their sum is given', () => {
    expect(Usage.parse({ input_tokens: 3, output_tokens: 4 })).toEqual({ tokens: 7, inputTokens: 3, outputTokens: 4, cost: 0 });
    expect(Usage.parse({ tokens: 9, input_tokens: 3 })).toMatchObject({ tokens: 9 });
  });
});

describe('a breaker', () => {
  const breaker: Breaker = { failures: 2, cooldownMs: 100 };
  const end = (state: BreakerState, result: 'completed' | 'failed' | 'cancelled', now: number, probe = false): BreakerState =>
    afterRun(breaker, state, { result, probe }, now);

  it('opens after failures in a row; only the run that probes closes it, or opens it again', () => {
    const open = end(end(CLOSED, 'failed', 1), 'failed', 2);
    expect(open).toEqual({ failures: 2, openedAt: 2, probing: false });
    expect([admitsRun(breaker, open, 101), admitsRun(breaker, open, 102)]).toEqual(['refused', 'probe']);
    expect([breakerStatus(breaker, open, 101), breakerStatus(breaker, open, 102)]).toEqual(['open', 'half_open']);
    const probing = { ...open, probing: true };
    expect(admitsRun(breaker, probing, 500)).toBe('refused');
    expect(end(probing, 'completed', 500)).toBe(probing);
    expect(end(probing, 'completed', 500, true)).toEqual(CLOSED);
    expect(end(probing, 'failed', 500, true)).toEqual({ failures: 3, openedAt: 500, probing: false });
    expect(end(probing, 'cancelled', 500, true)).toEqual(open);
  });

  it('counts from the last completed run, and a cancelled one not at all', () => {
    const one = end(CLOSED, 'failed', 1);
    expect(end(end(one, 'cancelled', 2), 'completed', 3)).toEqual(CLOSED);
    expect(admitsRun({ failures: 1 }, end(one, 'failed', 2), 1e15)).toBe('refused');
  });
});
