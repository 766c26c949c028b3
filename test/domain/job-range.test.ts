// The name of a batch: made from its ids, read again, and how the batch stands as a whole.
import { describe, expect, it } from 'vitest';
import { batchStatus, mayBeIn, parseRange, rangeOf } from '../../src/domain/job-range.ts';

const id = (letter: string): string => `job_${letter.repeat(26)}`;
const counts = (more: object): Parameters<typeof batchStatus>[0] => ({ pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0, retry: 0, ...more });

describe('a batch', () => {
  it('is named by its first and last id, whatever their order; without jobs it has no name', () => {
    expect(rangeOf([id('b'), id('a'), id('c')])).toBe(`${id('a')}..${id('c')}`);
    expect(rangeOf([id('a')])).toBe(`${id('a')}..${id('a')}`);
    expect(rangeOf([])).toBeNull();
  });

  it('is read from that name and from no other text', () => {
    const range = { first: id('a'), last: id('c') };
    expect(parseRange(`${range.first}..${range.last}`)).toEqual(range);
    for (const text of [id('a'), `${id('a')}..`, `${id('c')}..${id('a')}`, `${id('a')}...${id('c')}`, '']) expect(parseRange(text)).toBeNull();
    expect([id('a'), id('b'), id('d')].map((one) => mayBeIn(range, one))).toEqual([true, true, false]);
  });

  it('is open as long as one of its jobs is, then has the worst end of any', () => {
    expect(batchStatus(counts({ pending: 3 }))).toBe('pending');
    expect(batchStatus(counts({ pending: 3, completed: 1 }))).toBe('running');
    expect(batchStatus(counts({ retry: 1, failed: 1 }))).toBe('running');
    expect(batchStatus(counts({ running: 1, failed: 1 }))).toBe('running');
    expect(batchStatus(counts({ completed: 2, failed: 1, cancelled: 1 }))).toBe('failed');
    expect(batchStatus(counts({ completed: 2, cancelled: 1 }))).toBe('cancelled');
    expect(batchStatus(counts({ completed: 2 }))).toBe('completed');
  });
});
