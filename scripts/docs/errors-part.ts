// Owns the chapters on errors and events: the two closed lists, and which events are logged today.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_TYPES } from '../../src/domain/event.ts';
import { errorTable } from '../../tools/reference/errors.ts';
import { code } from '../../tools/reference/markdown.ts';

export function errorsPart(): string {
  return [
    '## Errors',
    'In the library an error has `code`, `message`, `retryable`, `nextActions`, and where they help `path`, `expected`, `nearMatches`, `details`. Over MCP it is text (`code: message`, then where, what was expected, near matches and what to do next) with `isError`, and the same fields as data in `_meta["logistics-mcp/error"]`. `QueueError`, `WorkflowValidationError` and `StoreError` are `LogisticsError` with codes of this table. A handler of your own may use further codes.',
    errorTable(),
  ].join('\n\n');
}

export function eventsPart(root: string): string {
  const logged = loggedTypes(join(root, 'src'));
  const now = EVENT_TYPES.filter((type) => logged.has(type));
  const later = EVENT_TYPES.filter((type) => !logged.has(type));
  return [
    '## Events',
    'One ordered, durable log. Each entry has `cursor`, `at`, `type`, `namespace`, `data`, and where they apply `execution_id`, `step_id`, `item_index`, `job_id`, `session_id`. Read it with `get view=events`, `list kind=events`, `wait cursor=…`, `get_system_status since=…`, or `engine.on(type, handler)`.',
    `Logged: ${now.map(code).join(', ')}.`,
    ...(later.length === 0 ? [] : [`In the list, but nothing logs them yet: ${later.map(code).join(', ')}.`]),
  ].join('\n\n');
}

/** Types that some file beside the list itself writes: as a text, or as the `workflow_` plus status that ends a run. */
function loggedTypes(folder: string): ReadonlySet<string> {
  const found = new Set<string>(['workflow_completed', 'workflow_failed', 'workflow_cancelled', 'session_closed', 'session_expired']);
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = name.replaceAll('\\', '/');
    if (!/^(?:domain\/advance(?:\.ts|\/)|store\/|runtime\/|orchestration\/)/.test(path) || !path.endsWith('.ts') || path.endsWith('system-status.ts')) continue;
    const text = readFileSync(join(folder, path), 'utf8');
    for (const type of EVENT_TYPES) if (text.includes(`'${type}'`)) found.add(type);
  }
  return found;
}
