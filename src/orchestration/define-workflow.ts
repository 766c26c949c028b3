// Owns writing a workflow in code: the same shape as in YAML, with types, checked where it is written.
import { definitionError, FaultList } from '../domain/definition-faults.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { normaliseDefinition } from '../domain/normalise-definition.ts';
import { toPlainJson } from '../domain/plain-json.ts';
import type { PriorityName } from '../domain/priority.ts';
import type { Concurrency } from '../domain/workflow-definition.ts';
import type { TriggerRule, WaitingTask } from '../domain/workflow-step.ts';

/** `30s`, `1h30m`, `PT1M`, or milliseconds. */
export type DurationSource = string | number;

export interface RetrySource {
  /** Counts the first try; 3 unless given. */
  readonly maxAttempts?: number;
  readonly initialInterval?: DurationSource;
  readonly backoffCoefficient?: number;
  readonly maxInterval?: DurationSource;
  readonly jitter?: 'full' | 'none';
  readonly nonRetryable?: readonly string[];
  readonly retryOn?: readonly string[];
}

export interface CompensationSource {
  readonly task: string;
  readonly with?: JsonObject;
  readonly retry?: RetrySource | number;
  readonly timeout?: DurationSource;
}

export interface FailureStepSource {
  readonly id?: string;
  readonly task: string;
  readonly with?: JsonObject;
  readonly if?: string | boolean;
  readonly retry?: RetrySource | number;
  /** Of one attempt. */
  readonly timeout?: DurationSource;
  /** Over all attempts. */
  readonly deadline?: DurationSource;
  readonly continueOnError?: boolean;
  readonly priority?: PriorityName | number;
  readonly queue?: string;
  readonly requires?: string | readonly string[];
  /** Keeps the output as an artifact of this name. */
  readonly artifact?: string | { readonly name: string; readonly mediaType?: string };
  /** JSON Schema that the output must fit; with forEach that of each item. */
  readonly output?: JsonObject;
}

export interface StepSource<Id extends string = string> extends FailureStepSource {
  readonly id: Id;
  readonly task: WaitingTask | (string & {});
  /** Steps that must have ended before. */
  readonly needs?: NoInfer<Id> | readonly NoInfer<Id>[];
  readonly when?: TriggerRule;
  /** A list, or one expression that gives one; the step runs once per `item`. */
  readonly forEach?: string | readonly Json[];
  readonly maxParallel?: number;
  /** A count of items, or a share such as `5%`. */
  readonly tolerateFailures?: number | string;
  readonly compensate?: CompensationSource;
  /** A result under this key stands for a run of the step until it is `ttl` old; a key that is null asks for a run. */
  readonly cache?: { readonly key: string; readonly ttl: DurationSource };
}

/** What a run may use; past it the run is paused until somebody raises the budget. */
export interface BudgetSource {
  readonly runs?: { readonly max: number; readonly window: DurationSource };
  readonly wallClock?: DurationSource;
  readonly attempts?: number;
  readonly fanOut?: number;
  readonly depth?: number;
  readonly tokens?: number;
  readonly cost?: number;
}

export interface WorkflowSource<Id extends string = string> {
  readonly name: string;
  readonly version?: number;
  readonly description?: string;
  /** JSON Schema of the input. */
  readonly input?: JsonObject;
  readonly budget?: BudgetSource;
  /** How long a run may take before it counts as late: a duration, or ms. */
  readonly sla?: DurationSource;
  readonly breaker?: { readonly failures: number; readonly cooldown?: DurationSource };
  readonly concurrency?: { readonly key: string; readonly limit?: number; readonly onLimit?: Concurrency['onLimit'] };
  readonly maxParallel?: number;
  readonly timeout?: DurationSource;
  readonly steps: readonly StepSource<Id>[];
  readonly output?: Json;
  readonly onFailure?: readonly FailureStepSource[];
  readonly metadata?: JsonObject;
}

/**
 * A workflow as a frozen value that every place takes which takes a definition. Throws WorkflowValidationError with all
 * structural faults; tasks and expressions are checked when it meets an engine.
 */
export function defineWorkflow<Id extends string>(source: WorkflowSource<Id>): WorkflowSource<Id> {
  const { faults } = normaliseDefinition(source);
  if (faults.length > 0) throw definitionError(faults, typeof source?.name === 'string' ? `The workflow ${source.name}` : undefined);
  return freeze(toPlainJson(source, '', new FaultList())) as unknown as WorkflowSource<Id>;
}

function freeze(value: Json): Json {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) freeze(member as Json);
    Object.freeze(value);
  }
  return value;
}
