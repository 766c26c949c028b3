// Owns how closed sets are written in the file: small integers, never renumbered.
import { EVENT_TYPES, type EventType } from '../../domain/event.ts';
import { JOB_STATUSES, type JobStatus } from '../../domain/job.ts';
import { PROJECT_STATUSES, type ProjectStatus } from '../../domain/project.ts';
import {
  OCCURRENCE_ORIGINS,
  OCCURRENCE_STATUSES,
  type OccurrenceOrigin,
  type OccurrenceStatus,
  RUN_RESULTS,
  type RunResult,
  SCHEDULE_STATUSES,
  type ScheduleStatus,
} from '../../domain/schedule.ts';
import { SESSION_MODES, SESSION_STATUSES, type SessionMode, type SessionStatus } from '../../domain/session.ts';
import type { TimerKind } from '../../domain/transition.ts';
import { WORKER_STATUSES, type WorkerStatus } from '../../domain/worker-agent.ts';
import {
  EXECUTION_STATUSES,
  type ExecutionPhase,
  type ExecutionStatus,
  type SkipReason,
  STEP_STATUSES,
  type StepStatus,
} from '../../domain/workflow-execution.ts';

/** A two-way table between names and their integers. */
class Codes<T extends string> {
  readonly names: readonly T[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(names: readonly T[]) {
    this.names = names;
    this.#numbers = new Map(names.map((name, i) => [name, i]));
  }

  of(name: T): number {
    return this.#numbers.get(name) as number;
  }

  /** Undefined for a name outside the set (filters typed by users). */
  find(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  name(code: number): T {
    return this.names[code] as T;
  }
}

// pending running completed failed cancelled retry
export const jobCodes = new Codes<JobStatus>(JOB_STATUSES);
export const JOB = { pending: 0, running: 1, completed: 2, failed: 3, cancelled: 4, retry: 5 } as const;
export const executionCodes = new Codes<ExecutionStatus>(EXECUTION_STATUSES);
export const stepCodes = new Codes<StepStatus>(STEP_STATUSES);
export const phaseCodes = new Codes<ExecutionPhase>(['admission', 'main', 'compensate', 'on_failure', 'done']);
// planning active paused completed archived failed
export const projectCodes = new Codes<ProjectStatus>(PROJECT_STATUSES);
export const sessionModes = new Codes<SessionMode>(SESSION_MODES);
export const sessionCodes = new Codes<SessionStatus>(SESSION_STATUSES);
// active lost left
export const workerCodes = new Codes<WorkerStatus>(WORKER_STATUSES);
export const WORKER = { active: 0, lost: 1, left: 2 } as const;
export const eventCodes = new Codes<EventType>(EVENT_TYPES);
export const timerCodes = new Codes<TimerKind>(['wake', 'wait_timeout', 'execution_deadline', 'force_stop', 'wall_clock']);
export const waiterCodes = new Codes<'none' | 'signal' | 'approval' | 'event'>(['none', 'signal', 'approval', 'event']);
export const skipCodes = new Codes<SkipReason | 'none'>(['none', 'condition', 'upstream_skipped', 'upstream_failed', 'trigger_rule']);
// active paused completed
export const scheduleCodes = new Codes<ScheduleStatus>(SCHEDULE_STATUSES);
export const SCHEDULE = { active: 0, paused: 1, completed: 2 } as const;
export const originCodes = new Codes<OccurrenceOrigin>(OCCURRENCE_ORIGINS);
export const occurrenceCodes = new Codes<OccurrenceStatus>(OCCURRENCE_STATUSES);
export const resultCodes = new Codes<RunResult>(RUN_RESULTS);
