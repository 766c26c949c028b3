// Owns budgets, use and breakers on the wire: what may be used, what was, what is left, and what is used up.
import type { BudgetLimits, BudgetView } from '../../src/domain/budget.ts';
import { formatDuration } from '../../src/domain/duration.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { UsageTotals } from '../../src/domain/usage.ts';
import type { BreakerView } from '../../src/orchestration/budget-manager.ts';
import { compact, iso } from './compact.ts';

/** `budget` and `usage` of a summary; nothing where nothing is bounded and nothing was used. */
export function budgetToWire(view: BudgetView | null): JsonObject {
  if (view === null) return {};
  const { limits, used, held } = view;
  const use = compact({
    ...usageToWire(used),
    attempts: limits === null ? undefined : used.attempts,
    wall_clock: limits === null ? undefined : formatDuration(used.wallClockMs),
  });
  return {
    ...(limits === null ? {} : { budget: compact({ ...limitsToWire(limits), left: leftOf(limits, used), used_up: held ?? undefined }) }),
    ...(Object.keys(use).length === 0 ? {} : { usage: use }),
  };
}

export function limitsToWire({ runs, wallClockMs, attempts, fanOut, depth, tokens, cost }: BudgetLimits): JsonObject {
  return compact({
    runs: runs === null ? undefined : { max: runs.limit, window: formatDuration(runs.periodMs) },
    wall_clock: wallClockMs === null ? undefined : formatDuration(wallClockMs),
    attempts,
    fan_out: fanOut,
    depth,
    tokens,
    cost,
  });
}

function leftOf(limits: BudgetLimits, used: BudgetView['used']): JsonObject {
  const left = (max: number | null, n: number): number | undefined => (max === null ? undefined : Math.max(0, max - n));
  const time = left(limits.wallClockMs, used.wallClockMs);
  const cost = left(limits.cost, used.cost);
  return compact({
    runs: left(limits.runs?.limit ?? null, used.runs),
    wall_clock: time === undefined ? undefined : formatDuration(time),
    attempts: left(limits.attempts, used.attempts),
    tokens: left(limits.tokens, used.tokens),
    cost: cost === undefined ? undefined : money(cost),
  });
}

export function usageToWire({ tokens, inputTokens, outputTokens, cost }: UsageTotals): JsonObject {
  return compact({
    tokens: tokens || undefined,
    input_tokens: inputTokens || undefined,
    output_tokens: outputTokens || undefined,
    cost: money(cost) || undefined,
  });
}

/** Sums of decimals, without the tail that binary fractions leave. */
function money(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

export function breakerToWire(view: BreakerView | null): JsonObject {
  if (view === null) return {};
  const { status, failures, openedAt, retryAt } = view;
  return { breaker: compact({ status, failures, opened_at: iso(openedAt), retry_at: iso(retryAt) }) };
}
