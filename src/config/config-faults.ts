// Owns what is said about a wrong configuration: every fault of one source, each with its path, expectation and near matches.
import { z } from 'zod';
import { LogisticsError } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { IssueParams } from './choice.ts';

export interface ConfigFault {
  /** A file's path, `environment`, `command line` or `code`. */
  readonly source: string;
  /** `limits.heartbeat`, `shell.allow[0].argv`, `LOGISTICS_STORE`, `--store`. */
  readonly path: string;
  readonly code: 'invalid_input' | 'not_available';
  readonly message: string;
  readonly expected?: string;
  readonly nearMatches?: readonly string[];
}

type Issue = z.core.$ZodIssue;
type PathPart = PropertyKey;

/** All faults that the schema finds. No fault repeats a value: it may be a password. */
export function schemaFaults(schema: z.ZodType, issues: readonly Issue[], source: string): ConfigFault[] {
  return issues.flatMap((issue): ConfigFault[] => {
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(schema, issue.path);
      return issue.keys.map((key) => unknownKey(source, pathText([...issue.path, key]), key, known));
    }
    const params: IssueParams = issue.code === 'custom' ? ((issue.params ?? {}) as IssueParams) : {};
    const expected = params.expected ?? expectation(issue);
    const near = params.nearMatches ?? [];
    return [
      {
        source,
        path: pathText(issue.path),
        code: params.faultCode ?? 'invalid_input',
        message: issue.code === 'custom' ? issue.message : expected === undefined ? issue.message : `expected ${expected}`,
        ...(expected === undefined ? {} : { expected }),
        ...(near.length === 0 ? {} : { nearMatches: near }),
      },
    ];
  });
}

/** One error that lists all faults; its code is not_available only when nothing else is wrong. */
export function configError(faults: readonly ConfigFault[]): LogisticsError {
  const [first] = faults;
  const code = faults.every((fault) => fault.code === 'not_available') ? 'not_available' : 'invalid_input';
  const lines = faults.slice(0, 50).map(faultLine);
  const message =
    lines.length === 1
      ? `The configuration has a fault: ${lines[0]}`
      : `The configuration has ${faults.length} faults:\n${lines.map((line) => `- ${line}`).join('\n')}`;
  return new LogisticsError(code, message, {
    path: first?.path,
    expected: first?.expected,
    nearMatches: faults.length === 1 ? first?.nearMatches : undefined,
    nextActions: [code === 'not_available' ? 'Remove what is not built yet, or choose an available value.' : 'Correct the listed places and start again.'],
    details: { faults: faults.map((fault) => ({ ...fault })) as Json },
  });
}

/** The fault of a key that does not exist. */
export function unknownKey(source: string, path: string, key: string, known: readonly string[]): ConfigFault {
  const near = nearMatches(key, known);
  return {
    source,
    path,
    code: 'invalid_input',
    message: 'is not a known key',
    expected: `one of ${known.join(', ')}`,
    ...(near.length === 0 ? {} : { nearMatches: near }),
  };
}

/** `shell.allow[0].argv`; keys that are no plain words are quoted. */
export function pathText(path: readonly PathPart[]): string {
  let out = '';
  for (const part of path) {
    if (typeof part === 'number') out += `[${part}]`;
    else if (/^[A-Za-z_$][\w$-]*$/.test(String(part))) out += out === '' ? String(part) : `.${String(part)}`;
    else out += `[${JSON.stringify(String(part).slice(0, 100))}]`;
  }
  return out;
}

function faultLine(fault: ConfigFault): string {
  const near = fault.nearMatches === undefined ? '' : `; did you mean ${fault.nearMatches.join(' or ')}?`;
  const expected = near !== '' || fault.expected === undefined || fault.message.includes(fault.expected) ? '' : ` (expected ${fault.expected})`;
  const place = fault.path === '' ? fault.source : `${fault.path} (${fault.source})`;
  return `${place}: ${fault.message}${near}${expected}`;
}

function expectation(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const names: Record<string, string> = { object: 'a map', record: 'a map', array: 'a list', int: 'a whole number', string: 'a text' };
      return names[issue.expected] ?? `a ${issue.expected}`;
    }
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return `at most ${issue.maximum}${unit(issue.origin)}`;
    default:
      return undefined;
  }
}

function unit(origin: string): string {
  return origin === 'array' ? ' entries' : origin === 'string' ? ' characters' : '';
}

/** The keys that the schema knows where an unknown one was found. */
function knownKeys(schema: z.ZodType, path: readonly PathPart[]): readonly string[] {
  let at: z.core.$ZodType = unwrap(schema);
  for (const part of path) {
    if (at instanceof z.ZodObject) at = (at.shape as Record<string, z.ZodType>)[String(part)] ?? z.never();
    else if (at instanceof z.ZodRecord) at = at.valueType;
    else if (at instanceof z.ZodArray) at = at.element;
    at = unwrap(at);
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional ? unwrap(schema.unwrap()) : schema;
}
