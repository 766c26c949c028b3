// Owns how a job is asked for: one schema for the library, the MCP tool and the CLI, and its normal form.
import { z } from 'zod';
import { type Dedupe, DedupeInput } from '../domain/dedupe.ts';
import { Duration } from '../domain/duration.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import { DEFAULT_QUEUE, DependencyRule, type NewJob, QueueName } from '../domain/job.ts';
import { Json, JsonObject } from '../domain/json.ts';
import { DEFAULT_PRIORITY, Priority } from '../domain/priority.ts';
import { JobConcurrency, JobRateInput } from '../domain/queue.ts';
import { ResourceRequest } from '../domain/resource.ts';
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
  expected_duration: Duration.optional().describe('Expected run time; orders queues that go by duration. Default: the mean of its task.'),
  expires_at: Instant.optional().describe('If it has not started by then it fails as expired.'),
  expires_in: Duration.optional().describe('The same, from now or from run_at.'),
  dedupe: DedupeInput.optional().describe(
    'Among the jobs of this queue with the same key that have not ended: reject this one, return_existing instead, replace what the waiting one does, or debounce (replace, and start only `delay` after the last call).',
  ),
  concurrency: JobConcurrency.optional().describe('At most `limit` (default 1) jobs with this key at once, in all queues.'),
  rate_limit: JobRateInput.optional().describe('At most `limit` starts in any `period`, for all jobs with this key; without a key, for those of this queue.'),
  requires: z.array(z.string().min(1).max(200)).max(20).optional().describe('Capabilities that the process or worker agent must offer.'),
  resources: ResourceRequest.optional(),
  output: JsonObject.optional().describe('JSON Schema that the result must fit; checked at completion.'),
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
  if (input.expires_at !== undefined && input.expires_in !== undefined) {
    throw new LogisticsError('invalid_input', 'Give expires_at or expires_in, not both.', { path: 'expires_in', expected: 'one of expires_at, expires_in' });
  }
  const startAt = runAt ?? context.now;
  const expiresAt = input.expires_at ?? (input.expires_in === undefined ? null : startAt + input.expires_in);
  if (expiresAt !== null && expiresAt <= startAt) {
    throw new LogisticsError('invalid_input', 'expires_at lies before the job may start.', {
      path: input.expires_in === undefined ? 'expires_at' : 'expires_in',
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
    expectedMs: input.expected_duration ?? null,
    expiresAt,
    requires: [...new Set([...(input.requires ?? []), ...(capability === undefined ? [] : [capability])])].sort(),
    sessionId: context.sessionId,
    outputSchema: input.output ?? null,
    dedupe: input.dedupe === undefined ? null : toDedupe(input.dedupe, input),
    concurrency: input.concurrency ?? null,
    resources: input.resources ?? null,
    rate: input.rate_limit === undefined ? null : { key: input.rate_limit.key ?? null, limit: input.rate_limit.limit, periodMs: input.rate_limit.period },
  };
}

/** Each mode with what acts on it; what would not act is refused. */
function toDedupe({ key, mode, window, max_wait }: z.output<typeof DedupeInput>, input: z.output<typeof JobInput>): Dedupe {
  const replaces = mode === 'replace' || mode === 'debounce';
  const wrong = (path: string, message: string, expected: string): LogisticsError => new LogisticsError('invalid_input', message, { path, expected });
  if (window !== undefined && replaces) throw wrong('dedupe.window', `window does not act with mode ${mode}.`, 'mode reject or return_existing');
  if (max_wait !== undefined && mode !== 'debounce') throw wrong('dedupe.max_wait', `max_wait does not act with mode ${mode}.`, 'mode debounce');
  if (replaces && input.depends_on !== undefined) throw wrong('depends_on', `depends_on cannot be taken over with mode ${mode}.`, 'no depends_on');
  const delayMs = input.delay ?? 0;
  if (mode === 'debounce' && delayMs === 0) throw wrong('delay', 'A debounced job needs a delay.', 'how long nobody must call before it starts');
  if (max_wait !== undefined && max_wait < delayMs) throw wrong('dedupe.max_wait', 'max_wait is shorter than the delay.', 'at least the delay');
  return { key, mode, windowMs: window ?? 0, delayMs, maxWaitMs: max_wait ?? null };
}
