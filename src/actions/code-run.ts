// Owns the code.run task: JavaScript without any door to this machine, from JSON to JSON.
import { z } from 'zod';
import type { ActionContext, TaskType } from '../domain/action.ts';
import { Duration } from '../domain/duration.ts';
import { type ErrorCode, LogisticsError } from '../domain/errors.ts';
import { Json } from '../domain/json.ts';
import type { SandboxReply } from './code-sandbox.ts';
import type { CodeWorkerPool } from './code-worker-pool.ts';

const MIB = 1024 * 1024;
const MAX_OUTPUT_BYTES = 16 * MIB;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

const CodeRunInput = z.strictObject({
  code: z
    .string()
    .min(1)
    .max(256 * 1024)
    .describe('Body of a function with `input` in scope; it returns a JSON value. No I/O, no timers, no modules; console.log goes to the log of the job.'),
  input: Json.default(null).describe('Any JSON value, seen by the code as `input`.'),
  timeout: Duration.pipe(z.int().min(1).max(60_000)).default(2_000).describe('Longest run time; at most 60s, default 2s.'),
  memoryMb: z.int().min(1).max(64).default(32).describe('Memory in MB; at most 64, default 32.'),
});
type CodeRunInput = z.infer<typeof CodeRunInput>;

const FAULT_CODES: Record<(SandboxReply & { ok: false })['fault'], ErrorCode> = {
  thrown: 'handler_failed',
  timeout: 'timeout',
  memory: 'handler_failed',
  broken: 'handler_failed',
  output_size: 'output_too_large',
  output_kind: 'output_invalid',
};

/** The task type and the end of its threads, which start with the first run. */
export function createCodeRun(): { readonly task: TaskType; close(): Promise<void> } {
  let pool: Promise<CodeWorkerPool> | undefined;
  const task: TaskType = {
    type: 'code.run',
    version: 1,
    description: 'Runs JavaScript in a WebAssembly sandbox (no I/O; time, memory and output bounded) and returns its JSON value.',
    input: CodeRunInput,
    example: { code: 'return input.lines.filter((line) => line.includes("fix")).length;', input: { lines: '${{ steps.log.output.stdout }}' } },
    run: async (input: CodeRunInput, context: ActionContext): Promise<Json> => {
      pool ??= import('./code-worker-pool.ts').then((module) => new module.CodeWorkerPool());
      const request = {
        code: input.code,
        input: JSON.stringify(input.input),
        timeoutMs: input.timeout,
        memoryBytes: input.memoryMb * MIB,
        maxOutputBytes: MAX_OUTPUT_BYTES,
      };
      const reply = await (await pool).run(request, context.signal, (level, text) => context.log(LEVELS.find((known) => known === level) ?? 'info', text));
      if (reply.ok) return JSON.parse(reply.output) as Json;
      throw new LogisticsError(FAULT_CODES[reply.fault], reply.line === null ? reply.message : `${reply.message} (line ${reply.line})`, {
        retryable: false, // the same code on the same input fails again
        path: 'code',
        ...(reply.fault === 'memory' ? { nextActions: ['Raise memoryMb (at most 64), or work on less at once.'] } : {}),
        details: { fault: reply.fault, line: reply.line },
      });
    },
  };
  return {
    task,
    close: async () => {
      await (await pool)?.close();
    },
  };
}
