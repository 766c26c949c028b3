// Owns the dispatch on a virtual clock, as the engine does it: whenever a slot is free, the first ready item in order that its pools let in starts.
import { MinHeap } from './min-heap.ts';
import type { Placement, PlanCapacity, PlanTask } from './plan-model.ts';

/** How one attempt of one item goes. */
export interface AttemptResult {
  readonly runMs: number;
  readonly failed: boolean;
  /** Ms until it is tried again; null: no further attempt. */
  readonly againMs: number | null;
}

export interface DispatchRules {
  /** Place of a task in the order, smaller first; ties as defined. */
  readonly order: readonly number[];
  /** `speed` is that of the worker, 1 on equal slots and for what waits. */
  readonly attempt: (task: number, item: number, attempt: number, speed: number) => AttemptResult;
  /** With workers: who does an item, and its place in that worker's own order. */
  readonly assigned?: { readonly worker: (task: number, item: number) => number; readonly place: (task: number, item: number) => number } | undefined;
  /** Keep every attempt; without it only times are counted. */
  readonly record?: boolean | undefined;
}

export interface Dispatched {
  /** End of the last item, or the moment at which the run failed. */
  readonly makespanMs: number;
  readonly failed: boolean;
  readonly placements: readonly Placement[];
  /** Sum of the attempts that held a slot, by task. */
  readonly busyMs: readonly number[];
  /** When each task ended; -1 where the run failed before. */
  readonly endsMs: readonly number[];
}

export function dispatch(tasks: readonly PlanTask[], outs: readonly (readonly number[])[], capacity: PlanCapacity, rules: DispatchRules): Dispatched {
  return new Dispatch(tasks, outs, capacity, rules).run();
}

/** First number of each task's items, so that every item has a number of its own. */
export function itemBases(tasks: readonly Pick<PlanTask, 'count'>[]): number[] {
  let next = 0;
  return tasks.map((task) => {
    const base = next;
    next += task.count;
    return base;
  });
}

class Dispatch {
  readonly #tasks: readonly PlanTask[];
  readonly #outs: readonly (readonly number[])[];
  readonly #rules: DispatchRules;
  readonly #speeds: readonly number[];
  readonly #base: number[];
  readonly #taskOf: Int32Array;
  readonly #open: number[];
  readonly #left: number[];
  readonly #next: number[];
  readonly #failures: number[];
  readonly #eventAt: Float64Array;
  readonly #attempts: Uint16Array;
  /** 0 before an item starts, and between two of its attempts. */
  readonly #underWay: Uint8Array;
  readonly #failedNow: Uint8Array;
  /** Ms until the next attempt; -1: none. */
  readonly #again: Float64Array;
  /** Slot of a running item; -1 while it holds none. */
  readonly #slotOf: Int32Array;
  readonly #events: MinHeap;
  /** One line for equal slots, one per worker. */
  readonly #ready: MinHeap[];
  readonly #idle: MinHeap[];
  readonly #free: Map<string, number>;
  readonly #blocked = new Map<string, MinHeap>();
  readonly #byOrder: (unit: number) => number;
  readonly #placements: Placement[] = [];
  readonly #busy: number[];
  readonly #ends: number[];
  #now = 0;
  #failed = false;

  constructor(tasks: readonly PlanTask[], outs: readonly (readonly number[])[], capacity: PlanCapacity, rules: DispatchRules) {
    this.#tasks = tasks;
    this.#outs = outs;
    this.#rules = rules;
    this.#base = itemBases(tasks);
    const units = tasks.reduce((sum, task) => sum + task.count, 0);
    this.#taskOf = new Int32Array(units);
    for (const [at, task] of tasks.entries()) this.#taskOf.fill(at, this.#base[at] as number, (this.#base[at] as number) + task.count);
    this.#open = tasks.map((task) => task.needs.length);
    this.#left = tasks.map((task) => task.count);
    this.#next = new Array<number>(tasks.length).fill(0);
    this.#failures = new Array<number>(tasks.length).fill(0);
    this.#busy = new Array<number>(tasks.length).fill(0);
    this.#ends = new Array<number>(tasks.length).fill(-1);
    this.#eventAt = new Float64Array(units);
    this.#attempts = new Uint16Array(units);
    this.#underWay = new Uint8Array(units);
    this.#failedNow = new Uint8Array(units);
    this.#again = new Float64Array(units);
    this.#slotOf = new Int32Array(units).fill(-1);
    this.#events = new MinHeap((unit) => this.#eventAt[unit] as number);
    const { assigned, order } = rules;
    this.#byOrder = (unit) => order[this.#taskOf[unit] as number] as number;
    const place = assigned === undefined ? this.#byOrder : (unit: number): number => assigned.place(this.#taskOf[unit] as number, this.#itemOf(unit));
    const lines = assigned === undefined ? 1 : (capacity.workers ?? []).length;
    this.#ready = Array.from({ length: lines }, () => new MinHeap(place));
    this.#idle = Array.from({ length: lines }, () => new MinHeap((slot) => slot));
    this.#speeds = assigned === undefined ? [] : (capacity.workers ?? []).map((worker) => worker.speed);
    if (assigned === undefined) for (let slot = 0; slot < Math.min(capacity.slots, Math.max(1, units)); slot++) (this.#idle[0] as MinHeap).push(slot);
    else for (let worker = 0; worker < lines; worker++) (this.#idle[worker] as MinHeap).push(worker);
    this.#free = new Map(Object.entries(capacity.pools));
  }

  run(): Dispatched {
    for (const [at, task] of this.#tasks.entries()) if (task.needs.length === 0) this.#release(at);
    for (;;) {
      if (!this.#failed) this.#startReady();
      const first = this.#events.peek();
      if (first === undefined || this.#failed) break;
      this.#now = this.#eventAt[first] as number;
      for (let unit: number | undefined = first; unit !== undefined && this.#eventAt[unit] === this.#now; unit = this.#events.peek()) {
        this.#events.pop();
        this.#happen(unit);
      }
    }
    return { makespanMs: this.#now, failed: this.#failed, placements: this.#placements, busyMs: this.#busy, endsMs: this.#ends };
  }

  #itemOf(unit: number): number {
    return unit - (this.#base[this.#taskOf[unit] as number] as number);
  }

  /** A task whose needs have ended: its first items stand ready. */
  #release(at: number): void {
    const task = this.#tasks[at] as PlanTask;
    if (task.count === 0) this.#end(at);
    for (let i = Math.min(task.width, task.count); i > 0; i--) this.#nextItem(at);
  }

  #nextItem(at: number): void {
    if ((this.#next[at] as number) >= (this.#tasks[at] as PlanTask).count) return;
    const unit = (this.#base[at] as number) + (this.#next[at] as number)++;
    this.#queue(unit);
  }

  #queue(unit: number): void {
    const at = this.#taskOf[unit] as number;
    if ((this.#tasks[at] as PlanTask).kind === 'wait') this.#begin(unit, -1, 1);
    else (this.#ready[this.#rules.assigned?.worker(at, this.#itemOf(unit)) ?? 0] as MinHeap).push(unit);
  }

  #startReady(): void {
    for (const [line, ready] of this.#ready.entries()) {
      const idle = this.#idle[line] as MinHeap;
      while (idle.size > 0) {
        const unit = ready.pop();
        if (unit === undefined) break;
        const { pools } = this.#tasks[this.#taskOf[unit] as number] as PlanTask;
        const short = this.#shortPool(pools);
        if (short !== undefined) {
          this.#waitingFor(short).push(unit);
          continue;
        }
        for (const name in pools) this.#free.set(name, (this.#free.get(name) ?? Number.POSITIVE_INFINITY) - (pools[name] as number));
        this.#begin(unit, idle.pop() as number, this.#speeds[line] ?? 1);
      }
    }
  }

  #shortPool(pools: Readonly<Record<string, number>>): string | undefined {
    for (const name in pools) if ((pools[name] as number) > (this.#free.get(name) ?? Number.POSITIVE_INFINITY) + EPSILON) return name;
    return undefined;
  }

  #waitingFor(pool: string): MinHeap {
    const known = this.#blocked.get(pool) ?? new MinHeap(this.#byOrder);
    this.#blocked.set(pool, known);
    return known;
  }

  #begin(unit: number, slot: number, speed: number): void {
    const at = this.#taskOf[unit] as number;
    const attempt = (this.#attempts[unit] as number) + 1;
    this.#attempts[unit] = attempt;
    const result = this.#rules.attempt(at, this.#itemOf(unit), attempt, speed);
    this.#slotOf[unit] = slot;
    this.#underWay[unit] = 1;
    this.#failedNow[unit] = result.failed ? 1 : 0;
    this.#again[unit] = result.againMs ?? -1;
    if (slot >= 0) this.#busy[at] = (this.#busy[at] as number) + result.runMs;
    if (this.#rules.record === true) this.#placements.push({ task: at, item: this.#itemOf(unit), slot, startMs: this.#now, endMs: this.#now + result.runMs });
    this.#eventAt[unit] = this.#now + result.runMs;
    this.#events.push(unit);
  }

  #happen(unit: number): void {
    if (this.#underWay[unit] === 0) {
      this.#queue(unit);
      return;
    }
    this.#underWay[unit] = 0;
    const failed = this.#failedNow[unit] === 1;
    const again = this.#again[unit] as number;
    const at = this.#taskOf[unit] as number;
    this.#giveBack(unit);
    if (failed && again >= 0) {
      this.#eventAt[unit] = this.#now + again;
      this.#events.push(unit);
      return;
    }
    const task = this.#tasks[at] as PlanTask;
    if (failed && bump(this.#failures, at, 1) > task.toleratedItems && !task.continueOnError) {
      this.#failed = true;
      return;
    }
    this.#nextItem(at);
    if (bump(this.#left, at, -1) === 0) this.#end(at);
  }

  #giveBack(unit: number): void {
    const slot = this.#slotOf[unit] as number;
    if (slot < 0) return;
    this.#slotOf[unit] = -1;
    const task = this.#tasks[this.#taskOf[unit] as number] as PlanTask;
    (this.#idle[this.#rules.assigned === undefined ? 0 : slot] as MinHeap).push(slot);
    for (const name in task.pools) {
      const free = (this.#free.get(name) ?? Number.POSITIVE_INFINITY) + (task.pools[name] as number);
      this.#free.set(name, free);
      const waiting = this.#blocked.get(name);
      // In order: who does not fit yet holds up those behind, as in a fair queue.
      for (let next = waiting?.peek(); next !== undefined && this.#amountOf(next, name) <= free + EPSILON; next = waiting?.peek()) {
        waiting?.pop();
        this.#queue(next);
      }
    }
  }

  #amountOf(unit: number, pool: string): number {
    return (this.#tasks[this.#taskOf[unit] as number] as PlanTask).pools[pool] ?? 0;
  }

  /** What needs it may go on; groups without items end with it, however many follow each other. */
  #end(first: number): void {
    const ended = [first];
    for (let at = ended.pop(); at !== undefined; at = ended.pop()) {
      this.#ends[at] = this.#now;
      for (const out of this.#outs[at] as readonly number[]) {
        if (bump(this.#open, out, -1) > 0) continue;
        if ((this.#tasks[out] as PlanTask).count === 0) ended.push(out);
        else this.#release(out);
      }
    }
  }
}

function bump(counts: number[], at: number, by: number): number {
  const next = (counts[at] as number) + by;
  counts[at] = next;
  return next;
}

/** Sums of fractions of a pool may differ in the last digit. */
const EPSILON = 1e-9;
