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
      line(`${context.idempotencyKey}\t${context.attempt}\t${process.pid}`);
      return { key: context.idempotencyKey, once: randomUUID(), items: [1, 2, 3] };
    },
  });
  return [work as unknown as TaskType];
}
