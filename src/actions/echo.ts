// Owns the echo task: what goes in comes out.
import { z } from 'zod';
import type { TaskType } from '../domain/action.ts';
import { Json } from '../domain/json.ts';

const EchoInput = z
  .strictObject({
    value: Json.optional().describe('The value to give back.'),
    message: Json.optional().describe('Another name for value.'),
  })
  .refine((input) => (input.value === undefined) !== (input.message === undefined), { error: 'give exactly one of value and message' });

export const echoTask: TaskType = {
  type: 'echo',
  version: 1,
  description: 'Returns its value as it is.',
  input: EchoInput,
  example: { value: { greeting: 'hello' } },
  run: async (input: z.infer<typeof EchoInput>): Promise<Json> => (input.value === undefined ? (input.message as Json) : input.value),
};
