// Owns the table of errors as text, and the reference topic made of it.
import { ERROR_TABLE } from '../../src/domain/errors.ts';
import { code, table } from './markdown.ts';

export function errorTable(): string {
  const rows = Object.entries(ERROR_TABLE).map(([name, { retryable, status, hint }]) => [code(name), retryable ? 'yes' : '', String(status), hint]);
  return table(['code', 'may work later', 'HTTP status', 'what to do'], rows);
}

export function errorsTopic(): string {
  return [
    '# Errors',
    'A tool that fails answers with `isError` and text: `code: message`, then where, what was expected, near matches and what to do next; the same as data in `_meta["logistics-mcp/error"]`. A failed step or job keeps `error` with `code`, `message`, `retryable`. Handlers may use further codes.',
    errorTable(),
  ].join('\n\n');
}
