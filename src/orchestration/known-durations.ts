// Owns what this process knows of durations right now: a snapshot that is renewed beside the writes, and the places of steps by it, once per definition and snapshot.
import type { DurationSource } from '../domain/duration-estimate.ts';
import type { Plan } from '../domain/plan.ts';
import { rankPlaces } from '../optimization/step-order.ts';

/** A snapshot that is older is renewed the next time that somebody asks, after the write in which they ask. */
const FRESH_MS = 30_000;
/** Definitions of which places are kept. */
const KEPT = 500;

export interface KnownDurationsOptions {
  readonly namespace: string;
  /** Reads what is known now. */
  readonly read: () => DurationSource;
  readonly now: () => number;
  /** Does something once the write in hand is over. */
  readonly later: (work: () => void) => void;
  readonly onError: (error: unknown) => void;
}

export class KnownDurations {
  readonly #o: KnownDurationsOptions;
  readonly #places = new Map<string, readonly number[] | null>();
  #source: DurationSource = () => null;
  #readAt = Number.NEGATIVE_INFINITY;
  #renewing = false;
  #closed = false;

  constructor(options: KnownDurationsOptions) {
    this.#o = options;
  }

  /** Takes a new snapshot; places follow it. */
  refresh(): void {
    this.#source = this.#o.read();
    this.#readAt = this.#o.now();
    this.#places.clear();
  }

  /** For the store: places of the steps of a run by node, or null when the durations tell nothing. Never reads the store. */
  places(namespace: string, plan: Plan): readonly number[] | null {
    if (namespace !== this.#o.namespace) return null;
    this.#renewLater();
    const known = this.#places.get(plan.hash);
    if (known !== undefined) return known;
    const places = placesOf(plan, this.#source);
    if (this.#places.size >= KEPT) this.#places.delete(this.#places.keys().next().value as string);
    this.#places.set(plan.hash, places);
    return places;
  }

  close(): void {
    this.#closed = true;
  }

  #renewLater(): void {
    if (this.#renewing || Math.abs(this.#o.now() - this.#readAt) < FRESH_MS) return;
    this.#renewing = true;
    this.#o.later(() => {
      this.#renewing = false;
      if (this.#closed) return;
      try {
        this.refresh();
      } catch (error) {
        this.#o.onError(error);
      }
    });
  }
}

/** A step of which nothing is known counts as the mean of those that are known; waits count as nothing. */
function placesOf(plan: Plan, source: DurationSource): readonly number[] | null {
  const nodes = plan.nodes.slice(0, plan.mainCount);
  const found = nodes.map((node) => (node.kind === 'task' ? source({ workflow: plan.definition.name, stepId: node.id, task: node.step.task }) : null));
  const known = found.flatMap((estimate) => (estimate === null ? [] : [estimate.p50Ms]));
  if (known.length === 0) return null;
  const mean = known.reduce((sum, ms) => sum + ms, 0) / known.length;
  const durations = nodes.map((node, at) => (node.kind === 'task' ? (found[at]?.p50Ms ?? mean) : 0));
  const works = nodes.flatMap((node, at) => (node.kind === 'task' ? [durations[at] as number] : []));
  if (works.every((ms) => ms === works[0])) return null;
  return rankPlaces(
    nodes.map((node) => node.needs),
    durations,
  );
}
