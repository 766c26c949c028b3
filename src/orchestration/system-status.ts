// Owns the one comprehensive answer to "how is it going": store, processes, queues, what runs, waits, failed, comes next.
import type { LogisticsEvent } from '../domain/event.ts';
import type { Outlet } from '../domain/outlet.ts';
import type { ResourcePool } from '../domain/resource.ts';
import { AGENT_CAPABILITY, type WorkerAgent } from '../domain/worker-agent.ts';
import type { Backend, ExecutionSummary, ProcessInfo, QueueStats, StoreStatus } from '../store/backend.ts';
import { capabilityGap } from './capability-gap.ts';
import { guardWarnings } from './guard-warnings.ts';
import type { HookStatus } from './hook-status.ts';
import { type Background, livenessText } from './liveness.ts';
import { type OutletStatus, outletStatus, outletWarnings } from './outlet-status.ts';
import { type SchedulesStatus, schedulesStatus } from './schedule-status.ts';

export interface SystemStatus {
  readonly version: string;
  readonly namespace: string;
  readonly now: number;
  readonly uptimeMs: number;
  readonly health: 'healthy' | 'degraded';
  readonly store: StoreStatus;
  readonly processes: readonly ProcessInfo[];
  /** Worker agents that are online. */
  readonly workers: readonly WorkerAgent[];
  readonly queues: readonly QueueStats[];
  readonly queueSettings: ReturnType<Backend['queueSettings']>;
  /** Pools with what of them is used. */
  readonly pools: readonly ResourcePool[];
  readonly running: readonly ExecutionSummary[];
  readonly waitingForPerson: readonly {
    readonly executionId: string;
    readonly workflow: string;
    readonly stepId: string;
    readonly message: string;
    readonly digest: string;
    readonly until: number;
  }[];
  readonly recentFailures: readonly {
    readonly id: string;
    readonly kind: 'execution' | 'job';
    readonly name: string;
    readonly code: string;
    readonly message: string;
    readonly at: number;
  }[];
  readonly activeSessions: number;
  readonly workflows: number;
  /** Of the newest hundred. */
  readonly projects: {
    readonly total: number;
    readonly byStatus: Readonly<Record<string, number>>;
    readonly byType: Readonly<Record<string, number>>;
    readonly recent: readonly { readonly name: string; readonly status: string; readonly updatedAt: number }[];
  };
  readonly throughput: { readonly jobsCompleted: number; readonly jobsFailed: number; readonly windowMs: number };
  readonly nextDueAt: number | null;
  readonly schedules: SchedulesStatus;
  /** Webhooks and notifications of this configuration. */
  readonly outlets: readonly OutletStatus[];
  /** What other programs may set off here. */
  readonly hooks: readonly HookStatus[];
  readonly warnings: readonly string[];
  /** Who goes on when this process ends. */
  readonly liveness: string;
  /** With `since`: what happened in between, newest last. */
  readonly changes: { readonly events: readonly LogisticsEvent[]; readonly cursor: number; readonly truncated: boolean } | null;
}

const SHOWN = 10;
const LOOKED_AT = 50;
const WINDOW_MS = 60_000;
const CHANGE_TYPES = [
  'workflow_started',
  'workflow_waiting',
  'workflow_paused',
  'workflow_resumed',
  'workflow_completed',
  'workflow_failed',
  'workflow_cancelled',
  'job_failed',
  'approval_requested',
  'approval_decided',
  'session_created',
  'session_closed',
  'session_expired',
  'workflow_created',
  'worker_lost',
  'schedule_created',
  'schedule_updated',
  'schedule_paused',
  'schedule_missed',
  'budget_exceeded',
  'breaker_opened',
  'breaker_closed',
  'sla_missed',
] as const;

export function systemStatus(p: {
  readonly backend: Backend;
  readonly namespace: string;
  readonly version: string;
  readonly now: number;
  readonly startedAt: number;
  readonly leaseMs: number;
  readonly warnings: readonly string[];
  readonly background: Background;
  readonly outlets: readonly Outlet[];
  readonly hooks: readonly HookStatus[];
  /** What this process could run, and a background host of it. */
  readonly capabilities: readonly string[];
  /** Epoch ms or a cursor of an earlier status. */
  readonly since?: { readonly at: number } | { readonly cursor: number } | undefined;
}): SystemStatus {
  const { backend, namespace, now } = p;
  const list = (status: string, limit = SHOWN): readonly ExecutionSummary[] =>
    backend.listExecutions({ filter: { namespace, status }, limit, cursor: null }).items;
  const store = backend.status({ namespace });
  const processes = backend.listProcesses();
  const waiting = list('waiting', 50);
  const silent = processes.filter((process) => now - process.heartbeatAt > p.leaseMs);
  const warnings = [
    ...p.warnings,
    ...silent.map((process) => `Process ${process.pid} has been silent for ${Math.round((now - process.heartbeatAt) / 1_000)} s.`),
  ];
  const oldest = store.oldestReadyAt;
  if (oldest !== null && now - oldest > 5 * 60_000)
    warnings.push(`The oldest ready job has waited for ${Math.round((now - oldest) / 60_000)} min; no process may be able to run it (see explain).`);
  const queues = backend.queueStats({ namespace });
  warnings.push(...agentWarnings(backend, namespace, queues, now));
  const outlets = outletStatus(backend, namespace, p.outlets);
  warnings.push(...outletWarnings(outlets));
  warnings.push(...guardWarnings(backend, namespace));
  const failedJobs = backend.listJobs({ filter: { namespace, dead: true }, limit: SHOWN, cursor: null }).items;
  return {
    version: p.version,
    namespace,
    now,
    uptimeMs: now - p.startedAt,
    health: warnings.length === 0 ? 'healthy' : 'degraded',
    store,
    processes,
    workers: backend.listWorkers({ filter: { namespace, status: 'active' }, limit: 2 * SHOWN, cursor: null }).items,
    queues,
    queueSettings: backend.queueSettings({ namespace }),
    pools: backend.listPools({ namespace }),
    running: [...list('running'), ...waiting.slice(0, SHOWN), ...list('paused'), ...list('pending')].slice(0, 2 * SHOWN),
    waitingForPerson: approvals(backend, waiting),
    recentFailures: [
      ...list('failed').map((execution) => ({
        id: execution.id,
        kind: 'execution' as const,
        name: execution.workflow,
        code: execution.error?.code ?? 'failed',
        message: execution.error?.message ?? '',
        at: execution.endedAt ?? 0,
      })),
      ...failedJobs
        .filter((job) => job.executionId === null)
        .map((job) => ({
          id: job.id,
          kind: 'job' as const,
          name: job.name ?? job.task,
          code: job.error?.code ?? 'failed',
          message: job.error?.message ?? '',
          at: job.completedAt ?? 0,
        })),
    ]
      .sort((a, b) => b.at - a.at)
      .slice(0, SHOWN),
    projects: projectsOf(backend, namespace),
    activeSessions: backend.listSessions({ filter: { namespace, status: 'active' }, limit: 500, cursor: null }).items.length,
    workflows: backend.listDefinitions({ filter: { namespace }, limit: 500, cursor: null }).items.length,
    throughput: throughput(backend, namespace, now),
    nextDueAt: store.nextDueAt,
    schedules: schedulesStatus(backend, p),
    outlets,
    hooks: p.hooks,
    warnings,
    liveness: livenessText(backend, namespace, p.background, p.capabilities),
    changes: p.since === undefined ? null : changes(backend, namespace, p.since),
  };
}

/** Work for agents that no worker agent can take now; looked for only where there is such work. */
function agentWarnings(backend: Backend, namespace: string, queues: readonly QueueStats[], now: number): string[] {
  const waiting = queues.filter((row) => row.task === AGENT_CAPABILITY).reduce((sum, row) => sum + row.counts.pending, 0);
  if (waiting === 0) return [];
  const jobs = backend.listJobs({ filter: { namespace, status: 'pending', task: AGENT_CAPABILITY }, limit: LOOKED_AT, cursor: null }).items;
  const kinds = new Map(jobs.filter((job) => job.gate === null).map((job) => [job.requires.join('\n'), job.requires]));
  return [...kinds.values()].flatMap((requires) => capabilityGap(backend, namespace, requires, now)?.message ?? []).slice(0, SHOWN);
}

function approvals(backend: Backend, waiting: readonly ExecutionSummary[]): SystemStatus['waitingForPerson'] {
  const found: SystemStatus['waitingForPerson'][number][] = [];
  for (const execution of waiting) {
    for (const step of backend.getSteps({ executionId: execution.id, after: -1, limit: 500 })) {
      if (step.wait?.kind !== 'approval') continue;
      found.push({
        executionId: execution.id,
        workflow: execution.workflow,
        stepId: step.id,
        message: step.wait.message,
        digest: step.wait.digest,
        until: step.wait.until,
      });
      if (found.length >= SHOWN) return found;
    }
  }
  return found;
}

function throughput(backend: Backend, namespace: string, now: number): SystemStatus['throughput'] {
  const after = backend.cursorAt(now - WINDOW_MS);
  const events = backend.readEvents({ after, limit: 20_000, namespace, types: ['job_completed', 'step_completed', 'job_failed', 'step_failed'] });
  const completed = events.filter((event) => event.type === 'job_completed' || event.type === 'step_completed').length;
  return { jobsCompleted: completed, jobsFailed: events.length - completed, windowMs: WINDOW_MS };
}

function changes(backend: Backend, namespace: string, since: { readonly at: number } | { readonly cursor: number }): SystemStatus['changes'] {
  const after = 'cursor' in since ? since.cursor : backend.cursorAt(since.at);
  const limit = 100;
  const events = backend.readEvents({ after, limit: limit + 1, namespace, types: CHANGE_TYPES });
  const shown = events.slice(0, limit);
  return { events: shown, cursor: shown.at(-1)?.cursor ?? Math.max(after, backend.status().lastCursor), truncated: events.length > limit };
}

function projectsOf(backend: Backend, namespace: string): SystemStatus['projects'] {
  const { items } = backend.listProjects({ filter: { namespace }, limit: 100, cursor: null });
  const count = (of: (project: (typeof items)[number]) => string): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const project of items) counts[of(project)] = (counts[of(project)] ?? 0) + 1;
    return counts;
  };
  const recent = [...items].sort((a, b) => b.updatedAt - a.updatedAt).slice(0, SHOWN);
  return {
    total: items.length,
    byStatus: count(({ status }) => status),
    byType: count(({ template }) => template ?? 'custom'),
    recent: recent.map(({ name, status, updatedAt }) => ({ name, status, updatedAt })),
  };
}
