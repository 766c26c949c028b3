// Owns every error a user can meet: one class, one table from code to what it means and what to do next.
import { z } from 'zod';
import type { Json } from './json.ts';

interface ErrorRow {
  readonly retryable: boolean;
  readonly status: number;
  readonly hint: string;
}

/** code -> may the same call succeed later, HTTP status, what to do next. */
export const ERROR_TABLE = {
  invalid_input: { retryable: false, status: 400, hint: 'Correct the named fields and call again.' },
  invalid_definition: { retryable: false, status: 400, hint: 'Correct the listed faults; create_workflow with mode preview checks without saving.' },
  invalid_expression: { retryable: false, status: 400, hint: 'Correct the expression; the syntax is CEL, for example ${{ steps.a.output.total + 1 }}.' },
  unresolved_reference: {
    retryable: false,
    status: 400,
    hint: 'Refer only to inputs, ancestors in needs, item, session.context and configured secrets; use has(x.y) for what may be absent.',
  },
  expression_too_costly: { retryable: false, status: 400, hint: 'Make the expression smaller, or do the work in a code.run step.' },
  not_found: { retryable: false, status: 404, hint: 'Use list to see what exists.' },
  unknown_task_type: { retryable: false, status: 400, hint: 'Use a built-in task type, or register one in a handlers module.' },
  not_available: { retryable: false, status: 501, hint: 'This is not built yet; choose one of the available values.' },
  conflict: { retryable: false, status: 409, hint: 'Read the object again, then decide.' },
  invalid_transition: { retryable: false, status: 409, hint: 'Use get with view explain to see which actions are allowed now.' },
  lease_lost: { retryable: false, status: 409, hint: 'Stop: another holder has this job.' },
  unauthorized: { retryable: false, status: 401, hint: 'Send a valid token.' },
  forbidden: { retryable: false, status: 403, hint: 'Ask somebody who may do this.' },
  untrusted_config: { retryable: false, status: 403, hint: 'Review the file, then run: logistics-mcp trust <file>' },
  not_allowed: { retryable: false, status: 403, hint: 'Extend the allow-list in a trusted config file.' },
  limit_exceeded: { retryable: false, status: 413, hint: 'Send less at once, or pass bulk data by artifact.' },
  rate_limited: { retryable: true, status: 429, hint: 'Wait for the time that the reply names, then call again.' },
  budget_exceeded: { retryable: false, status: 409, hint: 'Raise the budget that the message names; what it held then goes on.' },
  breaker_open: { retryable: true, status: 409, hint: 'Look at why its runs failed; control action=resume on the workflow closes the breaker.' },
  session_closed: { retryable: false, status: 409, hint: 'Create a new session.' },
  timeout: { retryable: true, status: 504, hint: 'Raise the timeout, or make the work smaller.' },
  cancelled: { retryable: false, status: 409, hint: 'It was cancelled on request.' },
  expired: { retryable: false, status: 410, hint: 'It passed its expires_at before it could start.' },
  dependency_failed: { retryable: false, status: 424, hint: 'Look at what it depends on first.' },
  concurrency: { retryable: true, status: 409, hint: 'Another run holds the concurrency key; wait for it or use onLimit: queue.' },
  crash_loop: { retryable: false, status: 500, hint: 'Its process died, or its worker was lost, each time it ran; look at what it does, then redrive.' },
  version_changed: { retryable: false, status: 409, hint: 'Restart or fork the run, or run a process that has the version it began with.' },
  output_too_large: { retryable: false, status: 413, hint: 'Return less, or write an artifact and return its reference.' },
  output_invalid: { retryable: false, status: 422, hint: 'Return what the output schema asks for.' },
  handler_failed: { retryable: true, status: 500, hint: 'Read the error of the handler.' },
  http_4xx: { retryable: false, status: 424, hint: 'The other server refused the request; correct it.' },
  http_5xx: { retryable: true, status: 424, hint: 'The other server failed; it may work later.' },
  network: { retryable: true, status: 424, hint: 'The other side could not be reached; it may work later.' },
  address_refused: { retryable: false, status: 403, hint: 'Private addresses are refused unless http.allowAddresses in a trusted config lists them.' },
  command_failed: { retryable: true, status: 424, hint: 'Read exitCode and stderr in the details.' },
  mcp_tool_failed: { retryable: true, status: 424, hint: 'Read the reply of the other MCP server in the details.' },
  child_failed: { retryable: false, status: 424, hint: 'Look at the child execution.' },
  cursor_expired: { retryable: false, status: 410, hint: 'Start again without a cursor.' },
  store_unavailable: { retryable: true, status: 503, hint: 'Run: logistics-mcp doctor' },
  store_busy: { retryable: true, status: 503, hint: 'Another process holds the store; try again.' },
  store_corrupt: { retryable: false, status: 500, hint: 'The file was left as it is. Restore a backup, or move it away and start anew.' },
  store_newer: { retryable: false, status: 500, hint: 'Upgrade this program; the file was left as it is.' },
  store_read_only: { retryable: false, status: 500, hint: 'Choose a writable folder with --data-dir or LOGISTICS_DATA_DIR.' },
  store_full: { retryable: true, status: 507, hint: 'Free disk space; nothing acknowledged was lost.' },
  outcome_unknown: { retryable: true, status: 503, hint: 'It may or may not have been stored; repeat the call with the same idempotency_key.' },
  shutting_down: { retryable: true, status: 503, hint: 'This process is stopping; call again when it is back.' },
  missing_package: { retryable: false, status: 501, hint: 'Install the package named in the message.' },
  internal: { retryable: true, status: 500, hint: 'This is a fault of the program; please report it with the log.' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** The wire and storage form of an error. Codes of user handlers may lie outside the table. */
export const ErrorData = z.object({
  code: z.string(),
  message: z.string(),
  path: z.string().optional(),
  expected: z.string().optional(),
  nearMatches: z.array(z.string()).optional(),
  retryable: z.boolean(),
  nextActions: z.array(z.string()),
  details: z.json().optional(),
});
export type ErrorData = z.infer<typeof ErrorData>;

export interface ErrorFields {
  readonly path?: string | undefined;
  readonly expected?: string | undefined;
  readonly nearMatches?: readonly string[] | undefined;
  readonly nextActions?: readonly string[] | undefined;
  readonly retryable?: boolean | undefined;
  readonly details?: Json | undefined;
  readonly cause?: unknown;
}

/** Every expected failure of this program. */
export class LogisticsError extends Error {
  readonly code: string;
  readonly path: string | undefined;
  readonly expected: string | undefined;
  readonly nearMatches: readonly string[];
  readonly retryable: boolean;
  readonly nextActions: readonly string[];
  readonly details: Json | undefined;

  constructor(code: ErrorCode | (string & {}), message: string, fields: ErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = new.target.name;
    const row: ErrorRow | undefined = Object.hasOwn(ERROR_TABLE, code) ? ERROR_TABLE[code as ErrorCode] : undefined;
    this.code = code;
    this.path = fields.path;
    this.expected = fields.expected;
    this.nearMatches = fields.nearMatches ?? [];
    this.retryable = fields.retryable ?? row?.retryable ?? true;
    this.nextActions = fields.nextActions ?? (row ? [row.hint] : []);
    this.details = fields.details;
  }

  toData(): ErrorData {
    return {
      code: this.code,
      message: this.message,
      ...(this.path === undefined ? {} : { path: this.path }),
      ...(this.expected === undefined ? {} : { expected: this.expected }),
      ...(this.nearMatches.length === 0 ? {} : { nearMatches: [...this.nearMatches] }),
      retryable: this.retryable,
      nextActions: [...this.nextActions],
      ...(this.details === undefined ? {} : { details: this.details as never }),
    };
  }
}

/** A queue operation that could not be done. */
export class QueueError extends LogisticsError {}

/** A definition with faults; `details.faults` lists all of them. */
export class WorkflowValidationError extends LogisticsError {}

/** The store could not do what was asked. */
export class StoreError extends LogisticsError {}

/** Any thrown value as stored data: our errors keep their fields, foreign ones become `handler_failed`. */
export function toErrorData(error: unknown, fallbackCode: ErrorCode = 'handler_failed'): ErrorData {
  if (error instanceof LogisticsError) return error.toData();
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && typeof (error as { code?: unknown }).code === 'string' ? (error as unknown as { code: string }).code : fallbackCode;
  const retryable = error instanceof Error && (error as { retryable?: unknown }).retryable === false ? { retryable: false } : {};
  return new LogisticsError(code, message || 'The handler failed without a message.', retryable).toData();
}

/** Any thrown value as an error of ours; a foreign one is a fault of this program. */
export function asLogisticsError(error: unknown): LogisticsError {
  if (error instanceof LogisticsError) return error;
  return new LogisticsError('internal', error instanceof Error ? error.message : String(error), { cause: error });
}
