// Holds the registry to one type per name, aliases that act, and truthful capabilities.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { TaskType } from '../../src/domain/action.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { TaskRegistry, type TaskRegistryOptions } from '../../src/task/task-registry.ts';

const builtIn = (type: string, capability?: TaskType['capability']): TaskType => ({
  type,
  version: 1,
  description: '',
  input: z.object({}),
  example: {},
  ...(capability === undefined ? {} : { capability }),
  run: async () => null,
});
const own = (type: string): TaskType => defineTask({ type, run: () => null });

function registry(options: Partial<TaskRegistryOptions> = {}): TaskRegistry {
  return new TaskRegistry({
    builtIns: [builtIn('log'), builtIn('http.request'), builtIn('shell.run', ({ profile }) => `shell@${profile ?? 'default'}`)],
    ...options,
  });
}

function refusal(act: () => unknown): LogisticsError {
  try {
    act();
  } catch (error) {
    if (error instanceof LogisticsError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('TaskRegistry', () => {
  it("finds built-in types and a user's own", () => {
    const types = registry();
    const mail = own('mail.send');
    types.register(mail);
    expect(types.get('mail.send')).toBe(mail);
    expect(types.require('log').type).toBe('log');
    expect(types.list().map((type) => type.type)).toEqual(['http.request', 'log', 'shell.run', 'mail.send']);
    expect(types.names()).toContain('wait.approval');
  });

  it.each(['log', 'http.request', 'sleep', 'wait.signal', 'workflow.run', 'agent.task', 'mine'])('refuses a second type called %s', (name) => {
    const types = registry();
    types.register(own('mine'));
    expect(refusal(() => types.register(own(name)))).toMatchObject({ code: 'conflict' });
  });

  it('refuses a name that no definition could use', () => {
    expect(refusal(() => registry().register({ ...own('a'), type: 'A b' }))).toMatchObject({ code: 'invalid_input' });
  });

  it('names near matches of an unknown type, own types and aliases among them', () => {
    const types = registry();
    types.register(own('mail.send'));
    types.setAliases({ 'data.fetch': 'http.request' });
    expect(refusal(() => types.require('http.reqest'))).toMatchObject({
      code: 'unknown_task_type',
      nearMatches: ['http.request'],
      nextActions: ['Did you mean http.request?'],
    });
    expect(refusal(() => types.require('mail.sent')).nearMatches).toEqual(['mail.send']);
    expect(refusal(() => types.require('data.fetsh')).nearMatches).toEqual(['data.fetch']);
    expect(refusal(() => types.require('constructor'))).toMatchObject({ code: 'unknown_task_type' });
  });

  it('tells what is a step only', () => {
    expect(refusal(() => registry().require('resource.acquire'))).toMatchObject({ code: 'invalid_input' });
    expect(refusal(() => registry().require('sleep'))).toMatchObject({ code: 'invalid_input' });
    expect(registry().get('sleep')).toBeUndefined();
  });

  it('applies aliases, also to waiting tasks', () => {
    const types = registry();
    types.register(own('mail.send'));
    types.setAliases({ 'data.fetch': 'http.request', 'notify.user': 'mail.send', 'util.pause': 'sleep' });
    expect(types.get('data.fetch')?.type).toBe('http.request');
    expect(types.nameOf('util.pause')).toBe('sleep');
    expect(types.nameOf('other')).toBe('other');
    expect(types.capabilityOf('notify.user', {})).toBe('handler:mail.send');
    expect(refusal(() => types.register(own('data.fetch')))).toMatchObject({ code: 'conflict' });
  });

  it('refuses all aliases that would not act', () => {
    const error = refusal(() => registry().setAliases({ 'http.request': 'log', 'a.b': 'htp.request', 'c.d': 'log', 'e.f': 'c.d' }));
    expect((error.details as { faults: { path: string }[] }).faults).toMatchObject([
      { path: 'taskAliases["http.request"]' },
      { path: 'taskAliases["a.b"]', nearMatches: ['http.request'] },
      { path: 'taskAliases["e.f"]' },
    ]);
  });

  it('says that trust is missing where an untrusted module may define the type', () => {
    const types = registry({ untrustedFile: '/w/logistics.config.yaml' });
    types.setAliases({ 'a.b': 'elsewhere_defined' });
    const error = refusal(() => types.require('elsewhere_defined'));
    expect(error).toMatchObject({ code: 'untrusted_config' });
    expect(error.nextActions[0]).toContain('logistics-mcp trust "/w/logistics.config.yaml"');
    const slip = refusal(() => types.require('http.reqest'));
    expect(slip).toMatchObject({ code: 'unknown_task_type', nearMatches: ['http.request'] });
    expect(slip.nextActions.join(' ')).toContain('logistics-mcp trust');
  });

  it('names what an input needs and what the process offers', () => {
    const types = registry({ capabilities: ['shell@default', 'mcp:github'] });
    types.register(own('mail.send'));
    types.register(own('audit'));
    expect(types.capabilityOf('log', {})).toBeUndefined();
    expect(types.capabilityOf('shell.run', { profile: 'build' })).toBe('shell@build');
    expect(types.capabilityOf('audit', {})).toBe('handler:audit');
    expect(types.capabilityOf('wait.signal', {})).toBeUndefined();
    expect(types.capabilityOf('defined_elsewhere', {})).toBe('handler:defined_elsewhere');
    expect(types.capabilities()).toEqual(['handler:audit', 'handler:mail.send', 'mcp:github', 'shell@default']);
  });
});
