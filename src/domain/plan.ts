// Owns the compiled form of a definition: index arrays, made once per hash; node order is definition order.
import type { Evaluator } from './evaluator.ts';
import type { JsonObject } from './json.ts';
import { DEFAULT_RETRY, type RetryPolicy } from './retry-policy.ts';
import type { WorkflowDefinition } from './workflow-definition.ts';
import { WAITING_TASKS, type WaitingTask, type WorkflowStep } from './workflow-step.ts';

export type NodeKind = 'task' | WaitingTask;
export type NodeRegion = 'main' | 'compensate' | 'on_failure';

export interface PlanNode {
  readonly index: number;
  readonly id: string;
  readonly step: WorkflowStep;
  readonly kind: NodeKind;
  readonly region: NodeRegion;
  readonly needs: readonly number[];
  readonly outs: readonly number[];
  /** Capabilities its job asks for: those the step names and the one its task type needs. */
  readonly requires: readonly string[];
  /** The step's policy, or the default one. */
  readonly retry: RetryPolicy;
  /** Step ids that `if`, `forEach`, the key of the cache and (for waiting steps) `with` read. */
  readonly decideReads: readonly string[];
  /** Step ids that `with` reads, for the worker. */
  readonly renderReads: readonly string[];
  /** True when `with` holds expressions. */
  readonly dynamicWith: boolean;
  /** For a compensate node: the step it undoes. */
  readonly compensates?: number | undefined;
}

export interface Plan {
  readonly hash: string;
  readonly definition: WorkflowDefinition;
  readonly nodes: readonly PlanNode[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Nodes of the main region without needs. */
  readonly roots: readonly number[];
  readonly mainCount: number;
  /** Main nodes in topological order. */
  readonly order: readonly number[];
  /** Compensate nodes, the last step of the topological order first. */
  readonly compensations: readonly number[];
  readonly onFailure: readonly number[];
  readonly outputReads: readonly string[];
}

export interface PlanDefaults {
  /** Capability that a process needs for a task with this unrendered input. */
  readonly capabilityOf?: ((task: string, input: JsonObject) => string | undefined) | undefined;
  readonly retry?: RetryPolicy | undefined;
}

/** Compiles a valid definition (see validateDefinition). Nodes: main steps, then compensations, then onFailure steps. */
export function compilePlan(definition: WorkflowDefinition, hash: string, evaluator: Evaluator, defaults: PlanDefaults = {}): Plan {
  const stepReads = (template: unknown): string[] => {
    const ids = new Set<string>();
    for (const path of evaluator.references(template as never)) if (path[0] === 'steps' && path[1] !== undefined) ids.add(path[1]);
    return [...ids];
  };
  const nodes: PlanNode[] = [];
  const outs: number[][] = [];
  const indexOf = new Map<string, number>();
  for (const [i, step] of definition.steps.entries()) indexOf.set(step.id, i);
  const add = (step: WorkflowStep, region: NodeRegion, needs: readonly number[], compensates?: number): void => {
    const kind: NodeKind = (WAITING_TASKS as readonly string[]).includes(step.task) ? (step.task as WaitingTask) : 'task';
    const index = nodes.length;
    const own = kind === 'task' ? defaults.capabilityOf?.(step.task, step.with) : undefined;
    outs.push([]);
    nodes.push({
      index,
      id: step.id,
      step,
      kind,
      region,
      needs,
      outs: outs[index] as number[],
      retry: step.retry ?? defaults.retry ?? DEFAULT_RETRY,
      requires: [...new Set([...step.requires, ...(own === undefined ? [] : [own])])].sort(),
      decideReads: stepReads([step.if ?? null, step.forEach ?? null, step.cache?.key ?? null, kind === 'task' ? null : step.with]),
      renderReads: stepReads(step.with),
      dynamicWith: evaluator.isDynamic(step.with),
      compensates,
    });
  };
  for (const step of definition.steps) {
    add(
      step,
      'main',
      step.needs.map((id) => indexOf.get(id) as number),
    );
  }
  const mainCount = nodes.length;
  for (const node of nodes) for (const need of node.needs) (outs[need] as number[]).push(node.index);
  const order = topologicalOrder(nodes);
  const compensations: number[] = [];
  for (const index of [...order].reverse()) {
    const step = (nodes[index] as PlanNode).step;
    if (step.compensate === undefined) continue;
    const undo: WorkflowStep = {
      id: `compensate:${step.id}`,
      task: step.compensate.task,
      with: step.compensate.with,
      needs: [],
      when: 'all_success',
      continueOnError: true,
      requires: [],
      ...(step.compensate.retry === undefined ? {} : { retry: step.compensate.retry }),
      ...(step.compensate.timeoutMs === undefined ? {} : { timeoutMs: step.compensate.timeoutMs }),
    };
    indexOf.set(undo.id, nodes.length);
    compensations.push(nodes.length);
    add(undo, 'compensate', [], index);
  }
  const onFailure: number[] = [];
  for (const step of definition.onFailure) {
    indexOf.set(step.id, nodes.length);
    onFailure.push(nodes.length);
    add(step, 'on_failure', []);
  }
  return {
    hash,
    definition,
    nodes,
    indexOf,
    roots: order.filter((index) => (nodes[index] as PlanNode).needs.length === 0),
    mainCount,
    order,
    compensations,
    onFailure,
    outputReads: stepReads(definition.output ?? null),
  };
}

/** Kahn's order over the main nodes, ties in definition order. */
function topologicalOrder(nodes: readonly PlanNode[]): number[] {
  const open = nodes.map((node) => node.needs.length);
  const order: number[] = nodes.filter((node) => node.needs.length === 0).map((node) => node.index);
  for (let at = 0; at < order.length; at++) {
    for (const out of (nodes[order[at] as number] as PlanNode).outs) if (--(open[out] as number) === 0) order.push(out);
  }
  return order;
}
