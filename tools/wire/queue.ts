// Owns a queue on the wire: one row per queue with its tasks' counts and times.
import type { JsonObject } from '../../src/domain/json.ts';
import type { QueueStats } from '../../src/store/backend.ts';
import { compact, round } from './compact.ts';

export function queueRows(stats: readonly QueueStats[]): JsonObject[] {
  const queues = new Map<string, QueueStats[]>();
  for (const row of stats) {
    const key = `${row.namespace}\n${row.queue}`;
    const rows = queues.get(key);
    if (rows === undefined) queues.set(key, [row]);
    else rows.push(row);
  }
  return [...queues.values()].map((rows) => {
    const [first] = rows as [QueueStats];
    const sum = (status: keyof QueueStats['counts']): number => rows.reduce((total, row) => total + row.counts[status], 0);
    return {
      queue: first.queue,
      namespace: first.namespace,
      pending: sum('pending'),
      retry: sum('retry'),
      running: sum('running'),
      completed: sum('completed'),
      failed: sum('failed'),
      cancelled: sum('cancelled'),
      tasks: rows.slice(0, 10).map(taskRow),
    };
  });
}

function taskRow(row: QueueStats): JsonObject {
  return compact({
    task: row.task,
    pending: row.counts.pending + row.counts.retry,
    running: row.counts.running,
    completed: row.completed,
    failed: row.failed,
    retries: row.retries,
    mean_run_ms: round(row.meanRunMs),
    max_run_ms: round(row.maxRunMs),
    mean_wait_ms: round(row.meanWaitMs),
  });
}
