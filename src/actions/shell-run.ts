// Owns the shell.run task: one allow-listed program without a shell, in a fixed root, with a scrubbed environment.
import { z } from 'zod';
import type { ActionContext, TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import { traceVariables } from '../domain/trace-context.ts';
import { PARENT_VARIABLE } from '../runtime/current-work.ts';
import { type ProcessResult, runProcess } from './process-tree.ts';
import { allowedProgram, checkPatterns, DEFAULT_PROFILE, PROFILE_NAME, profilesOf, type ShellPattern } from './shell-allow.ts';
import { commandEnvironment, programFile, type ShellSurroundings, workingFolder } from './shell-environment.ts';

const MIB = 1024 * 1024;

const text = z.string().refine((value) => !value.includes('\0'), { error: 'a NUL character cannot be passed to a program' });

const ShellRunInput = z.strictObject({
  command: text.min(1).describe('Program name as allow-listed, e.g. "git". Not a command line: there is no shell.'),
  args: z.array(text).max(1_000).default([]).describe('Arguments, one per element; nothing is expanded.'),
  profile: z.string().regex(PROFILE_NAME).default(DEFAULT_PROFILE).describe('Group of allow-listed patterns to use; default "default".'),
  cwd: z.string().optional().describe('Folder relative to the root; default: the root.'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), text)
    .default({})
    .describe('Further variables; those that change what programs load are refused.'),
  stdin: z.string().optional().describe('Text for standard input; default: none.'),
  maxOutputBytes: z
    .int()
    .min(1)
    .max(8 * MIB)
    .default(MIB)
    .describe('Standard output kept, in bytes; more is dropped and truncated is true. At most 8 MiB, default 1 MiB.'),
  parse: z.enum(['text', 'lines', 'json']).default('text').describe('What stdout becomes: text, a list of lines, or the JSON it holds.'),
  okExitCodes: z.array(z.int().min(0).max(255)).min(1).default([0]).describe('Exit codes that count as success.'),
});
type ShellRunInput = z.infer<typeof ShellRunInput>;

export interface ShellRunOptions extends ShellSurroundings {
  /** Command lines that may run; none means that shell.run is off. */
  readonly allow: readonly ShellPattern[];
  /** From SIGTERM to SIGKILL, in ms; default 2000. */
  readonly killGraceMs?: number | undefined;
}

/** One capability per profile with patterns, e.g. `shell@default`. */
export function shellCapabilities(options: Pick<ShellRunOptions, 'allow'> | undefined): string[] {
  return profilesOf(options?.allow ?? []).map((profile) => `shell@${profile}`);
}

/** Throws `invalid_input` for a pattern it cannot use. Without options every call is refused with `not_allowed`. */
export function createShellRun(options: ShellRunOptions | undefined): TaskType {
  checkPatterns(options?.allow ?? []);
  return {
    type: 'shell.run',
    version: 1,
    description: 'Runs one allow-listed program without a shell and returns its exit code and output.',
    input: ShellRunInput,
    output: z.object({ exitCode: z.int(), stdout: z.json(), stderr: z.string(), truncated: z.boolean(), durationMs: z.int() }),
    example: { command: 'git', args: ['log', '--format=%H %an', '--max-count=50'], parse: 'lines' },
    capability: ({ profile }) => `shell@${typeof profile === 'string' && PROFILE_NAME.test(profile) ? profile : DEFAULT_PROFILE}`,
    run: async (input: ShellRunInput, context: ActionContext): Promise<Json> => {
      const program = allowedProgram(options?.allow ?? [], input.profile, input.command, input.args);
      const around = options as ShellRunOptions; // a pattern fitted, so there are options
      const { root, cwd } = await workingFolder(around.root, input.cwd);
      const trace = context.trace === undefined ? {} : traceVariables(context.trace.context);
      const env = commandEnvironment(around, root, { ...trace, ...input.env, [PARENT_VARIABLE]: context.jobId });
      const file = await programFile(around, program);
      context.signal.throwIfAborted();
      const result = await runProcess(
        { file, args: input.args, cwd, env, stdin: input.stdin, maxOutputBytes: input.maxOutputBytes, killGraceMs: around.killGraceMs },
        context.signal,
      );
      context.signal.throwIfAborted();
      if (result.exitCode === undefined || !input.okExitCodes.includes(result.exitCode)) throw commandFailed(input, result);
      return {
        exitCode: result.exitCode,
        stdout: parseOutput(input, result),
        stderr: result.stderr,
        truncated: result.truncated,
        durationMs: result.durationMs,
      };
    },
  };
}

function commandFailed(input: ShellRunInput, result: ProcessResult): LogisticsError {
  const { exitCode, signal, startFault, stderr } = result;
  const how = startFault !== undefined ? `could not be started (${startFault})` : signal !== undefined ? `was ended by ${signal}` : `exited with ${exitCode}`;
  return new LogisticsError('command_failed', `${input.command} ${how}.`, {
    ...(startFault === undefined ? {} : { retryable: false }),
    details: { exitCode: exitCode ?? null, signal: signal ?? null, stderr },
  });
}

function parseOutput(input: ShellRunInput, result: ProcessResult): Json {
  // In streaming mode the decoder keeps back a character that the cut split in two.
  const output = new TextDecoder().decode(result.stdout, { stream: result.truncated });
  if (input.parse === 'text') return output;
  if (input.parse === 'lines') {
    const lines = output.split(/\r?\n/);
    // Either the empty text after the last line end, or a line the cut left in pieces.
    if (lines.at(-1) === '' || result.truncated) lines.pop();
    return lines;
  }
  if (result.truncated) {
    throw new LogisticsError('output_too_large', `${input.command} wrote more than ${input.maxOutputBytes} bytes, so its JSON is cut off.`, {
      path: 'maxOutputBytes',
    });
  }
  try {
    return JSON.parse(output) as Json;
  } catch {
    throw new LogisticsError('output_invalid', `${input.command} did not write JSON.`, {
      path: 'parse',
      expected: 'one JSON value on standard output',
      nextActions: ['Set parse to text or lines, or make the program write JSON.'],
      details: { stdout: output.slice(0, 2_048) },
    });
  }
}
