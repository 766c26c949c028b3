// Owns a queue on the wire: its settings, one row of counts and rates, and its tasks' counts and times.
import { formatDuration } from '../../src/domain/duration.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { QueueSettings } from '../../src/domain/queue.ts';
import type { Ended, QueueStats } from '../../src/store/backend.ts';
import { compact, iso, round } from './compact.ts';

const TASKS_SHOWN = 10;
type Settings = QueueSettings & { readonly oldestReadyAt?: number | null };

/** One row per queue, in the order of the settings. */
export function queueRows(queues: readonly Settings[], stats: readonly QueueStats[], now: number): JsonObject[] {
  const tasks = new Map<string, QueueStats[]>();
  for (const row of stats) {
    const key = `${row.namespace}\n${row.queue}`;
    const rows = tasks.get(key);
    if (rows === undefined) tasks.set(key, [row]);
    else rows.push(row);
  }
  return queues.map((queue) => queueRow(queue, tasks.get(`${queue.namespace}\n${queue.queue}`) ?? [], now));
}

export function queueRow(settings: Settings, tasks: readonly QueueStats[], now: number): JsonObject {
  const sum = (status: keyof QueueStats['counts']): number => tasks.reduce((total, row) => total + row.counts[status], 0);
  const ended = (window: keyof QueueStats['last']): JsonObject => endedToWire(tasks.map((row) => row.last[window]));
  const oldest = settings.oldestReadyAt ?? null;
  return {
    ...settingsToWire(settings),
    pending: sum('pending'),
    retry: sum('retry'),
    running: sum('running'),
    completed: sum('completed'),
    failed: sum('failed'),
    cancelled: sum('cancelled'),
    ...compact({ oldest_ready_at: iso(oldest), oldest_wait_ms: oldest === null ? undefined : Math.max(0, now - oldest) }),
    last_minute: ended('minute'),
    last_5_minutes: ended('fiveMinutes'),
    last_hour: ended('hour'),
    tasks: [...tasks]
      .sort((a, b) => weight(b) - weight(a))
      .slice(0, TASKS_SHOWN)
      .map(taskRow),
  };
}

export function settingsToWire(settings: QueueSettings): JsonObject {
  return {
    queue: settings.queue,
    namespace: settings.namespace,
    ...compact({
      paused: settings.paused || undefined,
      order: settings.order === 'fifo' ? undefined : settings.order,
      concurrency: settings.concurrency,
      rate_limit: settings.rateLimit === null ? undefined : { limit: settings.rateLimit.limit, period: formatDuration(settings.rateLimit.periodMs) },
      limits_from: settings.concurrency === null && settings.rateLimit === null ? undefined : settings.from,
    }),
  };
}

function endedToWire(rows: readonly Ended[]): JsonObject {
  const sum = (name: keyof Ended): number => rows.reduce((total, row) => total + row[name], 0);
  const failed = sum('failed');
  return compact({ completed: sum('completed'), failed: failed || undefined, retries: sum('retries') || undefined });
}

function weight(row: QueueStats): number {
  return row.counts.pending + row.counts.retry + row.counts.running + row.completed + row.failed;
}

function taskRow(row: QueueStats): JsonObject {
  const ended = row.completed + row.failed;
  return compact({
    task: row.task,
    pending: row.counts.pending + row.counts.retry,
    running: row.counts.running,
    completed: row.completed,
    failed: row.failed,
    retries: row.retries,
    failure_rate: ended === 0 ? undefined : round(row.failed / ended),
    mean_run_ms: round(row.meanRunMs),
    max_run_ms: round(row.maxRunMs),
    p50_run_ms: row.runMs?.p50,
    p95_run_ms: row.runMs?.p95,
    mean_wait_ms: round(row.meanWaitMs),
    p50_wait_ms: row.waitMs?.p50,
    p95_wait_ms: row.waitMs?.p95,
  });
}
