// Owns how retries are written: a policy in any spelling, a bare number of attempts, or codomyrmex's count of retries.
import { FieldReader, shown } from './field-reader.ts';
import { isJsonObject } from './json.ts';
import { normaliseRetry, type RetryPolicy } from './retry-policy.ts';

const MAX_ATTEMPTS = 1_000;

/** The policy of a step, or undefined when none is written. */
export function readRetry(step: FieldReader): RetryPolicy | undefined {
  const policy = step.take('retry');
  // codomyrmex counts retries after the first try; its files carry `retry_count: 0` beside `max_retries` as a run-time counter.
  const extra = step.take('max_retries', 'maxRetries');
  const counter = step.take('retry_count', 'retryCount');
  const retries = extra ?? counter;
  if (policy !== undefined && retries !== undefined) {
    return step.fault(retries.path, `retry and ${retries.key} say the same; keep one of them.`, { expected: 'retry: {maxAttempts: 3}' });
  }
  if (retries !== undefined) {
    const count = step.integer(retries, 0, MAX_ATTEMPTS - 1);
    return count === undefined ? undefined : normaliseRetry({ ...DEFAULTS, maxAttempts: count + 1 });
  }
  if (policy === undefined) return undefined;
  if (typeof policy.value === 'number') {
    const maxAttempts = step.integer(policy, 1, MAX_ATTEMPTS);
    return maxAttempts === undefined ? undefined : normaliseRetry({ ...DEFAULTS, maxAttempts });
  }
  if (!isJsonObject(policy.value)) {
    return step.fault(policy.path, `${shown(policy.value)} is no retry policy.`, {
      expected: 'a number of attempts, or {maxAttempts: 5, initialInterval: "1s"}',
    });
  }
  return readPolicy(new FieldReader(policy.value, policy.path, `${step.normalPath}.retry`, step.faults, step.paths));
}

const DEFAULTS = { initialInterval: 1_000, backoffCoefficient: 2, jitter: 'full', nonRetryable: [] as string[] } as const satisfies object;

function readPolicy(reader: FieldReader): RetryPolicy {
  const maxAttempts = reader.integer(reader.take('maxAttempts', 'max_attempts'), 1, MAX_ATTEMPTS) ?? 3;
  const initialInterval = interval(reader, ['initialInterval', 'initial_interval', 'initialIntervalMs']) ?? 1_000;
  const backoffCoefficient = coefficient(reader) ?? 2;
  const maxInterval = interval(reader, ['maxInterval', 'max_interval', 'maxIntervalMs']);
  const jitter = reader.oneOf(reader.take('jitter'), ['full', 'none'] as const) ?? 'full';
  const codes = 'a list of error codes, for example [http_4xx]';
  const nonRetryable = reader.texts(reader.take('nonRetryable', 'non_retryable'), codes) ?? [];
  const retryOn = reader.texts(reader.take('retryOn', 'retry_on'), codes);
  reader.finish();
  return normaliseRetry({ maxAttempts, initialInterval, backoffCoefficient, maxInterval, jitter, nonRetryable, retryOn });
}

/** Zero is allowed here: try again at once. */
function interval(reader: FieldReader, spellings: readonly [string, ...string[]]): number | undefined {
  const field = reader.take(...spellings);
  return field?.value === 0 ? 0 : reader.duration(field);
}

function coefficient(reader: FieldReader): number | undefined {
  const field = reader.take('backoffCoefficient', 'backoff_coefficient');
  if (field === undefined) return undefined;
  if (typeof field.value === 'number' && field.value >= 1 && field.value <= 100) return field.value;
  return reader.fault(field.path, `${shown(field.value)} does not fit here.`, { expected: 'a number from 1 to 100' });
}
