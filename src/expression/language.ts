// Owns the way from a text to what can be run: parsed, guarded and compiled once, then kept.
import { compile } from './compile.ts';
import type { Problem } from './failure.ts';
import type { Run } from './frame.ts';
import { type Analysis, analyse } from './guard.ts';
import type { ExpressionLimits } from './limits.ts';
import { Lru } from './lru.ts';
import { createParser, type Parser } from './parse.ts';
import { needsRendering, parseText } from './template-text.ts';

/** One expression: either problems, or something to run. */
export interface Program extends Analysis {
  readonly source: string;
  readonly run: Run | undefined;
}

/** One text of a template. `whole` keeps the type of its value, `mixed` becomes text. */
export type Text =
  | { readonly kind: 'static'; readonly text: string }
  | { readonly kind: 'whole'; readonly program: Program }
  | { readonly kind: 'mixed'; readonly parts: readonly (string | Program)[] };

/** Longer texts are parsed each time, so that the cache stays small; their expressions are still kept. */
const CACHED_TEXT_LENGTH = 8_192;

export class Language {
  readonly limits: ExpressionLimits;
  readonly #parse: Parser;
  readonly #texts: Lru<Text>;
  readonly #programs: Lru<Program>;

  constructor(limits: ExpressionLimits) {
    this.limits = limits;
    this.#parse = createParser(limits);
    this.#texts = new Lru(limits.cachedSources);
    this.#programs = new Lru(limits.cachedSources);
  }

  /** Never throws; a text that cannot be read is an expression with a problem. */
  text(text: string): Text {
    if (!needsRendering(text)) return { kind: 'static', text };
    const known = this.#texts.get(text);
    if (known) return known;
    const read = this.#read(text);
    if (text.length <= CACHED_TEXT_LENGTH) this.#texts.set(text, read);
    return read;
  }

  #read(text: string): Text {
    const form = parseText(text);
    switch (form.kind) {
      case 'static':
        return form;
      case 'whole':
        return { kind: 'whole', program: this.#program(form.source) };
      case 'mixed':
        return { kind: 'mixed', parts: form.parts.map((part) => ('source' in part ? this.#program(part.source) : part.text)) };
      case 'broken':
        return {
          kind: 'whole',
          program: broken(form.source, { code: 'invalid_expression', message: form.message, expected: '${{ expression }}; a literal "${{" is written $${{' }),
        };
    }
  }

  #program(source: string): Program {
    const known = this.#programs.get(source);
    if (known) return known;
    const program = this.#build(source);
    if (source.length <= this.limits.expressionLength) this.#programs.set(source, program);
    return program;
  }

  #build(source: string): Program {
    const parsed = this.#parse(source);
    if ('problem' in parsed) return broken(source, parsed.problem);
    const analysis = analyse(parsed.node, this.limits);
    return { ...analysis, source, run: analysis.problems.length === 0 ? compile(parsed.node) : undefined };
  }
}

function broken(source: string, problem: Problem): Program {
  return { source, problems: [problem], references: [], usesStatus: false, loops: 0, run: undefined };
}
