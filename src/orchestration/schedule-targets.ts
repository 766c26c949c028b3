// Owns what schedules learn of their targets: whether one can ever run with an input, and what may keep it waiting.
import { type ErrorData, LogisticsError } from '../domain/errors.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { Plan } from '../domain/plan.ts';
import type { ScheduleTarget } from '../domain/schedule.ts';
import type { DefinitionFault } from '../domain/workflow-definition.ts';
import { WAITING_TASKS } from '../domain/workflow-step.ts';
import type { SecretStore } from '../runtime/secrets.ts';
import type { ScheduleTargets } from '../schedule/preflight.ts';
import type { TargetAdmission } from '../schedule/schedule-support.ts';
import type { Backend, TargetNeed } from '../store/backend.ts';
import { checkPayload } from '../task/step-input.ts';
import type { TaskRegistry } from '../task/task-registry.ts';
import { capabilityGap } from './capability-gap.ts';
import { checkInput } from './input-schema.ts';
import type { WorkflowManager } from './workflow-manager.ts';

const MAX_WARNINGS = 5;

/** What is asked inside the commit of a fire. A task type that this process does not know may be offered by another one. */
export function targetAdmission({ registry, evaluator, secrets }: Pick<EngineTargetsOptions, 'registry' | 'evaluator' | 'secrets'>): TargetAdmission {
  const own = new Set<string>();
  const offers = (requires: readonly string[]): boolean => {
    // Task types are registered before the first fire.
    if (own.size === 0) for (const capability of registry.capabilities()) own.add(capability);
    return requires.every((capability) => own.has(capability));
  };
  const known = new WeakMap<Plan, PlanNeeds>();
  return {
    admitJob: (task, payload) => {
      const type = registry.get(task);
      if (type !== undefined) checkPayload(type, payload, 'input');
      const capability = registry.capabilityOf(task, isJsonObject(payload) ? payload : {});
      return { payload, requires: capability === undefined ? [] : [capability], unknown: unknownType(registry, task) };
    },
    admitRun: (hash, plan, input) => fittingInput(hash, plan, input),
    needsOf: (plan) => {
      const needs = known.get(plan) ?? planNeeds(plan, registry, evaluator, offers);
      known.set(plan, needs);
      if (needs.secrets.length > 0) requireSecrets(needs.secrets, new Set(secrets.names()));
      return needs.elsewhere;
    },
    offers,
  };
}

/** What a fire has to know of the steps of a workflow. */
interface PlanNeeds {
  /** What other processes or worker agents have to do. */
  readonly elsewhere: readonly TargetNeed[];
  /** Secrets of the steps that this process may run. */
  readonly secrets: readonly { readonly name: string; readonly step: string }[];
}

function planNeeds({ nodes }: Plan, registry: TaskRegistry, evaluator: Evaluator, offers: (requires: readonly string[]) => boolean): PlanNeeds {
  const elsewhere = new Map<string, TargetNeed>();
  const secrets: { name: string; step: string }[] = [];
  for (const { id, step, requires } of nodes) {
    if (!offers(requires)) elsewhere.set(`${step.task} ${requires.join(' ')}`, { requires, unknown: unknownType(registry, step.task) });
    else for (const name of secretsIn(evaluator, step.with)) secrets.push({ name, step: id });
  }
  return { elsewhere: [...elsewhere.values()], secrets };
}

/** Null for a type that is known, or that a handlers module may have which is not loaded for want of trust. */
function unknownType(registry: TaskRegistry, task: string): ErrorData | null {
  if (registry.get(task) !== undefined || (WAITING_TASKS as readonly string[]).includes(registry.nameOf(task))) return null;
  try {
    registry.require(task);
  } catch (error) {
    if (error instanceof LogisticsError && error.code === 'unknown_task_type') return error.toData();
  }
  return null;
}

function requireSecrets(used: PlanNeeds['secrets'], known: ReadonlySet<string>): void {
  const missing = used.find(({ name }) => !known.has(name));
  if (missing === undefined) return;
  throw new LogisticsError('unresolved_reference', `There is no secret ${missing.name}, which step ${missing.step} uses.`, {
    path: `steps.${missing.step}.with`,
    expected: 'a secret of the configuration',
    nearMatches: nearMatches(missing.name, [...known]),
  });
}

function secretsIn(evaluator: Evaluator, template: Json): string[] {
  return evaluator.references(template).flatMap(([root, name]) => (root === 'secrets' && name !== undefined ? [name] : []));
}

export interface EngineTargetsOptions {
  readonly backend: Backend;
  readonly workflows: WorkflowManager;
  readonly registry: TaskRegistry;
  readonly evaluator: Evaluator;
  readonly secrets: SecretStore;
  readonly namespace: string;
}

export class EngineTargets implements ScheduleTargets {
  readonly #o: EngineTargetsOptions;

  constructor(options: EngineTargetsOptions) {
    this.#o = options;
  }

  taskName(name: string): string {
    return this.#o.registry.require(name).type;
  }

  check(target: ScheduleTarget, input: Json): readonly string[] {
    return target.kind === 'workflow' ? this.#workflow(target, input) : this.#job(target, input);
  }

  #workflow(target: Extract<ScheduleTarget, { readonly kind: 'workflow' }>, input: Json): string[] {
    const { backend, workflows } = this.#o;
    const stored = workflows.require(target.name, target.version ?? undefined);
    const plan = backend.planOf(stored.hash);
    if (plan === null) throw new LogisticsError('not_found', `The definition of ${target.name} is no longer stored.`, { path: 'target' });
    if (!isJsonObject(input)) throw new LogisticsError('invalid_input', 'The input of a workflow is an object.', { path: 'input', expected: 'an object' });
    fittingInput(stored.hash, plan, input);
    const needs = new Map(plan.nodes.map((node) => [node.requires.join('\n'), node.requires]));
    return [...this.#missingSecrets(plan), ...this.#gaps([...needs.values()])].slice(0, MAX_WARNINGS);
  }

  #job(target: Extract<ScheduleTarget, { readonly kind: 'job' }>, input: Json): string[] {
    const { registry } = this.#o;
    checkPayload(registry.require(target.task), input, 'input');
    const capability = registry.capabilityOf(target.task, isJsonObject(input) ? input : {});
    return this.#gaps([[...new Set([...target.requires, ...(capability === undefined ? [] : [capability])])].sort()]);
  }

  /** Whoever offers it may come later, so it is no fault. */
  #gaps(needs: readonly (readonly string[])[]): string[] {
    const { backend, namespace, registry } = this.#o;
    const own = new Set(registry.capabilities());
    const lacking = needs.filter((requires) => requires.some((capability) => !own.has(capability)));
    return lacking.flatMap((requires) => capabilityGap(backend, namespace, requires, null)?.message ?? []);
  }

  #missingSecrets(plan: Plan): string[] {
    const { evaluator, secrets } = this.#o;
    const known = new Set(secrets.names());
    const warnings: string[] = [];
    for (const { id, step } of plan.nodes) {
      for (const name of secretsIn(evaluator, step.with)) {
        if (!known.has(name)) warnings.push(`This process does not have the secret ${name} that step ${id} uses: while that is so, its fires fail.`);
      }
    }
    return warnings;
  }
}

function fittingInput(hash: string, plan: Plan, input: JsonObject): JsonObject {
  const checked = checkInput(hash, plan.definition.input, input);
  if (checked.faults.length === 0) return checked.input;
  const [first] = checked.faults as readonly [DefinitionFault];
  throw new LogisticsError(
    'invalid_input',
    `The input does not fit ${plan.definition.name}: ${checked.faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ')}`,
    { path: first.path, expected: first.expected, nearMatches: first.nearMatches, details: { faults: checked.faults as never } },
  );
}
