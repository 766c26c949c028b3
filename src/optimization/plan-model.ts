// Owns what a plan is made from: tasks with expected durations and needs, and the capacity that they share.
import type { DurationEstimate } from '../domain/duration-estimate.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';

/** One step. A group (forEach) is one task with `count` items, of which at most `width` run at once. */
export interface PlanTask {
  readonly id: string;
  /** Positions of the tasks that have to end first. */
  readonly needs: readonly number[];
  /** `wait` takes no slot: sleeps, signals, approvals, children. */
  readonly kind: 'slot' | 'wait';
  /** Of one item. */
  readonly estimate: DurationEstimate;
  /** Whether the caller gave its duration. */
  readonly given: boolean;
  readonly count: number;
  readonly width: number;
  /** What one item holds of each pool while it runs. */
  readonly pools: Readonly<Record<string, number>>;
  readonly requires: readonly string[];
  readonly retry: RetryPolicy;
  /** From the moment it is ready. */
  readonly deadlineMs: number | null;
  readonly continueOnError: boolean;
  /** Items that may fail for good. */
  readonly toleratedItems: number;
}

export interface PlanWorker {
  readonly name: string;
  /** Work per time against a worker of speed 1. */
  readonly speed: number;
  /** Per hour of work. */
  readonly price: number;
  readonly capabilities: readonly string[];
}

/** Equal slots, or named workers that do one job at a time each; pools beside them. */
export interface PlanCapacity {
  readonly slots: number;
  /** Null: equal slots. */
  readonly workers: readonly PlanWorker[] | null;
  readonly pools: Readonly<Record<string, number>>;
}

export const OBJECTIVES = ['makespan', 'throughput', 'mean_latency', 'deadline', 'cost'] as const;
export type Objective = (typeof OBJECTIVES)[number];

/** One attempt of one item on one slot. */
export interface Placement {
  readonly task: number;
  readonly item: number;
  /** Number of the slot or worker; -1 for what takes none. */
  readonly slot: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface Schedule {
  readonly makespanMs: number;
  /** In the order in which they start. */
  readonly placements: readonly Placement[];
}

/** Ms that one item takes on a worker. */
export function runMs(durationMs: number, speed: number): number {
  return durationMs / speed;
}

/** Sequential rounds of a group's items: its width is a bound that no capacity lifts. */
export function roundsOf(task: Pick<PlanTask, 'count' | 'width'>): number {
  return Math.ceil(task.count / task.width);
}

export function canRun(task: Pick<PlanTask, 'requires'>, worker: PlanWorker): boolean {
  return task.requires.every((need) => worker.capabilities.includes(need));
}
