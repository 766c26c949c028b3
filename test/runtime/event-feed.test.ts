// The event feed: each entry once and in order, never the same foreign entries again, and a read that fails is only put off.
import { describe, expect, it, onTestFinished } from 'vitest';
import { EventFeed } from '../../src/runtime/event-feed.ts';
import type { Backend } from '../../src/store/backend.ts';
import { openBackend } from '../../src/store/open-backend.ts';
import { Bench } from '../contract/harness.ts';

interface Made {
  readonly bench: Bench;
  readonly feed: EventFeed;
  readonly reads: { after: number; until: number | undefined }[];
  readonly errors: unknown[];
  readonly faults: Error[];
}

async function make(): Promise<Made> {
  const bench = await new Bench({
    open: (env) => openBackend({ store: 'in_memory', dataDir: '/nowhere', durability: 'full' }, env),
    dispose: async () => undefined,
  }).open();
  onTestFinished(() => bench.dispose());
  const reads: Made['reads'] = [];
  const errors: unknown[] = [];
  const faults: Error[] = [];
  const backend: Backend = {
    ...bench.backend,
    readEvents: (p) => {
      reads.push({ after: p.after, until: p.until });
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      return bench.backend.readEvents(p);
    },
  };
  const feed = new EventFeed(backend, 'default', (error, event) => errors.push([error, event]));
  return { bench, feed, reads, errors, faults };
}

describe('the event feed', () => {
  it('does not walk entries of other namespaces again', async () => {
    const { bench, feed, reads } = await make();
    const heard: number[] = [];
    feed.on('*', (event) => heard.push(event.cursor));
    for (let i = 0; i < 3; i++) {
      await bench.enqueue({ namespace: 'other' });
      feed.deliver();
      expect(reads.pop()).toMatchObject({ after: bench.backend.lastCursor() - 1, until: bench.backend.lastCursor() });
    }
    feed.deliver();
    expect(reads).toEqual([]);
    await bench.enqueue();
    await bench.enqueue({ namespace: 'other' });
    await bench.enqueue();
    feed.deliver();
    feed.deliver();
    const last = bench.backend.lastCursor();
    expect(heard).toEqual([last - 2, last]);
  });

  it('hands out more than one batch, each entry once', async () => {
    const { bench, feed } = await make();
    const heard: number[] = [];
    feed.on('job_enqueued', (event) => heard.push(event.cursor));
    await bench.backend.enqueueJobs({ jobs: Array.from({ length: 1_200 }, () => bench.job()) });
    feed.deliver();
    feed.deliver();
    expect([heard.length, new Set(heard).size]).toEqual([1_200, 1_200]);
  });

  it('reports a read that fails and delivers at the next wake', async () => {
    const { bench, feed, errors, faults } = await make();
    const heard: string[] = [];
    feed.on('*', (event) => heard.push(event.type));
    const fault = new Error('busy');
    faults.push(fault);
    await bench.enqueue();
    feed.wake();
    await new Promise((resolve) => setImmediate(resolve));
    expect([heard, errors]).toEqual([[], [[fault, null]]]);
    feed.wake();
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual(['job_enqueued']);
  });
});
