// Owns durations as counters: eight buckets an octave, so that a quantile read from them is within a tenth of the true one.

const PER_OCTAVE = 8;

/** Counters by bucket, in any order. */
export type Histogram = readonly (readonly [bucket: number, count: number])[];

/** Bucket of a duration in whole ms; 0 holds what took less than one. */
export function bucketOf(ms: number): number {
  return ms < 1 ? 0 : 1 + Math.floor(PER_OCTAVE * Math.log2(ms));
}

/** The duration in ms below which a share of all lies (0.5 = median), within 10 %; null for an empty histogram. */
export function quantileOf(histogram: Histogram, share: number): number | null {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return null;
  let left = Math.max(1, Math.ceil(share * total));
  const ordered = [...histogram].sort((a, b) => a[0] - b[0]);
  for (const [bucket, count] of ordered) {
    left -= count;
    if (left <= 0) return middleOf(bucket);
  }
  return middleOf((ordered.at(-1) as readonly [number, number])[0]);
}

function middleOf(bucket: number): number {
  return bucket === 0 ? 0 : Math.round(2 ** ((bucket - 0.5) / PER_OCTAVE));
}

export const MINUTE_MS = 60_000;
/** Counters per minute are kept for this many minutes: 25 hours. */
export const KEPT_MINUTES = 1_500;

/** What happened in the last `minutes`, from counters per minute (number since the epoch -> count): the oldest minute counts in part. */
export function inLastMinutes(counts: ReadonlyMap<number, number>, minutes: number, now: number): number {
  const current = Math.floor(now / MINUTE_MS);
  const elapsed = (now - current * MINUTE_MS) / MINUTE_MS;
  let sum = (counts.get(current - minutes) ?? 0) * (1 - elapsed);
  for (let minute = current - minutes + 1; minute <= current; minute++) sum += counts.get(minute) ?? 0;
  return Math.round(sum);
}

/** How many durations were below each bound in ms (ascending powers of two, which are borders of buckets). */
export function cumulative(histogram: Histogram, boundsMs: readonly number[]): number[] {
  return boundsMs.map((bound) => {
    const border = bucketOf(bound);
    return histogram.reduce((sum, [bucket, count]) => (bucket < border ? sum + count : sum), 0);
  });
}
