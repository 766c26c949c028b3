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

/** One duration of the spread: straight lines between its quantiles, from half of p10 to a third beyond p95. */
export function drawMs(estimate: DurationEstimate, random: Random): number {
  const { p10Ms, p50Ms, p90Ms, p95Ms } = estimate;
  if (p10Ms === p95Ms) return p50Ms;
  const u = random();
  const between = (low: number, high: number, from: number, to: number): number => from + ((u - low) / (high - low)) * (to - from);
  if (u < 0.1) return between(0, 0.1, p10Ms / 2, p10Ms);
  if (u < 0.5) return between(0.1, 0.5, p10Ms, p50Ms);
  if (u < 0.9) return between(0.5, 0.9, p50Ms, p90Ms);
  if (u < 0.95) return between(0.9, 0.95, p90Ms, p95Ms);
  return between(0.95, 1, p95Ms, p95Ms + (p95Ms - p50Ms) / 3);
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
