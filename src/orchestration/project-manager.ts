// Owns projects as people handle them: made, moved through their states, bounded, planned, run; what belongs to one follows from its name.
import { z } from 'zod';
import { definitionError } from '../domain/definition-faults.ts';
import { type ErrorData, LogisticsError } from '../domain/errors.ts';
import { type IdSource, kindOfId } from '../domain/id.ts';
import { type Json, JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import { parseInput } from '../domain/parse-input.ts';
import {
  type Cascade,
  checkTakesWork,
  checkTransition,
  inProject,
  MAX_MEMBERS,
  MAX_METRICS,
  MAX_MILESTONES,
  type Project,
  ProjectName,
  type ProjectStatus,
} from '../domain/project.ts';
import { PLAN_WORKFLOW, ProjectPlan, planDefinition } from '../domain/project-plan.ts';
import type { Decide } from '../domain/transition.ts';
import type { ScheduleManager } from '../schedule/schedule-manager.ts';
import type { Backend } from '../store/backend.ts';
import type { Page, Receipt } from '../store/port/common.ts';
import type { ProjectChangeResult, ProjectCounts } from '../store/port/projects.ts';
import { jsonBytes } from '../task/storable.ts';
import { readBudget } from './budget-manager.ts';
import type { Caller } from './caller.ts';
import { packProject, unpackProject } from './project-archive.ts';
import { contentOf, definitionsOf } from './project-content.ts';
import { type PreparedProject, ProjectTemplates } from './project-templates.ts';
import type { Started, StartRequest, WorkflowManager } from './workflow-manager.ts';

export interface ProjectManagerOptions {
  readonly backend: Backend;
  readonly workflows: WorkflowManager;
  readonly schedules: ScheduleManager;
  readonly namespace: string;
  readonly newId: IdSource;
  readonly now: () => number;
  readonly decide: Decide;
}

const CASCADE_CHUNK = 200;
const MAX_DATA_BYTES = 262_144;
const Quota = z.int().min(1).max(10_000_000).nullable().optional();

export const ProjectFields = z.strictObject({
  description: z.string().max(2_000).nullable().optional(),
  tags: z.array(z.string().min(1).max(50)).max(50).optional(),
  quota: z.strictObject({ runs: Quota, jobs: Quota }).optional(),
  plan: ProjectPlan.nullable().optional(),
  /** What all its work together may use; null = no bound. */
  budget: JsonObject.nullable().optional(),
});
export type ProjectFields = z.input<typeof ProjectFields>;

export const ProjectRequest = ProjectFields.extend({
  name: ProjectName,
  template: z.string().min(1).max(100).optional(),
  parameters: JsonObject.optional(),
  /** Default active; nothing starts while it is planned. */
  status: z.enum(['planning', 'active']).optional(),
});
export type ProjectRequest = z.input<typeof ProjectRequest>;

export interface ChangedProject {
  readonly project: Project;
  readonly replayed: boolean;
}

export interface MilestoneRequest {
  readonly name: string;
  /** Epoch ms. */
  readonly due?: number | null | undefined;
  readonly data?: JsonObject | undefined;
}

/** The projects of one namespace. */
export class ProjectManager {
  readonly templates: ProjectTemplates;
  readonly #o: ProjectManagerOptions;

  constructor(options: ProjectManagerOptions) {
    this.#o = options;
    this.templates = new ProjectTemplates(options);
  }

  /**
   * Makes a project, with what its template holds: everything is checked before anything is stored. Throws invalid_input, conflict for a name
   * that is taken, not_found for an unknown template.
   */
  async create(request: ProjectRequest, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    const { backend, namespace, newId, now } = this.#o;
    const given = parseInput(ProjectRequest, request, 'The project is wrong');
    const content = given.template === undefined ? null : this.templates.prepare(given.template, given.name, given.parameters ?? {}, caller);
    if (given.parameters !== undefined && content === null)
      throw new LogisticsError('invalid_input', 'parameters act with a template only.', { path: 'parameters', expected: 'template' });
    const budget = readBudget(given.budget);
    const plan = given.plan ?? content?.plan ?? null;
    if (plan !== null) await this.#checkPlan(given.name, plan);
    const project: Project = {
      id: newId('project'),
      namespace,
      name: given.name,
      description: given.description ?? content?.description ?? null,
      template: given.template ?? null,
      tags: given.tags ?? [],
      owner: caller.principal,
      status: given.status ?? 'active',
      statusReason: null,
      quota: { runs: given.quota?.runs ?? null, jobs: given.quota?.jobs ?? null },
      plan,
      milestones: (content?.milestones ?? []).map((name) => ({ name, due: null, data: {}, completedAt: null })),
      metrics: {},
      members: [],
      revision: 1,
      createdAt: now(),
      updatedAt: now(),
    };
    const made = changedOr(await backend.putProject({ project, budget, receipt }));
    // Also for a repeated call: what a crash left out is made now.
    await this.#fill(made.project, content ?? NOTHING, caller);
    return { project: this.require(made.project.id), replayed: made.replayed };
  }

  /** Stores workflows and schedules; done again, nothing is doubled: a version is its content, a schedule its name. */
  async #fill(project: Project, { definitions, schedules }: PreparedProject, caller: Caller): Promise<void> {
    for (const definition of definitions) await this.#o.workflows.create(definition);
    if (project.plan !== null) await this.#o.workflows.create(planDefinition(project.name, project.plan));
    for (const schedule of schedules) if (this.#o.schedules.get(schedule.name) === null) await this.#o.schedules.create(schedule, caller);
    if (project.status === 'planning') await this.#cascadeNow(project.id, 'pause', caller);
  }

  get(idOrName: string): Project | null {
    const { backend, namespace } = this.#o;
    return kindOfId(idOrName) === 'project' ? backend.getProject(idOrName) : backend.findProject({ namespace, name: idOrName });
  }

  /** As get, but throws not_found with near matches. */
  require(idOrName: string): Project {
    const found = this.get(idOrName);
    if (found !== null) return found;
    const names = this.list({}, 200, null).items.map((project) => project.name);
    throw new LogisticsError('not_found', `There is no project ${idOrName}.`, {
      path: 'project',
      nearMatches: nearMatches(idOrName, names),
      nextActions: [names.length === 0 ? 'Make one with create_project.' : 'Use list with kind projects to see all.'],
    });
  }

  /** Newest first. */
  list(filter: { readonly status?: ProjectStatus | undefined; readonly text?: string | undefined }, limit: number, cursor: string | null): Page<Project> {
    return this.#o.backend.listProjects({ filter: { namespace: this.#o.namespace, ...filter }, limit, cursor });
  }

  counts(idOrName: string): ProjectCounts {
    return this.#o.backend.projectCounts(this.require(idOrName).id) as ProjectCounts;
  }

  /** The project that names without a project are meant in: the one that is named, else that of the session, else none. */
  scope(named: string | undefined, sessionId: string | null | undefined): Project | null {
    if (named !== undefined) return this.require(named);
    return sessionId === null || sessionId === undefined ? null : this.#o.backend.projectOfSession(sessionId);
  }

  /** Changes what is named; a new plan is checked as the workflow that it becomes. */
  async update(idOrName: string, fields: ProjectFields, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    const given = parseInput(ProjectFields, fields, 'The change is wrong');
    const { id, name } = this.require(idOrName);
    if (given.plan) await this.#checkPlan(name, given.plan);
    const { quota, budget, ...rest } = given;
    const limits = readBudget(budget);
    const kept = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    const changed = await this.#change(
      id,
      (project) => ({
        ...project,
        ...kept,
        quota: {
          runs: quota?.runs === undefined ? project.quota.runs : quota.runs,
          jobs: quota?.jobs === undefined ? project.quota.jobs : quota.jobs,
        },
      }),
      caller,
      receipt,
    );
    if (budget !== undefined) await this.#o.backend.setBudget({ owner: 'project', id, limits, decide: this.#o.decide });
    if (given.plan && !changed.replayed) await this.#o.workflows.create(planDefinition(name, given.plan));
    return changed;
  }

  /** Moves the project to another state; pausing and resuming go through all that it holds. Throws invalid_transition. */
  async move(idOrName: string, to: ProjectStatus, reason: string | null, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    const { id } = this.require(idOrName);
    const cascade: Cascade = to === 'active' ? 'resume' : 'pause';
    const changed = await this.#change(
      id,
      (project) => {
        checkTransition(project.name, project.status, to);
        return { ...project, status: to, statusReason: reason };
      },
      caller,
      receipt,
      cascade,
    );
    await this.#finishCascades();
    return { ...changed, project: this.require(id) };
  }

  /** Cancels every open run and job of the project and pauses its schedules; the project is then paused, so that nothing starts behind it. */
  async cancel(idOrName: string, reason: string | null, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    const { id } = this.require(idOrName);
    const changed = await this.#change(
      id,
      (project) => ({ ...project, ...(project.status === 'active' ? { status: 'paused' as const, statusReason: reason ?? 'It was cancelled.' } : {}) }),
      caller,
      receipt,
      'cancel',
    );
    await this.#finishCascades();
    return { ...changed, project: this.require(id) };
  }

  /** Starts a workflow of the project by its name inside it. Throws not_found, invalid_transition while the project takes no work. */
  async execute(idOrName: string, workflow: string, request: Omit<StartRequest, 'name' | 'definition' | 'pinned'>, caller: Caller): Promise<Started> {
    const project = this.require(idOrName);
    checkTakesWork(project);
    return this.#o.workflows.start({ ...request, name: inProject(project.name, workflow) }, caller);
  }

  /** Runs the plan, in the order of its needs. */
  async run(idOrName: string, request: Omit<StartRequest, 'name' | 'definition' | 'pinned'>, caller: Caller): Promise<Started> {
    const project = this.require(idOrName);
    if (project.plan === null)
      throw new LogisticsError('not_found', `The project ${project.name} has no plan.`, {
        path: 'plan',
        nextActions: [
          'Give it one: manage_project action=update, plan: {steps: [{workflow, needs}]}; or run one of its workflows: execute_workflow with project.',
        ],
      });
    return this.execute(project.id, PLAN_WORKFLOW, request, caller);
  }

  addMilestone(idOrName: string, { name, due, data }: MilestoneRequest, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    return this.#change(
      this.require(idOrName).id,
      (project) => {
        if (project.milestones.some((milestone) => milestone.name === name))
          throw new LogisticsError('conflict', `The project ${project.name} has a milestone ${name} already.`, { path: 'milestone' });
        bounded(project.milestones.length + 1, MAX_MILESTONES, 'milestones');
        return { ...project, milestones: [...project.milestones, { name, due: due ?? null, data: data ?? {}, completedAt: null }] };
      },
      caller,
      receipt,
    );
  }

  /** Marks a milestone as reached; `data` is merged into it. */
  completeMilestone(idOrName: string, name: string, data: JsonObject | undefined, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    const { now } = this.#o;
    return this.#change(
      this.require(idOrName).id,
      (project) => {
        if (!project.milestones.some((milestone) => milestone.name === name)) {
          const names = project.milestones.map((milestone) => milestone.name);
          throw new LogisticsError('not_found', `The project ${project.name} has no milestone ${name}.`, {
            path: 'milestone',
            nearMatches: nearMatches(name, names),
          });
        }
        const milestones = project.milestones.map((milestone) =>
          milestone.name === name ? { ...milestone, data: { ...milestone.data, ...data }, completedAt: milestone.completedAt ?? now() } : milestone,
        );
        return { ...project, milestones };
      },
      caller,
      receipt,
    );
  }

  /** Sets numbers by name; null removes one. */
  updateMetrics(idOrName: string, metrics: Readonly<Record<string, number | null>>, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    return this.#change(
      this.require(idOrName).id,
      (project) => {
        const merged: Record<string, number | null> = { ...project.metrics, ...metrics };
        const kept = Object.entries(merged).filter((entry): entry is [string, number] => entry[1] !== null);
        bounded(kept.length, MAX_METRICS, 'metrics');
        return { ...project, metrics: Object.fromEntries(kept) };
      },
      caller,
      receipt,
    );
  }

  /** A session that joins works in the project without naming it; it may be in one project at a time. */
  addMember(idOrName: string, sessionId: string, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    const session = this.#o.backend.getSession(sessionId);
    if (session === null || session.closedAt !== null)
      throw new LogisticsError(session === null ? 'not_found' : 'session_closed', `There is no open session ${sessionId}.`, { path: 'session_id' });
    return this.#change(
      this.require(idOrName).id,
      (project) => {
        if (project.members.includes(sessionId)) return project;
        bounded(project.members.length + 1, MAX_MEMBERS, 'members');
        return { ...project, members: [...project.members, sessionId] };
      },
      caller,
      receipt,
    );
  }

  removeMember(idOrName: string, sessionId: string, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    return this.#change(
      this.require(idOrName).id,
      (project) => {
        if (!project.members.includes(sessionId))
          throw new LogisticsError('not_found', `The session ${sessionId} is no member of ${project.name}.`, {
            path: 'session_id',
            nearMatches: nearMatches(sessionId, project.members),
          });
        return { ...project, members: project.members.filter((member) => member !== sessionId) };
      },
      caller,
      receipt,
    );
  }

  /**
   * Takes the project out of service and keeps one file of it in the store: its workflows (newest versions), schedules, milestones and metrics, and for
   * people the newest finished runs. Refused while something of it is open.
   */
  async archive(idOrName: string, caller: Caller, receipt?: Receipt): Promise<ChangedProject & { readonly file: Uint8Array }> {
    const { backend, schedules, now } = this.#o;
    const before = this.require(idOrName);
    if (before.status === 'archived') {
      const known = backend.getProjectArchive(before.id);
      if (known !== null) return { project: before, replayed: true, file: known };
    } else {
      const counts = this.counts(before.id);
      const open = counts.executions.pending + counts.executions.running + counts.executions.waiting + counts.executions.paused + counts.openJobs;
      if (open > 0)
        throw new LogisticsError('conflict', `The project ${before.name} has ${open} open runs or jobs.`, {
          path: 'id',
          nextActions: ['Use manage_project with action cancel first, or wait for their end.'],
        });
    }
    const moved = before.status === 'archived' ? { project: before, replayed: true } : await this.move(before.id, 'archived', null, caller, receipt);
    const file = packProject(backend, moved.project, contentOf(backend, schedules, moved.project), now());
    await backend.putProjectArchive({ id: before.id, content: file });
    for (const id of backend.projectSchedules(before.id)) await schedules.delete(id);
    await this.#forgetDefinitions(moved.project);
    return { ...moved, file };
  }

  async #forgetDefinitions(project: Project): Promise<void> {
    for (let left = definitionsOf(this.#o.backend, project); left.length > 0; left = definitionsOf(this.#o.backend, project))
      for (const { id } of left) await this.#o.backend.deleteDefinition({ id });
  }

  /** The file of an archived project. */
  archiveOf(idOrName: string): Uint8Array {
    const project = this.require(idOrName);
    const file = this.#o.backend.getProjectArchive(project.id);
    if (file === null)
      throw new LogisticsError('not_found', `The project ${project.name} has no archive.`, {
        path: 'project',
        nextActions: ['manage_project action=archive makes it.'],
      });
    return file;
  }

  /** Puts an archived project back into service, with what its archive holds. */
  async restore(idOrName: string, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    const project = this.require(idOrName);
    checkTransition(project.name, project.status, 'active');
    const file = this.#o.backend.getProjectArchive(project.id);
    if (file !== null) await this.#fill(project, this.templates.check(project.name, unpackProject(file).content, caller), caller);
    return this.move(project.id, 'active', null, caller, receipt);
  }

  /** Makes a project of an archive file, under its own name or another one; it is paused, so that somebody looks first. */
  async restoreFrom(file: Uint8Array, name: string | undefined, caller: Caller, receipt?: Receipt): Promise<ChangedProject> {
    const archive = unpackProject(file);
    const own = parseInput(ProjectName, name ?? archive.name, 'The name cannot be used', 'name');
    const content = this.templates.check(own, archive.content, caller);
    if (content.plan) await this.#checkPlan(own, content.plan);
    const { newId, now, namespace, backend } = this.#o;
    const project: Project = {
      id: newId('project'),
      namespace,
      name: own,
      description: archive.content.description ?? null,
      template: archive.template,
      tags: archive.tags,
      owner: caller.principal,
      status: 'paused',
      statusReason: `Restored from an archive of ${archive.archived_at}.`,
      quota: archive.quota,
      plan: content.plan ?? null,
      milestones: archive.milestones,
      metrics: archive.metrics,
      members: [],
      revision: 1,
      createdAt: now(),
      updatedAt: now(),
    };
    const made = changedOr(await backend.putProject({ project, receipt }));
    await this.#fill(made.project, content, caller);
    await this.#cascadeNow(made.project.id, 'pause', caller);
    return { project: this.require(made.project.id), replayed: made.replayed };
  }

  /** Removes the project with its workflows and schedules; its finished runs stay until retention. Refused while something of it is open. */
  async delete(idOrName: string, receipt?: Receipt): Promise<ChangedProject> {
    const { backend, decide } = this.#o;
    return changedOr(await backend.deleteProject({ id: this.require(idOrName).id, decide, receipt }));
  }

  async #change(id: string, change: (project: Project) => Project, caller: Caller, receipt: Receipt | undefined, cascade?: Cascade): Promise<ChangedProject> {
    const checked = (project: Project): Project => {
      const after = change(project);
      const bytes = jsonBytes(after as unknown as Json, 'project');
      if (bytes > MAX_DATA_BYTES)
        throw new LogisticsError('limit_exceeded', `The project would take ${bytes} bytes.`, { path: 'project', expected: `at most ${MAX_DATA_BYTES} bytes` });
      return after;
    };
    return changedOr(await this.#o.backend.changeProject({ id, change: checked, cascade, by: caller.principal, receipt }));
  }

  async #cascadeNow(id: string, cascade: Cascade, caller: Caller): Promise<void> {
    await this.#change(id, (project) => project, caller, undefined, cascade);
    await this.#finishCascades();
  }

  /** What is begun is durable: should this process end here, the one that sweeps goes on. */
  async #finishCascades(): Promise<void> {
    const { backend, decide } = this.#o;
    while ((await backend.cascadeProjects({ decide, limit: CASCADE_CHUNK })).more);
  }

  async #checkPlan(name: string, plan: ProjectPlan): Promise<void> {
    const checked = await this.#o.workflows.checkReachable(planDefinition(name, plan));
    if (checked.definition === null) throw definitionError(checked.faults.map((fault) => ({ ...fault, path: `plan.${fault.path}` })));
  }
}

const NOTHING: PreparedProject = { description: null, definitions: [], schedules: [], milestones: [], plan: null };

function bounded(count: number, max: number, what: string): void {
  if (count > max) throw new LogisticsError('limit_exceeded', `A project has at most ${max} ${what}.`, { path: what, expected: `at most ${max}` });
}

function changedOr(result: ProjectChangeResult): ChangedProject {
  if (result.kind === 'changed') return { project: result.project, replayed: result.replayed };
  const error: ErrorData = result.kind === 'conflict' ? result.error : new LogisticsError('not_found', 'The project is gone.', { path: 'project' }).toData();
  throw new LogisticsError(error.code, error.message, error);
}
