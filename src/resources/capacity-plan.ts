// Owns the advice on the size of a pool: what was seen, what is to come, the capacity that formulas and replay ask for, and what both take for granted.
import type { RecordedHold } from '../store/port/resources.ts';
import { fewestPlaces, type Load, meanWaitMs } from './queueing.ts';
import { type ReplayPool, replay, shareWithin, smallestCapacity } from './replay.ts';

/** Work that will ask for the pool: how many requests, and the amount times ms that they hold. */
export interface ComingLoad {
  readonly requests: number;
  /** Base units times ms; of a quota base units. */
  readonly area: number;
}

export interface CapacityRequest {
  readonly pool: ReplayPool;
  readonly holds: readonly RecordedHold[];
  readonly queued: ComingLoad;
  /** In the schedules of the coming day. */
  readonly scheduled: ComingLoad;
  readonly waitTargetMs: number;
  /** Share of requests that shall wait no longer, 0 to 1. */
  readonly share: number;
}

export interface CapacityPlan {
  readonly waitTargetMs: number;
  readonly share: number;
  /** Null when nothing was recorded. */
  readonly observed: {
    readonly requests: number;
    readonly spanMs: number;
    readonly perHour: number;
    readonly meanAmount: number;
    readonly meanHoldMs: number;
    readonly arrivalVariation: number;
    readonly holdVariation: number;
    readonly meanWaitMs: number;
    readonly p95WaitMs: number;
    readonly withinTarget: number;
    readonly utilisation: number;
  } | null;
  readonly forecast: {
    readonly queued: ComingLoad;
    readonly scheduled: ComingLoad;
    /** Share of the present capacity that the coming day asks for; over 1 it cannot be done in a day. */
    readonly utilisation: number;
    /** How many times the observed load that is; null without observations. */
    readonly ofObserved: number | null;
  };
  /** Base units; null where it cannot be said. */
  readonly byFormula: { readonly capacity: number; readonly places: number; readonly meanWaitMs: number } | null;
  readonly byReplay: { readonly capacity: number; readonly withinTarget: number; readonly utilisation: number } | null;
  /** The larger of both and of what the coming day needs at all; null when nothing is known. */
  readonly advised: number | null;
  readonly assumptions: readonly string[];
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export function planCapacity(request: CapacityRequest): CapacityPlan {
  const { pool, holds, queued, scheduled, waitTargetMs, share } = request;
  const isQuota = pool.refillMs !== null;
  const perDay = pool.capacity * (isQuota ? DAY_MS / (pool.refillMs as number) : DAY_MS);
  const comingArea = queued.area + scheduled.area;
  const seen = observe(request);
  const seenArea =
    seen === null ? 0 : (holds.reduce((sum, hold) => sum + hold.amount * (isQuota ? 1 : hold.endedAt - hold.grantedAt), 0) * DAY_MS) / seen.spanMs;
  const ofObserved = seenArea <= 0 ? null : comingArea / seenArea;
  const growth = Math.max(1, ofObserved ?? 1);
  const byFormula = seen === null || isQuota ? null : formula(request, seen, growth);
  const byReplay = replayed(request);
  const needed = Math.ceil((comingArea / perDay) * pool.capacity);
  const sizes = [byFormula?.capacity, byReplay?.capacity, needed > 0 ? needed : undefined].filter((size): size is number => size !== undefined);
  return {
    waitTargetMs,
    share,
    observed: seen,
    forecast: { queued, scheduled, utilisation: comingArea / perDay, ofObserved },
    byFormula,
    byReplay,
    advised: sizes.length === 0 ? null : Math.max(...sizes),
    assumptions: assumptionsOf(isQuota, seen !== null, growth),
  };
}

function observe({ pool, holds, waitTargetMs }: CapacityRequest): CapacityPlan['observed'] {
  if (holds.length < 2) return null;
  const arrivals = holds.map((hold) => hold.arrivedAt).sort((a, b) => a - b);
  const spanMs = Math.max(1, Math.max(...holds.map((hold) => hold.endedAt)) - (arrivals[0] as number));
  const gaps = arrivals.slice(1).map((at, i) => at - (arrivals[i] as number));
  const held = holds.map((hold) => hold.endedAt - hold.grantedAt);
  const waits = holds.map((hold) => hold.grantedAt - hold.arrivedAt).sort((a, b) => a - b);
  const asked = holds.reduce((sum, hold) => sum + hold.amount * (pool.refillMs === null ? hold.endedAt - hold.grantedAt : 1), 0);
  return {
    requests: holds.length,
    spanMs,
    perHour: (holds.length * HOUR_MS) / spanMs,
    meanAmount: mean(holds.map((hold) => hold.amount)),
    meanHoldMs: mean(held),
    arrivalVariation: variation(gaps),
    holdVariation: variation(held),
    meanWaitMs: mean(waits),
    p95WaitMs: waits[Math.min(waits.length - 1, Math.ceil(0.95 * waits.length) - 1)] as number,
    withinTarget: shareWithin(waits, waitTargetMs),
    utilisation: asked / (pool.capacity * (pool.refillMs === null ? spanMs : spanMs / pool.refillMs)),
  };
}

function formula({ waitTargetMs, share }: CapacityRequest, seen: NonNullable<CapacityPlan['observed']>, growth: number): CapacityPlan['byFormula'] {
  const load: Load = {
    arrivalRate: (seen.requests / seen.spanMs) * growth,
    meanHoldMs: seen.meanHoldMs,
    arrivalVariation: seen.arrivalVariation,
    holdVariation: seen.holdVariation,
  };
  const places = fewestPlaces(load, waitTargetMs, share);
  return places === null ? null : { capacity: Math.ceil(places * seen.meanAmount), places, meanWaitMs: meanWaitMs(places, load) };
}

function replayed({ pool, holds, waitTargetMs, share }: CapacityRequest): CapacityPlan['byReplay'] {
  const capacity = smallestCapacity(holds, pool, waitTargetMs, share);
  if (capacity === null) return null;
  const burst = Math.max(1, Math.round((pool.burst / pool.capacity) * capacity));
  const at = replay(holds, { ...pool, capacity, burst });
  return at === null ? null : { capacity, withinTarget: shareWithin(at.waits, waitTargetMs), utilisation: at.utilisation };
}

function assumptionsOf(isQuota: boolean, hasSeen: boolean, growth: number): string[] {
  return [
    ...(hasSeen
      ? ['What was recorded (the newest 2,000 holds that have ended) stands for what will come.']
      : ['Too little was recorded: only what is queued and scheduled counts.']),
    ...(hasSeen && !isQuota
      ? [
          'The formula takes each request for one place of the mean amount, and arrivals and holds as independent (Erlang C, corrected after Allen and Cunneen).',
        ]
      : []),
    ...(growth > 1 ? [`The coming day asks for ${growth.toFixed(2)} times as much as was recorded, so the formula counts that many arrivals more.`] : []),
    'The replay grants in the order of arrival, whatever the priorities were.',
    'The coming day counts jobs that wait for the pool and the fires of schedules with what their steps declare, each as long as its task took on average so far; what is not known to have run counts nothing.',
  ];
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Squared coefficient of variation. */
function variation(values: readonly number[]): number {
  const middle = mean(values);
  if (values.length < 2 || middle <= 0) return 1;
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length / middle ** 2;
}
