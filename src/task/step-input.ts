// Owns what a handler is called with: the payload of a job, or the `with` of a step rendered after the claim, with secrets put in
// last and kept nowhere.
import { z } from 'zod';
import type { TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { PlanNode } from '../domain/plan.ts';
import { joinAll } from '../domain/source-path.ts';
import type { SecretStore } from '../runtime/secrets.ts';
import type { Backend, ClaimedJob, StepScope } from '../store/backend.ts';

// A render that takes longer than this is a mistake of its author, not work.
const RENDER_LIMIT_MS = 2_000;

export interface InputSources {
  readonly backend: Backend;
  /** What renders the `with` of steps; null where only standalone jobs run. */
  readonly steps: { readonly evaluator: Evaluator; readonly secrets: SecretStore } | null;
}

/**
 * What a worker agent is given: rendered and checked as for a handler, but as it was written, since it leaves this program. A type that
 * this process does not know is not checked.
 */
export async function inputForAgent(sources: InputSources, job: ClaimedJob, type: TaskType | undefined, node: PlanNode | null): Promise<Json> {
  const raw = node === null ? job.payload : await renderStep(sources, job, type, node);
  if (type !== undefined) await checkTaskInput(type, raw);
  return raw;
}

/** The checked input of an attempt; throws invalid_input, unresolved_reference, not_allowed … */
export async function inputOf(sources: InputSources, job: ClaimedJob, type: TaskType, node: PlanNode | null): Promise<unknown> {
  const raw = node === null ? job.payload : await renderStep(sources, job, type, node);
  return checkTaskInput(type, raw);
}

async function renderStep({ backend, steps }: InputSources, job: ClaimedJob, type: TaskType | undefined, node: PlanNode): Promise<Json> {
  const template = node.step.with;
  if (!node.dynamicWith || job.step === null) return template;
  const scope = backend.stepScope({ executionId: job.step.executionId, index: node.index, item: job.step.item });
  if (scope === null) throw new LogisticsError('not_found', `The execution ${job.step.executionId} is gone.`);
  if (steps === null) throw new LogisticsError('internal', 'This worker runs no steps of workflows.');
  const { evaluator, secrets } = steps;
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
  const targets = isJsonObject(masked) ? (type?.secretTargets?.(masked) ?? []) : [];
  const resolved: Record<string, Json> = {};
  for (const name of names) resolved[name] = await secrets.resolve(name, { task: job.task, targets });
  const rendered = await evaluator.renderBounded(template, { values: { ...values, secrets: resolved } }, RENDER_LIMIT_MS);
  const now = isJsonObject(rendered) ? (type?.secretTargets?.(rendered) ?? []) : [];
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

/** Checks an input against its task type, as the handler will get it; throws invalid_input that names every fault and an example. */
async function checkTaskInput(type: TaskType, raw: unknown): Promise<unknown> {
  const parsed = await type.input.safeParseAsync(raw ?? {});
  if (parsed.success) return parsed.data;
  throw inputError(type, parsed.error.issues, '');
}

/** The same check when a job is made, with paths below `base`. A schema that needs to wait is asked when the job runs. */
export function checkPayload(type: TaskType, payload: unknown, base: string): void {
  let issues: readonly z.core.$ZodIssue[];
  try {
    issues = type.input.safeParse(payload ?? {}).error?.issues ?? [];
  } catch {
    return;
  }
  if (issues.length > 0) throw inputError(type, issues, base);
}

function inputError(type: TaskType, issues: readonly z.core.$ZodIssue[], base: string): LogisticsError {
  const faults = issues.map((issue) => ({ path: joinAll(base, issue.path), message: issue.message }));
  const known = type.input instanceof z.ZodObject ? Object.keys(type.input.shape) : [];
  const near = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys.flatMap((key) => nearMatches(key, known)) : []));
  const first = faults[0] ?? { path: base, message: 'invalid' };
  return new LogisticsError(
    'invalid_input',
    `The input of ${type.type} is wrong: ${faults.map((fault) => `${fault.path === '' ? '(whole)' : fault.path}: ${fault.message}`).join('; ')}.`,
    {
      path: first.path,
      nearMatches: near.slice(0, 3),
      expected: `for example ${JSON.stringify(type.example)}`,
      details: { faults },
    },
  );
}
