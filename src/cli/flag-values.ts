// Owns the reading of flag values that several commands share: whole numbers, moments, priorities.
import { parseDuration } from '../domain/duration.ts';
import { LogisticsError } from '../domain/errors.ts';

/** Text that is a whole number becomes one; anything else is left for the tool to judge. */
export function numberOrText(text: string | undefined): number | string | undefined {
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

/** Epoch ms of `1h` (ago), an ISO time, a date or epoch ms. */
export function momentFlag(text: string | undefined, flag: string, now: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{12,15}$/.test(text)) return Number(text);
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago;
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new LogisticsError('invalid_input', `${JSON.stringify(text)} is no moment.`, {
    path: flag,
    expected: '1h (that long ago), 2026-11-21T09:00:00Z, or epoch ms',
    nextActions: [`Write for example ${flag} 1h.`],
  });
}
