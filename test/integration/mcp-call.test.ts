import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { McpCaller } from '../../src/domain/action.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { ToolCatalog } from '../../src/orchestration/tool-catalog.ts';
import { engineFor, HUMAN, nextEvent, refusal, tempFolder } from '../support/test-engine.ts';

const entry = fileURLToPath(new URL('../support/echo-mcp-server.ts', import.meta.url));
const server = (mode: string, journal = ''): { command: string; args: string[] } => ({
  command: process.execPath,
  args: [entry, mode, ...(journal === '' ? [] : [journal])],
});
const call = (tool: string, args: JsonObject = {}, more: JsonObject = {}): JsonObject => ({
  id: 'call',
  task: 'mcp.call',
  with: { server: 'echo', tool, arguments: args },
  ...more,
});

describe('mcp.call in workflows', () => {
  it('calls tools of a real server over one connection', async () => {
    const journal = join(tempFolder(), 'journal');
    const engine = await engineFor({ mcpServers: { echo: server('plain', journal) } });
    const result = await engine.executeWorkflow({
      definition: {
        name: 'adding',
        steps: [
          { id: 'sums', task: 'mcp.call', forEach: [1, 2, 3], with: { server: 'echo', tool: 'sum', arguments: { a: '${{ item }}', b: 10 } } },
          {
            id: 'say',
            needs: ['sums'],
            task: 'mcp.call',
            with: { server: 'echo', tool: 'echo', arguments: { text: 'total ${{ sum(steps.sums.output.map(s, s.sum)) }}' } },
          },
        ],
        output: '${{ steps.say.output }}',
      },
    });
    expect(result).toMatchObject({ status: 'completed', output: 'total 36' });
    expect(readFileSync(journal, 'utf8').match(/start/g)).toHaveLength(1);
    const failed = await engine.executeWorkflow({ definition: { name: 'f', steps: [call('fail', {}, { retry: 1 })] } });
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'mcp_tool_failed' } });
  });

  it('a cancelled run cancels the call at the server', async () => {
    const journal = join(tempFolder(), 'journal');
    const engine = await engineFor({ mcpServers: { echo: server('plain', journal) }, limits: { shutdownGrace: '10s' } });
    const { executionId } = await engine.workflows.start({ definition: { name: 'hang', steps: [call('hang')] } }, HUMAN);
    const lines = (): string => (existsSync(journal) ? readFileSync(journal, 'utf8') : '');
    while (!lines().includes('hang')) await new Promise((resolve) => setTimeout(resolve, 5));
    const ended = nextEvent(engine, 'workflow_cancelled');
    await engine.tasks.cancel(executionId, 'enough', HUMAN);
    await ended;
    while (!lines().includes('cancelled')) await new Promise((resolve) => setTimeout(resolve, 5));
    await engine.stop();
  });

  it('refuses a tool that the server does not have, when a definition is made, previewed or started', async () => {
    const engine = await engineFor({ mcpServers: { echo: server('plain') } });
    const definition = {
      name: 'typo',
      steps: { call: { task: 'mcp.call', with: { server: 'echo', tool: 'ecko' } } },
      onFailure: [{ task: 'mcp.call', with: { server: 'echo', tool: 'nope' } }],
    };
    const checked = await engine.workflows.checkReachable(definition);
    expect(checked).toMatchObject({ valid: false, definition: null });
    expect(checked.faults).toMatchObject([
      { path: 'steps.call.with.tool', code: 'not_found', nearMatches: ['echo'] },
      { path: 'onFailure[0].with.tool', expected: expect.stringContaining('one of echo, sum') },
    ]);
    for (const attempt of [engine.workflows.create(definition), engine.workflows.preview({ definition }), engine.workflows.start({ definition }, HUMAN)]) {
      expect((await refusal(attempt)).code).toBe('invalid_definition');
    }
    expect(engine.workflows.names()).toEqual([]);
    expect((await engine.workflows.checkReachable({ name: 'w', steps: [call('${{ input.tool }}')] })).valid).toBe(true);
  });

  it('warns when the server does not answer within a second, and does not ask it again at once', async () => {
    const engine = await engineFor({ mcpServers: { echo: server('silent') } });
    const began = Date.now();
    const checked = await engine.workflows.checkReachable({ name: 'w', steps: [call('echo')] });
    expect(Date.now() - began).toBeLessThan(3_000);
    expect(checked).toMatchObject({ valid: true, warnings: [{ path: 'steps[0].with.server', code: 'network' }] });
    const again = Date.now();
    await engine.workflows.checkReachable({ name: 'w', steps: [call('echo')] });
    expect(Date.now() - again).toBeLessThan(500);
  });

  it('a server that is not configured is told, and its step fails by name', async () => {
    const engine = await engineFor({ mcpServers: { echo: server('plain') } });
    const checked = await engine.workflows.checkReachable({ name: 'w', steps: [{ id: 'a', task: 'mcp.call', with: { server: 'ecco', tool: 'x' } }] });
    expect(checked.warnings).toMatchObject([{ path: 'steps[0].task', code: 'not_allowed', message: expect.stringContaining('mcp:ecco') }]);
  });
});

describe('the tool catalog', () => {
  it('asks once for many checks, and again after a minute', async () => {
    let now = 0;
    let asked = 0;
    const caller: McpCaller = {
      servers: ['s'],
      call: () => Promise.reject(new Error('not here')),
      listTools: async () => {
        asked++;
        return [{ name: 'a', inputSchema: {} }];
      },
      close: async () => undefined,
    };
    const engine = await engineFor();
    const { definition } = engine.workflows.check({
      name: 'w',
      steps: [{ id: 'x', task: 'mcp.call', with: { server: 's', tool: 'a' }, compensate: { task: 'mcp.call', with: { server: 's', tool: 'b' } } }],
    });
    const catalog = new ToolCatalog({ caller, now: () => now });
    const check = (): Promise<{ faults: readonly { path: string }[] }> => catalog.check(definition as never);
    const [first] = await Promise.all([check(), check(), check()]);
    expect([asked, first.faults.map((fault) => fault.path)]).toEqual([1, ['steps[0].compensate.with.tool']]);
    now = 59_999;
    await check();
    expect(asked).toBe(1);
    now = 60_000;
    await check();
    expect(asked).toBe(2);
  });
});
