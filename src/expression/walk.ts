// Owns finding every expression of a template, with its place as a JSON pointer.
import type { Json } from '../domain/json.ts';
import type { Language, Program } from './language.ts';
import { needsRendering } from './template-text.ts';

/** What a walk meets: an expression, or a place that no template may have. */
export interface Visitor {
  readonly program: (program: Program, at: string) => void;
  readonly refused?: (message: string, at: string) => void;
}

/** Visits the expressions of a template in order; stops with one `refused` when it is nested too deeply. */
export function walk(template: Json, language: Language, visitor: Visitor, at = '', depth = 0): void {
  if (typeof template === 'string') {
    const text = language.text(template);
    if (text.kind === 'whole') visitor.program(text.program, at);
    if (text.kind === 'mixed') for (const part of text.parts) if (typeof part !== 'string') visitor.program(part, at);
    return;
  }
  if (template === null || typeof template !== 'object') return;
  if (depth >= language.limits.templateDepth) {
    visitor.refused?.(`The template is nested deeper than ${language.limits.templateDepth} levels.`, at);
    return;
  }
  for (const [key, member] of Object.entries(template)) {
    const place = pointer(at, key);
    if (needsRendering(key)) visitor.refused?.('The name of a member cannot hold an expression.', place);
    walk(member, language, visitor, place, depth + 1);
  }
}

export function pointer(at: string, key: string | number): string {
  return `${at}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
