// The rules of what a worker agent may take and hold.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freePlaces, KEPT_NONCES, leaseEnd, offeredBy, opensLane, rememberNonce } from '../../src/domain/worker-agent.ts';

const capability = fc.constantFrom('a', 'b', 'c', 'd');

describe('worker agents', () => {
  it('offer what they say and agent.task, each once, in order', () => {
    expect(offeredBy([])).toEqual(['agent.task']);
    expect(offeredBy(['rust', 'agent.task', 'rust', 'review'])).toEqual(['agent.task', 'review', 'rust']);
  });

  it('open a lane only when it requires something and all of it is offered', () => {
    expect(opensLane([], new Set(['a']))).toBe(false);
    fc.assert(
      fc.property(fc.uniqueArray(capability, { minLength: 1 }), fc.uniqueArray(capability), (requires, offered) => {
        expect(opensLane(requires, new Set(offered))).toBe(requires.filter((one) => !offered.includes(one)).length === 0);
      }),
    );
  });

  it('never get more than asked for, nor more than their capacity leaves', () => {
    fc.assert(
      fc.property(fc.nat({ max: 20 }), fc.nat({ max: 30 }), fc.nat({ max: 20 }), (capacity, held, limit) => {
        const free = freePlaces(capacity, held, limit);
        expect(free).toBeGreaterThanOrEqual(0);
        expect(free).toBeLessThanOrEqual(limit);
        if (free > 0) expect(held + free).toBeLessThanOrEqual(capacity);
        if (free < limit) expect(held + free).toBeGreaterThanOrEqual(capacity);
      }),
    );
  });

  it('are lost at the end of their lease, but not when nobody was there to see it', () => {
    const worker = { leaseUntil: 1_000, leaseMs: 600_000 };
    expect([leaseEnd(worker, 30_000, 1_000), leaseEnd(worker, 30_000, 31_000), leaseEnd(worker, 30_000, 31_001)]).toEqual(['lost', 'lost', 61_001]);
    expect(leaseEnd({ leaseUntil: 0, leaseMs: 2_000 }, 30_000, 2_001)).toBe(4_001);
  });

  it('can repeat their last claims, the newest entry of a nonce counts', () => {
    let entries = rememberNonce([], { nonce: 'n', leases: [['job_1', 1]] });
    entries = rememberNonce(entries, { nonce: 'n', leases: [['job_2', 1]] });
    expect(entries).toEqual([{ nonce: 'n', leases: [['job_2', 1]] }]);
    for (let i = 0; i < KEPT_NONCES; i++) entries = rememberNonce(entries, { nonce: `n${i}`, leases: [] });
    expect(entries.map((entry) => entry.nonce)).toEqual(Array.from({ length: KEPT_NONCES }, (_, i) => `n${i}`));
  });
});
