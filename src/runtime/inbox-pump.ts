// Owns that nothing stays in an inbox: continued work, ended children and matched events are taken up at once, and after a
// crash by whoever looks next.
import type { Decide } from '../domain/transition.ts';
import type { Backend } from '../store/backend.ts';
import { Ticker } from './ticker.ts';

const BATCH = 64;
const SWEEP_MS = 5_000;

/** Executions named by `add` first; a sweep finds what another process left. */
export class InboxPump {
  readonly ticker: Ticker;
  readonly #waiting = new Set<string>();
  readonly #backend: Backend;
  readonly #decide: Decide;
  readonly #onError: (error: unknown) => void;

  constructor(p: { readonly backend: Backend; readonly decide: Decide; readonly onError: (error: unknown) => void }) {
    this.#backend = p.backend;
    this.#decide = p.decide;
    this.#onError = p.onError;
    this.ticker = new Ticker('inbox-pump', () => this.#round(), p.onError);
  }

  add(executionIds: readonly string[]): void {
    if (executionIds.length === 0) return;
    for (const id of executionIds) this.#waiting.add(id);
    this.ticker.wake();
  }

  async #round(): Promise<number> {
    const failed = new Set<string>();
    const found = this.#backend.pendingInbox({ limit: BATCH });
    for (const id of found) this.#waiting.add(id);
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, BATCH);
      for (const id of batch) this.#waiting.delete(id);
      await Promise.all(batch.map((id) => this.#take(id, failed)));
    }
    // As many as were asked for: there are more, unless it is always the same ones that fail.
    return found.length === BATCH && failed.size < BATCH ? 0 : SWEEP_MS;
  }

  /** One execution that cannot be advanced must not hold up the others. */
  async #take(executionId: string, failed: Set<string>): Promise<void> {
    try {
      await this.#backend.update({ executionId, events: [], decide: this.#decide });
    } catch (error) {
      failed.add(executionId);
      this.#onError(error);
    }
  }
}
