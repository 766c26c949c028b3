// Owns the health of the parts: each is looked at now, nothing is taken for granted.
import { type ErrorData, toErrorData } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import type { ScheduleManager } from '../schedule/schedule-manager.ts';
import type { Backend } from '../store/backend.ts';
import type { ProjectManager } from './project-manager.ts';

/** What is looked at; the engine is one. */
export interface Parts {
  readonly backend: Backend;
  readonly namespace: string;
  readonly now: number;
  readonly schedules: ScheduleManager;
  readonly projects: ProjectManager;
  readiness(): ErrorData | null;
}

export type HealthWord = 'healthy' | 'degraded' | 'unhealthy';

export interface ComponentHealth {
  readonly status: HealthWord;
  readonly details: JsonObject;
  /** Why it is not healthy. */
  readonly issue: string | null;
}

export interface Health {
  readonly overall: HealthWord;
  readonly components: Readonly<Record<string, ComponentHealth>>;
  readonly issues: readonly string[];
}

/** Ready jobs that nobody took for longer than this are a sign of trouble. */
const STALE_MS = 60_000;
/** A fire that is later than this was not watched by anybody. */
const LATE_MS = 60_000;

export function healthOf(engine: Parts): Health {
  const components: Record<string, ComponentHealth> = {
    store: checked(() => store(engine)),
    workflow_manager: checked(() => workflows(engine)),
    task_orchestrator: checked(() => tasks(engine)),
    schedule_manager: checked(() => schedules(engine)),
    project_manager: checked(() => projects(engine)),
  };
  const all = Object.values(components);
  const overall = all.some((part) => part.status === 'unhealthy') ? 'unhealthy' : all.some((part) => part.status === 'degraded') ? 'degraded' : 'healthy';
  return { overall, components, issues: all.flatMap((part) => part.issue ?? []) };
}

/** A part that cannot even be looked at is not healthy. */
function checked(look: () => ComponentHealth): ComponentHealth {
  try {
    return look();
  } catch (error) {
    const { code, message } = toErrorData(error, 'internal');
    return { status: 'unhealthy', details: { code }, issue: message };
  }
}

function healthy(details: JsonObject): ComponentHealth {
  return { status: 'healthy', details, issue: null };
}

function store(engine: Parts): ComponentHealth {
  const { kind, durability, schemaVersion, bytes } = engine.backend.status({ namespace: engine.namespace });
  const fault = engine.readiness();
  const details = { kind, durability, schema_version: schemaVersion, bytes };
  return fault === null ? healthy(details) : { status: 'unhealthy', details, issue: fault.message };
}

function workflows(engine: Parts): ComponentHealth {
  const { executions } = engine.backend.status({ namespace: engine.namespace });
  return healthy({ running: executions.running, waiting: executions.waiting, paused: executions.paused, failed: executions.failed });
}

/** Work that is ready has somebody to do it, and is taken. */
function tasks(engine: Parts): ComponentHealth {
  const { oldestReadyAt } = engine.backend.status({ namespace: engine.namespace });
  const processes = engine.backend.liveProcesses({ namespace: engine.namespace }).filter((process) => !process.role.endsWith('(client)')).length;
  const waitedMs = oldestReadyAt === null ? 0 : engine.now - oldestReadyAt;
  const details = { processes, oldest_ready_ms: waitedMs };
  if (waitedMs <= STALE_MS) return healthy(details);
  const issue =
    processes === 0
      ? 'Jobs are ready, and no process is running that could do them.'
      : `A job has been ready for ${Math.round(waitedMs / 1_000)} s and nobody has taken it.`;
  return { status: 'degraded', details, issue };
}

function schedules(engine: Parts): ComponentHealth {
  const next = engine.schedules.nextDue();
  const lateMs = next === null ? 0 : Math.max(0, engine.now - next.dueAt);
  const details = { ...engine.schedules.counts(), late_ms: lateMs };
  if (lateMs <= LATE_MS) return healthy(details);
  return { status: 'degraded', details, issue: `The schedule ${next?.schedule.name} is ${Math.round(lateMs / 1_000)} s late: no process fires schedules now.` };
}

function projects(engine: Parts): ComponentHealth {
  const page = engine.projects.list({}, 100, null);
  const stuck = page.items.filter((project) => engine.projects.counts(project.id).cascade !== null);
  const details = { projects: page.items.length, under_way: stuck.length };
  return healthy(details);
}
