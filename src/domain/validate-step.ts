// Owns the rules of single steps: a known task with fitting input, and no field that would have no effect.
import type { FaultList } from './definition-faults.ts';
import type { ErrorCode } from './errors.ts';
import type { Evaluator } from './evaluator.ts';
import type { Json, JsonObject } from './json.ts';
import type { StepCache } from './step-cache.ts';
import { checkTaskInput, type TaskInput } from './task-input.ts';
import { isWaitingTask, WAITING_INPUTS } from './waiting-inputs.ts';
import { type DefinitionFault, MAX_FOREACH_ITEMS } from './workflow-definition.ts';
import type { Compensation, WorkflowStep } from './workflow-step.ts';
import { WAITING_TASKS } from './workflow-step.ts';

/** Rules that ask about needs and could never come true without one. */
const RULES_WITH_NEEDS: ReadonlySet<string> = new Set(['one_success', 'one_failed', 'all_failed']);

export interface StepRulesContext {
  readonly evaluator: Evaluator;
  readonly taskTypes: ReadonlyMap<string, TaskInput>;
  /** Names that workflow.run may call; undefined = not checked. */
  readonly workflowNames?: ReadonlySet<string> | undefined;
  /** Says what is wrong with the JSON Schema of an output, with paths that begin at `path`; undefined = not checked. */
  readonly checkOutputSchema?: ((schema: JsonObject, path: string) => readonly DefinitionFault[]) | undefined;
}

export class StepRules {
  readonly #context: StepRulesContext;
  readonly #faults: FaultList;
  readonly #ownName: string;
  readonly #known: readonly string[];

  constructor(context: StepRulesContext, ownName: string, faults: FaultList) {
    this.#context = context;
    this.#faults = faults;
    this.#ownName = ownName;
    this.#known = [...new Set([...WAITING_TASKS, ...context.taskTypes.keys()])];
  }

  checkStep(step: WorkflowStep, path: string): void {
    this.#checkTask(step.task, step.with, path, true);
    if (step.needs.length === 0 && RULES_WITH_NEEDS.has(step.when)) {
      this.#fault(`${path}.when`, `${step.when} asks about needs, and this step has none: it would never run.`, 'needs: [another_step]');
    }
    if (step.forEach === undefined) this.#checkWithoutItems(step, path);
    if (Array.isArray(step.forEach) && step.forEach.length > MAX_FOREACH_ITEMS) {
      this.#faults.add(`${path}.forEach`, 'limit_exceeded', `It has ${step.forEach.length} items.`, {
        expected: `at most ${MAX_FOREACH_ITEMS.toLocaleString('en')}`,
      });
    }
    if (isWaitingTask(step.task)) this.#checkWaiting(step, path);
    this.#checkOutput(step, path);
    if (step.cache !== undefined) this.#checkCache(step, step.cache, path);
    if (step.compensate !== undefined) this.#checkCompensation(step.compensate, `${path}.compensate`);
  }

  /** onFailure steps run one after another when all is over: plain tasks only. */
  checkHandler(step: WorkflowStep, path: string): void {
    this.#checkTask(step.task, step.with, path, false);
    const refuse = (field: keyof WorkflowStep, written: boolean, why: string): void => {
      if (written) this.#fault(`${path}.${field}`, `${field} is not for onFailure steps: ${why}.`);
    };
    refuse('needs', step.needs.length > 0, 'they run in the order in which they are written');
    refuse('when', step.when !== 'all_success' && !(step.when === 'all_done' && step.if !== undefined), 'they run when the workflow has failed; use if');
    refuse('forEach', step.forEach !== undefined, 'each of them runs once');
    refuse('compensate', step.compensate !== undefined, 'nothing undoes them');
    refuse('cache', step.cache !== undefined, 'they have to act each time');
    if (step.forEach === undefined) this.#checkWithoutItems(step, path);
    this.#checkOutput(step, path);
  }

  #checkOutput({ outputSchema, artifact, task }: WorkflowStep, path: string): void {
    if (outputSchema === undefined || isWaitingTask(task)) return;
    if (artifact !== undefined)
      this.#fault(`${path}.outputSchema`, 'output has no effect beside artifact: the output of the step is then the reference of the artifact.');
    for (const fault of this.#context.checkOutputSchema?.(outputSchema, `${path}.outputSchema`) ?? [])
      this.#faults.add(fault.path, fault.code as ErrorCode, fault.message, { expected: fault.expected, near: fault.nearMatches });
  }

  #checkWithoutItems(step: WorkflowStep, path: string): void {
    if (step.maxParallel !== undefined)
      this.#fault(`${path}.maxParallel`, 'maxParallel of a step has an effect only with forEach.', 'forEach here, or maxParallel of the workflow');
    if (step.tolerateFailures !== undefined)
      this.#fault(`${path}.tolerateFailures`, 'tolerateFailures has an effect only with forEach.', 'forEach here, or continueOnError: true');
  }

  #checkWaiting(step: WorkflowStep, path: string): void {
    const refuse = (field: keyof WorkflowStep, why: string, expected?: string): void => {
      if (step[field] !== undefined) this.#fault(`${path}.${fieldName(field)}`, `${fieldName(field)} has no effect on ${step.task}: ${why}.`, expected);
    };
    if (step.forEach !== undefined && step.task !== 'workflow.run') {
      this.#fault(`${path}.forEach`, `${step.task} cannot run for each item.`, 'a workflow of its own with this step, run with forEach and workflow.run');
    }
    refuse('retry', 'it makes no attempts');
    refuse('artifact', 'it makes no content');
    refuse('cache', 'it does no work that could be saved');
    if (step.outputSchema !== undefined)
      this.#fault(`${path}.outputSchema`, `output has no effect on ${step.task}: it does no work whose output could be checked.`);
    refuse('queue', 'it holds no worker');
    refuse('resources', 'it holds no worker; resource.acquire takes them in with', 'task: resource.acquire with {resources: …}');
    refuse('priority', 'it holds no worker');
    if (step.requires.length > 0) this.#fault(`${path}.requires`, `requires has no effect on ${step.task}: it holds no worker.`);
    if (step.task === 'emit' || step.task === 'resource.release') {
      refuse('timeoutMs', 'it is done at once');
      refuse('deadlineMs', 'it is done at once');
    }
  }

  #checkCache(step: WorkflowStep, cache: StepCache, path: string): void {
    const refuse = (why: string, expected?: string): void => this.#fault(`${path}.cache`, why, expected);
    if (step.forEach !== undefined)
      refuse(
        'cache is not for forEach: its items have no results of their own to keep.',
        'workflow.run for each item, with the cache on a step of that workflow',
      );
    if (step.artifact !== undefined) refuse('cache is not for artifact: the artifact is forgotten with the run that made it.');
    if (step.compensate !== undefined) refuse('cache is not for compensate: what another run undid cannot stand for this one.');
    for (const [root = ''] of this.#context.evaluator.references(cache.key)) {
      if (root === 'session' || root === 'execution')
        this.#fault(`${path}.cache.key`, `${root} may be another one when the step ends, so no key can be made of it.`, 'input and steps');
    }
  }

  #checkCompensation(undo: Compensation, path: string): void {
    this.#checkTask(undo.task, undo.with, path, false);
  }

  #checkTask(task: string, input: JsonObject, path: string, mayWait: boolean): void {
    if (task === '') return;
    if (isWaitingTask(task)) {
      if (!mayWait) this.#fault(`${path}.task`, `${task} waits, and only the steps of the workflow may wait; a task that does work is needed here.`);
      this.#checkInput(WAITING_INPUTS[task], input, path);
      if (task === 'workflow.run') this.#checkChild(input, path);
    } else {
      const type = this.#context.taskTypes.get(task);
      if (type !== undefined) this.#checkInput(type, input, path);
      else {
        const near = this.#faults.near(task, this.#known);
        const expected = near.length > 0 ? undefined : `one of ${this.#known.slice(0, 30).join(', ')}`;
        this.#faults.add(`${path}.task`, 'unknown_task_type', `There is no task type ${task}.`, { expected, near });
      }
    }
  }

  #checkInput(type: TaskInput, input: JsonObject, path: string): void {
    checkTaskInput(type, input, `${path}.with`, (value: Json) => this.#context.evaluator.isDynamic(value), this.#faults);
  }

  #checkChild(input: JsonObject, path: string): void {
    const { workflow } = input;
    const names = this.#context.workflowNames;
    if (names === undefined || typeof workflow !== 'string' || workflow === this.#ownName || names.has(workflow)) return;
    if (this.#context.evaluator.isDynamic(workflow)) return;
    this.#faults.add(`${path}.with.workflow`, 'not_found', `There is no workflow ${workflow}.`, { near: this.#faults.near(workflow, names) });
  }

  #fault(path: string, message: string, expected?: string): void {
    this.#faults.add(path, 'invalid_definition', message, { expected });
  }
}

/** As users write it. */
function fieldName(field: keyof WorkflowStep): string {
  return field.replace(/Ms$/, '');
}
