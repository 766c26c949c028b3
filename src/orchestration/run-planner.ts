// Owns planning for callers: a workflow that is stored or given, what its input tells of items and waits, and what is known of durations.
import type { DurationSource } from '../domain/duration-estimate.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { Plan } from '../domain/plan.ts';
import { SleepInput, SleepUntilInput } from '../domain/waiting-inputs.ts';
import { exactAnswer } from '../optimization/exact-plan.ts';
import { type Forecast, type ForecastRequest, forecast } from '../optimization/forecast.ts';
import type { StartRequest, WorkflowManager } from './workflow-manager.ts';

export type PlanRequest = ForecastRequest &
  Pick<StartRequest, 'name' | 'version' | 'definition' | 'input'> & {
    /** Find the least makespan there is, for small plans; needs the package highs. */
    readonly exact?: boolean | undefined;
  };

export interface RunPlannerOptions {
  readonly workflows: WorkflowManager;
  readonly evaluator: Evaluator;
  readonly durations: () => DurationSource;
  /** Jobs that this process runs at once. */
  readonly slots: number;
  readonly now: () => number;
}

export class RunPlanner {
  readonly #o: RunPlannerOptions;

  constructor(options: RunPlannerOptions) {
    this.#o = options;
  }

  /** Plans a run without starting or storing anything. Throws as a start would for what cannot run, and invalid_input for what cannot be planned. */
  async plan({ name, version, definition, input, exact, ...request }: PlanRequest): Promise<Forecast> {
    const { workflows, evaluator, durations, slots, now } = this.#o;
    const outlook = await workflows.outlook({ name, version, definition, input });
    const found = forecast(outlook.plan, request, { source: durations(), slots, ...toldBy(outlook.plan, outlook.input, evaluator, now()) });
    return exact === true ? { ...found, exact: await exactAnswer(found.plan) } : found;
  }
}

/** Items of lists and ms of sleeps, as far as definition and input tell them. */
function toldBy(plan: Plan, input: JsonObject | null, evaluator: Evaluator, now: number): { items: Record<string, number>; waits: Record<string, number> } {
  const items: Record<string, number> = {};
  const waits: Record<string, number> = {};
  for (const node of plan.nodes.slice(0, plan.mainCount)) {
    const { step } = node;
    if (step.forEach !== undefined) {
      const list = rendered(step.forEach, input, evaluator);
      if (Array.isArray(list)) items[node.id] = list.length;
    }
    if (node.kind === 'sleep') {
      const read = SleepInput.safeParse(rendered(step.with, input, evaluator));
      if (read.success) waits[node.id] = read.data.duration;
    } else if (node.kind === 'sleepUntil') {
      const read = SleepUntilInput.safeParse(rendered(step.with, input, evaluator));
      if (read.success) waits[node.id] = Math.max(0, read.data.until - now);
    }
  }
  return { items, waits };
}

/** Undefined for what only a run can tell. */
function rendered(template: Json, input: JsonObject | null, evaluator: Evaluator): Json | undefined {
  if (!evaluator.isDynamic(template)) return template;
  if (evaluator.references(template).some((path) => path[0] !== 'input' || input === null)) return undefined;
  try {
    return evaluator.render(template, { values: { input: input ?? {} } }, 'condition');
  } catch (error) {
    if (error instanceof LogisticsError) return undefined;
    throw error;
  }
}
