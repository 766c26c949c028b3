// Owns what routing costs and what it is good for: the price of one choice among a thousand executors, and strategies side by side on a skewed load.
import { executorTable, latencyTable, type RouteRequest } from '../../src/domain/executor.ts';
import { ROUTING_STRATEGIES } from '../../src/domain/routing.ts';
import { seededRandom } from '../../src/optimization/seeded-random.ts';
import { createRouter } from '../../src/routing/router.ts';
import { type SimulatedJob, simulate } from '../support/routing-simulation.ts';
import { atMost, type Figure, percentile, type Scenario } from '../support/scenario.ts';

const EXECUTORS = 1_000;
const CHOICES = 10_000;
/** Jobs of the load: it takes about nine tenths of what there is. */
const JOBS = 6_000;
const SPAN_MS = 130_000;
const KEYS = 400;

export const routing: Scenario = {
  name: 'routing',
  title: 'Routing: one choice among 1,000 executors; strategies on a skewed load (virtual clock)',
  run(): Promise<readonly Figure[]> {
    return Promise.resolve([...choices(), ...comparison()]);
  },
};

function choices(): Figure[] {
  const random = seededRandom(7);
  const executors = Array.from({ length: EXECUTORS }, (_, at) => {
    const slots = 4 + (at % 13);
    return { code: at * 2 + 2, name: `w${at}`, slots, load: Math.floor(random() * (slots + 1)), surplus: at % 7, weight: slots };
  });
  const latency = latencyTable(
    Float64Array.from(executors, () => 20 + random() * 400),
    Float64Array.from(executors, () => random() * 0.2),
  );
  return ROUTING_STRATEGIES.filter((strategy) => strategy !== 'least_loaded').map((strategy) => {
    const table = executorTable(executors);
    const choose = createRouter(random);
    const keys = Array.from({ length: 512 }, (_, at) => `customer-${at}`);
    const took = Array.from({ length: 9 }, () => {
      const before = process.cpuUsage();
      for (let at = 0; at < CHOICES; at++) {
        const request: RouteRequest = {
          strategy,
          key: keys[at % 512] as string,
          circle: 1,
          blocked: null,
          latency,
          producers: [2, 4, 4, 8],
        };
        choose(table, request);
      }
      const { user, system } = process.cpuUsage(before);
      return (user + system) / CHOICES;
    });
    const us = percentile(took, 0.5);
    return { name: `choice, ${strategy}`, value: us, unit: 'us', target: atMost(us, 5, 'us') };
  });
}

/**
 * Twelve workers of 1, 2 and 4 times the speed, 2 or 8 slots; long-tailed durations; one key in ten brings half of the jobs; a worker that does
 * not have the key at hand loads it first.
 */
function comparison(): Figure[] {
  const random = seededRandom(11);
  const executors = Array.from({ length: 12 }, (_, at) => ({ slots: at % 3 === 0 ? 8 : 2, speed: [1, 2, 4][at % 3] as number, surplus: at % 4 }));
  const jobs = Array.from({ length: JOBS }, (): SimulatedJob => {
    const key = random() < 0.5 ? Math.floor(random() * (KEYS / 10)) : Math.floor(random() * KEYS);
    return { atMs: Math.floor(random() * SPAN_MS), ms: Math.min(20_000, 500 / (1 - random()) ** 0.6), key: `k${key}` };
  }).sort((a, b) => a.atMs - b.atMs);
  return ROUTING_STRATEGIES.flatMap((strategy) => {
    const seeded = seededRandom(3);
    const { makespanMs, meanWaitMs, p95WaitMs, warm } = simulate(executors, jobs, strategy, createRouter(seeded), seeded);
    return [
      { name: `${strategy}, makespan`, value: makespanMs / 1_000, unit: 's' },
      { name: `${strategy}, mean wait`, value: meanWaitMs, unit: 'ms' },
      { name: `${strategy}, wait p95`, value: p95WaitMs, unit: 'ms' },
      { name: `${strategy}, found its key at hand`, value: warm * 100, unit: '%' },
    ];
  });
}
