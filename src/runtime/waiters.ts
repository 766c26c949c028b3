// Owns waiting for ids: a waiter ends when its condition holds, its time is over or its signal aborts; waiting holds no lock and
// changes nothing.
import { type JobRange, mayBeIn, parseRange } from '../domain/job-range.ts';
import type { CommitNotice } from '../store/backend.ts';

export type WaitEnd = 'met' | 'timeout' | 'aborted';

interface Waiter {
  readonly ids: ReadonlySet<string>;
  /** Batches among them: the end of any of their jobs counts. */
  readonly ranges: readonly JobRange[];
  readonly check: () => boolean;
  readonly finish: (end: WaitEnd) => void;
}

export class Waiters {
  readonly #byId = new Map<string, Set<Waiter>>();
  readonly #all = new Set<Waiter>();

  get size(): number {
    return this.#all.size;
  }

  /** Resolves when `check` holds, looked at now and whenever one of the ids changes. */
  wait(p: {
    readonly ids: readonly string[];
    readonly check: () => boolean;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal | undefined;
  }): Promise<WaitEnd> {
    if (p.check()) return Promise.resolve('met');
    if (p.signal?.aborted) return Promise.resolve('aborted');
    if (p.timeoutMs <= 0) return Promise.resolve('timeout');
    return new Promise((resolve) => {
      const onAbort = (): void => waiter.finish('aborted');
      const timer = setTimeout(() => waiter.finish('timeout'), Math.min(p.timeoutMs, 2 ** 31 - 1));
      const waiter: Waiter = {
        ids: new Set(p.ids),
        ranges: p.ids.flatMap((id) => parseRange(id) ?? []),
        check: p.check,
        finish: (end) => {
          clearTimeout(timer);
          p.signal?.removeEventListener('abort', onAbort);
          this.#remove(waiter);
          resolve(end);
        },
      };
      p.signal?.addEventListener('abort', onAbort, { once: true });
      this.#all.add(waiter);
      for (const id of waiter.ids) {
        const set = this.#byId.get(id) ?? new Set();
        this.#byId.set(id, set.add(waiter));
      }
    });
  }

  notify(notice: CommitNotice): void {
    if (this.#all.size === 0) return;
    const touched = new Set<Waiter>();
    if (notice.foreign) for (const waiter of this.#all) touched.add(waiter);
    for (const id of [...notice.ended, ...notice.changed]) for (const waiter of this.#byId.get(id) ?? []) touched.add(waiter);
    for (const waiter of this.#all) if (waiter.ranges.some((range) => notice.ended.some((id) => mayBeIn(range, id)))) touched.add(waiter);
    for (const waiter of touched) if (waiter.check()) waiter.finish('met');
  }

  /** Ends all waits, as when the process stops. */
  close(): void {
    for (const waiter of [...this.#all]) waiter.finish('aborted');
  }

  #remove(waiter: Waiter): void {
    this.#all.delete(waiter);
    for (const id of waiter.ids) {
      const set = this.#byId.get(id);
      set?.delete(waiter);
      if (set?.size === 0) this.#byId.delete(id);
    }
  }
}
