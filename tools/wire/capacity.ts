// Owns the advice on the size of a pool on the wire: amounts in the unit of its key, shares from 0 to 1.
import type { JsonObject } from '../../src/domain/json.ts';
import { type ResourcePool, SCALAR } from '../../src/domain/resource.ts';
import { fromBase } from '../../src/domain/resource-unit.ts';
import type { CapacityAdvice } from '../../src/orchestration/resource-manager.ts';
import type { UsePeriod } from '../../src/store/port/resources.ts';
import { compact, round } from './compact.ts';

export function adviceToWire(plan: CapacityAdvice, pool: ResourcePool, use: readonly UsePeriod[], now: number): JsonObject {
  const inUnit = (base: number): number => fromBase(Math.ceil(base), plan.unit);
  const { observed, forecast, byFormula, byReplay } = plan;
  return compact({
    key: plan.key === SCALAR ? undefined : plan.key,
    unit: plan.unit,
    capacity: inUnit(plan.capacity),
    advised: plan.advised === null ? undefined : inUnit(plan.advised),
    wait_target_ms: plan.waitTargetMs,
    share: plan.share,
    observed:
      observed === null
        ? undefined
        : {
            requests: observed.requests,
            per_hour: two(observed.perHour),
            mean_amount: fromBase(observed.meanAmount, plan.unit),
            mean_hold_ms: Math.round(observed.meanHoldMs),
            mean_wait_ms: Math.round(observed.meanWaitMs),
            p95_wait_ms: observed.p95WaitMs,
            within_target: two(observed.withinTarget),
            utilisation: two(observed.utilisation),
            arrival_variation: two(observed.arrivalVariation),
            hold_variation: two(observed.holdVariation),
          },
    forecast: compact({
      queued_requests: forecast.queued.requests,
      scheduled_requests: forecast.scheduled.requests,
      utilisation: two(forecast.utilisation),
      of_observed: forecast.ofObserved === null ? undefined : two(forecast.ofObserved),
    }),
    by_formula:
      byFormula === null ? undefined : { capacity: inUnit(byFormula.capacity), places: byFormula.places, mean_wait_ms: Math.round(byFormula.meanWaitMs) },
    by_replay:
      byReplay === null
        ? undefined
        : { capacity: inUnit(byReplay.capacity), within_target: two(byReplay.withinTarget), utilisation: two(byReplay.utilisation) },
    last_day: lastDay(plan, pool, use, now),
  });
}

/** From the rows by hour, the oldest of which counts whole. */
function lastDay(plan: CapacityAdvice, pool: ResourcePool, use: readonly UsePeriod[], now: number): JsonObject {
  const sum = (of: (one: UsePeriod) => number): number => use.reduce((total, one) => total + of(one), 0);
  const spanMs = Math.max(1, now - (use[0]?.from ?? now));
  const quota = pool.refillMs;
  const waited = sum((one) => one.waited);
  return {
    grants: sum((one) => one.grants),
    waited,
    mean_wait_ms: waited === 0 ? 0 : Math.round(sum((one) => one.waitMs) / waited),
    longest_wait_ms: Math.max(0, ...use.map((one) => one.waitMax)),
    utilisation: two(quota === null ? sum((one) => one.area) / (plan.capacity * spanMs) : sum((one) => one.amount) / (plan.capacity * (spanMs / quota))),
    peak: fromBase(Math.max(0, ...use.map((one) => one.peak)), plan.unit),
  };
}

function two(value: number): number {
  return round(value) ?? 0;
}
