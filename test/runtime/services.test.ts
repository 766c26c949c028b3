import { describe, expect, it } from 'vitest';
import { ChangePoller } from '../../src/runtime/change-poller.ts';
import { createDueTimer } from '../../src/runtime/due-timer.ts';
import { InboxPump } from '../../src/runtime/inbox-pump.ts';
import { createSweeper } from '../../src/runtime/sweeper.ts';
import { Ticker } from '../../src/runtime/ticker.ts';
import { Waiters } from '../../src/runtime/waiters.ts';
import type { Backend, CommitNotice } from '../../src/store/backend.ts';
import { deferred } from '../support/test-engine.ts';

const never = (): never => {
  throw new Error('no decision here');
};

describe('a ticker', () => {
  it('never overlaps its rounds, and a wake during one gives exactly one more', async () => {
    const gates = [deferred<number>(), deferred<number>()];
    let rounds = 0;
    let running = 0;
    const second = deferred();
    const ticker = new Ticker(
      'test',
      async () => {
        expect(++running).toBe(1);
        const gate = gates[rounds++];
        if (rounds === 2) second.resolve();
        const delay = await (gate?.promise ?? 60_000);
        running--;
        return delay;
      },
      never,
    );
    ticker.wake();
    expect(rounds).toBe(0);
    ticker.start();
    ticker.start();
    for (let i = 0; i < 5; i++) ticker.wake();
    gates[0]?.resolve(60_000);
    await second.promise;
    const stopped = ticker.stop();
    let done = false;
    void stopped.then(() => {
      done = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    gates[1]?.resolve(0);
    await stopped;
    ticker.wake();
    expect(rounds).toBe(2);
  });

  it('goes on after a round that failed', async () => {
    const errors: unknown[] = [];
    const told = deferred();
    let rounds = 0;
    const ticker = new Ticker(
      'test',
      async () => {
        if (++rounds === 1) throw new Error('once');
        told.resolve();
        return Number.POSITIVE_INFINITY;
      },
      (error) => errors.push(error),
    );
    ticker.start();
    ticker.wake();
    await told.promise;
    await ticker.stop();
    expect(errors).toHaveLength(1);
  });
});

describe('the due timer', () => {
  it('goes on at once while there is more, and never sleeps past five seconds', async () => {
    const answers = [
      { fired: 200, nextDueAt: 5 },
      { fired: 1, nextDueAt: 1_040 },
      { fired: 0, nextDueAt: 900 },
      { fired: 0, nextDueAt: null },
      { fired: 0, nextDueAt: 90_000_000_000 },
    ];
    const backend = { fireDue: async () => answers.shift() } as unknown as Backend;
    const timer = createDueTimer({ backend, decide: never, now: () => 1_000, leading: () => true, onError: never });
    const delays: number[] = [];
    while (answers.length > 0) delays.push(await timer.tick());
    expect(delays).toEqual([0, 40, 1, 5_000, 5_000]);
  });

  it('comes a little later where another process leads', async () => {
    const asked: unknown[] = [];
    const backend = { fireDue: async (p: { before?: number }) => ({ fired: 0 * asked.push(p.before), nextDueAt: 1_040 }) } as unknown as Backend;
    const timer = createDueTimer({ backend, decide: never, now: () => 1_000, leading: () => false, onError: never });
    expect([await timer.tick(), asked]).toEqual([140, [900]]);
  });
});

describe('the change poller', () => {
  it('looks less often where others have been quiet for a while, and more often once they write', async () => {
    let foreign = false;
    const poller = new ChangePoller({ pollForeign: () => foreign } as unknown as Backend, never);
    const delays: number[] = [];
    for (let look = 0; look < 50; look++) delays.push(await poller.tick());
    expect([delays[0], delays[38], delays[39], delays[49]]).toEqual([25, 25, 70, 70]);
    foreign = true;
    expect(await poller.tick()).toBe(25);
  });

  it('goes on after a look that failed, and ends when it is stopped', async () => {
    const faults: unknown[] = [];
    let looks = 0;
    const third = Promise.withResolvers<void>();
    const backend = {
      pollForeign: () => {
        if (++looks === 3) third.resolve();
        if (looks < 3) throw new Error('the file is being recovered');
        return false;
      },
    } as unknown as Backend;
    const poller = new ChangePoller(backend, (error) => faults.push(error));
    poller.start();
    await third.promise;
    await poller.stop();
    expect([looks, faults.length]).toEqual([3, 2]);
  });
});

describe('the sweeper', () => {
  const settings = { sweepMs: 5_000, heartbeatMs: 10_000, retention: { days: 1, executions: 5 } };
  it('beats, takes back, forgets, and joins again when it was taken for dead', async () => {
    let now = 100_000;
    let alive = true;
    let leading = true;
    const calls: string[] = [];
    const noted = <T>(call: string, answer: T): Promise<T> => {
      calls.push(call);
      return Promise.resolve(answer);
    };
    const backend = {
      heartbeat: () => noted('beat', { alive }),
      lead: () => noted(leading ? 'lead' : 'follow', leading),
      reclaim: () => noted('reclaim', { processes: 0, jobs: 0, more: false }),
      cascadeProjects: async () => ({ more: false }),
      retain: (p: { olderThan: number; keepExecutions: number }) => noted(`retain ${p.olderThan} ${p.keepExecutions}`, { removed: 0, more: false }),
    } as unknown as Backend;
    const sweeper = createSweeper({
      backend,
      decide: never,
      epoch: () => 1,
      now: () => now,
      settings,
      candidate: true,
      onLost: async () => void calls.push('lost'),
      onError: never,
    });
    expect(await sweeper.tick()).toBe(5_000);
    now += 5_000;
    await sweeper.tick();
    expect(calls.splice(0)).toEqual(['beat', 'lead', 'reclaim', 'lead', 'reclaim']);
    now += 60_000;
    alive = false;
    await sweeper.tick();
    expect(calls.splice(0)).toEqual(['beat', 'lost', 'lead', 'reclaim', `retain ${now - 86_400_000} 5`]);
    // A clock that went back must not silence the heart.
    now -= 50_000;
    alive = true;
    await sweeper.tick();
    expect(calls.splice(0)).toEqual(['beat', 'lead', 'reclaim']);
    expect(sweeper.leading).toBe(true);
    leading = false;
    now += 70_000;
    await sweeper.tick();
    expect(calls).toEqual(['beat', 'follow']);
    expect(sweeper.leading).toBe(false);
  });

  it('takes back what the dead left at its start, also where another one leads', async () => {
    const reclaimed: number[] = [];
    const backend = {
      heartbeat: async () => ({ alive: true }),
      lead: async () => false,
      reclaim: async () => ({ processes: 1, jobs: 1, more: reclaimed.push(1) < 3 }),
      cascadeProjects: async () => ({ more: false }),
    } as unknown as Backend;
    const sweeper = createSweeper({ backend, decide: never, epoch: () => 1, now: () => 1, settings, candidate: true, onLost: never, onError: never });
    expect([await sweeper.tick(), await sweeper.tick(), await sweeper.tick(), await sweeper.tick()]).toEqual([0, 0, 5_000, 5_000]);
    expect(reclaimed).toHaveLength(3);
  });
});

describe('inbox pump', () => {
  it('drains what a dead process left without waiting, and one bad execution holds up no other', async () => {
    const left = Array.from({ length: 200 }, (_, i) => `exec_${i}`);
    const faults: unknown[] = [];
    const backend = {
      pendingInbox: ({ limit }: { limit: number }) => left.slice(0, limit),
      update: ({ executionId }: { executionId: string }) => {
        if (executionId === 'exec_7') return Promise.reject(new Error('poisoned'));
        left.splice(left.indexOf(executionId), 1);
        return Promise.resolve({ kind: 'updated' });
      },
    } as unknown as Backend;
    const pump = new InboxPump({ backend, decide: never, onError: (error) => faults.push(error) });
    let rounds = 0;
    while ((await pump.ticker.tick()) === 0) rounds++;
    expect(left).toEqual(['exec_7']);
    expect(rounds).toBeLessThan(10);
    expect(faults.length).toBeGreaterThan(0);
  });
});

describe('waiters', () => {
  const notice = (change: Partial<CommitNotice>): CommitNotice => ({
    jobsReady: false,
    inbox: [],
    stopJobs: [],
    ended: [],
    changed: [],
    timersChanged: false,
    foreign: false,
    ...change,
  });
  it('end by their condition, their time, their signal, or the end of the process; and are gone then', async () => {
    const waiters = new Waiters();
    let met = false;
    let looks = 0;
    const check = (): boolean => {
      looks++;
      return met;
    };
    const one = waiters.wait({ ids: ['a'], check, timeoutMs: 60_000 });
    waiters.notify(notice({ ended: ['b'] }));
    expect(looks).toBe(1);
    met = true;
    waiters.notify(notice({ changed: ['a'] }));
    expect(await one).toBe('met');
    met = false;
    const foreign = waiters.wait({ ids: ['a'], check, timeoutMs: 60_000 });
    met = true;
    waiters.notify(notice({ foreign: true }));
    expect(await foreign).toBe('met');
    expect(await waiters.wait({ ids: ['a'], check, timeoutMs: 0 })).toBe('met');
    met = false;
    expect(await waiters.wait({ ids: ['a'], check, timeoutMs: 0 })).toBe('timeout');
    expect(await waiters.wait({ ids: ['a'], check, timeoutMs: 1 })).toBe('timeout');
    expect(await waiters.wait({ ids: ['a'], check, timeoutMs: 5, signal: AbortSignal.abort() })).toBe('aborted');
    const controller = new AbortController();
    const aborted = waiters.wait({ ids: ['a'], check, timeoutMs: 60_000, signal: controller.signal });
    controller.abort();
    expect(await aborted).toBe('aborted');
    const closed = waiters.wait({ ids: ['a', 'b'], check, timeoutMs: 60_000 });
    waiters.close();
    expect([await closed, waiters.size]).toEqual(['aborted', 0]);
  });
});
