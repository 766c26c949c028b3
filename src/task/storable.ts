// Owns the border between a handler and the store: whatever a handler returns, throws or logs becomes plain, bounded JSON here.
import { type ErrorData, LogisticsError, toErrorData } from '../domain/errors.ts';
import type { Json, JsonObject } from '../domain/json.ts';

const MAX_MESSAGE_CHARS = 8_192;
const MAX_CODE_CHARS = 100;
const MAX_DETAILS_CHARS = 65_536;

/** A handler's result as JSON would hold it; throws output_invalid for what it cannot hold. */
export function storableOutput(task: string, raw: unknown): Json {
  if (raw === undefined || raw === null) return null;
  if (typeof raw === 'string' || typeof raw === 'boolean') return raw;
  const reason = typeof raw === 'number' && !Number.isFinite(raw) ? `${raw} is no JSON number` : undefined;
  if (reason === undefined) {
    const copy = plain(raw);
    if (copy !== undefined) return copy;
  }
  throw new LogisticsError('output_invalid', `The output of ${task} is no JSON value${reason === undefined ? '' : `: ${reason}`}.`, {
    expected: 'text, a finite number, true, false, null, a list or an object, without cycles, functions or BigInts',
  });
}

/** Bytes of a value as JSON; throws invalid_input at `path` for what contains itself or has no end of nesting. */
export function jsonBytes(value: unknown, path: string): number {
  try {
    return Buffer.byteLength(JSON.stringify(value) ?? 'null');
  } catch {
    throw new LogisticsError('invalid_input', `The ${path} is no JSON value: it contains itself, or is nested too deeply.`, { path, expected: 'plain JSON' });
  }
}

/** Any thrown value, however odd, as bounded data. */
export function storableError(error: unknown): ErrorData {
  try {
    const { code, message, details, ...rest } = toErrorData(error);
    const fields = (plain(rest) ?? { retryable: true, nextActions: [] }) as Omit<ErrorData, 'code' | 'message' | 'details'>;
    const kept = details === undefined ? undefined : plain(details, MAX_DETAILS_CHARS);
    return {
      code: clip(code, MAX_CODE_CHARS),
      message: clip(message, MAX_MESSAGE_CHARS),
      ...fields,
      ...(kept === undefined ? {} : { details: kept as never }),
    };
  } catch {
    // A getter that throws, an object without a text form.
    return new LogisticsError('handler_failed', 'The handler threw a value that cannot be described.').toData();
  }
}

/** Fields of a log line; what JSON cannot hold, or is too much, is said in their place. */
export function storableFields(fields: unknown): JsonObject | null {
  if (fields === undefined || fields === null) return null;
  const copy = plain(fields, MAX_DETAILS_CHARS);
  if (copy === undefined) return { dropped: 'The fields were no JSON object, or larger than 64 KiB.' };
  return typeof copy === 'object' && copy !== null && !Array.isArray(copy) ? (copy as JsonObject) : { value: copy };
}

/** Undefined when JSON cannot hold it within the size. */
function plain(value: unknown, maxChars = Number.POSITIVE_INFINITY): Json | undefined {
  try {
    const text = JSON.stringify(value);
    return text === undefined || text.length > maxChars ? undefined : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
}

function clip(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}
