// Owns step names with a hyphen: `steps.fetch-data` becomes `steps["fetch-data"]` before CEL reads it.
import { isQuote, skipString } from './scan.ts';

const WORD = /[A-Za-z0-9_]+/y;
const STEP = /\s*\.\s*([A-Za-z0-9_-]+)/y;
const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Words that CEL reads as something else than a field name. */
const KEYWORDS = new Set(['true', 'false', 'null', 'in']);

export interface RewrittenSource {
  readonly text: string;
  /** Position in the written source for a position in `text`. */
  readonly original: (position: number) => number;
}

/** Rewrites only directly after the root `steps`, outside of texts and comments. */
export function rewriteStepNames(source: string): RewrittenSource {
  if (!source.includes('steps')) return { text: source, original: (position) => position };
  const shifts: [at: number, by: number][] = [];
  let text = '';
  let position = 0;
  let afterDot = false;
  while (position < source.length) {
    const character = source[position] as string;
    let next = position + 1;
    let replaced: string | undefined;
    if (isQuote(character)) {
      next = skipString(source, position);
      if (next < 0) next = source.length;
    } else if (character === '/' && source[position + 1] === '/') {
      next = source.indexOf('\n', position);
      if (next < 0) next = source.length;
    } else if (/[A-Za-z0-9_]/.test(character)) {
      WORD.lastIndex = position;
      next = position + (WORD.exec(source)?.[0].length ?? 1);
      const step = !afterDot && source.slice(position, next) === 'steps' ? stepAfter(source, next) : undefined;
      if (step) {
        replaced = `steps["${step.name}"]`;
        next = step.end;
      }
    }
    text += replaced ?? source.slice(position, next);
    if (replaced !== undefined) shifts.push([text.length, next - text.length]);
    if (character.trim() !== '') afterDot = character === '.';
    position = next;
  }
  return {
    text,
    original: (at) => {
      let by = 0;
      for (const [from, shift] of shifts) if (at >= from) by = shift;
      return Math.max(0, Math.min(at + by, source.length));
    },
  };
}

function stepAfter(source: string, position: number): { readonly name: string; readonly end: number } | undefined {
  STEP.lastIndex = position;
  const match = STEP.exec(source);
  const name = match?.[1];
  if (name === undefined || (PLAIN.test(name) && !KEYWORDS.has(name))) return undefined;
  return { name, end: STEP.lastIndex };
}
