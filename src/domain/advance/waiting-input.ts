// Owns the reading of a waiting step's rendered input: what its schema refuses is the step's error, with every fault.
import type { z } from 'zod';
import type { ErrorData } from '../errors.ts';
import type { Json } from '../json.ts';
import { WAITING_INPUTS } from '../waiting-inputs.ts';
import type { WaitingTask } from '../workflow-step.ts';
import { errorData } from './step-end.ts';

type WaitingInput<K extends WaitingTask> = z.infer<(typeof WAITING_INPUTS)[K]['input']>;
export type Parsed<T> = { readonly ok: true; readonly input: T } | { readonly ok: false; readonly error: ErrorData };

/** The checked input, or `invalid_input` with the first path and all faults. */
export function parseWaiting<K extends WaitingTask>(kind: K, value: Json): Parsed<WaitingInput<K>> {
  const schema: z.ZodType = WAITING_INPUTS[kind].input;
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, input: parsed.data as WaitingInput<K> };
  const faults = parsed.error.issues.map((issue) => `${['with', ...issue.path].join('.')}: ${issue.message}`);
  const path = ['with', ...(parsed.error.issues[0]?.path ?? [])].join('.');
  return { ok: false, error: errorData('invalid_input', `${kind} got a wrong input: ${faults.join('; ')}`, { path, details: { faults } }) };
}
