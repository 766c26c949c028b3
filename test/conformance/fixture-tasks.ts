// Owns the tools that the suite wants as tasks: real workflows on the engine, so that what is tested are our tasks.
import { z } from 'zod';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { executeWorkflowTool } from '../../tools/execute-workflow.ts';
import { defineTool, type ToolSpec } from '../../tools/tool.ts';

/** Task types of the fixtures: one that fails as work, one that is a fault of the program. */
export const FIXTURE_TASKS = [
  defineTask({ type: 'fixture.fail', run: () => Promise.reject(new LogisticsError('handler_failed', 'This job fails on purpose.', { retryable: false })) }),
  defineTask({ type: 'fixture.fault', run: () => Promise.reject(new LogisticsError('internal', 'This fault is on purpose.', { retryable: false })) }),
];

/** Steps as they are written; the engine reads them. */
type Definition = { readonly name: string; readonly steps: readonly object[] };

function workflowTool(name: string, properties: JsonObject, definitionOf: (args: JsonObject) => Definition): ToolSpec {
  return defineTool({
    name,
    title: name,
    description: `Fixture ${name}.`,
    kind: 'write',
    idempotent: false,
    openWorld: false,
    input: z.looseObject({}),
    inputSchema: { type: 'object', properties },
    output: z.looseObject({}),
    followUp: (_, data, now) => executeWorkflowTool.followUp?.({}, data, now) ?? null,
    handle: (context, args) =>
      executeWorkflowTool.handle(context, {
        definition: definitionOf(args as JsonObject) as unknown as JsonObject,
        wait_ms: context.takesTask === true ? 0 : 20_000,
      }),
  }) as ToolSpec;
}

const approval = (id: string): JsonObject => ({ id, task: 'wait.approval', with: { message: `${id}?`, by: 'any' } });

export const TASK_TOOLS: readonly ToolSpec[] = [
  workflowTool('slow_compute', { seconds: { type: 'number' }, label: { type: 'string' } }, ({ seconds = 0, label = '' }) => ({
    name: 'slow_compute',
    steps: [
      { id: 'sleep', task: 'sleep', with: { duration: Math.round(Number(seconds) * 1_000) } },
      { id: 'done', needs: ['sleep'], task: 'echo', with: { value: `done ${String(label)}` } },
    ],
  })),
  workflowTool('failing_job', {}, () => ({
    name: 'failing_job',
    steps: [
      { id: 'sleep', task: 'sleep', with: { duration: '1s' } },
      { id: 'fail', needs: ['sleep'], task: 'fixture.fail' },
    ],
  })),
  workflowTool('protocol_error_job', {}, () => ({ name: 'protocol_error_job', steps: [{ id: 'fault', task: 'fixture.fault' }] })),
  workflowTool('confirm_delete', { filename: { type: 'string' } }, () => ({ name: 'confirm_delete', steps: [approval('confirm')] })),
  workflowTool('multi_input', {}, () => ({ name: 'multi_input', steps: [approval('first'), approval('second')] })),
  {
    ...workflowTool('test_tool_with_task', {}, () => ({ name: 'greet', steps: [] })),
    handle: (context) => {
      const question = { key: 'user_name', message: 'What is your name?', fields: { name: { type: 'string', title: 'Name' } }, required: ['name'] } as const;
      const answer = context.askPerson?.(question);
      const name = answer?.action === 'accept' ? String(answer.content.name) : 'nobody';
      const definition = { name: 'greet', steps: [{ id: 'hello', task: 'echo', with: { value: `Hello, ${name}!` } }] };
      return executeWorkflowTool.handle(context, { definition, wait_ms: 0 });
    },
  },
];
/** The suite wants these only as tasks. */
export const ONLY_AS_TASK: ReadonlySet<string> = new Set(['failing_job', 'test_tool_with_task']);
