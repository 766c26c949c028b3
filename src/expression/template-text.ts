// Owns the form of one text of a template: plain, one whole expression, or text mixed with expressions.
import { isQuote, skipString } from './scan.ts';

export type TextForm =
  | { readonly kind: 'static'; readonly text: string }
  | { readonly kind: 'whole'; readonly source: string }
  | { readonly kind: 'mixed'; readonly parts: readonly ({ readonly text: string } | { readonly source: string })[] }
  | { readonly kind: 'broken'; readonly message: string; readonly source: string };

const OPEN = '${{';
const ESCAPED = '$${{';

/** True when the text must be rendered: it holds an expression or an escaped `$${{`. */
export function needsRendering(text: string): boolean {
  return text.includes(OPEN);
}

/** Splits a text at `${{ … }}`; `$${{` stands for a literal `${{`. */
export function parseText(text: string): TextForm {
  const parts: ({ text: string } | { source: string })[] = [];
  let plain = '';
  let position = 0;
  while (position < text.length) {
    const dollar = text.indexOf('$', position);
    if (dollar < 0) break;
    plain += text.slice(position, dollar);
    if (text.startsWith(ESCAPED, dollar)) {
      plain += OPEN;
      position = dollar + ESCAPED.length;
    } else if (text.startsWith(OPEN, dollar)) {
      const end = endOfExpression(text, dollar + OPEN.length);
      if (end < 0) return { kind: 'broken', message: 'An expression starts with "${{" but has no closing "}}".', source: text.slice(dollar, dollar + 200) };
      if (plain !== '') parts.push({ text: plain });
      plain = '';
      parts.push({ source: text.slice(dollar + OPEN.length, end).trim() });
      position = end + 2;
    } else {
      plain += '$';
      position = dollar + 1;
    }
  }
  plain += text.slice(position);
  if (parts.length === 0) return { kind: 'static', text: plain };
  if (plain !== '') parts.push({ text: plain });
  const solid = parts.filter((part) => 'source' in part || part.text.trim() !== '');
  const only = solid[0];
  if (solid.length === 1 && only && 'source' in only) return { kind: 'whole', source: only.source };
  return { kind: 'mixed', parts };
}

/** Position of the `}}` that closes an expression; braces of map literals and texts do not count. */
function endOfExpression(text: string, start: number): number {
  let depth = 0;
  let position = start;
  while (position < text.length) {
    const character = text[position];
    if (isQuote(character)) {
      position = skipString(text, position);
      if (position < 0) return -1;
      continue;
    }
    if (character === '{') depth++;
    if (character === '}') {
      if (depth > 0) depth--;
      else if (text[position + 1] === '}') return position;
    }
    position++;
  }
  return -1;
}
