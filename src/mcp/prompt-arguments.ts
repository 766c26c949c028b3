// Owns the arguments of prompts and what each of them names.
import type { KnownKind } from './known-names.ts';

export type PromptArgumentKind = KnownKind | 'failed' | 'text';

export const PROMPT_ARGUMENTS: Readonly<Record<string, Readonly<Record<string, PromptArgumentKind>>>> = {
  design_workflow: { goal: 'text', base: 'workflow' },
  diagnose_failure: { execution_id: 'failed' },
  review_schedules: { schedule: 'schedule' },
};
