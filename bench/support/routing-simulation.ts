// Owns a cluster on a virtual clock: jobs come, a strategy prefers an executor or nobody, whoever has room takes what is theirs or past its grace.
import type { Random } from '../../src/domain/clock.ts';
import { addLoad, type ChooseExecutor, executorTable, latencyTable, type RouteRequest } from '../../src/domain/executor.ts';
import { type Latency, NO_LATENCY, withAttempt } from '../../src/domain/latency.ts';
import { graceOf, type RoutingStrategy } from '../../src/domain/routing.ts';

export interface SimulatedExecutor {
  readonly slots: number;
  /** Twice as fast = 2. */
  readonly speed: number;
  readonly surplus: number;
}

export interface SimulatedJob {
  readonly atMs: number;
  /** On an executor of speed 1 whose memory holds the key. */
  readonly ms: number;
  readonly key: string;
}

export interface Simulated {
  readonly makespanMs: number;
  readonly meanWaitMs: number;
  readonly p95WaitMs: number;
  /** Share of jobs that found what they work on already there. */
  readonly warm: number;
}

/** A job whose key was not here before loads it first. */
const COLD_MS = 400;
/** Keys that an executor holds at once. */
const KEPT_KEYS = 40;

interface Waiting {
  readonly job: SimulatedJob;
  readonly preferred: number;
  readonly until: number;
}

export function simulate(
  executors: readonly SimulatedExecutor[],
  jobs: readonly SimulatedJob[],
  strategy: RoutingStrategy,
  choose: ChooseExecutor,
  random: Random,
): Simulated {
  const table = executorTable(executors.map(({ slots, surplus }, at) => ({ code: at + 1, name: `w${at}`, slots, load: 0, surplus, weight: slots })));
  const running = executors.map(() => 0);
  const held = executors.map(() => new Set<string>());
  const producers = new Map<string, number>();
  const latencies: Latency[] = executors.map(() => NO_LATENCY);
  const ms = new Float64Array(executors.length).fill(Number.NaN);
  const failing = new Float64Array(executors.length);
  const waiting: Waiting[] = [];
  const ends: { readonly at: number; readonly executor: number; readonly ms: number }[] = [];
  const waits: number[] = [];
  let warm = 0;
  let now = 0;
  let next = 0;
  const grace = graceOf(strategy);

  const arrive = (job: SimulatedJob): void => {
    if (strategy === 'least_loaded') {
      waiting.push({ job, preferred: -1, until: 0 });
      return;
    }
    const request: RouteRequest = {
      strategy,
      key: job.key,
      circle: 0,
      blocked: null,
      latency: latencyTable(ms, failing),
      producers: [producers.get(job.key) ?? -1],
    };
    const choice = choose(table, request);
    if (choice !== null) addLoad(table, choice.at, 1);
    waiting.push({ job, preferred: choice?.at ?? -1, until: now + grace });
  };
  const start = (executor: number, { job, preferred }: Waiting): void => {
    if (preferred !== executor) {
      if (preferred >= 0) addLoad(table, preferred, -1);
      addLoad(table, executor, 1);
    }
    const keys = held[executor] as Set<string>;
    const isWarm = keys.delete(job.key);
    if (isWarm) warm++;
    keys.add(job.key);
    if (keys.size > KEPT_KEYS) keys.delete(keys.values().next().value as string);
    producers.set(job.key, executor + 1);
    const took = (job.ms + (isWarm ? 0 : COLD_MS)) / (executors[executor] as SimulatedExecutor).speed;
    running[executor] = (running[executor] as number) + 1;
    waits.push(now - job.atMs);
    ends.push({ at: now + took, executor, ms: took });
    ends.sort((a, b) => a.at - b.at);
  };
  /** Executors look in a drawn order, as processes do that hear of the same commit. */
  const claim = (): void => {
    const order = executors.map((_, at) => at).sort(() => random() - 0.5);
    for (let moved = true; moved; ) {
      moved = false;
      for (const executor of order) {
        if ((running[executor] as number) >= (executors[executor] as SimulatedExecutor).slots) continue;
        const at = waiting.findIndex(({ preferred, until }) => preferred === executor || preferred < 0 || until <= now);
        if (at < 0) continue;
        start(executor, waiting.splice(at, 1)[0] as Waiting);
        moved = true;
      }
    }
  };

  while (next < jobs.length || ends.length > 0 || waiting.length > 0) {
    const times = [
      jobs[next]?.atMs ?? Number.POSITIVE_INFINITY,
      ends[0]?.at ?? Number.POSITIVE_INFINITY,
      ...waiting.slice(0, 1).map(({ until }) => Math.max(until, now + 1)),
    ];
    now = Math.min(...times);
    while (ends.length > 0 && (ends[0] as { at: number }).at <= now) {
      const end = ends.shift() as (typeof ends)[number];
      running[end.executor] = (running[end.executor] as number) - 1;
      addLoad(table, end.executor, -1);
      latencies[end.executor] = withAttempt(latencies[end.executor] as Latency, true, end.ms);
      ms[end.executor] = latencies[end.executor]?.ms ?? Number.NaN;
    }
    while (next < jobs.length && (jobs[next] as SimulatedJob).atMs <= now) arrive(jobs[next++] as SimulatedJob);
    claim();
  }
  const sorted = [...waits].sort((a, b) => a - b);
  return {
    makespanMs: now,
    meanWaitMs: waits.reduce((sum, each) => sum + each, 0) / waits.length,
    p95WaitMs: sorted[Math.floor(sorted.length * 0.95)] as number,
    warm: warm / jobs.length,
  };
}
