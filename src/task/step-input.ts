// Owns what a handler is called with: the payload of a job, or the `with` of a step rendered after the claim, with secrets put in
// last and kept nowhere.
import type { TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import type { PlanNode } from '../domain/plan.ts';
import type { SecretStore } from '../runtime/secrets.ts';
import type { Backend, ClaimedJob, StepScope } from '../store/backend.ts';

// A render that takes longer than this is a mistake of its author, not work.
const RENDER_LIMIT_MS = 2_000;

export interface InputSources {
  readonly backend: Backend;
  readonly evaluator: Evaluator;
  readonly secrets: SecretStore;
}

/** The checked input of an attempt; throws invalid_input, unresolved_reference, not_allowed … */
export async function inputOf(sources: InputSources, job: ClaimedJob, type: TaskType, node: PlanNode | null): Promise<unknown> {
  const raw = node === null ? job.payload : await renderStep(sources, job, type, node);
  return checkTaskInput(type, raw);
}

async function renderStep({ backend, evaluator, secrets }: InputSources, job: ClaimedJob, type: TaskType, node: PlanNode): Promise<Json> {
  const template = node.step.with;
  if (!node.dynamicWith || job.step === null) return template;
  const scope = backend.stepScope({ executionId: job.step.executionId, index: node.index, item: job.step.item });
  if (scope === null) throw new LogisticsError('not_found', `The execution ${job.step.executionId} is gone.`);
  const names = [
    ...new Set(
      evaluator
        .references(template)
        .filter((path) => path[0] === 'secrets' && path[1] !== undefined)
        .map((path) => path[1] as string),
    ),
  ];
  const values = scopeValues(scope);
  if (names.length === 0) return evaluator.renderBounded(template, { values }, RENDER_LIMIT_MS);
  // Where the secrets may go follows from the input without them: a stand-in must not change host or server.
  const masked = await evaluator.renderBounded(
    template,
    { values: { ...values, secrets: Object.fromEntries(names.map((name) => [name, 'x'])) } },
    RENDER_LIMIT_MS,
  );
  const targets = isJsonObject(masked) ? (type.secretTargets?.(masked) ?? []) : [];
  const resolved: Record<string, Json> = {};
  for (const name of names) resolved[name] = await secrets.resolve(name, { task: type.type, targets });
  const rendered = await evaluator.renderBounded(template, { values: { ...values, secrets: resolved } }, RENDER_LIMIT_MS);
  const now = isJsonObject(rendered) ? (type.secretTargets?.(rendered) ?? []) : [];
  if (now.join('\n') !== targets.join('\n')) {
    throw new LogisticsError('not_allowed', 'A secret may not decide which host or server a step talks to.', {
      path: 'with',
      nextActions: ['Write the host or server without a secret in it.'],
    });
  }
  return rendered;
}

/** The names an expression of a step's `with` may read. */
function scopeValues(scope: StepScope): JsonObject {
  return {
    input: scope.input,
    steps: scope.steps,
    session: scope.session,
    execution: scope.execution,
    ...(scope.index === null ? {} : { item: scope.item, index: scope.index }),
  };
}

/** Checks an input against its task type; throws invalid_input that names every fault and an example. */
export function checkTaskInput(type: TaskType, raw: unknown): unknown {
  const parsed = type.input.safeParse(raw ?? {});
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  const first = faults[0] ?? { path: '', message: 'invalid' };
  throw new LogisticsError(
    'invalid_input',
    `The input of ${type.type} is wrong: ${faults.map((fault) => `${fault.path === '' ? '(whole)' : fault.path}: ${fault.message}`).join('; ')}.`,
    {
      path: first.path,
      expected: `for example ${JSON.stringify(type.example)}`,
      details: { faults },
    },
  );
}
