// Owns the tool create_complex_workflow of earlier programs of this kind: steps and their dependencies given apart, run at once, a result per step.
import { z } from 'zod';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { isTerminal } from '../../src/domain/workflow-execution.ts';
import { receiptFor } from '../../src/orchestration/caller.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { awaitEnd } from '../await-end.ts';
import { defineTool } from '../tool.ts';
import { clipped, shortText } from '../wire/compact.ts';
import { AnyObject, IdempotencyKey, MAX_WAIT_MS, Next, SessionId } from '../wire/fields.ts';

const STEPS_SHOWN = 100;
const RESULT_CHARS = 400;

export const createComplexWorkflowTool = defineTool({
  name: 'create_complex_workflow',
  title: 'Run steps with dependencies',
  description:
    'Run steps {name, module, action, parameters} with dependencies {step: [steps]} as one durable workflow, and wait up to 50 seconds for the result of each; success is true only if all completed. Nothing is stored under the name: create_workflow does that.',
  kind: 'write',
  idempotent: false,
  openWorld: true,
  input: z.strictObject({
    name: z.string().min(1).max(100),
    workflow_definition: z.strictObject({
      steps: z.array(AnyObject).min(1).max(10_000),
      dependencies: z.record(z.string(), z.array(z.string()).max(1_000)).optional(),
      parallel_groups: z.array(z.unknown()).max(0, 'is not supported: steps without dependencies run at the same time anyway; leave it out').optional(),
    }),
    session_id: SessionId,
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({
    success: z.boolean(),
    workflow_name: z.string(),
    execution_id: z.string(),
    status: z.string(),
    results: z.looseObject({}),
    replayed: z.boolean(),
    next: Next,
  }),
  followUp: (_, data) => (isTerminal(data.status as never) ? null : String(data.execution_id)),
  async handle(context, args) {
    const { engine, caller } = context;
    const { steps, dependencies = {} } = args.workflow_definition;
    const receipt = receiptFor(caller, 'create_complex_workflow', args.idempotency_key, args);
    const definition = { name: args.name, steps, dependencies };
    const started = await engine.workflows.start({ definition, sessionId: args.session_id, receipt }, caller);
    await awaitEnd(context, { ids: [started.executionId], timeoutMs: MAX_WAIT_MS });
    return { ...complexReply(engine, started.executionId), replayed: started.replayed };
  },
});

function complexReply(engine: OrchestrationEngine, id: string): JsonObject {
  const { backend } = engine;
  const run = backend.getExecution(id);
  if (run === null) throw new LogisticsError('not_found', `The execution ${id} is gone.`);
  const steps = backend.getSteps({ executionId: id, after: -1, limit: STEPS_SHOWN });
  const results = Object.fromEntries(
    steps.map((step) => [
      step.id,
      {
        success: step.status === 'completed',
        status: step.status,
        ...(step.status === 'completed' ? clipped('result', backend.getOutput({ executionId: id, stepId: step.id }), RESULT_CHARS) : {}),
        ...(step.runMs === null ? {} : { execution_time: step.runMs / 1_000 }),
        ...(step.error === null ? {} : { error: { code: step.error.code, message: shortText(step.error.message) } }),
      },
    ]),
  );
  const ended = isTerminal(run.status);
  return {
    success: run.status === 'completed',
    workflow_name: run.workflow,
    execution_id: id,
    status: run.status,
    results,
    execution_stats: {
      total_tasks: run.totalSteps,
      completed: run.stepsCompleted,
      failed: run.stepsFailed,
      skipped: run.stepsSkipped,
      running: run.stepsRunning,
    },
    ...(run.totalSteps > steps.length ? { truncated: true } : {}),
    ...(run.error === null ? {} : { error: { code: run.error.code, message: shortText(run.error.message) } }),
    ...(ended ? {} : { next: [`wait ids=["${id}"]`] }),
  };
}
