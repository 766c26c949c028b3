// Owns making the value of a template: parts without expressions are shared with the template, not copied.
import type { ExpressionMode, ExpressionScope } from '../domain/evaluator.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { costly, ExpressionFailure, invalid, type Problem, toLogisticsError } from './failure.ts';
import type { Frame } from './frame.ts';
import { toText } from './functions/conversions.ts';
import type { Language, Program } from './language.ts';
import { Meter } from './meter.ts';
import { needsRendering } from './template-text.ts';
import { isList, objectOf } from './value.ts';
import { pointer } from './walk.ts';

export interface Budget {
  /** Comprehension levels an expression may have. */
  readonly loops: number;
  /** Steps for the whole template. */
  readonly steps: number;
}

/** Renders or throws LogisticsError; an unresolved reference is named in `path`, the place in the template in `details.at`. */
export function renderTemplate(template: Json, scope: ExpressionScope, language: Language, budget: Budget): Json {
  const meter = new Meter(language.limits, budget.steps);
  const frame: Frame = { values: scope.values, failed: scope.status?.failed ?? false, meter, locals: [] };
  const rendering = new Rendering(language, frame, budget.loops);
  const value = rendering.value(template, '', 0);
  try {
    meter.measure(value);
  } catch (error) {
    throw toLogisticsError(error, '', '');
  }
  return value;
}

/** The steps and levels of a mode outside the thread. */
export function budgetOf(mode: ExpressionMode, language: Language): Budget {
  const { limits } = language;
  if (mode === 'render') return { loops: limits.inlineLoops, steps: limits.renderSteps };
  return { loops: limits.conditionLoops, steps: mode === 'condition' ? limits.conditionSteps : limits.scheduleSteps };
}

/** What a mode says about the loops of an expression. */
export function loopProblem(program: Program, allowed: number, advice: string): Problem | undefined {
  if (program.loops <= allowed) return undefined;
  const message = `The expression nests ${program.loops} levels of map, filter, all, exists; ${allowed} ${allowed === 1 ? 'is' : 'are'} allowed here.`;
  return { code: 'expression_too_costly', message, expected: advice };
}

class Rendering {
  readonly #language: Language;
  readonly #frame: Frame;
  readonly #loops: number;
  #expressions = 0;

  constructor(language: Language, frame: Frame, loops: number) {
    this.#language = language;
    this.#frame = frame;
    this.#loops = loops;
  }

  value(template: Json, at: string, depth: number): Json {
    if (typeof template === 'string') return this.#text(template, at);
    if (template === null || typeof template !== 'object') return template;
    if (depth >= this.#language.limits.templateDepth) throw toLogisticsError(costly(`The template is nested deeper than ${depth} levels.`), at, '');
    return isList(template) ? this.#list(template, at, depth) : this.#object(template as JsonObject, at, depth);
  }

  #list(template: readonly Json[], at: string, depth: number): Json {
    let changed = false;
    const elements = template.map((element, i) => {
      if (isPlain(element)) return element;
      const value = this.value(element, pointer(at, i), depth + 1);
      changed ||= value !== element;
      return value;
    });
    return changed ? elements : template;
  }

  #object(template: JsonObject, at: string, depth: number): Json {
    let changed = false;
    const members = Object.entries(template).map(([key, member]) => {
      if (isPlain(member)) return [key, member] as const;
      const value = this.value(member, pointer(at, key), depth + 1);
      changed ||= value !== member;
      return [key, value] as const;
    });
    return changed ? objectOf(members) : template;
  }

  #text(template: string, at: string): Json {
    const text = this.#language.text(template);
    if (text.kind === 'static') return text.text;
    if (text.kind === 'whole') return this.#run(text.program, at, (value) => value);
    let length = 0;
    const parts = text.parts.map((part) => {
      const rendered = typeof part === 'string' ? part : (this.#run(part, at, (value) => toText(value, this.#frame.meter)) as string);
      length += rendered.length;
      if (length > this.#language.limits.outputSize) throw toLogisticsError(costly('The text becomes too long.'), at, '');
      return rendered;
    });
    return parts.join('');
  }

  #run(program: Program, at: string, convert: (value: Json) => Json): Json {
    try {
      if (++this.#expressions > this.#language.limits.expressions) throw costly(`A template holds at most ${this.#language.limits.expressions} expressions.`);
      if (!program.run) throw failureOf(program.problems[0]);
      const problem = loopProblem(program, this.#loops, 'do the work in a transform or code.run step');
      if (problem) throw failureOf(problem);
      return convert(program.run(this.#frame));
    } catch (error) {
      throw toLogisticsError(error, at, program.source);
    }
  }
}

/** True for what renders to itself, so that no place is computed for it. */
function isPlain(value: Json): boolean {
  return value === null || (typeof value === 'string' ? !needsRendering(value) : typeof value !== 'object');
}

function failureOf(problem: Problem | undefined): ExpressionFailure {
  if (!problem) return invalid('The expression could not be read.');
  return new ExpressionFailure(problem.code, problem.message, { expected: problem.expected, nearMatches: problem.nearMatches });
}
