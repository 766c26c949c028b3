// Owns the plan of a project: a DAG of its workflows, and the ordinary definition that runs it.
import { z } from 'zod';
import { Json, JsonObject } from './json.ts';
import { StepName, TriggerRule } from './workflow-step.ts';

/** Name of the workflow that a plan becomes, inside its project. */
export const PLAN_WORKFLOW = 'plan';

export const PlanStep = z.strictObject({
  /** Default: the name of the workflow. */
  id: StepName.optional(),
  workflow: z.string().min(1).max(100),
  needs: z.array(StepName).optional(),
  input: JsonObject.optional(),
  when: TriggerRule.optional(),
  if: z.string().max(2_000).optional(),
  continue_on_error: z.boolean().optional(),
});
export type PlanStep = z.infer<typeof PlanStep>;

export const ProjectPlan = z.strictObject({
  /** JSON Schema of what a run of the plan takes. */
  input: JsonObject.optional(),
  steps: z.array(PlanStep).min(1).max(1_000),
  output: Json.optional(),
});
export type ProjectPlan = z.infer<typeof ProjectPlan>;

/** The definition as a user could have written it; its faults are those of the plan. */
export function planDefinition(project: string, plan: ProjectPlan): JsonObject {
  return {
    name: `${project}.${PLAN_WORKFLOW}`,
    description: `The plan of the project ${project}.`,
    ...(plan.input === undefined ? {} : { input: plan.input }),
    steps: plan.steps.map((step) => ({
      id: step.id ?? stepIdOf(project, step.workflow),
      task: 'workflow.run',
      with: { workflow: step.workflow.startsWith(`${project}.`) ? step.workflow : `${project}.${step.workflow}`, input: step.input ?? {} },
      needs: step.needs ?? [],
      ...(step.when === undefined ? {} : { when: step.when }),
      ...(step.if === undefined ? {} : { if: step.if }),
      ...(step.continue_on_error === undefined ? {} : { continueOnError: step.continue_on_error }),
    })),
    ...(plan.output === undefined ? {} : { output: plan.output }),
  };
}

function stepIdOf(project: string, workflow: string): string {
  return (workflow.startsWith(`${project}.`) ? workflow.slice(project.length + 1) : workflow).replaceAll('.', '_');
}
