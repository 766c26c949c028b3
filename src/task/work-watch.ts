// Owns waiting for work that a worker agent could take: woken by commits, looked for without a write, ended by time, abort or the end.
import { offeredBy } from '../domain/worker-agent.ts';
import type { Backend, CommitNotice } from '../store/backend.ts';

/** Wake-ups closer than this share one look. */
const GAP_MS = 20;

export interface WorkWanted {
  readonly namespace: string;
  readonly capabilities: readonly string[];
  readonly queue: string | undefined;
}

export class WorkWatch {
  readonly #backend: Backend;
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Told of each commit. */
  notify(notice: CommitNotice): void {
    if (notice.jobsReady || notice.foreign) this.#wakeAll();
  }

  /** Ends all waits, and those to come at once. */
  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves when there may be work, after `ms`, or when the signal aborts. */
  next(wanted: WorkWanted, ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      let look: NodeJS.Timeout | null = null;
      let lookedAt = Number.NEGATIVE_INFINITY;
      const done = (): void => {
        clearTimeout(timer);
        if (look !== null) clearTimeout(look);
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      // A claim is a write, which wakes the others that wait; so look first.
      const wake = (): void => {
        if (this.#closed) return done();
        look ??= setTimeout(
          () => {
            look = null;
            lookedAt = performance.now();
            if (this.#seesWork(wanted)) done();
          },
          Math.max(0, lookedAt + GAP_MS - performance.now()),
        );
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
      this.#waiting.add(wake);
      wake();
    });
  }

  /** A store that cannot be read is told by the claim that follows. */
  #seesWork({ namespace, capabilities, queue }: WorkWanted): boolean {
    try {
      return this.#backend.hasReadyJobs({ namespace, capabilities: offeredBy(capabilities), queue, forWorker: true });
    } catch {
      return true;
    }
  }
}
