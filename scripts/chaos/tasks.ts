// Owns the handlers of the chaos run: each leaves a line at its very end, so that every finished run of it is known.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { TaskType } from '../../src/domain/action.ts';
import { defineTask } from '../../src/task/define-task.ts';

/** `chaos.work` takes `ms`, fails its first `fail` attempts, and returns something that no second run would return. */
export function chaosTasks(line: (text: string) => void): readonly TaskType[] {
  const work = defineTask({
    type: 'chaos.work',
    input: z.looseObject({ ms: z.number().default(0), fail: z.number().default(0) }),
    run: async (input, context) => {
      if (input.ms > 0) await sleep(input.ms);
      if (context.attempt <= input.fail) throw new Error(`attempt ${context.attempt} fails as asked`);
      const result = workDone(context);
      line(result.line);
      return result.output;
    },
  });
  return [work as unknown as TaskType];
}

/** The result of one run, and the line that witnesses it: `<key> <attempt> <pid> <once>`. */
export function workDone(p: { readonly idempotencyKey: string; readonly attempt: number }): {
  readonly line: string;
  readonly output: { readonly key: string; readonly once: string; readonly items: number[] };
} {
  const once = randomUUID();
  return { line: `${p.idempotencyKey}\t${p.attempt}\t${process.pid}\t${once}`, output: { key: p.idempotencyKey, once, items: [1, 2, 3] } };
}
