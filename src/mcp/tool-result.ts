// Owns how a tool's result and its errors look on the wire: data twice (structured and as text), errors as text that says what to do.
import type { CallToolResult } from '@modelcontextprotocol/server';
import type { ErrorData, LogisticsError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';

const MAX_MESSAGE = 6_000;
const ERROR_META = 'logistics-mcp/error';

export function successResult(data: JsonObject, text: string = JSON.stringify(data)): CallToolResult {
  return { content: [{ type: 'text', text }], structuredContent: data as Record<string, unknown> };
}

/** The data goes to `_meta`: clients of the 1.x line throw when structured content of an error does not fit the output schema. */
export function errorResult(error: LogisticsError): CallToolResult {
  const data = error.toData();
  return { isError: true, content: [{ type: 'text', text: errorText(data) }], _meta: { [ERROR_META]: data } };
}

/** `code: message`, then what to do. */
export function errorText({ code, message, path, expected, nearMatches, nextActions, details }: ErrorData): string {
  const said = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;
  const lines = [`${code}: ${said}`];
  if (path !== undefined && path !== '' && !said.includes(path)) lines.push(`Where: ${path}`);
  if (expected !== undefined && !said.includes(expected)) lines.push(`Expected: ${expected.slice(0, 1_000)}`);
  if (nearMatches !== undefined && !said.includes('did you mean')) lines.push(`Did you mean: ${nearMatches.join(', ')}?`);
  for (const action of nextActions) lines.push(`Next: ${action}`);
  const id = handleIn(details);
  if (id !== undefined && !said.includes(id)) lines.push(`Concerns: ${id}`);
  return lines.join('\n');
}

function handleIn(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  const { execution_id, job_id } = details as { execution_id?: unknown; job_id?: unknown };
  return typeof execution_id === 'string' ? execution_id : typeof job_id === 'string' ? job_id : undefined;
}
