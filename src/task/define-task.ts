// Owns what a user's task type must look like before anything can run it.
import { z } from 'zod';
import type { ActionContext, TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import { type Json, JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import { VERSION_POLICIES, type VersionPolicy } from '../domain/task-versions.ts';

export const TASK_TYPE_PATTERN = /^[a-z][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)*$/;
const KEYS = ['type', 'version', 'onVersionChange', 'description', 'input', 'output', 'example', 'run'] as const;

/** What a user writes. `run` gets the checked input and gives a JSON value. */
export interface TaskSpec<I extends z.ZodType, O extends z.ZodType> {
  /** `send_mail` or `mail.send`. */
  readonly type: string;
  /**
   * Default 1; raise it when the same input would be treated in another way. Several versions of one type may be registered:
   * new runs and jobs take the newest.
   */
  readonly version?: number | undefined;
  /**
   * What a run does that began with another version: `continue` (default) goes on with the newest here, `fail` fails the step as
   * version_changed, `pin` waits for a process that has the version it began with.
   */
  readonly onVersionChange?: VersionPolicy | undefined;
  readonly description?: string | undefined;
  /** Default: any object. */
  readonly input?: I | undefined;
  readonly output?: O | undefined;
  readonly example?: z.input<I> | undefined;
  run(input: z.output<I>, context: ActionContext): Promise<z.input<O>> | z.input<O>;
}

export interface DefinedTask<I extends z.ZodType = z.ZodType<JsonObject>, O extends z.ZodType = z.ZodType<Json>> extends TaskType {
  readonly input: I;
  readonly output: O | undefined;
  run(input: z.output<I>, context: ActionContext): Promise<Json>;
}

/** A task type from its specification. Throws invalid_input with every fault in `details.faults`. */
export function defineTask<I extends z.ZodType = z.ZodType<JsonObject>, O extends z.ZodType = z.ZodType<Json>>(spec: TaskSpec<I, O>): DefinedTask<I, O> {
  const faults = taskFaults(spec);
  if (faults.length > 0) {
    const name = typeof (spec as unknown) === 'object' && spec !== null && typeof spec.type === 'string' ? ` ${spec.type.slice(0, 100)}` : '';
    throw new LogisticsError(
      'invalid_input',
      `The task type${name} is not well defined: ${faults.map((fault) => `${fault.path} ${fault.message}`).join('; ')}.`,
      {
        path: faults[0]?.path,
        nextActions: ['Correct the named fields; the shape is defineTask({type, input, run}).'],
        details: { faults: faults.map((fault) => ({ ...fault })) },
      },
    );
  }
  return {
    type: spec.type,
    version: spec.version ?? 1,
    onVersionChange: spec.onVersionChange ?? 'continue',
    description: spec.description ?? '',
    input: spec.input ?? (JsonObject as unknown as I),
    output: spec.output,
    example: (spec.example ?? {}) as JsonObject,
    // A handler written without async may throw at once; callers always see a promise.
    run: async (input, context) => (await spec.run(input, context)) as Json,
  };
}

interface TaskFault {
  readonly path: string;
  readonly message: string;
}

function taskFaults(spec: unknown): TaskFault[] {
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) return [{ path: 'task', message: 'must be an object such as {type, input, run}' }];
  const given = spec as Readonly<Record<string, unknown>>;
  const faults: TaskFault[] = [];
  const check = (path: string, fine: boolean, message: string): void => {
    if (!fine) faults.push({ path, message });
  };
  for (const key of Object.keys(given)) {
    const near = nearMatches(key, KEYS);
    check(key, (KEYS as readonly string[]).includes(key), `is not a known field${near[0] === undefined ? '' : `; did you mean ${near[0]}?`}`);
  }
  const { type, version, onVersionChange, description, input, output, example, run } = given;
  check('type', typeof type === 'string' && type.length <= 200 && TASK_TYPE_PATTERN.test(type), 'must be a name such as send_mail or mail.send');
  check('version', version === undefined || (Number.isSafeInteger(version) && (version as number) >= 1), 'must be a whole number from 1');
  check(
    'onVersionChange',
    onVersionChange === undefined || (VERSION_POLICIES as readonly unknown[]).includes(onVersionChange),
    `must be one of ${VERSION_POLICIES.join(', ')}`,
  );
  check('description', description === undefined || typeof description === 'string', 'must be a text');
  check('input', input === undefined || isSchema(input), 'must be a zod schema');
  check('output', output === undefined || isSchema(output), 'must be a zod schema');
  check('run', typeof run === 'function', 'must be a function (input, context) that gives a JSON value');
  if (example !== undefined) check('example', JsonObject.safeParse(example).success && fits(input, example), 'must be an object that fits input');
  return faults;
}

/** By behaviour, not by class: a handlers module may bring its own copy of zod. */
function isSchema(value: unknown): value is z.ZodType {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['safeParse', 'safeParseAsync'].every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
  );
}

function fits(input: unknown, example: unknown): boolean {
  if (!isSchema(input)) return true;
  try {
    return input.safeParse(example).success;
  } catch (error) {
    // A schema with asynchronous checks cannot be asked here; it will be asked when the task runs.
    return error instanceof z.core.$ZodAsyncError || (error instanceof Error && /async|promise/i.test(error.message));
  }
}
