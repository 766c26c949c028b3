// What a history tells of trouble: habits are told, luck and single outliers are not.
import { describe, expect, it } from 'vitest';
import { addAttempt, type DurationSums, NO_SUMS } from '../../src/domain/duration-history.ts';
import { flakyOf, slowedOf } from '../../src/domain/insight.ts';

function sums(times: readonly number[], more: Partial<DurationSums> = {}): DurationSums {
  const cells: number[] = [];
  for (const ms of times) addAttempt(cells, true, ms);
  return { ...NO_SUMS, ended: times.length, cells, ...more };
}

const around = (ms: number, count: number): number[] => Array.from({ length: count }, (_, at) => ms * (0.8 + (0.4 * at) / count));

describe('a flaky step', () => {
  it('recovers too often to be luck', () => {
    expect(flakyOf({ newest: { ...NO_SUMS, ended: 50, recovered: 10 }, earlier: { ...NO_SUMS, ended: 50, recovered: 10 } })).toMatchObject({
      ended: 100,
      recovered: 20,
      rate: 0.2,
      atLeast: expect.closeTo(0.133, 3),
    });
  });

  it.each([
    ['one recovery', 4, 1],
    ['two of hundreds', 400, 2],
    ['none', 100, 0],
    ['nothing that ended', 0, 0],
  ])('is not one with %s', (_, ended, recovered) => {
    expect(flakyOf({ newest: { ...NO_SUMS, ended, recovered }, earlier: NO_SUMS })).toBeNull();
  });
});

describe('a slow step', () => {
  const usual = sums(around(1_000, 40));

  it('takes longer than its own history, by its median', () => {
    expect(slowedOf({ newest: sums(around(3_000, 30)), earlier: usual })).toMatchObject({ samples: 30, by: expect.closeTo(3, 0) });
  });

  it.each([
    ['as ever', around(1_000, 30)],
    ['a little slower', around(1_250, 30)],
    ['one outlier', [...around(1_000, 29), 900_000]],
    ['too few to tell', around(9_000, 10)],
    ['faster', around(100, 30)],
  ])('is not one that is %s', (_, times) => {
    expect(slowedOf({ newest: sums(times), earlier: usual })).toBeNull();
  });

  it('needs a history to be slower than', () => {
    expect(slowedOf({ newest: usual, earlier: sums(around(10, 5)) })).toBeNull();
  });
});
