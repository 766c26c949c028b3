// Owns durations as a spread: how a fixed one, a measured one and an assumed one become an estimate, and how one is drawn.
import type { Random } from '../domain/clock.ts';
import { confidenceOf, type DurationEstimate } from '../domain/duration-estimate.ts';

/** Of what nothing is known; said to be assumed wherever it is used. */
export const ASSUMED_MS = 1_000;

export function assumedEstimate(): DurationEstimate {
  return {
    source: 'assumed',
    samples: 0,
    confidence: 'none',
    meanMs: ASSUMED_MS,
    p10Ms: ASSUMED_MS / 2,
    p50Ms: ASSUMED_MS,
    p90Ms: ASSUMED_MS * 2,
    p95Ms: ASSUMED_MS * 3,
    failureRate: 0,
  };
}

/** A duration that somebody gave, without a spread or with a second quantile. */
export function givenEstimate(p50Ms: number, p90Ms: number = p50Ms): DurationEstimate {
  const sigma = p50Ms === 0 ? 0 : Math.log(Math.max(p90Ms, p50Ms) / p50Ms) / Z90;
  return { ...lognormal(p50Ms, sigma), source: 'step', samples: 0, confidence: 'none', failureRate: 0 };
}

/** What counters tell: the median and the 95th percentile of so many attempts. */
export function countedEstimate(p: {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly samples: number;
  readonly failureRate: number;
}): DurationEstimate {
  const sigma = p.p50Ms <= 0 ? 0 : Math.log(Math.max(p.p95Ms, p.p50Ms) / p.p50Ms) / Z95;
  return {
    ...lognormal(p.p50Ms, sigma),
    meanMs: p.meanMs,
    source: 'task',
    samples: p.samples,
    confidence: confidenceOf(p.samples),
    failureRate: p.failureRate,
  };
}

/** One duration of the spread. */
export function drawMs(estimate: DurationEstimate, random: Random): number {
  return estimate.p10Ms === estimate.p95Ms ? estimate.p50Ms : quantileMs(estimate, random());
}

/** The duration that a share of all stays below: straight lines between the quantiles, from half of p10 to a third beyond p95. */
export function quantileMs(estimate: DurationEstimate, share: number): number {
  const knots = knotsOf(estimate);
  const at = Math.max(
    1,
    knots.findIndex(([reached]) => share <= reached),
  );
  const [low, from] = knots[at - 1] as Knot;
  const [high, to] = knots[at] as Knot;
  return from + ((share - low) / (high - low)) * (to - from);
}

/** The share of all durations that are shorter. */
export function shareBelow(estimate: DurationEstimate, ms: number): number {
  const knots = knotsOf(estimate);
  const at = knots.findIndex(([, reached]) => ms < reached);
  if (at <= 0) return at === 0 ? 0 : 1;
  const [low, from] = knots[at - 1] as Knot;
  const [high, to] = knots[at] as Knot;
  return low + ((ms - from) / (to - from)) * (high - low);
}

/**
 * What is left of one that has run for so long: the spread of those that take longer still. One that has outlasted all that is known is taken to need
 * up to half as long again, since nothing tells.
 */
export function remainingEstimate(estimate: DurationEstimate, elapsedMs: number): DurationEstimate {
  const passed = shareBelow(estimate, elapsedMs);
  const left = (share: number): number =>
    passed >= 0.99 ? share * OUTLASTED * elapsedMs : Math.max(0, quantileMs(estimate, passed + share * (1 - passed)) - elapsedMs);
  return { ...estimate, p10Ms: left(0.1), p50Ms: left(0.5), p90Ms: left(0.9), p95Ms: left(0.95), meanMs: left(0.5) };
}

const OUTLASTED = 0.5;

type Knot = readonly [share: number, ms: number];

function knotsOf({ p10Ms, p50Ms, p90Ms, p95Ms }: DurationEstimate): readonly Knot[] {
  return [
    [0, p10Ms / 2],
    [0.1, p10Ms],
    [0.5, p50Ms],
    [0.9, p90Ms],
    [0.95, p95Ms],
    [1, p95Ms + (p95Ms - p50Ms) / 3],
  ];
}

/** The same spread around another median. */
export function scaled(estimate: DurationEstimate, p50Ms: number): DurationEstimate {
  if (estimate.p50Ms === 0) return givenEstimate(p50Ms);
  const by = p50Ms / estimate.p50Ms;
  return {
    ...estimate,
    meanMs: estimate.meanMs * by,
    p10Ms: estimate.p10Ms * by,
    p50Ms,
    p90Ms: estimate.p90Ms * by,
    p95Ms: estimate.p95Ms * by,
  };
}

const Z90 = 1.281_55;
const Z95 = 1.644_85;

function lognormal(p50Ms: number, sigma: number): Pick<DurationEstimate, 'meanMs' | 'p10Ms' | 'p50Ms' | 'p90Ms' | 'p95Ms'> {
  const at = (z: number): number => p50Ms * Math.exp(z * sigma);
  return { meanMs: p50Ms * Math.exp((sigma * sigma) / 2), p10Ms: at(-Z90), p50Ms, p90Ms: at(Z90), p95Ms: at(Z95) };
}
