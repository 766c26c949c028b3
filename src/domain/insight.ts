// Owns what the history of steps tells of trouble: which are flaky and which have become slow, with how sure that is.
import { attemptsOf, type DurationHistory, type DurationSums, histogramOf } from './duration-history.ts';
import { quantileOf } from './histogram.ts';

/** A step that completes only after it failed before. */
export interface Flaky {
  /** Jobs that ended for good, and those of them that completed after a failed attempt. */
  readonly ended: number;
  readonly recovered: number;
  /** Share that recovered, and what it is at least, with 95 % confidence. */
  readonly rate: number;
  readonly atLeast: number;
}

/** A step whose newest attempts take longer than those before. */
export interface Slowed {
  readonly beforeMs: number;
  readonly nowMs: number;
  /** nowMs / beforeMs. */
  readonly by: number;
  readonly samples: number;
}

/** One recovery among a hundred is luck; from 2 % on, and that for sure, it is a habit. */
const FLAKY_FROM = 0.02;
/** Attempts in either window; fewer tell a trend from chance too seldom. */
const ENOUGH = 20;
const SLOWER = 1.5;
const Z95 = 1.96;

export function flakyOf(history: DurationHistory): Flaky | null {
  const ended = history.earlier.ended + history.newest.ended;
  const recovered = history.earlier.recovered + history.newest.recovered;
  const atLeast = lowerBound(recovered, ended);
  return recovered < 2 || atLeast < FLAKY_FROM ? null : { ended, recovered, rate: recovered / ended, atLeast };
}

/** Half of the newest take longer than three of four did before, and their median is half as long again: one outlier moves neither. */
export function slowedOf({ newest, earlier }: DurationHistory): Slowed | null {
  if (attemptsOf(newest) < ENOUGH || attemptsOf(earlier) < ENOUGH) return null;
  const nowMs = median(newest);
  const beforeMs = median(earlier);
  const usual = quantileOf(histogramOf(earlier), 0.75);
  if (nowMs === null || beforeMs === null || usual === null) return null;
  if (nowMs <= usual || nowMs < SLOWER * Math.max(1, beforeMs)) return null;
  return { beforeMs, nowMs, by: nowMs / Math.max(1, beforeMs), samples: attemptsOf(newest) };
}

function median(sums: DurationSums): number | null {
  return quantileOf(histogramOf(sums), 0.5);
}

/** Wilson's lower bound of a share. */
function lowerBound(hits: number, all: number): number {
  if (all === 0) return 0;
  const share = hits / all;
  const z2 = (Z95 * Z95) / all;
  return Math.max(0, (share + z2 / 2 - Z95 * Math.sqrt((share * (1 - share) + z2 / 4) / all)) / (1 + z2));
}
