// Owns what makes a definition safe to store and run: every fault of it is found here, all at once, before anything exists.
import { FaultList } from './definition-faults.ts';
import type { Evaluator } from './evaluator.ts';
import { ExpressionPlaces, type Place } from './expression-places.ts';
import type { JsonObject } from './json.ts';
import { type NormaliseOptions, normaliseDefinition } from './normalise-definition.ts';
import type { SourcePaths } from './source-path.ts';
import type { TaskInput } from './task-input.ts';
import { StepGraph } from './validate-graph.ts';
import { StepRules } from './validate-step.ts';
import { isWaitingTask } from './waiting-inputs.ts';
import type { DefinitionFault, WorkflowDefinition } from './workflow-definition.ts';
import type { WorkflowStep } from './workflow-step.ts';

export interface ValidationContext {
  readonly evaluator: Evaluator;
  /** Built-in and registered task types, without the waiting ones. */
  readonly taskTypes: ReadonlyMap<string, TaskInput>;
  /** Workflows that workflow.run may name; undefined = not checked. */
  readonly workflowNames?: ReadonlySet<string> | undefined;
  /** Says what is wrong with the JSON Schema of the input, with paths from `input`; undefined = not checked. */
  readonly checkInputSchema?: ((schema: JsonObject) => readonly DefinitionFault[]) | undefined;
  /** The same for the output of a step, with paths that begin at `path`. */
  readonly checkOutputSchema?: ((schema: JsonObject, path: string) => readonly DefinitionFault[]) | undefined;
  /** Leads to what the user wrote; without it faults name paths of the normal form. */
  readonly paths?: SourcePaths | undefined;
}

export interface Validation {
  readonly faults: readonly DefinitionFault[];
  readonly warnings: readonly DefinitionFault[];
}

export interface CheckedDefinition extends Validation {
  /** Null when there are faults. */
  readonly definition: WorkflowDefinition | null;
  readonly version: number | null;
  /** Leads from paths of the normal form to what was written, for checks that follow. */
  readonly paths: SourcePaths;
}

/** Reads and validates what a user wrote; all faults of both are reported together. */
export function checkDefinition(raw: unknown, context: Omit<ValidationContext, 'paths'>, options: NormaliseOptions = {}): CheckedDefinition {
  const read = normaliseDefinition(raw, options);
  const validation = read.draft === null ? { faults: [], warnings: [] } : validateDefinition(read.draft, { ...context, paths: read.paths });
  const faults = [...read.faults, ...validation.faults];
  const warnings = [...read.warnings, ...validation.warnings];
  return { definition: faults.length === 0 ? read.definition : null, version: read.version, faults, warnings, paths: read.paths };
}

/** All faults of a definition in normal form, and warnings about what is allowed but hardly meant. */
export function validateDefinition(definition: WorkflowDefinition, context: ValidationContext): Validation {
  const faults = new FaultList();
  const warnings = new FaultList();
  const graph = new StepGraph(definition, faults);
  const rules = new StepRules(context, definition.name, faults);
  const places = new ExpressionPlaces(context.evaluator, definition.input, faults, warnings);
  graph.checkNeeds();
  for (const [i, step] of definition.steps.entries()) {
    rules.checkStep(step, `steps[${i}]`);
    for (const place of stepPlaces(step, i, graph)) places.check(place);
  }
  for (const [i, step] of definition.onFailure.entries()) {
    rules.checkHandler(step, `onFailure[${i}]`);
    for (const place of handlerPlaces(step, i, graph)) places.check(place);
  }
  for (const place of workflowPlaces(definition, graph)) places.check(place);
  graph.checkReads();
  const written = (fault: DefinitionFault): DefinitionFault => (context.paths === undefined ? fault : { ...fault, path: context.paths.of(fault.path) });
  const schemaFaults = definition.input === undefined ? [] : (context.checkInputSchema?.(definition.input) ?? []);
  return { faults: [...schemaFaults, ...faults.all()].map(written), warnings: warnings.all().map(written) };
}

function* stepPlaces(step: WorkflowStep, index: number, graph: StepGraph): Iterable<Place> {
  const path = `steps[${index}]`;
  const waits = isWaitingTask(step.task);
  const reads = graph.reader(index, false);
  const decided = { mode: 'condition', item: false, secrets: false, step: reads } as const;
  if (step.if !== undefined) yield { ...decided, template: step.if, path: `${path}.if`, what: 'if' };
  if (step.forEach !== undefined) yield { ...decided, template: step.forEach, path: `${path}.forEach`, what: 'forEach' };
  if (step.cache !== undefined) yield { ...decided, template: step.cache.key, path: `${path}.cache.key`, what: 'the key of the cache' };
  const item = step.forEach !== undefined;
  if (waits) yield { ...decided, item, template: step.with, path: `${path}.with`, what: `the with of ${step.task}` };
  else yield { template: step.with, path: `${path}.with`, mode: 'render', what: 'the with of a step without forEach', item, secrets: true, step: reads };
  if (step.compensate !== undefined) {
    const what = 'compensate, which runs once for the whole step';
    yield {
      template: step.compensate.with,
      path: `${path}.compensate.with`,
      mode: 'render',
      what,
      item: false,
      secrets: true,
      step: graph.reader(index, true),
    };
  }
}

function* handlerPlaces(step: WorkflowStep, index: number, graph: StepGraph): Iterable<Place> {
  const path = `onFailure[${index}]`;
  const reads = graph.finalReader(index);
  if (step.if !== undefined) yield { template: step.if, path: `${path}.if`, mode: 'condition', what: 'if', item: false, secrets: false, step: reads };
  yield { template: step.with, path: `${path}.with`, mode: 'render', what: 'the with of an onFailure step', item: false, secrets: true, step: reads };
}

function* workflowPlaces(definition: WorkflowDefinition, graph: StepGraph): Iterable<Place> {
  if (definition.concurrency !== undefined) {
    yield {
      template: definition.concurrency.key,
      path: 'concurrency.key',
      mode: 'condition',
      what: 'the concurrency key',
      item: false,
      secrets: false,
      step: undefined,
    };
  }
  if (definition.output !== undefined) {
    yield {
      template: definition.output,
      path: 'output',
      mode: 'render',
      what: 'the output of the workflow',
      item: false,
      secrets: false,
      step: graph.finalReader(undefined),
    };
  }
}
