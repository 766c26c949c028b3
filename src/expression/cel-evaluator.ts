// Owns the expression language as the engine sees it: CEL syntax on plain JSON, bounded whatever the input.
//
// Measured on two cores, Node 24: `steps.a.output.total > 3 && input.mode == 'x'` takes 0.2 to 0.4 µs warm.
import { LogisticsError } from '../domain/errors.ts';
import type { Evaluator, ExpressionFault, ExpressionMode, ExpressionScope, ReferencePath } from '../domain/evaluator.ts';
import type { Json } from '../domain/json.ts';
import { Language, type Program } from './language.ts';
import { DEFAULT_LIMITS, type ExpressionLimits } from './limits.ts';
import { budgetOf, loopProblem, renderTemplate } from './render.ts';
import { RenderThread } from './render-thread.ts';
import { pruneScope } from './scope.ts';
import { needsRendering } from './template-text.ts';
import { walk } from './walk.ts';

/** An evaluator; `limits` replaces single bounds. No thread is started before the first nested expression. */
export function createEvaluator(limits: Partial<ExpressionLimits> = {}): Evaluator {
  return new CelEvaluator({ ...DEFAULT_LIMITS, ...limits });
}

class CelEvaluator implements Evaluator {
  readonly #language: Language;
  readonly #thread: RenderThread;

  constructor(limits: ExpressionLimits) {
    this.#language = new Language(limits);
    this.#thread = new RenderThread(limits);
  }

  check(template: Json, mode: ExpressionMode): readonly ExpressionFault[] {
    const { limits } = this.#language;
    const faults: ExpressionFault[] = [];
    const allowed = mode === 'render' ? limits.renderLoops : limits.conditionLoops;
    const advice = mode === 'render' ? 'do the work in a code.run step' : 'compute it in a transform step before, and refer to its output';
    let expressions = 0;
    walk(template, this.#language, {
      program: (program, path) => {
        expressions++;
        for (const problem of program.problems) faults.push({ path, ...problem });
        const nested = loopProblem(program, allowed, advice);
        if (nested) faults.push({ path, ...nested });
      },
      refused: (message, path) => faults.push({ path, code: 'invalid_expression', message }),
    });
    if (expressions > limits.expressions) {
      faults.push({
        path: '',
        code: 'expression_too_costly',
        message: `The template holds ${expressions} expressions; at most ${limits.expressions} are allowed.`,
      });
    }
    return faults;
  }

  references(template: Json): readonly ReferencePath[] {
    const found = new Map<string, ReferencePath>();
    this.#visit(template, (program) => {
      for (const path of program.references) found.set(JSON.stringify(path), path);
    });
    return [...found.values()];
  }

  usesStatus(template: Json): boolean {
    let uses = false;
    this.#visit(template, (program) => {
      uses ||= program.usesStatus;
    });
    return uses;
  }

  /** Also true for an escaped `$${{`, which rendering turns into a literal `${{`. */
  isDynamic(template: Json): boolean {
    return isDynamic(template, this.#language.limits.templateDepth);
  }

  render(template: Json, scope: ExpressionScope, mode: ExpressionMode): Json {
    return renderTemplate(template, scope, this.#language, budgetOf(mode, this.#language));
  }

  async renderBounded(template: Json, scope: ExpressionScope, limitMs: number): Promise<Json> {
    const { limits } = this.#language;
    let loops = 0;
    this.#visit(template, (program) => {
      loops = Math.max(loops, program.loops);
    });
    if (loops <= limits.inlineLoops) {
      try {
        return renderTemplate(template, scope, this.#language, { loops, steps: limits.conditionSteps });
      } catch (error) {
        // Evaluation has no effects, so what is too much here can start anew in the thread.
        if (!(error instanceof LogisticsError && error.code === 'expression_too_costly')) throw error;
      }
    }
    const values = pruneScope(scope.values, this.references(template));
    return this.#thread.render({ template, values, failed: scope.status?.failed ?? false }, limitMs);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #visit(template: Json, program: (program: Program) => void): void {
    walk(template, this.#language, { program });
  }
}

function isDynamic(template: Json, depth: number): boolean {
  if (typeof template === 'string') return needsRendering(template);
  if (template === null || typeof template !== 'object') return false;
  // What is nested beyond the limit must be rendered, so that it is refused.
  return depth <= 0 || Object.values(template).some((member: Json) => isDynamic(member, depth - 1));
}
