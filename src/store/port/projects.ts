// Owns the verbs of projects: rows that change by pure functions, quotas that hold inside the commit, and cascades that outlive a crash.
import type { BudgetLimits } from '../../domain/budget.ts';
import type { ErrorData } from '../../domain/errors.ts';
import type { Cascade, Project } from '../../domain/project.ts';
import type { Decide } from '../../domain/transition.ts';
import type { ExecutionStatus } from '../../domain/workflow-execution.ts';
import type { Page, Receipt } from './common.ts';

export interface ProjectFilter {
  readonly namespace?: string | undefined;
  readonly status?: string | undefined;
  readonly text?: string | undefined;
}

/** What a project holds, counted from its rows. */
export interface ProjectCounts {
  readonly workflows: number;
  readonly schedules: number;
  readonly executions: Readonly<Record<ExecutionStatus, number>>;
  readonly openJobs: number;
  /** A cascade that is still on its way. */
  readonly cascade: Cascade | null;
}

/** A template that somebody saved; its content is checked by the floor above. */
export interface StoredTemplate {
  readonly name: string;
  readonly content: string;
  readonly createdAt: number;
}

export type ProjectChangeResult =
  | { readonly kind: 'changed'; readonly project: Project; readonly replayed: boolean }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'conflict'; readonly error: ErrorData };

export interface ProjectVerbs {
  /** A name is taken once per namespace, also by an archived project. */
  putProject(p: {
    readonly project: Project;
    readonly budget?: BudgetLimits | null | undefined;
    readonly receipt?: Receipt | undefined;
  }): Promise<ProjectChangeResult>;
  getProject(id: string): Project | null;
  findProject(p: { readonly namespace: string; readonly name: string }): Project | null;
  /** The project that a session is a member of, or null. */
  projectOfSession(sessionId: string): Project | null;
  listProjects(p: { readonly filter: ProjectFilter; readonly limit: number; readonly cursor: string | null }): Page<Project>;
  /**
   * Stores what `change` makes of the project as it is now (revision and time are the store's) and, in the same commit, begins the cascade.
   * `change` may throw a LogisticsError, and may run more than once.
   */
  changeProject(p: {
    readonly id: string;
    readonly change: (project: Project) => Project;
    readonly cascade?: Cascade | undefined;
    readonly by: string;
    readonly receipt?: Receipt | undefined;
  }): Promise<ProjectChangeResult>;
  /** Removes the project itself; refused as conflict while a run or job of it is open. Its workflows and schedules are deleted. */
  deleteProject(p: { readonly id: string; readonly decide: Decide; readonly receipt?: Receipt | undefined }): Promise<ProjectChangeResult>;
  projectCounts(id: string): ProjectCounts | null;
  /** Ids of the schedules of a project, at most 1,000. */
  projectSchedules(id: string): readonly string[];
  /** Goes on with cascades of projects, and with what budgets pause and resume: a bounded piece; whether more is left. */
  cascadeProjects(p: { readonly decide: Decide; readonly limit: number }): Promise<{ readonly more: boolean }>;

  putProjectArchive(p: { readonly id: string; readonly content: Uint8Array }): Promise<boolean>;
  getProjectArchive(id: string): Uint8Array | null;

  putTemplate(p: { readonly namespace: string; readonly template: Omit<StoredTemplate, 'createdAt'> }): Promise<{ readonly created: boolean }>;
  listTemplates(p: { readonly namespace: string }): readonly StoredTemplate[];
  deleteTemplate(p: { readonly namespace: string; readonly name: string }): Promise<boolean>;
}
