// Owns the normal form of a step: one spelling for every field, durations in ms, no aliases.
import { z } from 'zod';
import { Json, JsonObject } from './json.ts';
import { ResourceRequest } from './resource.ts';
import { RetryPolicy } from './retry-policy.ts';
import { StepCache } from './step-cache.ts';

export const TRIGGER_RULES = ['all_success', 'all_done', 'all_failed', 'one_success', 'one_failed', 'none_failed', 'none_skipped', 'always'] as const;
export const TriggerRule = z.enum(TRIGGER_RULES);
export type TriggerRule = z.infer<typeof TriggerRule>;

export const StepName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,99}$/);

/** Task types that advance() interprets; they hold no worker. */
export const WAITING_TASKS = [
  'sleep',
  'sleepUntil',
  'wait.signal',
  'wait.approval',
  'wait.event',
  'workflow.run',
  'emit',
  'resource.acquire',
  'resource.release',
] as const;
export type WaitingTask = (typeof WAITING_TASKS)[number];

export const Compensation = z.strictObject({
  task: z.string(),
  with: JsonObject,
  retry: RetryPolicy.optional(),
  timeoutMs: z.int().positive().optional(),
});
export type Compensation = z.infer<typeof Compensation>;

/** How many items of a forEach may fail: a count, or a share of all items in percent. */
export const Tolerance = z.union([z.strictObject({ count: z.int().min(0) }), z.strictObject({ percent: z.number().min(0).max(100) })]);
export type Tolerance = z.infer<typeof Tolerance>;

export const WorkflowStep = z.strictObject({
  id: StepName,
  task: z.string().min(1).max(200),
  with: JsonObject,
  needs: z.array(StepName),
  when: TriggerRule,
  /** Expression source inside `${{ }}`, or a template string. */
  if: z.string().optional(),
  /** A template that gives an array. */
  forEach: Json.optional(),
  maxParallel: z.int().min(1).optional(),
  tolerateFailures: Tolerance.optional(),
  retry: RetryPolicy.optional(),
  /** Limit of one attempt, or of the wait of a waiting step. */
  timeoutMs: z.int().positive().optional(),
  /** Limit over all attempts, from the moment the step is ready. */
  deadlineMs: z.int().positive().optional(),
  continueOnError: z.boolean(),
  requires: z.array(z.string()),
  priority: z.int().min(0).max(100).optional(),
  queue: z.string().optional(),
  /** What its job, or that of each item, holds of pools while it runs. */
  resources: ResourceRequest.optional(),
  /** Keep the output as an artifact of this name; the step's output is then the artifact's reference. */
  artifact: z.strictObject({ name: z.string(), mediaType: z.string() }).optional(),
  compensate: Compensation.optional(),
  /** A result that another run left may stand for a run of this step. */
  cache: StepCache.optional(),
  /** JSON Schema of its output; the output of each item for a forEach. */
  outputSchema: JsonObject.optional(),
});
export type WorkflowStep = z.infer<typeof WorkflowStep>;
