// Owns the tool manage_project: everything that is done to a project that exists, and to templates.
import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { LogisticsError } from '../src/domain/errors.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import type { ChangedProject } from '../src/orchestration/project-manager.ts';
import type { Receipt } from '../src/store/port/common.ts';
import { awaitEnd } from './await-end.ts';
import { ProjectArguments } from './create-project.ts';
import { executionReply } from './execute-workflow.ts';
import { Moment } from './schedules/fields.ts';
import { defineTool, type ToolContext } from './tool.ts';
import { projectView } from './views/project-view.ts';
import { budgetToWire } from './wire/budget.ts';
import { clipped, shortText } from './wire/compact.ts';
import { AnyObject, IdempotencyKey, Next, SessionId, WaitMs } from './wire/fields.ts';
import { projectToWire } from './wire/project.ts';

const ACTIONS = [
  'get',
  'update',
  'activate',
  'pause',
  'resume',
  'complete',
  'fail',
  'run',
  'cancel',
  'archive',
  'restore',
  'delete',
  'add_milestone',
  'complete_milestone',
  'update_metrics',
  'add_member',
  'remove_member',
  'list_templates',
  'save_template',
  'delete_template',
] as const;
type Action = (typeof ACTIONS)[number];

/** What each action takes beside project and idempotency_key, and which of it is needed. */
const TAKES: Readonly<Record<Action, { readonly takes?: readonly string[]; readonly needs?: readonly string[]; readonly withoutProject?: true | 'always' }>> = {
  get: {},
  update: { takes: ['description', 'tags', 'quota', 'plan', 'budget'] },
  activate: { takes: ['reason'] },
  pause: { takes: ['reason'] },
  resume: { takes: ['reason'] },
  complete: { takes: ['reason'] },
  fail: { takes: ['reason'] },
  run: { takes: ['workflow', 'input', 'wait_ms', 'session_id'] },
  cancel: { takes: ['reason'] },
  archive: {},
  restore: { takes: ['archive', 'name'], withoutProject: true },
  delete: { takes: ['force'] },
  add_milestone: { takes: ['milestone', 'due', 'data'], needs: ['milestone'] },
  complete_milestone: { takes: ['milestone', 'data'], needs: ['milestone'] },
  update_metrics: { takes: ['metrics'], needs: ['metrics'] },
  add_member: { takes: ['session_id'], needs: ['session_id'] },
  remove_member: { takes: ['session_id'], needs: ['session_id'] },
  list_templates: { withoutProject: 'always' },
  save_template: { takes: ['template', 'content'], needs: ['template'], withoutProject: true },
  delete_template: { takes: ['template'], needs: ['template'], withoutProject: 'always' },
};
/** What is done to one project. */
export const PROJECT_ACTIONS: readonly string[] = ACTIONS.filter((action) => TAKES[action].withoutProject === undefined);

const EVERYWHERE = ['project', 'action', 'idempotency_key'];
const TEMPLATE_CHARS = 600;

const Input = z.strictObject({
  project: z.string().min(1).max(100).optional().describe('Its name or id.'),
  action: z.enum(ACTIONS),
  ...ProjectArguments,
  reason: z.string().max(1_000).optional(),
  workflow: z.string().min(1).max(100).optional().describe('run: a workflow of the project instead of its plan.'),
  input: AnyObject.optional().describe('run: input of the plan or workflow.'),
  wait_ms: WaitMs,
  session_id: SessionId.describe('add_member, remove_member: the session; run: session that owns the run.'),
  milestone: z.string().min(1).max(200).optional(),
  due: Moment.optional().describe('add_milestone: ISO 8601.'),
  data: AnyObject.optional(),
  metrics: z.record(z.string().min(1).max(100), z.number().nullable()).optional().describe('update_metrics: numbers by name; null removes one.'),
  template: z.string().min(1).max(50).optional(),
  content: AnyObject.optional().describe('save_template without project: {description?, parameters?, content: {workflows, schedules, milestones?, plan?}}.'),
  archive: z.string().max(8_388_608).optional().describe('restore: a file of archive as base64, instead of project.'),
  name: z.string().min(1).max(50).optional().describe('restore of a file: another name.'),
  force: z.boolean().optional().describe('delete: cancel what is open first.'),
  idempotency_key: IdempotencyKey,
});
type Args = z.output<typeof Input>;

export const manageProjectTool = defineTool({
  name: 'manage_project',
  title: 'Manage a project',
  description:
    'Run the plan of a project or one of its workflows, pause, resume, complete, cancel, archive, restore or delete it, change its quota, plan, milestones, metrics and members, and keep templates. pause and cancel go through all that the project holds. ' +
    'archive takes it out of service and keeps one file of it (workflows, schedules, milestones, metrics, newest runs); restore brings it back.',
  kind: 'destroy',
  idempotent: false,
  openWorld: true,
  scopes: (args) =>
    typeof args === 'object' && args !== null && ['get', 'list_templates'].includes(String((args as JsonObject).action)) ? ['read'] : ['write'],
  input: Input,
  output: z.looseObject({
    action: z.string(),
    project_id: z.string().optional(),
    execution_id: z.string().optional(),
    status: z.string().optional(),
    replayed: z.boolean().optional(),
    next: Next,
  }),
  followUp: (args, data) => (args.action === 'run' && data.ended_at === undefined && typeof data.execution_id === 'string' ? data.execution_id : null),
  async handle(context, args) {
    checkArguments(args);
    const receipt = receiptFor(context.caller, 'manage_project', args.idempotency_key, args);
    return { action: args.action, ...(await ACT[args.action](context, args, receipt)) };
  },
});

type Act = (context: ToolContext, args: Args, receipt: Receipt | undefined) => Promise<JsonObject>;

const move =
  (to: 'active' | 'paused' | 'completed' | 'failed'): Act =>
  async ({ engine, caller }, args, receipt) =>
    shown(engine, await engine.projects.move(named(args), to, args.reason ?? null, caller, receipt));

const ACT: Readonly<Record<Action, Act>> = {
  get: async ({ engine }, args) =>
    projectView({ engine, id: named(args), view: 'summary', step: undefined, cursor: undefined, limit: undefined, detailed: false }),
  update: async ({ engine, caller }, args, receipt) => {
    const { description, tags, quota, plan, budget } = args;
    return shown(engine, await engine.projects.update(named(args), { description, tags, quota, plan, budget }, caller, receipt));
  },
  activate: move('active'),
  pause: move('paused'),
  resume: move('active'),
  complete: move('completed'),
  fail: move('failed'),
  run: async (context, args, receipt) => {
    const { engine, caller } = context;
    const request = { input: args.input, sessionId: args.session_id, receipt };
    const started =
      args.workflow === undefined
        ? await engine.projects.run(named(args), request, caller)
        : await engine.projects.execute(named(args), args.workflow, request, caller);
    await awaitEnd(context, { ids: [started.executionId], timeoutMs: args.wait_ms ?? 0 });
    return { project_id: engine.projects.require(named(args)).id, ...executionReply(engine, started.executionId), replayed: started.replayed };
  },
  cancel: async ({ engine, caller }, args, receipt) => ({
    ...shown(engine, await engine.projects.cancel(named(args), args.reason ?? null, caller, receipt)),
    next: ['It is paused now; manage_project action=resume lets work start again.'],
  }),
  archive: async ({ engine, caller }, args, receipt) => {
    const { file, ...changed } = await engine.projects.archive(named(args), caller, receipt);
    return {
      ...shown(engine, changed),
      archive_bytes: file.length,
      ...clipped('archive', Buffer.from(file).toString('base64'), 4_000),
      next: [`restore brings it back; logistics-mcp project archive ${changed.project.name} --file <file> writes the file.`],
    };
  },
  restore: async ({ engine, caller }, args, receipt) => {
    if ((args.archive === undefined) === (args.project === undefined))
      throw new LogisticsError('invalid_input', 'restore takes a project that is archived, or the file of one.', {
        path: 'archive',
        expected: 'project or archive',
      });
    const changed =
      args.archive === undefined
        ? await engine.projects.restore(named(args), caller, receipt)
        : await engine.projects.restoreFrom(Buffer.from(args.archive, 'base64'), args.name, caller, receipt);
    return shown(engine, changed);
  },
  delete: async ({ engine, caller }, args, receipt) => {
    if (args.force === true) await engine.projects.cancel(named(args), 'It is to be deleted.', caller);
    const { project, replayed } = await engine.projects.delete(named(args), receipt);
    return { project_id: project.id, name: project.name, status: 'deleted', replayed, next: ['Its finished runs stay readable until retention.'] };
  },
  add_milestone: async ({ engine, caller }, args, receipt) => {
    const due = args.due === undefined ? null : typeof args.due === 'number' ? args.due : Date.parse(args.due);
    if (Number.isNaN(due)) throw new LogisticsError('invalid_input', 'due is no moment.', { path: 'due', expected: 'ISO 8601 with offset' });
    return shown(engine, await engine.projects.addMilestone(named(args), { name: args.milestone as string, due, data: args.data }, caller, receipt));
  },
  complete_milestone: async ({ engine, caller }, args, receipt) =>
    shown(engine, await engine.projects.completeMilestone(named(args), args.milestone as string, args.data, caller, receipt)),
  update_metrics: async ({ engine, caller }, args, receipt) =>
    shown(engine, await engine.projects.updateMetrics(named(args), args.metrics ?? {}, caller, receipt)),
  add_member: async ({ engine, caller }, args, receipt) =>
    shown(engine, await engine.projects.addMember(named(args), args.session_id as string, caller, receipt)),
  remove_member: async ({ engine, caller }, args, receipt) =>
    shown(engine, await engine.projects.removeMember(named(args), args.session_id as string, caller, receipt)),
  list_templates: async ({ engine }) => ({
    templates: engine.projects.templates.list().map(({ name, builtIn, template }) => ({
      name,
      built_in: builtIn,
      ...(template.description === undefined ? {} : { description: shortText(template.description) }),
      ...clipped('parameters', (template.parameters ?? {}) as JsonObject, TEMPLATE_CHARS),
      workflows: template.content.workflows.map((workflow) => workflow.name),
    })),
    next: ['create_project template=<name> parameters={…}'],
  }),
  save_template: async ({ engine }, args) => {
    if ((args.content === undefined) === (args.project === undefined))
      throw new LogisticsError('invalid_input', 'save_template takes a project, or the content of a template.', {
        path: 'content',
        expected: 'project or content',
      });
    const from = args.content ?? engine.projects.require(named(args));
    const { template, created } = await engine.projects.templates.save(args.template as string, from);
    return {
      template: args.template as string,
      created,
      status: 'saved',
      workflows: template.content.workflows.map((workflow) => workflow.name),
      next: [`create_project template=${args.template} name=<name>`],
    };
  },
  delete_template: async ({ engine }, args) => {
    await engine.projects.templates.delete(args.template as string);
    return { template: args.template as string, status: 'deleted' };
  },
};

function shown(engine: ToolContext['engine'], { project, replayed }: ChangedProject): JsonObject {
  return { ...projectToWire(project, engine.projects.counts(project.id)), ...budgetToWire(engine.budgets.of('project', project.id)), replayed };
}

function named(args: Args): string {
  return args.project as string;
}

function checkArguments(args: Args): void {
  const { takes = [], needs = [], withoutProject } = TAKES[args.action];
  if (args.project === undefined && withoutProject === undefined)
    throw new LogisticsError('invalid_input', `The action ${args.action} needs a project.`, { path: 'project', expected: 'the name or id of a project' });
  if (args.project !== undefined && withoutProject === 'always')
    throw new LogisticsError('invalid_input', `The action ${args.action} does not take project: templates belong to the namespace.`, {
      path: 'project',
      expected: 'no project',
    });
  const given = Object.keys(args).filter((name) => args[name as keyof Args] !== undefined);
  const idle = given.find((name) => !takes.includes(name) && !EVERYWHERE.includes(name));
  if (idle !== undefined)
    throw new LogisticsError('invalid_input', `The action ${args.action} does not take ${idle}.`, {
      path: idle,
      expected: takes.length === 0 ? 'no further parameter' : `only ${takes.join(', ')}`,
    });
  const absent = needs.find((name) => !given.includes(name));
  if (absent !== undefined)
    throw new LogisticsError('invalid_input', `The action ${args.action} needs ${absent}.`, { path: absent, expected: `${absent} is required` });
}
