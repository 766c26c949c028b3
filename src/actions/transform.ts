// Owns the transform task: expressions in `value` are rendered before it runs, so its output is the rendered value.
import { z } from 'zod';
import type { TaskType } from '../domain/action.ts';
import { Json } from '../domain/json.ts';

const TransformInput = z.strictObject({
  value: Json.describe('Any JSON with ${{ expressions }} in it; an expression that is the whole string keeps its type.'),
});

export const transformTask: TaskType = {
  type: 'transform',
  version: 1,
  description: 'Computes a JSON value from expressions; it touches nothing outside.',
  input: TransformInput,
  example: { value: { total: '${{ steps.count.output.total + 1 }}' } },
  run: async (input: z.infer<typeof TransformInput>): Promise<Json> => input.value,
};
