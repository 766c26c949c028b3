// Owns how a schedule is asked for: one schema for the library, the MCP tools and the command line; what is left out gets the stated default.

import { z } from 'zod';
import { Budget } from '../domain/budget.ts';
import { Duration } from '../domain/duration.ts';
import { QueueName } from '../domain/job.ts';
import { Json, JsonObject } from '../domain/json.ts';
import { Priority } from '../domain/priority.ts';
import { RetryPolicyInput } from '../domain/retry-policy.ts';
import { Exclusion, LocalMoment, OverlapPolicy, ScheduleName, ScheduleRule } from '../domain/schedule.ts';
import { RuleInput } from './rule-input.ts';

/** ISO 8601 with offset, or epoch ms. */
const Instant = z.union([z.iso.datetime({ offset: true }), z.int().min(0)]).transform((value) => (typeof value === 'number' ? value : Date.parse(value)));

/** A rule as people write it, or in its normal form. */
export const ScheduleRuleInput = z.union([ScheduleRule, RuleInput]);
export type ScheduleRuleInput = z.input<typeof ScheduleRuleInput>;

export const ScheduleTargetInput = z.union([
  z.strictObject({ workflow: z.string().min(1).max(200), version: z.int().min(1).optional() }),
  z.strictObject({
    task: z.string().min(1).max(200),
    queue: QueueName.optional(),
    priority: Priority.optional(),
    retry: z
      .union([
        RetryPolicyInput,
        z
          .int()
          .min(1)
          .max(1000)
          .transform((maxAttempts) => RetryPolicyInput.parse({ maxAttempts })),
      ])
      .optional(),
    timeout: Duration.optional(),
    requires: z.array(z.string().min(1).max(200)).max(20).optional(),
  }),
]);

export const CatchupInput = z.strictObject({
  mode: z.enum(['one', 'skip', 'all']).optional(),
  window: Duration.optional(),
  cap: z.int().min(1).max(10_000).optional(),
});

/** An expression, or a cheap task whose result must be true. */
export const WhenInput = z.union([z.string().min(1).max(2_000), z.strictObject({ task: z.string().min(1).max(200), input: JsonObject.optional() })]);

const fields = {
  rule: ScheduleRuleInput,
  target: ScheduleTargetInput,
  /** Input of the workflow or payload of the job; may hold `${{ schedule.plannedAt }}`. */
  input: Json.optional(),
  overlap: OverlapPolicy.optional(),
  catchup: CatchupInput.optional(),
  jitter: Duration.optional(),
  start: Instant.nullable().optional(),
  end: Instant.nullable().optional(),
  max_runs: z.int().min(1).nullable().optional(),
  exclude: z
    .array(z.union([Exclusion, LocalMoment.transform((day) => ({ from: day, to: day }))]))
    .max(1_000)
    .optional(),
  pause_on_failure: z.int().min(1).max(1_000).nullable().optional(),
  when: WhenInput.nullable().optional(),
};

export const ScheduleInput = z.strictObject({
  name: ScheduleName,
  ...fields,
  session_id: z.string().nullable().optional(),
  budget: Budget.nullable().optional(),
});
export type ScheduleInput = z.input<typeof ScheduleInput>;

/** What may be changed later; null takes a bound away. A left out field stays as it is. */
export const SchedulePatch = z.strictObject({ name: ScheduleName, ...fields }).partial();
export type SchedulePatch = z.input<typeof SchedulePatch>;

/** A parsed patch; a parsed input is one, too. */
export type ScheduleFields = z.output<typeof SchedulePatch>;
