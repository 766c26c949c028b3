import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRule, outcomeOf, type Verdict } from '../../src/domain/advance/trigger-rule.ts';
import { emptyStepRow } from '../../src/domain/workflow-execution.ts';
import { TRIGGER_RULES, type TriggerRule } from '../../src/domain/workflow-step.ts';

const counts = (needsCompleted: number, needsFailed: number, needsSkipped: number): Parameters<typeof decideRule>[2] => ({
  needsCompleted,
  needsFailed,
  needsSkipped,
});

/** rule, then completed/failed/skipped of 3 needs -> verdict */
const TABLE: readonly [TriggerRule, [number, number, number], Verdict][] = [
  ['all_success', [3, 0, 0], 'fire'],
  ['all_success', [2, 0, 0], 'wait'],
  ['all_success', [0, 1, 0], 'upstream_failed'],
  ['all_success', [1, 0, 1], 'wait'],
  ['all_success', [2, 0, 1], 'upstream_skipped'],
  ['all_success', [1, 1, 1], 'upstream_failed'],
  ['all_done', [1, 1, 1], 'fire'],
  ['all_done', [1, 1, 0], 'wait'],
  ['always', [0, 2, 1], 'fire'],
  ['all_failed', [0, 3, 0], 'fire'],
  ['all_failed', [0, 2, 0], 'wait'],
  ['all_failed', [1, 0, 0], 'trigger_rule'],
  ['all_failed', [0, 2, 1], 'trigger_rule'],
  ['one_success', [1, 0, 0], 'fire'],
  ['one_success', [0, 1, 1], 'wait'],
  ['one_success', [0, 1, 2], 'upstream_failed'],
  ['one_success', [0, 0, 3], 'upstream_skipped'],
  ['one_failed', [0, 1, 0], 'fire'],
  ['one_failed', [2, 0, 0], 'wait'],
  ['one_failed', [2, 0, 1], 'trigger_rule'],
  ['none_failed', [1, 0, 2], 'fire'],
  ['none_failed', [1, 0, 1], 'wait'],
  ['none_failed', [0, 1, 0], 'upstream_failed'],
  ['none_skipped', [1, 2, 0], 'fire'],
  ['none_skipped', [1, 1, 0], 'wait'],
  ['none_skipped', [0, 0, 1], 'trigger_rule'],
];

describe('decideRule', () => {
  it.each(TABLE)('%s with %j of three needs: %s', (rule, [completed, failed, skipped], verdict) => {
    expect(decideRule(rule, 3, counts(completed, failed, skipped))).toBe(verdict);
  });

  it('fires at once without needs, whatever the rule', () => {
    for (const rule of TRIGGER_RULES) expect(decideRule(rule, 0, counts(0, 0, 0))).toBe('fire');
  });

  it('says the same in every order of arrival: once said, never taken back in kind', () => {
    const arrivals = fc.array(fc.constantFrom('needsCompleted' as const, 'needsFailed' as const, 'needsSkipped' as const), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...TRIGGER_RULES), arrivals, fc.nat(), (rule, list, rotate) => {
        const first = (order: typeof list): Verdict => {
          const seen = { needsCompleted: 0, needsFailed: 0, needsSkipped: 0 };
          for (const outcome of order) {
            seen[outcome]++;
            const verdict = decideRule(rule, list.length, seen);
            if (verdict !== 'wait') return verdict;
          }
          return 'wait';
        };
        const at = rotate % list.length;
        const verdict = first(list);
        expect(verdict).not.toBe('wait');
        expect(first([...list.slice(at), ...list.slice(0, at)])).toBe(verdict);
        expect(first([...list].reverse())).toBe(verdict);
      }),
    );
  });
});

describe('outcomeOf', () => {
  const row = emptyStepRow(0);

  it('counts a tolerated failure as success and a skip after a failure as failure', () => {
    expect(outcomeOf({ ...row, status: 'completed' })).toBe('needsCompleted');
    expect(outcomeOf({ ...row, status: 'failed', tolerated: true })).toBe('needsCompleted');
    expect(outcomeOf({ ...row, status: 'failed' })).toBe('needsFailed');
    expect(outcomeOf({ ...row, status: 'cancelled' })).toBe('needsFailed');
    expect(outcomeOf({ ...row, status: 'skipped', skipReason: 'upstream_failed' })).toBe('needsFailed');
    expect(outcomeOf({ ...row, status: 'skipped', skipReason: 'condition' })).toBe('needsSkipped');
    expect(outcomeOf({ ...row, status: 'running' })).toBeNull();
  });
});
