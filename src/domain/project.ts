// Owns the Project: a namespace of workflows by name (everything called `<project>.…` is its own), its states and the moves between them.
import { z } from 'zod';
import { LogisticsError } from './errors.ts';
import { JsonObject } from './json.ts';
import { ProjectPlan } from './project-plan.ts';

export const PROJECT_STATUSES = ['planning', 'active', 'paused', 'completed', 'archived', 'failed'] as const;
export const ProjectStatus = z.enum(PROJECT_STATUSES);
export type ProjectStatus = z.infer<typeof ProjectStatus>;

/** From each state, those that may follow. Work starts in an active project only. */
export const PROJECT_TRANSITIONS: Readonly<Record<ProjectStatus, readonly ProjectStatus[]>> = {
  planning: ['active', 'archived'],
  active: ['paused', 'completed', 'failed'],
  paused: ['active', 'completed', 'failed', 'archived'],
  completed: ['active', 'archived'],
  failed: ['active', 'archived'],
  archived: ['active'],
};

/** No dot, so that the first dot of a name ends its project; no slash or dot-dot can be made of it. */
export const ProjectName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,49}$/);

export const MAX_MILESTONES = 200;
export const MAX_MEMBERS = 1_000;
export const MAX_METRICS = 200;

export const Milestone = z.strictObject({
  name: z.string().min(1).max(200),
  /** Epoch ms. */
  due: z.int().nullable(),
  data: JsonObject,
  completedAt: z.int().nullable(),
});
export type Milestone = z.infer<typeof Milestone>;

/** Null = no bound of its own. */
export const ProjectQuota = z.strictObject({
  /** Runs at once that somebody started; their child runs are not counted. */
  runs: z.int().min(1).max(100_000).nullable(),
  /** Jobs of its queues that have not ended; more are refused. */
  jobs: z.int().min(1).max(10_000_000).nullable(),
});
export type ProjectQuota = z.infer<typeof ProjectQuota>;

export const Project = z.object({
  id: z.string(),
  namespace: z.string(),
  name: ProjectName,
  description: z.string().nullable(),
  /** The template that it was made of, or null. */
  template: z.string().nullable(),
  tags: z.array(z.string()),
  owner: z.string(),
  status: ProjectStatus,
  statusReason: z.string().nullable(),
  quota: ProjectQuota,
  plan: ProjectPlan.nullable(),
  milestones: z.array(Milestone),
  metrics: z.record(z.string(), z.number()),
  /** Sessions that joined: they work in it without naming it. */
  members: z.array(z.string()),
  /** Grows by one with each change. */
  revision: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
});
export type Project = z.infer<typeof Project>;

/** What goes on through all of a project's work until it is done, in pieces and across crashes. */
export const CASCADES = ['pause', 'resume', 'cancel'] as const;
export type Cascade = (typeof CASCADES)[number];

/** `alpha` and `report` -> `alpha.report`; a name that begins so already stays. */
export function inProject(project: string, name: string): string {
  return name.startsWith(`${project}.`) ? name : `${project}.${name}`;
}

/** The project that a name belongs to, if there is one of this name; null for a name without a dot. */
export function projectOf(name: string): string | null {
  const dot = name.indexOf('.');
  return dot <= 0 ? null : name.slice(0, dot);
}

/** Bounds of the names of a project in the order of texts: from the first up to, but without, the second. */
export function namesOf(project: string): readonly [from: string, to: string] {
  return [`${project}.`, `${project}/`];
}

/** Throws invalid_transition unless the project may move there. */
export function checkTransition(name: string, from: ProjectStatus, to: ProjectStatus): void {
  if (PROJECT_TRANSITIONS[from].includes(to)) return;
  throw new LogisticsError('invalid_transition', `The project ${name} is ${from} and cannot become ${to}.`, {
    path: 'action',
    expected: `from ${from} to ${PROJECT_TRANSITIONS[from].join(' or ')}`,
    nextActions: [`Use manage_project with ${actionsFrom(from).join(' or ')}.`],
  });
}

const ACTION_TO: Readonly<Record<ProjectStatus, string>> = {
  planning: 'update',
  active: 'activate',
  paused: 'pause',
  completed: 'complete',
  archived: 'archive',
  failed: 'fail',
};

/** Names of the actions that lead on from a state. */
export function actionsFrom(status: ProjectStatus): string[] {
  return PROJECT_TRANSITIONS[status].map((to) => (status === 'archived' ? 'restore' : status === 'paused' && to === 'active' ? 'resume' : ACTION_TO[to]));
}

/** How many runs may go on at once: none start unless the project is active. */
export function runsAllowed(status: ProjectStatus, quota: number): number {
  return status === 'active' ? quota : 0;
}

/** Throws unless work may be added to the project: a paused one takes it and holds it back. */
export function checkTakesWork(project: Pick<Project, 'name' | 'status'>): void {
  if (project.status === 'active' || project.status === 'paused') return;
  throw new LogisticsError('invalid_transition', `The project ${project.name} is ${project.status}; work starts in an active one only.`, {
    path: 'project',
    nextActions: [`Use manage_project with action ${actionsFrom(project.status).join(' or ')}.`],
  });
}
