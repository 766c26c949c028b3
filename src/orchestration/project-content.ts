// Owns what a project holds when it is written down: definitions and schedules by their names inside the project, so that another project
// can be made of it under any name.
import { z } from 'zod';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { inProject } from '../domain/project.ts';
import { PLAN_WORKFLOW, ProjectPlan } from '../domain/project-plan.ts';
import type { Schedule } from '../domain/schedule.ts';
import { WorkflowName } from '../domain/workflow-definition.ts';
import type { ScheduleInput } from '../schedule/schedule-input.ts';
import type { ScheduleManager } from '../schedule/schedule-manager.ts';
import type { Backend } from '../store/backend.ts';

const Named = z.looseObject({ name: WorkflowName }) as unknown as z.ZodType<JsonObject & { readonly name: string }>;

export const ProjectContent = z.strictObject({
  description: z.string().max(2_000).nullable().optional(),
  workflows: z.array(Named).max(500),
  schedules: z.array(Named).max(500),
  milestones: z.array(z.string().min(1).max(200)).max(200).optional(),
  plan: ProjectPlan.nullable().optional(),
});
export type ProjectContent = z.infer<typeof ProjectContent>;

/** The newest version of each of its workflows, its schedules, milestones and plan. */
export function contentOf(
  backend: Backend,
  schedules: ScheduleManager,
  project: { readonly id: string; readonly name: string; readonly namespace: string } & Pick<ProjectContent, 'plan' | 'description'> & {
      readonly milestones: readonly { readonly name: string }[];
    },
): ProjectContent {
  const inner = (name: string): string => name.slice(project.name.length + 1);
  const workflows = definitionsOf(backend, project)
    .filter(({ name }) => inner(name) !== PLAN_WORKFLOW)
    .map(({ name, definition }) => ({ ...(withoutProject(definition as unknown as JsonObject, project.name) as JsonObject), name: inner(name) }));
  const own = backend.projectSchedules(project.id).flatMap((id) => schedules.get(id) ?? []);
  return {
    description: project.description ?? null,
    workflows,
    schedules: own.map((schedule) => withoutProject(scheduleInput(schedule, inner(schedule.name)), project.name) as JsonObject & { readonly name: string }),
    milestones: project.milestones.map((milestone) => milestone.name),
    plan: project.plan ?? null,
  };
}

export function definitionsOf(
  backend: Backend,
  project: { readonly name: string; readonly namespace: string },
): { readonly id: string; readonly name: string; readonly definition: unknown }[] {
  const found: { id: string; name: string; definition: unknown }[] = [];
  let cursor: string | null = null;
  do {
    const page: ReturnType<Backend['listDefinitions']> = backend.listDefinitions({
      filter: { namespace: project.namespace, project: project.name },
      limit: 200,
      cursor,
    });
    found.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  // Lists are newest first; what others use was made before them.
  return found.reverse();
}

/** A schedule as it could be asked for, in its normal form. */
function scheduleInput(schedule: Schedule, name: string): JsonObject {
  const { target, when, catchup } = schedule;
  return JSON.parse(
    JSON.stringify({
      name,
      rule: schedule.rule,
      target:
        target.kind === 'workflow'
          ? { workflow: target.name, ...(target.version === null ? {} : { version: target.version }) }
          : {
              task: target.task,
              queue: target.queue,
              priority: target.priority,
              requires: target.requires,
              ...(target.retry === null ? {} : { retry: target.retry }),
              ...(target.timeoutMs === null ? {} : { timeout: target.timeoutMs }),
            },
      input: schedule.input,
      overlap: schedule.overlap,
      catchup: { mode: catchup.mode, window: catchup.windowMs, cap: catchup.cap },
      jitter: schedule.jitterMs,
      start: schedule.start,
      end: schedule.end,
      max_runs: schedule.maxRuns,
      exclude: schedule.exclusions,
      pause_on_failure: schedule.pauseOnFailure,
      when: when === null ? null : when.kind === 'expression' ? when.source : { task: when.task, input: when.with },
    }),
  ) as JsonObject;
}

/** Workflows that are called by their full names are called by their inner ones. */
function withoutProject(value: Json, project: string): Json {
  return mapWorkflows(value, (name) => (name.startsWith(`${project}.`) ? name.slice(project.length + 1) : name));
}

/** Definitions and schedules under the names that they have in a project. */
export function placedIn(project: string, content: ProjectContent): { readonly definitions: JsonObject[]; readonly schedules: ScheduleInput[] } {
  return {
    definitions: content.workflows.map((workflow) => ({ ...workflow, name: inProject(project, workflow.name) })),
    schedules: content.schedules.map((schedule) => {
      const { target } = schedule;
      const own: Json = !isJsonObject(target)
        ? (target ?? null)
        : typeof target.workflow === 'string'
          ? { ...target, workflow: inProject(project, target.workflow) }
          : { ...target, queue: inProject(project, typeof target.queue === 'string' ? target.queue : 'default') };
      return { ...schedule, name: inProject(project, schedule.name), target: own } as unknown as ScheduleInput;
    }),
  };
}

/** `workflow` of a `with` or of a target. */
function mapWorkflows(value: Json, rename: (name: string) => string): Json {
  if (Array.isArray(value)) return value.map((item: Json) => mapWorkflows(item, rename));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === 'workflow' && typeof inner === 'string' ? rename(inner) : mapWorkflows(inner, rename)]),
  );
}
