// Owns the shape of the DAG: ids are unique, needs exist, nothing needs itself in a circle, and reads follow needs.

import { findCycles } from './cycle.ts';
import type { FaultList } from './definition-faults.ts';
import { needsOrder, notAncestors } from './reachability.ts';
import { MAX_EDGES, type WorkflowDefinition } from './workflow-definition.ts';

/** A cycle this long is told in full; of a longer one both ends are. */
const CYCLE_SHOWN = 12;

export class StepGraph {
  readonly #definition: WorkflowDefinition;
  readonly #faults: FaultList;
  readonly #indexOf = new Map<string, number>();
  readonly #handlerOf = new Map<string, number>();
  readonly #needs: number[][] = [];
  readonly #reads: { readonly node: number; readonly ancestor: number; readonly path: string }[] = [];

  constructor(definition: WorkflowDefinition, faults: FaultList) {
    this.#definition = definition;
    this.#faults = faults;
    for (const [i, step] of definition.steps.entries()) this.#claim(step.id, i, this.#indexOf, `steps[${i}]`);
    for (const [i, step] of definition.onFailure.entries()) this.#claim(step.id, i, this.#handlerOf, `onFailure[${i}]`);
  }

  get ids(): ReadonlyMap<string, number> {
    return this.#indexOf;
  }

  #claim(id: string, index: number, map: Map<string, number>, path: string): void {
    if (id === '') return;
    if (this.#indexOf.has(id) || this.#handlerOf.has(id))
      this.#faults.add(`${path}.id`, 'invalid_definition', `The id ${id} is used twice; every step needs its own.`);
    else map.set(id, index);
  }

  /** Checks ids, needs and cycles. */
  checkNeeds(): void {
    const { steps } = this.#definition;
    let edges = 0;
    for (const [i, step] of steps.entries()) {
      const needs: number[] = [];
      for (const [k, id] of step.needs.entries()) {
        const path = `steps[${i}].needs[${k}]`;
        const target = this.#indexOf.get(id);
        if (id === step.id) this.#faults.add(path, 'invalid_definition', `The step ${id} needs itself.`);
        else if (target !== undefined) needs.push(target);
        else if (this.#handlerOf.has(id))
          this.#faults.add(path, 'invalid_definition', `${id} is an onFailure step; those run after all steps and cannot be needed.`);
        else this.#unknown(id, path);
      }
      edges += step.needs.length;
      this.#needs.push(needs);
    }
    if (edges > MAX_EDGES) {
      this.#faults.add('steps', 'limit_exceeded', `The steps have ${edges} needs.`, { expected: `at most ${MAX_EDGES.toLocaleString('en')} together` });
    }
    for (const cycle of findCycles(this.#needs)) this.#tellCycle(cycle);
  }

  #unknown(id: string, path: string): void {
    const near = this.#faults.near(id, this.#indexOf);
    this.#faults.add(path, 'unresolved_reference', `There is no step ${id}.`, { near });
  }

  #tellCycle(cycle: readonly number[]): void {
    const { steps } = this.#definition;
    const ids = cycle.map((index) => (steps[index] as { readonly id: string }).id);
    const last = cycle[cycle.length - 1] as number;
    const closing = (steps[last] as { readonly needs: readonly string[] }).needs.indexOf(ids[0] as string);
    const shown = ids.length <= CYCLE_SHOWN ? ids : [...ids.slice(0, CYCLE_SHOWN / 2), `(${ids.length - CYCLE_SHOWN} more)`, ...ids.slice(-CYCLE_SHOWN / 2)];
    const expected = 'no circle: take one of these needs out';
    this.#faults.add(
      `steps[${last}].needs[${closing}]`,
      'invalid_definition',
      `The steps need each other in a circle: ${[...shown, ids[0]].join(' -> ')} (-> is needs).`,
      { expected },
    );
  }

  /** A step may read its ancestors; its compensation may read the step itself too. Answered by checkReads(). */
  reader(node: number, itself: boolean): (id: string, path: string) => void {
    const own = (this.#definition.steps[node] as { readonly id: string }).id;
    return (id, path) => {
      const target = this.#indexOf.get(id);
      if (id === own) {
        if (!itself) this.#faults.add(path, 'unresolved_reference', `The step ${id} reads itself, but has no output before it has run.`);
      } else if (target !== undefined) this.#reads.push({ node, ancestor: target, path });
      else if (this.#handlerOf.has(id)) this.#faults.add(path, 'unresolved_reference', `${id} is an onFailure step; those run after all steps.`);
      else this.#unknown(id, path);
    };
  }

  /** What runs when all steps are done may read all of them; an onFailure step also those before it. */
  finalReader(handler: number | undefined): (id: string, path: string) => void {
    return (id, path) => {
      if (this.#indexOf.has(id)) return;
      const other = this.#handlerOf.get(id);
      if (other === undefined) this.#unknown(id, path);
      else if (handler === undefined) this.#faults.add(path, 'unresolved_reference', `${id} is an onFailure step; it does not run when the output is made.`);
      else if (other >= handler) this.#faults.add(path, 'unresolved_reference', `The onFailure step ${id} has not run yet here; they run one after another.`);
    };
  }

  /** After all places were visited: every step that is read must be among the ancestors of its reader. */
  checkReads(): void {
    const order = needsOrder(this.#needs);
    const missing = notAncestors(this.#needs, order, this.#reads);
    // A reader that its source depends on cannot be helped by adding a need.
    const turned = missing.map((read) => ({ ...read, node: read.ancestor, ancestor: read.node }));
    const unrelated = new Set(notAncestors(this.#needs, order, turned).map(({ node, ancestor, path }) => `${ancestor} ${node} ${path}`));
    const { steps } = this.#definition;
    for (const { node, ancestor, path } of missing) {
      const reader = (steps[node] as { readonly id: string }).id;
      const source = (steps[ancestor] as { readonly id: string }).id;
      if (unrelated.has(`${node} ${ancestor} ${path}`)) {
        const message = `${reader} reads steps.${source}, but does not wait for it: ${source} is not among what ${reader} needs.`;
        this.#faults.add(path, 'unresolved_reference', message, { expected: `needs: [${source}] in step ${reader}` });
      } else {
        this.#faults.add(path, 'unresolved_reference', `${reader} reads steps.${source}, which runs only after ${reader}.`);
      }
    }
  }
}
