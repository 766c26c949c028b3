// Owns the reading of flag values that several commands share: whole numbers, moments, limits and rates.
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

/** A limit or `none`, which takes it away. */
export function limitFlag(text: string | undefined): number | string | null | undefined {
  return text === 'none' ? null : numberOrText(text);
}

/** `100/1m`: so many in any such time; `none` takes a limit away. */
export function rateFlag(text: string | undefined, flag: string): { readonly limit: number; readonly period: string } | null | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return null;
  const [, limit, period] = /^(\d{1,9})\/(.+)$/.exec(text) ?? [];
  if (limit !== undefined && period !== undefined) return { limit: Number(limit), period: /^[a-z]/.test(period) ? `1${period}` : period };
  throw new LogisticsError('invalid_input', `${JSON.stringify(text)} is no rate.`, {
    path: flag,
    expected: 'a number, a slash and a duration',
    nextActions: [`Write for example ${flag} 100/1m.`],
  });
}
