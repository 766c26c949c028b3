// Owns what a queue with a store of its own needs to stay true: due times, the heartbeat of this process, work of dead ones.
import { hostname } from 'node:os';
import type { Service } from '../domain/service.ts';
import type { Decide } from '../domain/transition.ts';
import { ChangePoller } from '../runtime/change-poller.ts';
import { createDueTimer } from '../runtime/due-timer.ts';
import { createSweeper } from '../runtime/sweeper.ts';
import type { Ticker } from '../runtime/ticker.ts';
import type { Backend } from '../store/backend.ts';

export interface QueueUpkeepOptions {
  readonly backend: Backend;
  readonly namespace: string;
  readonly now: () => number;
  readonly decide: Decide;
  readonly onError: (error: unknown) => void;
}

const SWEEP = { sweepMs: 5_000, heartbeatMs: 10_000, retention: null } as const;

export class QueueUpkeep {
  readonly #o: QueueUpkeepOptions;
  readonly #timer: Ticker;
  readonly #services: readonly Service[];
  #epoch = 0;
  #unsubscribe: (() => void) | null = null;

  constructor(options: QueueUpkeepOptions) {
    this.#o = options;
    const { backend, decide, now, onError } = options;
    this.#timer = createDueTimer({ backend, decide, now, leading: () => true, onError });
    const sweeper = createSweeper({ backend, decide, now, epoch: () => this.#epoch, settings: SWEEP, candidate: false, onLost: () => this.#join(), onError });
    this.#services = [this.#timer, sweeper, ...(backend.capabilities.shared ? [new ChangePoller(backend, onError)] : [])];
  }

  /** Registration of this process; claims belong to it. */
  get epoch(): number {
    return this.#epoch;
  }

  async start(): Promise<void> {
    await this.#join();
    this.#unsubscribe = this.#o.backend.onCommit((notice) => {
      if (notice.timersChanged) this.#timer.wake();
    });
    for (const service of this.#services) service.start();
  }

  async #join(): Promise<void> {
    this.#epoch = await this.#o.backend.join({
      pid: process.pid,
      host: hostname(),
      role: 'queue',
      namespace: this.#o.namespace,
      capabilities: [],
      version: '0',
    });
  }

  /** Admits what is due by now, and tells the delay in ms until the next look; the timer does the same by itself. */
  fireDue(): Promise<number> {
    return this.#timer.tick();
  }

  /** Takes back what dead processes held; true when there was something. */
  async reclaim(): Promise<boolean> {
    return (await this.#o.backend.reclaim({ epoch: this.#epoch, decide: this.#o.decide })).jobs > 0;
  }

  /** Ends the services and gives claimed jobs back. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    await Promise.all(this.#services.map((service) => service.stop()));
    await this.#o.backend.leave({ epoch: this.#epoch, decide: this.#o.decide });
  }
}
