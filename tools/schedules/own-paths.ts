// Owns that a fault the schedule manager finds is told under the parameter that was given.
import { LogisticsError } from '../../src/domain/errors.ts';

const OURS: Readonly<Record<string, string>> = {
  start: 'start_at',
  end: 'end_at',
  input: 'target.input',
  task: 'target.task',
  workflow: 'target.workflow',
  'catchup.mode': 'catchup.policy',
};

export async function underOwnPaths<T>(work: () => Promise<T> | T, prefix = ''): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const path = error instanceof LogisticsError ? ownPath(error) : undefined;
    if (path === undefined || (prefix !== '' && `${path}.`.startsWith(prefix))) throw error;
    const { code, message, expected, nearMatches, retryable, nextActions, details } = error as LogisticsError;
    throw new LogisticsError(code, message, { path: `${prefix}${path}`, expected, nearMatches, retryable, nextActions, details, cause: error });
  }
}

function ownPath({ code, path }: LogisticsError): string | undefined {
  if (path === undefined) return undefined;
  // The name that is not there is that of the target; a name that is taken is a conflict.
  if (path === 'name' && code === 'not_found') return 'target.workflow';
  const known = OURS[path];
  if (known !== undefined) return known;
  const [head = '', ...rest] = path.split('.');
  if (head === 'exclusions') return ['exclude', ...rest].join('.');
  if (head === 'input') return ['target.input', ...rest].join('.');
  return head === 'rule' && rest.length > 0 ? rest.join('.') : path;
}
