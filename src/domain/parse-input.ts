// Owns how bad input is told: every fault at once, each with its path, what was expected and a near match.
import { z } from 'zod';
import { LogisticsError } from './errors.ts';
import { nearMatches } from './near-match.ts';
import { joinAll } from './source-path.ts';

interface Fault {
  readonly path: string;
  readonly message: string;
  readonly nearMatches?: string[];
}

/** The parsed value; throws invalid_input that lists every fault in `details.faults`. `base` is the path of the value itself. */
export function parseInput<S extends z.ZodType>(schema: S, value: unknown, what: string, base = ''): z.output<S> {
  const parsed = safely(schema, value, what, base);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, schema, base));
  const first = faults[0] as Fault;
  throw new LogisticsError('invalid_input', `${what}: ${faults.map((fault) => `${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`).join('; ')}.`, {
    path: first.path,
    expected: first.message,
    nearMatches: faults.flatMap((fault) => fault.nearMatches ?? []).slice(0, 3),
    details: { faults: faults as never },
  });
}

/** A bottomless value would end the checker's stack. */
function safely<S extends z.ZodType>(schema: S, value: unknown, what: string, base: string): z.ZodSafeParseResult<z.output<S>> {
  try {
    return schema.safeParse(value, { reportInput: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new LogisticsError('invalid_input', `${what}: it is nested too deeply, or contains itself.`, { path: base, expected: 'JSON of moderate depth' });
  }
}

function faultsOf(issue: z.core.$ZodIssue, schema: z.ZodType, base: string): Fault[] {
  const path = joinAll(base, issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => {
      const near = nearMatches(key, known);
      const hint = near[0] !== undefined ? ` (did you mean ${near[0]}?)` : known.length > 0 ? ` (known: ${known.join(', ')})` : '';
      return { path: joinAll(path, [key]), message: `unknown field ${key}${hint}`, ...(near.length === 0 ? {} : { nearMatches: near }) };
    });
  }
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    const wrong = typeof issue.input === 'string' ? nearMatches(issue.input, values) : [];
    return [
      {
        path,
        message: `expected one of ${values.join(', ')}${wrong[0] === undefined ? '' : ` (did you mean ${wrong[0]}?)`}`,
        ...(wrong.length === 0 ? {} : { nearMatches: wrong }),
      },
    ];
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branches = [...new Set(issue.errors.map((branch) => branch.map((inner) => clean(inner.message)).join(', ')))];
    return [{ path, message: branches.slice(0, 4).join(', or ') }];
  }
  return [{ path, message: clean(issue.message) }];
}

function clean(message: string): string {
  const missing = /^Invalid input: expected (.+), received undefined$/.exec(message);
  if (missing !== null) return `required (${missing[1]})`;
  return message.replace(/^Invalid input: /, '').replace(/\.$/, '');
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const key of path) {
    at = unwrap(at);
    if (at instanceof z.ZodObject) at = (at.shape as Record<string, unknown>)[String(key)];
    else if (at instanceof z.ZodArray) at = at.element;
    else return [];
  }
  at = unwrap(at);
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrap(schema: unknown): unknown {
  let at = schema;
  for (;;) {
    if (at instanceof z.ZodOptional || at instanceof z.ZodNullable || at instanceof z.ZodDefault) at = at.unwrap();
    else if (at instanceof z.ZodPipe) at = at.out;
    else return at;
  }
}
