// Owns the implicit session of a connection: made with the first call that changes something, never for a read, and left behind open
// work when the connection ends.
import type { Caller } from './orchestration/caller.ts';
import type { OrchestrationEngine } from './orchestration/orchestration-engine.ts';

export class ConnectionSession {
  readonly #principal: string;
  #id: Promise<string> | null = null;
  #known: string | null = null;
  #worker: { readonly id: string; readonly leaseMs: number } | null = null;

  constructor(principal: string) {
    this.#principal = principal;
  }

  /** Its id, if it was made. */
  get id(): string | null {
    return this.#known;
  }

  /** The worker agent that this connection was last seen as. */
  get worker(): { readonly id: string; readonly leaseMs: number } | null {
    return this.#worker;
  }

  /** From now on its calls renew the leases of this worker. */
  actAs(engine: OrchestrationEngine, id: string): void {
    const worker = engine.backend.getWorker(id);
    if (worker !== null) this.#worker = { id, leaseMs: worker.leaseMs };
  }

  /** Its id; made when there is none, or when somebody closed it. */
  async ensure(engine: OrchestrationEngine): Promise<string> {
    const closed = this.#known !== null && engine.backend.getSession(this.#known)?.closedAt !== null;
    if (this.#id === null || closed) {
      this.#known = null;
      const making = this.#make(engine);
      making.catch(() => {
        if (this.#id === making) this.#id = null;
      });
      this.#id = making;
    }
    return this.#id;
  }

  async #make(engine: OrchestrationEngine): Promise<string> {
    const caller: Caller = { principal: this.#principal, actor: 'agent', sessionId: null };
    const { session } = await engine.createSession({ implicit: true, metadata: { epoch: engine.epoch } }, caller);
    this.#known = session.id;
    return session.id;
  }

  /** Ends it; its work goes on. */
  async close(engine: OrchestrationEngine): Promise<void> {
    await this.#signOff(engine);
    if (this.#id === null) return;
    const id = await this.#id.catch(() => null);
    if (id !== null) await engine.closeSession(id, 'detach');
  }
  /** A worker that holds something may come back for it within its lease; one that holds nothing is gone. */
  async #signOff(engine: OrchestrationEngine): Promise<void> {
    const worker = this.#worker === null ? null : engine.backend.getWorker(this.#worker.id);
    if (worker?.status === 'active' && worker.held.length === 0) await engine.workerAgents.leave(worker.id, this.#principal);
  }
}
