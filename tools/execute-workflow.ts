// Owns the tool execute_workflow: a run is durable before its id is told; waiting for it is a favour, not a condition.
import { z } from 'zod';
import type { JsonObject } from '../src/domain/json.ts';
import { Priority } from '../src/domain/priority.ts';
import { type ExecutionStatus, isTerminal } from '../src/domain/workflow-execution.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import { agentNeeds } from '../src/orchestration/capability-gap.ts';
import { levelsOf } from '../src/orchestration/execution-graph.ts';
import type { OrchestrationEngine } from '../src/orchestration/orchestration-engine.ts';
import type { StartRequest } from '../src/orchestration/workflow-manager.ts';
import { awaitEnd } from './await-end.ts';
import { warned } from './create-workflow.ts';
import { definitionIn, scopeOf, workflowIn } from './in-project.ts';
import { defineTool, type ToolContext } from './tool.ts';
import { nextFor } from './views/execution-views.ts';
import { itemOf } from './wait.ts';
import { clipped } from './wire/compact.ts';
import { AnyObject, IdempotencyKey, Next, ProjectRef, SessionId, WaitMs } from './wire/fields.ts';
import { stepOutline } from './wire/workflow.ts';

const PLAN_STEPS = 30;
const OUTPUT_CHARS = 4_000;

export const executeWorkflowTool = defineTool({
  name: 'execute_workflow',
  title: 'Run a workflow',
  description:
    'Execute, start or run a workflow: a stored one by name, or a definition given inline. The run survives crashes and restarts; the reply holds its execution_id. dry_run returns the plan without running. wait_ms waits for the end first.',
  kind: 'write',
  idempotent: false,
  openWorld: true,
  aliases: { workflow_name: 'name', parameters: 'input' },
  input: z.strictObject({
    name: z.string().min(1).max(200).optional().describe('A stored workflow; or give definition.'),
    version: z.int().min(1).max(1_000_000_000).optional().describe('Default: the newest.'),
    definition: z
      .union([AnyObject, z.string().max(8_388_608)])
      .optional()
      .describe('Inline definition: object, YAML or JSON text.'),
    input: AnyObject.optional(),
    session_id: SessionId,
    project: ProjectRef,
    priority: Priority.optional().describe('0-100 or critical, high, normal, low, background; higher = sooner.'),
    wait_ms: WaitMs,
    dry_run: z.boolean().optional(),
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({
    execution_id: z.string().optional(),
    workflow: z.string(),
    status: z.string(),
    replayed: z.boolean().optional(),
    output: z.unknown().optional(),
    error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
    next: Next,
  }),
  followUp: (args, data) => (args.dry_run === true || isTerminal(data.status as ExecutionStatus) ? null : String(data.execution_id)),
  async handle(context, args) {
    const { engine, caller } = context;
    const scope = scopeOf(engine, args.project, args.session_id ?? caller.sessionId);
    const request: StartRequest = {
      name: args.name === undefined ? undefined : workflowIn(engine, scope, args.name),
      version: args.version,
      definition: args.definition === undefined ? undefined : definitionIn(scope, args.definition),
      input: args.input,
      priority: args.priority,
      sessionId: args.session_id,
    };
    if (args.dry_run === true) return dryRun(context, request);
    const receipt = receiptFor(caller, 'execute_workflow', args.idempotency_key, args);
    const { executionId, replayed, warnings } = await engine.workflows.start({ ...request, receipt }, caller);
    await awaitEnd(context, { ids: [executionId], timeoutMs: args.wait_ms ?? 0 });
    return { ...executionReply(engine, executionId), replayed, ...warned(warnings) };
  },
});

/** The execution as it stands, as far as the row tells. */
export function executionReply(engine: OrchestrationEngine, executionId: string): JsonObject {
  const row = engine.backend.getExecution(executionId);
  return { ...itemOf(engine, executionId, OUTPUT_CHARS), replayed: false, next: row === null ? [] : nextFor(row) };
}

async function dryRun({ engine }: ToolContext, request: StartRequest): Promise<JsonObject> {
  const { plan, input, warnings } = await engine.workflows.preview(request);
  const steps = plan.definition.steps;
  const needs = agentNeeds(plan).slice(0, PLAN_STEPS);
  return {
    workflow: plan.definition.name,
    status: 'planned',
    dry_run: true,
    steps_total: plan.mainCount,
    levels: levelsOf(plan)
      .slice(0, PLAN_STEPS)
      .map((level) => level.slice(0, PLAN_STEPS)),
    steps: steps.slice(0, PLAN_STEPS).map(stepOutline),
    ...(steps.length > PLAN_STEPS ? { truncated: true } : {}),
    ...(needs.length === 0 ? {} : { worker_agents: needs }),
    ...clipped('input', input, 1_000),
    ...warned(warnings),
    next: ['Nothing was started; call again without dry_run.'],
  };
}
