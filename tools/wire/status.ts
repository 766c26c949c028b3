// Owns the system status on the wire: counts and top items, and in detail the sections that earlier programs of this kind had.
import type { JsonObject } from '../../src/domain/json.ts';
import type { SystemStatus } from '../../src/orchestration/system-status.ts';
import type { QueueStats } from '../../src/store/backend.ts';
import type { Performance } from '../../src/tracking/performance.ts';
import { compact, iso, round, shortText } from './compact.ts';
import { eventToWire } from './event.ts';
import { executionRow } from './execution.ts';
import { hookRow } from './hook.ts';
import { workerRow } from './lease.ts';
import { outletRow } from './outlet.ts';
import { performanceInShort } from './performance.ts';
import { processRow } from './process.ts';
import { queueRows } from './queue.ts';
import { poolRow } from './resource.ts';
import { schedulesToWire } from './schedule-status.ts';

const TOP = 5;
const CHANGES = 25;

export function statusToWire(status: SystemStatus, performance: Performance | null): JsonObject {
  const detailed = performance !== null;
  const top = detailed ? 20 : TOP;
  const { store, throughput, changes } = status;
  const queues = queueRows(status.queueSettings, status.queues, status.now).map((row) => (detailed ? row : inShort(row)));
  return {
    ...compact({
      version: status.version,
      namespace: status.namespace,
      health: status.health,
      at: iso(status.now),
      uptime_ms: status.uptimeMs,
      store: compact({
        kind: store.kind,
        location: store.location,
        durability: store.durability,
        schema_version: store.schemaVersion,
        bytes: store.bytes,
        oldest_ready_at: iso(store.oldestReadyAt),
      }),
      executions: store.executions,
      queues: queues.slice(0, top),
      processes: status.processes.slice(0, top).map(processRow),
      workers: status.workers.length === 0 ? undefined : status.workers.slice(0, top).map(workerRow),
      resources: status.pools.length === 0 ? undefined : status.pools.slice(0, top).map((pool) => (detailed ? poolRow(pool) : poolInShort(pool))),
      running: status.running.slice(0, top).map(executionRow),
      waiting_for_person: status.waitingForPerson.slice(0, top).map((wait) => ({
        execution_id: wait.executionId,
        workflow: wait.workflow,
        step: wait.stepId,
        message: shortText(wait.message),
        digest: wait.digest,
        until: iso(wait.until),
      })),
      recent_failures: status.recentFailures.slice(0, top).map((failure) => ({
        [`${failure.kind}_id`]: failure.id,
        name: failure.name,
        code: failure.code,
        message: shortText(failure.message, 150),
        at: iso(failure.at),
      })),
      active_sessions: status.activeSessions,
      workflows: status.workflows,
      throughput: { jobs_completed: throughput.jobsCompleted, jobs_failed: throughput.jobsFailed, window_ms: throughput.windowMs },
      next_due_at: iso(status.nextDueAt),
      schedules: schedulesToWire(status.schedules, top),
      outlets: status.outlets.length === 0 ? undefined : status.outlets.slice(0, top).map(outletRow),
      hooks: status.hooks.length === 0 ? undefined : status.hooks.slice(0, top).map(hookRow),
      liveness: status.liveness,
      warnings: status.warnings.length === 0 ? undefined : status.warnings.map((warning) => shortText(warning)),
      cursor: String(store.lastCursor),
    }),
    ...(changes === null ? {} : { changes: changesToWire(changes) }),
    ...(detailed ? sections(status, performance) : {}),
  };
}

/** Without what the other times and the tasks of a queue add. */
function inShort({ tasks: _, last_5_minutes: _five, last_hour: _hour, oldest_ready_at: _oldest, ...row }: JsonObject): JsonObject {
  return row;
}

function poolInShort(pool: SystemStatus['pools'][number]): JsonObject {
  const { pool: name, capacity, used, unit, waiting } = poolRow(pool);
  return { pool: name as string, capacity: capacity ?? null, used: used ?? null, unit: unit ?? null, waiting: waiting as number };
}

function changesToWire(changes: NonNullable<SystemStatus['changes']>): JsonObject {
  const shown = changes.events.slice(0, CHANGES);
  const truncated = changes.truncated || shown.length < changes.events.length;
  return {
    events: shown.map(eventToWire),
    next_cursor: String(truncated ? (shown.at(-1)?.cursor ?? changes.cursor) : changes.cursor),
    ...(truncated ? { truncated } : {}),
  };
}

function sections(status: SystemStatus, performance: Performance): JsonObject {
  const total = (name: keyof QueueStats['counts']): number => status.queues.reduce((sum, row) => sum + row.counts[name], 0);
  const runMs = status.queues.reduce((sum, row) => sum + (row.meanRunMs ?? 0) * (row.completed + row.failed), 0);
  const runs = status.queues.reduce((sum, row) => sum + row.completed + row.failed, 0);
  const { executions } = status.store;
  return {
    orchestration_engine: { active_sessions: status.activeSessions, uptime_ms: status.uptimeMs, processes: status.processes.length },
    workflow_manager: { total_workflows: status.workflows, running_workflows: executions.running + executions.waiting + executions.paused, executions },
    task_orchestrator: {
      total_tasks: total('pending') + total('retry') + total('running') + total('completed') + total('failed') + total('cancelled'),
      pending: total('pending') + total('retry'),
      running: total('running'),
      completed: total('completed'),
      failed: total('failed'),
      cancelled: total('cancelled'),
      total_execution_time_ms: Math.round(runMs),
      ...(runs === 0 ? {} : { average_execution_time_ms: round(runMs / runs) }),
    },
    project_manager: {
      total_projects: status.projects.total,
      by_status: status.projects.byStatus,
      by_type: status.projects.byType,
      recent_activity: status.projects.recent.map(({ name, status: state, updatedAt }) => ({ name, status: state, updated_at: iso(updatedAt) })),
    },
    resource_manager: {
      total_pools: status.pools.length,
      waiting: status.pools.reduce((sum, pool) => sum + pool.waiting, 0),
      pools: status.pools.map(poolInShort),
    },
    performance: compact({
      ...performanceInShort(performance),
      jobs_per_second: round((status.throughput.jobsCompleted + status.throughput.jobsFailed) / (status.throughput.windowMs / 1_000)),
      max_run_ms: round(status.queues.reduce<number | null>((max, row) => (row.maxRunMs === null ? max : Math.max(max ?? 0, row.maxRunMs)), null)),
      memory_rss_bytes: process.memoryUsage.rss(),
      cpu_user_ms: Math.round(process.cpuUsage().user / 1_000),
    }),
  };
}
