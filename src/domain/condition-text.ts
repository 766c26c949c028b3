// Owns the written form of conditions: always one `${{ expression }}`, whether or not the user wrote the braces.
import type { Json } from './json.ts';

/** Longer conditions are refused by the evaluator anyway; the scan below may take quadratic time on hostile quotes. */
const MAX_SCANNED = 20_000;

/** `a > 1` and `${{ a > 1 }}` -> `${{ a > 1 }}`; undefined for what is not one expression. */
export function normaliseCondition(value: Json): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (text === '') return undefined;
  if (!text.includes('${{')) return `\${{ ${text} }}`;
  const whole = text.startsWith('${{') && text.endsWith('}}') && text.indexOf('${{', 1) === -1;
  const inner = whole ? text.slice(3, -2).trim() : '';
  return inner === '' ? undefined : `\${{ ${inner} }}`;
}

/**
 * True when the condition calls failure() or always(). Read from the text, not from a parsed expression: the normal form,
 * and with it the hash, must not depend on which evaluator is at hand.
 */
export function readsFailure(condition: string): boolean {
  if (condition.length > MAX_SCANNED) return false;
  const withoutTexts = condition.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""');
  return /(?<![.\w])(?:failure|always)\s*\(/.test(withoutTexts);
}
