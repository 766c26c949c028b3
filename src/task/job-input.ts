// Owns how a job is asked for: one schema for the library, the MCP tool and the CLI, and its normal form.
import { z } from 'zod';
import { Duration } from '../domain/duration.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import { DEFAULT_QUEUE, DependencyRule, type NewJob, QueueName } from '../domain/job.ts';
import { Json } from '../domain/json.ts';
import { DEFAULT_PRIORITY, Priority } from '../domain/priority.ts';
import { normaliseRetry, RetryPolicyInput } from '../domain/retry-policy.ts';
import { jsonBytes } from './storable.ts';

export const MAX_PAYLOAD_BYTES = 1_048_576;
export const MAX_NEEDS = 1_000;

/** ISO 8601 with offset, or epoch ms. */
export const Instant = z
  .union([z.iso.datetime({ offset: true }), z.int().min(0)])
  .transform((value) => (typeof value === 'number' ? value : Date.parse(value)));

export const JobInput = z.strictObject({
  task: z.string().min(1).max(200).describe('Task type, for example echo or http.request.'),
  payload: Json.optional().describe('Input of the task.'),
  name: z.string().max(200).optional().describe('Label for people.'),
  queue: QueueName.optional().describe('Queue; default "default".'),
  priority: Priority.optional().describe('0-100 or critical, high, normal, low, background; higher = sooner.'),
  run_at: Instant.optional().describe('Not before this moment: ISO 8601 with offset, or epoch ms.'),
  delay: Duration.optional().describe('Not before this long from now, for example "10m".'),
  depends_on: z.array(z.string()).max(MAX_NEEDS).optional().describe('Ids of jobs that must complete first.'),
  when: DependencyRule.optional().describe('all_success (default) or all_done.'),
  retry: z
    .union([
      RetryPolicyInput,
      z
        .int()
        .min(1)
        .max(1000)
        .transform((maxAttempts) => RetryPolicyInput.parse({ maxAttempts })),
    ])
    .optional()
    .describe('Retry policy, or the number of attempts.'),
  timeout: Duration.optional().describe('Limit of one attempt.'),
  expires_at: Instant.optional().describe('If it has not started by then it fails as expired.'),
  requires: z.array(z.string().min(1).max(200)).max(20).optional().describe('Capabilities the process must offer.'),
});
export type JobInput = z.input<typeof JobInput>;

export interface JobContext {
  readonly namespace: string;
  readonly sessionId: string | null;
  readonly now: number;
  readonly newId: IdSource;
  /** Capability a process needs for this task and payload. */
  readonly capabilityOf: (task: string, payload: Json) => string | undefined;
  readonly defaultAttempts: number;
}

/** The normal form of a parsed input. */
export function toNewJob(input: z.output<typeof JobInput>, context: JobContext): NewJob {
  if (input.run_at !== undefined && input.delay !== undefined) {
    throw new LogisticsError('invalid_input', 'Give run_at or delay, not both.', { path: 'delay', expected: 'one of run_at, delay' });
  }
  const payload = input.payload ?? {};
  const size = jsonBytes(payload, 'payload');
  if (size > MAX_PAYLOAD_BYTES) {
    throw new LogisticsError('limit_exceeded', `The payload has ${size} bytes.`, { path: 'payload', expected: `at most ${MAX_PAYLOAD_BYTES}` });
  }
  const runAt = input.run_at ?? (input.delay === undefined ? null : context.now + input.delay);
  if (input.expires_at !== undefined && input.expires_at <= (runAt ?? context.now)) {
    throw new LogisticsError('invalid_input', 'expires_at lies before the job may start.', {
      path: 'expires_at',
      expected: 'a moment after run_at, in the future',
    });
  }
  const capability = context.capabilityOf(input.task, payload);
  return {
    id: context.newId('job'),
    namespace: context.namespace,
    queue: input.queue ?? DEFAULT_QUEUE,
    task: input.task,
    name: input.name ?? null,
    payload,
    priority: input.priority ?? DEFAULT_PRIORITY,
    runAt,
    dependsOn: input.depends_on ?? [],
    when: input.when ?? 'all_success',
    retry:
      input.retry !== undefined
        ? normaliseRetry(input.retry)
        : context.defaultAttempts === 3
          ? null
          : normaliseRetry(RetryPolicyInput.parse({ maxAttempts: context.defaultAttempts })),
    timeoutMs: input.timeout ?? null,
    expiresAt: input.expires_at ?? null,
    requires: [...new Set([...(input.requires ?? []), ...(capability === undefined ? [] : [capability])])].sort(),
    sessionId: context.sessionId,
  };
}
