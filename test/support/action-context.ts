// Owns the context that action tests hand to a task type: it records what the action does to it.
import { createHash } from 'node:crypto';
import type { ActionContext, TaskType } from '../../src/domain/action.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';

export interface RecordedContext extends ActionContext {
  readonly lines: { level: string; message: string; fields: JsonObject | undefined }[];
  readonly artifacts: { name: string; content: Buffer; mediaType: string }[];
}

export function actionContext(overrides: Partial<ActionContext> = {}): RecordedContext {
  const lines: RecordedContext['lines'] = [];
  const artifacts: RecordedContext['artifacts'] = [];
  return {
    jobId: 'job_test',
    executionId: 'exec_test',
    stepId: 'step',
    itemIndex: null,
    sessionId: null,
    idempotencyKey: 'exec_test/step',
    attempt: 1,
    maxAttempts: 3,
    signal: new AbortController().signal,
    log: (level, message, fields) => void lines.push({ level, message, fields }),
    progress: () => {},
    reportUsage: () => {},
    putArtifact: async (name, content, mediaType) => {
      const bytes = Buffer.from(content);
      artifacts.push({ name, content: bytes, mediaType });
      return {
        artifact: { id: `art_${artifacts.length}`, name, mediaType, bytes: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') },
      };
    },
    lines,
    artifacts,
    ...overrides,
  };
}

/** Checks the input as a worker does, then runs. */
export async function runTask(task: TaskType, input: unknown, context: ActionContext = actionContext()): Promise<Json> {
  return task.run(task.input.parse(input) as never, context);
}

/** The LogisticsError that a promise rejects with; anything else fails the test. */
export async function failure(work: Promise<unknown>): Promise<LogisticsError> {
  const error: unknown = await work.then(
    (value) => new Error(`expected a rejection, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof LogisticsError) return error;
  throw error;
}

/** Messages of an input that is refused, each with its path. */
export function inputFaults(task: TaskType, input: unknown): string[] {
  const parsed = task.input.safeParse(input);
  return parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}
