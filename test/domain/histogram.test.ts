// Quantiles read from counters against the exact ones; what happened in the last minutes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, type Histogram, inLastMinutes, MINUTE_MS, quantileOf } from '../../src/domain/histogram.ts';

function histogramOf(values: readonly number[]): Histogram {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(bucketOf(value), (counts.get(bucketOf(value)) ?? 0) + 1);
  return [...counts];
}

function exact(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(share * values.length)) - 1] as number;
}

describe('histogram', () => {
  it('gives quantiles within a tenth of the exact ones', () => {
    const duration = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 10 ** 10 }));
    fc.assert(
      fc.property(fc.array(duration, { minLength: 1, maxLength: 300 }), fc.constantFrom(0.5, 0.95, 0.99, 1), (values, share) => {
        const truth = exact(values, share);
        expect(Math.abs((quantileOf(histogramOf(values), share) as number) - truth)).toBeLessThanOrEqual(truth / 10);
      }),
    );
  });

  it('knows nothing without values', () => {
    expect(quantileOf([], 0.5)).toBeNull();
  });

  it('counts a window that moves: the oldest minute in part', () => {
    const now = 1_000 * MINUTE_MS + 15_000;
    const counts = new Map([
      [1_000, 5],
      [999, 8],
      [995, 100],
      [994, 1_000],
    ]);
    expect(inLastMinutes(counts, 1, now)).toBe(5 + 6);
    expect(inLastMinutes(counts, 5, now)).toBe(5 + 8 + 75);
    expect(inLastMinutes(counts, 60, now)).toBe(1_113);
  });
});
