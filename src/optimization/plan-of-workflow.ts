// Owns the way from a compiled workflow to tasks of a plan, with everything that was taken for granted said in words.
import type { DurationEstimate, DurationSource } from '../domain/duration-estimate.ts';
import { LogisticsError } from '../domain/errors.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { Plan, PlanNode } from '../domain/plan.ts';
import { DEFAULT_FOREACH_WINDOW } from '../domain/workflow-definition.ts';
import type { PlanTask } from './plan-model.ts';
import { assumedEstimate, givenEstimate, scaled } from './spread.ts';

/** What is known or supposed of the steps; names are step ids, or task types where that is said. */
export interface StepKnowledge {
  readonly source: DurationSource;
  /** Ms by step id or task type; wins over the source. */
  readonly durations?: Readonly<Record<string, number>> | undefined;
  /** By step id or task type, 0 to 1; wins over the source. */
  readonly failureRates?: Readonly<Record<string, number>> | undefined;
  /** Items by step id of a forEach. */
  readonly items?: Readonly<Record<string, number>> | undefined;
  /** Amounts by pool, then by step id. */
  readonly poolNeeds?: Readonly<Record<string, Readonly<Record<string, number>>>> | undefined;
  /** Ms by step id that the definition itself tells of steps that wait. */
  readonly waits?: Readonly<Record<string, number>> | undefined;
}

export interface WorkflowTasks {
  readonly tasks: readonly PlanTask[];
  readonly assumptions: readonly string[];
}

const NAMED = 5;

/** The steps of the main graph; every condition holds, and what only runs after a failure is left out. */
export function tasksOfWorkflow(plan: Plan, known: StepKnowledge): WorkflowTasks {
  const nodes = plan.nodes.slice(0, plan.mainCount);
  refuseUnknown(nodes, known);
  const assumed: string[] = [];
  const unending: string[] = [];
  const uncounted: string[] = [];
  const tasks = nodes.map((node): PlanTask => {
    const { step, kind } = node;
    const waits = kind !== 'task';
    const own = known.durations?.[node.id] ?? known.durations?.[step.task];
    const found = known.source({ workflow: plan.definition.name, stepId: node.id, task: step.task });
    const wait = known.waits?.[node.id];
    let estimate: DurationEstimate;
    if (own !== undefined) estimate = found === null ? givenEstimate(own) : scaled(found, own);
    else if (wait !== undefined) estimate = givenEstimate(wait);
    else if (found !== null) estimate = found;
    else if (waits) {
      if (kind !== 'emit') unending.push(node.id);
      estimate = { ...assumedEstimate(), meanMs: 0, p10Ms: 0, p50Ms: 0, p90Ms: 0, p95Ms: 0 };
    } else {
      assumed.push(node.id);
      estimate = assumedEstimate();
    }
    const failureRate = known.failureRates?.[node.id] ?? known.failureRates?.[step.task];
    const items = step.forEach === undefined ? 1 : (known.items?.[node.id] ?? (Array.isArray(step.forEach) ? step.forEach.length : undefined));
    if (items === undefined) uncounted.push(node.id);
    const count = items ?? 1;
    const { tolerateFailures } = step;
    return {
      id: node.id,
      needs: node.needs,
      kind: waits ? 'wait' : 'slot',
      estimate: failureRate === undefined ? estimate : { ...estimate, failureRate },
      given: own !== undefined,
      count,
      width: step.maxParallel ?? (step.forEach === undefined ? 1 : DEFAULT_FOREACH_WINDOW),
      pools: poolsOf(node, known),
      requires: node.requires,
      retry: node.retry,
      deadlineMs: step.deadlineMs ?? null,
      continueOnError: step.continueOnError,
      toleratedItems:
        tolerateFailures === undefined ? 0 : 'count' in tolerateFailures ? tolerateFailures.count : Math.floor((tolerateFailures.percent / 100) * count),
    };
  });
  return { tasks, assumptions: inWords(nodes, { assumed, unending, uncounted }) };
}

function poolsOf({ id }: PlanNode, known: StepKnowledge): Record<string, number> {
  const pools: Record<string, number> = {};
  for (const [pool, needs] of Object.entries(known.poolNeeds ?? {})) {
    const amount = needs[id];
    if (amount !== undefined && amount > 0) pools[pool] = amount;
  }
  return pools;
}

function inWords(
  nodes: readonly PlanNode[],
  { assumed, unending, uncounted }: { readonly assumed: readonly string[]; readonly unending: readonly string[]; readonly uncounted: readonly string[] },
): string[] {
  const said: string[] = [];
  const some = (ids: readonly string[]): string => `${ids.slice(0, NAMED).join(', ')}${ids.length > NAMED ? ` and ${ids.length - NAMED} more` : ''}`;
  if (assumed.length > 0) said.push(`Nothing is known of how long these take; 1s is assumed, give durations: ${some(assumed)}.`);
  if (unending.length > 0) said.push(`How long these wait cannot be known; 0 is taken, give durations: ${some(unending)}.`);
  if (uncounted.length > 0) said.push(`The number of items is not known; 1 is taken, give items or input: ${some(uncounted)}.`);
  const conditional = nodes.filter((node) => node.step.if !== undefined).map((node) => node.id);
  if (conditional.length > 0) said.push(`The condition is taken to hold of: ${some(conditional)}.`);
  return said;
}

function refuseUnknown(nodes: readonly PlanNode[], known: StepKnowledge): void {
  const ids = nodes.map((node) => node.id);
  const names = [...new Set([...ids, ...nodes.map((node) => node.step.task)])];
  const check = (given: Readonly<Record<string, unknown>> | undefined, path: string, among: readonly string[], expected: string): void => {
    const wrong = Object.keys(given ?? {}).find((name) => !among.includes(name));
    if (wrong !== undefined)
      throw new LogisticsError('invalid_input', `There is no step ${wrong} in this workflow.`, {
        path: `${path}.${wrong}`,
        expected,
        nearMatches: nearMatches(wrong, among),
      });
  };
  check(known.durations, 'durations', names, 'a step id, or a task type of the workflow');
  check(known.failureRates, 'failure_rates', names, 'a step id, or a task type of the workflow');
  check(
    known.items,
    'items',
    nodes.filter((node) => node.step.forEach !== undefined).map((node) => node.id),
    'the id of a step with forEach',
  );
  for (const [pool, needs] of Object.entries(known.poolNeeds ?? {})) check(needs, `pools.${pool}.steps`, ids, 'a step id');
}
