// Owns the tool create_session: a handle over several calls with a context and limits of its own.
import { z } from 'zod';
import { Duration } from '../src/domain/duration.ts';
import { SessionMode } from '../src/domain/session.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import { checkSessionMode } from '../src/orchestration/orchestration-session.ts';
import { defineTool } from './tool.ts';
import { budgetToWire } from './wire/budget.ts';
import { AnyObject, BudgetArgument, IdempotencyKey, Next } from './wire/fields.ts';
import { sessionToWire } from './wire/session.ts';

const MaxParallel = z.int().min(1).max(1_000).optional();

export const createSessionTool = defineTool({
  name: 'create_session',
  title: 'Create a session',
  description:
    'Create a session: owns executions and jobs over several calls, limits how many run at once, and holds a shared context that workflows read as ${{ session.context.x }}. Pass its session_id to execute_workflow and enqueue_job.',
  kind: 'write',
  idempotent: false,
  openWorld: false,
  input: z.strictObject({
    name: z.string().min(1).max(200).optional(),
    context: AnyObject.optional().describe('JSON up to 64 KiB.'),
    metadata: AnyObject.optional(),
    max_parallel_tasks: MaxParallel.describe('Jobs of the session that run at once; default 4.'),
    max_parallel_workflows: MaxParallel.describe('Default 2.'),
    timeout: Duration.optional().describe('The session expires after this long, for example "2h"; its work goes on.'),
    mode: SessionMode.optional().describe(
      'sequential: one job at a time. parallel (default): up to the limits, first come first served. priority: up to the limits, highest first. resource_aware: as priority, and work that waits for its pools holds no place.',
    ),
    budget: BudgetArgument,
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({ session_id: z.string(), status: z.string(), replayed: z.boolean(), context_version: z.int(), next: Next }),
  async handle({ engine, caller }, args) {
    checkSessionMode(args.mode ?? 'parallel', args.max_parallel_tasks, 'max_parallel_tasks');
    const receipt = receiptFor(caller, 'create_session', args.idempotency_key, args);
    const { session, replayed } = await engine.createSession(
      {
        name: args.name,
        context: args.context,
        metadata: args.metadata,
        mode: args.mode,
        maxParallelTasks: args.max_parallel_tasks,
        maxParallelWorkflows: args.max_parallel_workflows,
        timeoutMs: args.timeout,
        budget: args.budget,
        receipt,
      },
      caller,
    );
    return {
      ...sessionToWire(session.data),
      ...budgetToWire(engine.budgets.of('session', session.id)),
      replayed,
      next: ['Pass session_id to execute_workflow and enqueue_job; close_session ends it.'],
    };
  },
});
