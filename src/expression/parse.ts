// Owns reading CEL source into a syntax tree: cel-js does it, within our limits, and errors say what to write instead.
import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';
import type { Problem } from './failure.ts';
import type { ExpressionLimits } from './limits.ts';
import { rewriteStepNames } from './step-names.ts';

export type { ASTNode };
export type Parsed = { readonly node: ASTNode } | { readonly problem: Problem };
export type Parser = (source: string) => Parsed;

/** What people write from other languages, seen in a source that does not parse. */
const MISTAKES: readonly (readonly [RegExp, string])[] = [
  [/[=!]==/, 'use == and != (values of different kinds are unequal)'],
  [/\?\?/, 'use default(x, fallback) instead of ??'],
  [/\?\./, 'use has(x.y) or default(x.y, fallback) instead of ?.'],
  [/=>/, 'write list.map(e, e.name) instead of an arrow function'],
  [/(^|[^|])\|([^|]|$)/, 'functions are called upper(x) or x.upper(), not x | upper'],
  [/(^|[^=!<>])=([^=]|$)/, 'use == to compare'],
  [/\b(and|or|not)\b/, 'use &&, || and !'],
  [/\b(if|else)\b/, 'use condition ? a : b'],
  [/`/, 'texts stand in single or double quotes'],
  [/\*\*/, 'there is no power operator'],
];

/** A parser with these limits; it never throws. */
export function createParser(limits: ExpressionLimits): Parser {
  const environment = new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: limits.astNodes, maxDepth: limits.depth },
  });
  return (source) => {
    if (source === '') return { problem: { code: 'invalid_expression', message: 'The expression is empty.' } };
    if (source.length > limits.expressionLength) return { problem: tooBig(`has ${source.length} characters; at most ${limits.expressionLength} are allowed`) };
    const rewritten = rewriteStepNames(source);
    try {
      return { node: environment.parse(rewritten.text).ast };
    } catch (error) {
      if (error instanceof RangeError) return { problem: tooBig('is nested too deeply') };
      if (!(error instanceof ParseError)) return { problem: { code: 'invalid_expression', message: 'The expression could not be read.' } };
      if (error.code === 'limit_exceeded') return { problem: tooBig(`is too large: ${error.summary}`) };
      const at = error.range ? ` at character ${rewritten.original(error.range.start) + 1}` : '';
      const mistake = MISTAKES.find(([pattern]) => pattern.test(source))?.[1];
      return {
        problem: { code: 'invalid_expression', message: `Syntax error${at}: ${error.summary}.${mistake ? ` Perhaps: ${mistake}.` : ''}`, expected: mistake },
      };
    }
  };
}

function tooBig(what: string): Problem {
  return { code: 'expression_too_costly', message: `The expression ${what}.` };
}
