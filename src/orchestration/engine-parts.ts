// Owns the list of what an engine is made of; all of it is made elsewhere.
import type { DurationSource } from '../domain/duration-estimate.ts';
import type { IdSource } from '../domain/id.ts';
import type { Logger } from '../domain/log.ts';
import type { Outlet } from '../domain/outlet.ts';
import type { QueueLimits } from '../domain/queue.ts';
import type { PoolSpec } from '../domain/resource.ts';
import type { Decide } from '../domain/transition.ts';
import type { CurrentWork } from '../runtime/current-work.ts';
import type { SweepSettings } from '../runtime/sweeper.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { ScheduleManager } from '../schedule/schedule-manager.ts';
import type { Backend } from '../store/backend.ts';
import type { TaskRegistry } from '../task/task-registry.ts';
import type { Worker } from '../task/worker.ts';
import type { WorkerAgents } from '../task/worker-agents.ts';
import type { BudgetManager } from './budget-manager.ts';
import type { HookStatus } from './hook-status.ts';
import type { Background } from './liveness.ts';
import type { OrchestrationSessions } from './orchestration-session.ts';
import type { ProjectManager } from './project-manager.ts';
import type { ResourceManager } from './resource-manager.ts';
import type { RunPlanner } from './run-planner.ts';
import type { TaskOrchestrator } from './task-orchestrator.ts';
import type { WorkflowManager } from './workflow-manager.ts';
import type { WorkflowsDir } from './workflows-dir.ts';

export interface EngineParts {
  readonly backend: Backend;
  /** What callers reach of it: all, or one namespace. */
  readonly visible: Backend;
  readonly decide: Decide;
  readonly workflows: WorkflowManager;
  readonly tasks: TaskOrchestrator;
  readonly sessions: OrchestrationSessions;
  readonly projects: ProjectManager;
  readonly resources: ResourceManager;
  readonly budgets: BudgetManager;
  readonly currentWork: CurrentWork;
  /** Pools of the configuration, written by a process that runs jobs. */
  readonly pools: readonly PoolSpec[];
  readonly registry: TaskRegistry;
  readonly schedules: ScheduleManager;
  readonly planner: RunPlanner;
  readonly workerAgents: WorkerAgents;
  /** What is expected of a step's run time. */
  readonly durations: DurationSource;
  /** A logger per component. */
  readonly log: (component: string) => Logger;
  readonly now: () => number;
  readonly newId: IdSource;
  readonly namespace: string;
  readonly version: string;
  readonly warnings: readonly string[];
  readonly sweep: SweepSettings;
  /** Limits of queues, set by a process that runs jobs. */
  readonly queues: Readonly<Record<string, QueueLimits>>;
  readonly leaseMs: number;
  readonly defaultAttempts: number;
  readonly join: { readonly pid: number; readonly host: string; readonly role: string; readonly sole?: boolean | undefined };
  /** null where nothing is traced. */
  readonly tracing: Tracing | null;
  readonly background: Background;
  /** Made once the epoch is known; null for a process that runs no jobs. */
  readonly makeWorker: ((epoch: () => number) => Worker) | null;
  /** Definitions as files; watched by a process that runs jobs, compared by any. */
  readonly workflowsDir: WorkflowsDir | null;
  /** Who is told of events. */
  readonly outlets: readonly Outlet[];
  /** How the hooks of its namespace stand. */
  readonly hooks: () => readonly HookStatus[];
  /** Ends what lies below: actions, connections, threads. */
  readonly dispose: () => Promise<void>;
}
