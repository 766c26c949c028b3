// Owns the expected run time of a task type out of the counters of its queues.
import type { DurationEstimate, DurationSource } from '../domain/duration-estimate.ts';
import type { QueueStats } from '../store/backend.ts';
import { countedEstimate } from './spread.ts';

/** Estimates per task type; where it ran in several queues, each counts by its attempts. */
export function taskEstimates(stats: readonly QueueStats[]): ReadonlyMap<string, DurationEstimate> {
  const byTask = new Map<string, QueueStats[]>();
  for (const row of stats) {
    if (row.runMs === null || row.meanRunMs === null) continue;
    const rows = byTask.get(row.task);
    if (rows === undefined) byTask.set(row.task, [row]);
    else rows.push(row);
  }
  return new Map([...byTask].map(([task, rows]) => [task, merged(rows)]));
}

/** Knows task types only, so every answer is of the source `task`. */
export function statsSource(stats: readonly QueueStats[]): DurationSource {
  const known = taskEstimates(stats);
  return ({ task }) => known.get(task) ?? null;
}

function merged(rows: readonly QueueStats[]): DurationEstimate {
  const attempts = (row: QueueStats): number => row.completed + row.failed + row.retries;
  const samples = rows.reduce((sum, row) => sum + attempts(row), 0);
  const mean = (of: (row: QueueStats) => number): number => rows.reduce((sum, row) => sum + of(row) * attempts(row), 0) / samples;
  return countedEstimate({
    samples,
    meanMs: mean((row) => row.meanRunMs ?? 0),
    p50Ms: mean((row) => row.runMs?.p50 ?? 0),
    p95Ms: mean((row) => row.runMs?.p95 ?? 0),
    failureRate: rows.reduce((sum, row) => sum + row.failed + row.retries, 0) / samples,
  });
}
