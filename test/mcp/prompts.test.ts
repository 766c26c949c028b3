// Prompts: each carries what the agent needs to begin, its arguments complete, and wrong ones are refused with the nearest.
import { describe, expect, it } from 'vitest';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { type ModernClient, modernClient, type Wire } from '../support/modern-client.ts';
import { engineFor, HUMAN } from '../support/test-engine.ts';

interface Message {
  readonly role: string;
  readonly content: { readonly type: string; readonly text?: string; readonly resource?: { readonly uri: string; readonly text: string } };
}

async function promptOf(client: ModernClient, name: string, args: Wire = {}): Promise<{ readonly text: string; readonly resources: readonly string[] }> {
  const { messages } = (await client.request('prompts/get', { name, arguments: args })) as unknown as { messages: Message[] };
  expect(messages.every(({ role }) => role === 'user')).toBe(true);
  return {
    text: messages.map(({ content }) => content.text ?? content.resource?.text ?? '').join('\n'),
    resources: messages.flatMap(({ content }) => (content.resource === undefined ? [] : [content.resource.uri])),
  };
}

async function failed(engine: OrchestrationEngine): Promise<string> {
  const definition = { name: 'bad', steps: [{ id: 'divide', task: 'transform', with: { value: '${{ 1 / input.zero }}' } }] };
  const { executionId } = await engine.workflows.start({ definition: definition as never, input: { zero: 0 } }, HUMAN);
  await engine.wait({ ids: [executionId], timeoutMs: 20_000 });
  return executionId;
}

const LONG = 'x'.repeat(20_001);

it('are three, with their arguments', async () => {
  const client = await modernClient(await engineFor());
  const { prompts } = (await client.request('prompts/list')) as unknown as { prompts: { name: string; arguments: { name: string; required: boolean }[] }[] };
  expect(prompts.map(({ name, arguments: args }) => [name, args.map((argument) => `${argument.name}${argument.required ? '' : '?'}`)])).toEqual([
    ['design_workflow', ['goal', 'base?']],
    ['diagnose_failure', ['execution_id']],
    ['review_schedules', ['schedule?']],
  ]);
});

describe('design_workflow', () => {
  it('holds the goal, the syntax, the task types of this process, and a definition to begin from', async () => {
    const client = await modernClient(await engineFor());
    await client.call('create_workflow', { definition: { name: 'base', steps: [{ id: 'only_here', task: 'echo', with: { value: 1 } }] }, mode: 'apply' });
    const { text, resources } = await promptOf(client, 'design_workflow', { goal: 'Publish the weekly report', base: 'base' });
    expect(text).toContain('Publish the weekly report');
    expect(text).toContain('wait.approval');
    expect(text).toContain('only_here');
    expect(resources).toEqual(['logistics://reference/definition-syntax', 'logistics://workflows/base']);
  });
});

describe('diagnose_failure', () => {
  it('holds the state, the reasons and the last events of the execution', async () => {
    const engine = await engineFor();
    const client = await modernClient(engine);
    const id = await failed(engine);
    const { text, resources } = await promptOf(client, 'diagnose_failure', { execution_id: id });
    expect(resources).toEqual([`logistics://executions/${id}`]);
    expect(text).toContain('workflow_failed');
    expect(text).toContain('divide');
    expect(text).toMatch(/"status": ?"failed"/);
  });

  it('offers the failed executions first', async () => {
    const engine = await engineFor();
    const client = await modernClient(engine);
    await client.call('execute_workflow', { definition: { name: 'good', steps: [{ id: 'a', task: 'echo', with: { value: 1 } }] }, wait_ms: 20_000 });
    const id = await failed(engine);
    const ref = { type: 'ref/prompt', name: 'diagnose_failure' };
    expect(await client.request('completion/complete', { ref, argument: { name: 'execution_id', value: 'exec' } })).toMatchObject({
      completion: { values: [id] },
    });
  });
});

describe('review_schedules', () => {
  it('holds each schedule with its ledger, or says that there is none', async () => {
    const engine = await engineFor();
    const client = await modernClient(engine);
    expect((await promptOf(client, 'review_schedules')).text).toContain('no schedules here yet');
    const made = await client.call('schedule_cron', { name: 'report', expression: '0 9 * * 1-5', target: { task: 'echo', input: { value: 1 } } });
    const { schedule_id: id } = made.structuredContent as { schedule_id: string };
    await client.call('control', { id, action: 'trigger' });
    const { text, resources } = await promptOf(client, 'review_schedules', { schedule: id });
    expect(resources).toEqual([`logistics://schedules/${id}`]);
    expect(text).toContain('"ledger":[{');
    expect((await promptOf(client, 'review_schedules')).resources).toEqual(resources);
  });
});

it.each([
  ['design_workflw', { goal: 'x' }, 'Did you mean design_workflow?'],
  ['design_workflow', {}, 'needs goal'],
  ['design_workflow', { goal: 'x', bse: 'y' }, 'Did you mean base?'],
  ['design_workflow', { goal: 'x', base: 'none' }, 'There is no workflow none'],
  ['design_workflow', { goal: LONG }, 'more than 20000 characters'],
  ['diagnose_failure', { execution_id: 'exec_01m80dxqsg000cebe9vpck2gth' }, 'There is no execution'],
  ['diagnose_failure', { execution_id: '../../etc/passwd' }, 'There is no resource'],
  ['review_schedules', { schedule: 'sched_01m80dxqsg000cebe9vpck2gth' }, 'There is no schedule'],
])('%s is refused, case %#', async (name, args, hint) => {
  const client = await modernClient(await engineFor());
  await expect(client.request('prompts/get', { name, arguments: args })).rejects.toMatchObject({ code: -32_602, message: expect.stringContaining(hint) });
});
