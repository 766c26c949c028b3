import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createBuiltinActions } from '../../src/actions/builtin-actions.ts';
import { echoTask } from '../../src/actions/echo.ts';
import { logTask } from '../../src/actions/log.ts';
import { transformTask } from '../../src/actions/transform.ts';
import { actionContext, inputFaults, runTask } from '../support/action-context.ts';

describe('log', () => {
  it('writes the message at its level and returns it', async () => {
    const context = actionContext();
    expect(await runTask(logTask, { message: 'hello', level: 'warn', fields: { n: 1 } }, context)).toEqual({ logged: true, message: 'hello' });
    expect(context.lines).toEqual([{ level: 'warn', message: 'hello', fields: { n: 1 } }]);
  });

  it('writes values that are no strings as JSON and names the step when there is no message', async () => {
    expect(await runTask(logTask, { message: { a: [1] } })).toEqual({ logged: true, message: '{"a":[1]}' });
    expect(await runTask(logTask, {})).toEqual({ logged: true, message: 'Reached step.' });
  });

  it('refuses unknown fields and levels', () => {
    expect(inputFaults(logTask, { message: 'x', colour: 'red' })).toHaveLength(1);
    expect(inputFaults(logTask, { message: 'x', level: 'loud' })).toHaveLength(1);
  });
});

describe('echo', () => {
  it.each([null, 0, '', false, [1], { a: null }])('returns %j as it is, under both names', async (value) => {
    expect(await runTask(echoTask, { value })).toEqual(value);
    expect(await runTask(echoTask, { message: value })).toEqual(value);
  });

  it('wants exactly one of value and message', () => {
    expect(inputFaults(echoTask, {})).toHaveLength(1);
    expect(inputFaults(echoTask, { value: 1, message: 2 })).toHaveLength(1);
  });
});

describe('transform', () => {
  it('returns the rendered value', async () => {
    expect(await runTask(transformTask, { value: { total: 3 } })).toEqual({ total: 3 });
    expect(inputFaults(transformTask, {})).toHaveLength(1);
  });
});

describe('createBuiltinActions', () => {
  it('lists each type once, with a description, an example and a JSON Schema', async () => {
    const actions = createBuiltinActions();
    expect(actions.types.map((task) => task.type)).toEqual(['log', 'echo', 'transform', 'http.request', 'shell.run', 'code.run', 'mcp.call', 'agent.task']);
    for (const task of actions.types) {
      expect(task.description).toMatch(/\.$/);
      const schema = z.toJSONSchema(task.input, { io: 'input' });
      expect(Object.keys(schema.properties ?? {})).toEqual(expect.arrayContaining(Object.keys(task.example)));
      for (const [name, property] of Object.entries(schema.properties ?? {}))
        expect((property as { description?: string }).description, `${task.type} ${name}`).toBeTruthy();
    }
    await actions.close();
    await actions.close();
  });

  it('offers the capabilities of what is configured, and none otherwise', async () => {
    expect(createBuiltinActions().capabilities).toEqual([]);
    const mcp = { servers: ['github'], call: async () => null, listTools: async () => [], close: async () => {} };
    const actions = createBuiltinActions({ shell: { root: '/', allow: [{ argv: ['git', 'log'] }, { profile: 'build', argv: ['make'] }] }, mcp });
    expect(actions.capabilities).toEqual(['shell@build', 'shell@default', 'mcp', 'mcp:github']);
    await actions.close();
  });
});
