// Random JSON at every tool: an answer that fits its schema or a known error, never a crash and never code `internal`.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE, LogisticsError } from '../../src/domain/errors.ts';
import { callTool } from '../../tools/call-tool.ts';
import { toolsOfSets } from '../../tools/registry.ts';
import { AGENT, engineFor } from '../support/test-engine.ts';
import { refusal, toolsOf } from '../support/tool-run.ts';

const UNKNOWN_IDS = ['exec', 'job', 'sess', 'wf', 'art', 'sched', 'proj', 'wrk'].map((prefix) => `${prefix}_01m80dxqsg000cebe9vpck2gth`);
const TELLING = [
  'echo',
  'default',
  'running',
  'failed',
  'cancel',
  'pause',
  'retry',
  'approve',
  'signal',
  'fork',
  'update',
  'delete',
  'events',
  'jobs',
  'executions',
  'queues',
  'detailed',
  'apply',
  'heartbeat',
  'complete',
  '5s',
  0,
  1,
  -1,
  1e300,
  true,
  null,
  {},
  [],
];

const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<unknown>;
const definition = fc.record({
  name: fc.constantFrom('a', 'b', '1'),
  steps: fc.array(
    fc.record(
      { id: fc.constantFrom('a', 'b', 'c'), task: fc.constantFrom('echo', 'transform', 'sleep', 'nope'), with: json, needs: json, forEach: json },
      { requiredKeys: ['id', 'task'] },
    ),
    { maxLength: 4 },
  ),
});

/** Under the tool's own names, so that random values get past the first check; and without any sense at all. */
function argumentsOf(names: readonly string[], ids: readonly string[]): fc.Arbitrary<unknown> {
  const value = fc.oneof(
    { weight: 4, arbitrary: json },
    { weight: 3, arbitrary: fc.constantFrom<unknown>(...ids) },
    { weight: 3, arbitrary: fc.constantFrom<unknown>(...TELLING) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
    { weight: 1, arbitrary: definition },
  );
  const name = fc.constantFrom(...names);
  return fc.oneof(
    json,
    fc.dictionary(name, value, { maxKeys: 5 }),
    fc.dictionary(fc.oneof(name, fc.string(), fc.constantFrom('__proto__', 'constructor')), value, { maxKeys: 4 }),
  );
}

/** Waits are no part of this. */
function withoutWaits(args: unknown, tool: string): unknown {
  if (args === null) return tool === 'claim_job' ? { wait_ms: 0 } : args;
  if (typeof args !== 'object' || Array.isArray(args)) return args;
  return { ...args, ...(tool === 'wait' ? { timeout_ms: 0 } : {}), ...(tool === 'claim_job' || 'wait_ms' in args ? { wait_ms: 0 } : {}) };
}

describe.each(toolsOfSets(['workers']).map((spec) => [spec.name, spec] as const))('%s', (name, spec) => {
  it('answers random JSON with data or a known error', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const job = await run('enqueue_job', { task: 'echo', payload: { value: 1 }, wait_ms: 5_000 });
    const execution = await run('execute_workflow', { definition: { name: 'a', steps: [{ id: 'a', task: 'wait.approval', with: { message: 'ok?' } }] } });
    const session = await run('create_session');
    const workflow = await run('create_workflow', { definition: { name: 'w', steps: [{ id: 'a', task: 'echo', with: { value: 1 } }] }, mode: 'apply' });
    const ids = [job.job_id, execution.execution_id, session.session_id, workflow.workflow_id] as string[];
    const names = Object.keys((spec.input as unknown as { readonly shape: object }).shape);
    await fc.assert(
      fc.asyncProperty(argumentsOf(names, [...UNKNOWN_IDS, ...ids]), async (args) => {
        try {
          const data = await callTool(spec, { engine, caller: AGENT }, withoutWaits(args, name));
          expect(spec.output.safeParse(JSON.parse(JSON.stringify(data))).error?.issues ?? []).toEqual([]);
        } catch (error) {
          if (!(error instanceof LogisticsError)) throw error;
          expect(Object.keys(ERROR_TABLE)).toContain(error.code);
          expect(error.code).not.toBe('internal');
          expect(error.message).not.toBe('');
        }
      }),
      { numRuns: 150 },
    );
  });

  it('refuses arguments that are nested without end', async () => {
    const engine = await engineFor();
    const deep: unknown = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
    expect((await refusal(callTool(spec, { engine, caller: AGENT }, { definition: deep, payload: deep, context: deep }))).code).toBe('limit_exceeded');
  });
});
