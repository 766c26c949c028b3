// Owns planning for callers: a workflow that is stored or given, what its input tells of items and waits, and what is known of durations.
import type { DurationSource } from '../domain/duration-estimate.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import type { ResourcePool } from '../domain/resource.ts';
import { exactAnswer } from '../optimization/exact-plan.ts';
import { type Forecast, type ForecastRequest, forecast } from '../optimization/forecast.ts';
import type { RunOutlook } from '../optimization/remaining.ts';
import type { Backend, ExecutionSummary } from '../store/backend.ts';
import { runOutlook } from './run-outlook.ts';
import { toldBy } from './told-by-definition.ts';
import type { StartRequest, WorkflowManager } from './workflow-manager.ts';

export type PlanRequest = ForecastRequest &
  Pick<StartRequest, 'name' | 'version' | 'definition' | 'input'> & {
    /** Find the least makespan there is, for small plans; needs the package highs. */
    readonly exact?: boolean | undefined;
  };

export interface RunPlannerOptions {
  readonly backend: Pick<Backend, 'getSteps' | 'planOf'>;
  readonly workflows: WorkflowManager;
  readonly evaluator: Evaluator;
  readonly durations: () => DurationSource;
  /** As they are defined now. */
  readonly pools: () => readonly ResourcePool[];
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
    const { workflows, evaluator, durations, pools, slots, now } = this.#o;
    const outlook = await workflows.outlook({ name, version, definition, input });
    const found = forecast(outlook.plan, request, { source: durations(), slots, pools: pools(), ...toldBy(outlook.plan, outlook.input, evaluator, now()) });
    return exact === true ? { ...found, exact: await exactAnswer(found.plan) } : found;
  }

  /** How far a run is and when it ends, alone on the slots of this process; null for one that has ended. Without its end it is cheap. */
  outlook(row: ExecutionSummary, { withEnd = true }: { readonly withEnd?: boolean } = {}): RunOutlook | null {
    const { backend, evaluator, durations, slots, now } = this.#o;
    return runOutlook(row, { backend, evaluator, source: durations(), slots, now: now(), withEnd });
  }
}
