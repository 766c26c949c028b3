// Owns the chapter on the HTTP interface: its addresses, made of the same table that serves them.
import { API_ROUTES, type ApiRoute } from '../../src/http/api/api-routes.ts';
import { EVENT_PARAMETERS } from '../../src/http/api/event-filter.ts';
import { code, table } from '../../tools/reference/markdown.ts';

export function restPart(): string {
  return [
    '## HTTP interface',
    'The tools for programs without MCP, below `/api/v1` of `logistics-mcp serve`; `GET /api/v1/openapi.json` describes it in OpenAPI 3.1. Tokens, scopes, namespaces, receipts and the audit are those of the tools.',
    'A reply is the structured data of the tool, with status 200. The body of POST and PATCH is a JSON object with the arguments of the tool that the address does not decide; query parameters are its filters and its page. The header `Idempotency-Key` is the argument `idempotency_key`. What waits (`wait_ms`, `/wait`) is answered when it ends or its time is over; a client that leaves ends the wait, never the work.',
    'An error has the status of its code ([Errors](#errors)) and the body `{"error": {code, message, path, expected, near_matches, retryable, next_actions, details}}`. A reply larger than `serve.maxResult` is refused with `limit_exceeded` and how to read it in pieces.',
    table(
      ['request', 'does', 'tool', 'query'],
      API_ROUTES.map((route) => [
        code(`${route.method} ${route.path}`),
        `${route.summary}${choices(route)}`,
        'own' in route ? '' : code(route.tool.name),
        queryOf(route),
      ]),
    ),
    '### Event stream',
    '`GET /api/v1/events` sends the log as Server-Sent Events while it is written: `id` is the cursor, `event` the type, `data` the entry as `list kind=events` shows it. A reader that comes back sends `Last-Event-ID` (an `EventSource` does so by itself) and gets what it missed, over restarts and from any process on the same store. A comment each 15 s keeps the connection open. Who takes nothing for 30 s is dropped, and gets the rest when it comes back. Whose cursor is older than what is kept is told `cursor_expired` (410), with `details.first_cursor`, after which nothing is missing.',
    table(
      ['parameter', 'meaning'],
      Object.entries(EVENT_PARAMETERS).map(([name, meaning]) => [code(name), meaning]),
    ),
  ].join('\n\n');
}

function choices({ choices: names }: ApiRoute): string {
  return names === undefined ? '' : ` ${names.map(code).join(', ')}.`;
}

function queryOf(route: ApiRoute): string {
  if ('own' in route) return route.own === 'events' ? Object.keys(EVENT_PARAMETERS).map(code).join(', ') : '';
  return Object.keys(route.query ?? {})
    .map(code)
    .join(', ');
}
