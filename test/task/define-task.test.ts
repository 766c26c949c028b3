// Holds defineTask to its types and to refusing what could not run.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import type { TaskType } from '../../src/domain/action.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import { defineTask } from '../../src/task/define-task.ts';

const context = {} as never;

function refusal(spec: unknown): LogisticsError {
  try {
    defineTask(spec as never);
  } catch (error) {
    if (error instanceof LogisticsError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('defineTask', () => {
  it('gives a task type whose handler gets the checked input', async () => {
    const task = defineTask({
      type: 'mail.send',
      version: 2,
      description: 'Sends a mail.',
      input: z.object({ to: z.string(), count: z.int().default(1) }),
      output: z.object({ sent: z.int() }),
      example: { to: 'a@example.org' },
      run: async (input) => {
        expectTypeOf(input).toEqualTypeOf<{ to: string; count: number }>();
        return { sent: input.count };
      },
    });
    const asType: TaskType = task;
    expect(asType).toMatchObject({ type: 'mail.send', version: 2, description: 'Sends a mail.', example: { to: 'a@example.org' } });
    expect(await task.run(task.input.parse({ to: 'x' }), context)).toEqual({ sent: 1 });
  });

  it('fills in version, description, example and input', async () => {
    const task = defineTask({ type: 'plain', run: (input) => ({ keys: Object.keys(input) }) });
    expect(task).toMatchObject({ version: 1, description: '', example: {} });
    expect(task.input.safeParse({ any: [1] }).success).toBe(true);
    expect(task.input.safeParse(5).success).toBe(false);
    expect(await task.run({ any: 1 }, context)).toEqual({ keys: ['any'] });
  });

  it('turns a throw of a plain function into a rejected promise', async () => {
    const task = defineTask({
      type: 'broken',
      run: () => {
        throw new Error('at once');
      },
    });
    await expect(task.run({}, context)).rejects.toThrow('at once');
  });

  it.each(['log', 'a', 'mail.send', 'a_b.c-d.E9', 'camelCase'])('accepts the name %s', (type) => {
    expect(defineTask({ type, run: () => null }).type).toBe(type);
  });

  it.each(['', 'Mail', '1a', 'a..b', 'a.', 'a b', 'a/b', '-a', 'a'.repeat(201), undefined, 5])('refuses the name %j', (type) => {
    expect(refusal({ type, run: () => null })).toMatchObject({ code: 'invalid_input', path: 'type' });
  });

  it('reports all faults at once, with near matches for fields', () => {
    const error = refusal({ type: 'X', version: 0, input: {}, output: 'string', handler: 1, runn: () => null, description: 5 });
    const paths = (error.details as { faults: { path: string }[] }).faults.map((fault) => fault.path);
    expect(paths.sort()).toEqual(['description', 'handler', 'input', 'output', 'run', 'runn', 'type', 'version']);
    expect(error.message).toContain('did you mean run?');
  });

  it('refuses an example that does not fit its own input, and what is no object', () => {
    expect(refusal({ type: 'a', input: z.object({ to: z.string() }), example: { to: 1 }, run: () => null })).toMatchObject({ path: 'example' });
    for (const spec of [null, undefined, [], 'a', () => null]) expect(refusal(spec)).toMatchObject({ code: 'invalid_input' });
  });

  it('accepts an example for a schema with asynchronous checks', () => {
    const input = z.object({ to: z.string().refine(async () => true) });
    expect(defineTask({ type: 'a', input, example: { to: 'x' }, run: () => null }).type).toBe('a');
  });

  it('takes a policy for runs that began with another version, and no unknown one', () => {
    const spec = { type: 'a', version: 2, run: () => null };
    expect(defineTask(spec).onVersionChange).toBe('continue');
    expect(defineTask({ ...spec, onVersionChange: 'pin' }).onVersionChange).toBe('pin');
    expect(() => defineTask({ ...spec, onVersionChange: 'pinned' } as never)).toThrow(/onVersionChange must be one of continue, fail, pin/);
    expect(() => defineTask({ ...spec, versionPolicy: 'pin' } as never)).toThrow(/versionPolicy is not a known field/);
  });
});
