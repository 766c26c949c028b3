// Owns the tool create_project: a namespace of workflows with quotas, milestones and a plan, empty or made of a template.
import { z } from 'zod';
import { ProjectPlan } from '../src/domain/project-plan.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import { briefObject } from './schedules/fields.ts';
import { defineTool } from './tool.ts';
import { budgetToWire } from './wire/budget.ts';
import { AnyObject, BudgetArgument, IdempotencyKey, Next } from './wire/fields.ts';
import { projectToWire } from './wire/project.ts';

const Bound = z.int().min(1).max(10_000_000).nullable().optional();

/** Fields that create_project and manage_project update share. */
export const ProjectArguments = {
  description: z.string().max(2_000).optional(),
  tags: z.array(z.string().min(1).max(50)).max(50).optional(),
  quota: z.strictObject({ runs: Bound, jobs: Bound }).optional().describe('runs: at once, without child runs; jobs: open ones in its queues. null = none.'),
  budget: BudgetArgument,
  plan: briefObject(ProjectPlan)
    .optional()
    .describe('DAG of its workflows: {steps: [{workflow, needs?: [ids], input?, when?, if?}], input?: JSON Schema, output?}. Expressions as in workflows.'),
};

export const createProjectTool = defineTool({
  name: 'create_project',
  title: 'Create a project',
  description:
    'Create a project: a namespace of workflows (everything named <project>.… belongs to it: workflows, runs, schedules, queues) with quotas, milestones, metrics, member sessions and a plan that runs its workflows in order. ' +
    'Templates ai_analysis, web_application and data_pipeline make it with workflows, schedules and a plan; manage_project action=list_templates shows their parameters.',
  kind: 'write',
  idempotent: false,
  openWorld: false,
  aliases: { project_name: 'name', template_name: 'template' },
  notBuilt: { path: 'Leave it out: a project is no folder on disk.', project_path: 'Leave it out: a project is no folder on disk.' },
  input: z.strictObject({
    name: z.string().min(1).max(50).describe('A letter, then letters, digits, - or _.'),
    template: z.string().min(1).max(50).optional(),
    parameters: AnyObject.optional().describe('Of the template.'),
    status: z.enum(['planning', 'active']).optional().describe('Default active; in planning nothing starts.'),
    ...ProjectArguments,
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({ project_id: z.string(), name: z.string(), status: z.string(), replayed: z.boolean(), next: Next }),
  async handle({ engine, caller }, { idempotency_key, ...request }) {
    const receipt = receiptFor(caller, 'create_project', idempotency_key, request);
    const { project, replayed } = await engine.projects.create(request, caller, receipt);
    return {
      ...projectToWire(project, engine.projects.counts(project.id)),
      ...budgetToWire(engine.budgets.of('project', project.id)),
      replayed,
      next:
        project.plan === null
          ? [`create_workflow project=${project.name} adds a workflow`, `execute_workflow project=${project.name} runs one`]
          : [`manage_project project=${project.name} action=run input={…} runs its plan`],
    };
  },
});
