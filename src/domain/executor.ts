// Owns what is known of executors when one is preferred: processes and worker agents as columns of numbers, so that a choice among a thousand takes microseconds.
import type { RoutingStrategy } from './routing.ts';

/** One process or worker agent that can run a kind of work. */
export interface Executor {
  /** Its number in the store: even for a process (twice its epoch), odd for a worker agent. */
  readonly code: number;
  readonly name: string;
  readonly slots: number;
  /** What it runs, and what is kept for it. */
  readonly load: number;
  /** Capabilities that it offers beyond those that the work requires. */
  readonly surplus: number;
  readonly weight: number;
}

/** The same executors, column by column; only their load changes, by addLoad. */
export interface ExecutorTable {
  readonly size: number;
  readonly codes: Int32Array;
  readonly names: readonly string[];
  readonly hashes: Int32Array;
  readonly slots: Int32Array;
  readonly load: Int32Array;
  /** load / slots, kept beside them: a division for each of a thousand costs more than the choice. */
  readonly share: Float64Array;
  readonly surplus: Float64Array;
  /** Running sums of the weights. */
  readonly weights: Float64Array;
  readonly indexOf: ReadonlyMap<number, number>;
}

/** What past attempts of one task type say of each executor. */
export interface LatencyTable {
  /** NaN = it never ran there. */
  readonly ms: Float64Array;
  /** How often it fails there lately, 0 to 1. */
  readonly failing: Float64Array;
  /** What an attempt there is expected to cost in ms, failures counted in. */
  readonly cost: Float64Array;
}

export interface RouteRequest {
  readonly strategy: Exclude<RoutingStrategy, 'least_loaded'>;
  /** For affinity. */
  readonly key: string;
  /** Whose turn it is goes round for each circle by itself. */
  readonly circle: number;
  /** 1 = its circuit breaker keeps it from this task type; null = none is open. */
  readonly blocked: Uint8Array | null;
  readonly latency: LatencyTable | null;
  /** Codes of the executors that produced the inputs, one for each input. */
  readonly producers: readonly number[];
}

export interface RouteChoice {
  /** Place in the table. */
  readonly at: number;
  /** Why this one, for people. */
  readonly why: string;
}

/** null: nobody is preferred, whoever is free first takes it. */
export type ChooseExecutor = (table: ExecutorTable, request: RouteRequest) => RouteChoice | null;

export function executorTable(executors: readonly Executor[]): ExecutorTable {
  const size = executors.length;
  const table = {
    size,
    codes: new Int32Array(size),
    names: executors.map(({ name }) => name),
    hashes: new Int32Array(size),
    slots: new Int32Array(size),
    load: new Int32Array(size),
    share: new Float64Array(size),
    surplus: new Float64Array(size),
    weights: new Float64Array(size),
    indexOf: new Map<number, number>(),
  };
  let sum = 0;
  for (const [at, executor] of executors.entries()) {
    table.codes[at] = executor.code;
    table.hashes[at] = mix(executor.code);
    table.slots[at] = executor.slots;
    addLoad(table, at, executor.load);
    table.surplus[at] = executor.surplus;
    sum += executor.weight;
    table.weights[at] = sum;
    table.indexOf.set(executor.code, at);
  }
  return table;
}

/** Where every attempt fails, work counts as twenty times as long, not as endless: it is tried again when all others are far worse. */
const LEAST_SUCCESS = 0.05;

/** Who never ran it counts as fast as the fastest, so it is tried. */
export function latencyTable(ms: Float64Array, failing: Float64Array): LatencyTable {
  let fastest = Number.POSITIVE_INFINITY;
  for (const each of ms) if (each < fastest) fastest = each;
  const unknown = Number.isFinite(fastest) ? fastest : 1;
  const cost = ms.map((each, at) => Math.max(1, Number.isNaN(each) ? unknown : each) / Math.max(LEAST_SUCCESS, 1 - (failing[at] as number)));
  return { ms, failing, cost };
}

export function addLoad(table: Pick<ExecutorTable, 'load' | 'slots' | 'share'>, at: number, jobs: number): void {
  const load = (table.load[at] as number) + jobs;
  table.load[at] = load;
  table.share[at] = load / (table.slots[at] as number);
}

export function isFull(table: ExecutorTable, at: number): boolean {
  return (table.share[at] as number) >= 1;
}

/** The finaliser of MurmurHash3: each bit of the number moves every bit of the result with a chance of a half. */
export function mix(number: number): number {
  let h = number | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
