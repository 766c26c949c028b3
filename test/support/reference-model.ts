// Owns the smallest honest queue: jobs in a map, every rule written as plainly as it can be said, to compare stores with.
import { rankOf } from '../../src/domain/priority.ts';

export interface ModelJob {
  readonly id: string;
  /** Order of creation: the second key of the queue's order. */
  readonly order: number;
  readonly priority: number;
  readonly needs: readonly string[];
  readonly maxAttempts: number;
  status: 'pending' | 'running' | 'retry' | 'completed' | 'failed' | 'cancelled';
  runAt: number | null;
  rank: number | null;
  /** Needs that have not completed; a redriven job has none. */
  open: Set<string>;
  token: number;
  attempt: number;
  crashes: number;
  owner: number | null;
}

export const RETRY_MS = 1_000;

export class ReferenceModel {
  readonly jobs = new Map<string, ModelJob>();
  readonly #ageStepMs: number;
  readonly #maxCrashes: number;

  constructor(ageStepMs: number, maxCrashes: number) {
    this.#ageStepMs = ageStepMs;
    this.#maxCrashes = maxCrashes;
  }

  enqueue(
    now: number,
    p: { readonly id: string; readonly priority: number; readonly runAt: number | null; readonly needs: readonly string[]; readonly maxAttempts: number },
  ): void {
    const statuses = p.needs.map((need) => (this.jobs.get(need) as ModelJob).status);
    const job: ModelJob = {
      ...p,
      order: this.jobs.size,
      status: 'pending',
      rank: null,
      token: 0,
      attempt: 0,
      crashes: 0,
      owner: null,
      open: new Set(p.needs.filter((need) => (this.jobs.get(need) as ModelJob).status !== 'completed')),
    };
    this.jobs.set(p.id, job);
    if (statuses.some((status) => status === 'failed' || status === 'cancelled')) this.#end(now, job, 'cancelled');
    else this.#admit(now, job);
  }

  /** Ids in the order in which a claim must give them. */
  ready(): string[] {
    const ready = [...this.jobs.values()].filter((job) => job.rank !== null);
    return ready.sort((a, b) => (a.rank as number) - (b.rank as number) || a.order - b.order).map((job) => job.id);
  }

  claim(owner: number, limit: number): { readonly id: string; readonly token: number; readonly attempt: number }[] {
    return this.ready()
      .slice(0, limit)
      .map((id) => {
        const job = this.jobs.get(id) as ModelJob;
        Object.assign(job, { status: 'running', rank: null, owner, token: job.token + 1, attempt: job.attempt + 1 });
        return { id, token: job.token, attempt: job.attempt };
      });
  }

  complete(now: number, id: string): void {
    this.#end(now, this.jobs.get(id) as ModelJob, 'completed');
  }

  fail(now: number, id: string): void {
    const job = this.jobs.get(id) as ModelJob;
    if (job.attempt < job.maxAttempts) Object.assign(job, { status: 'retry', owner: null, runAt: now + RETRY_MS });
    else this.#end(now, job, 'failed');
  }

  giveBack(now: number, id: string, crashed: boolean): void {
    const job = this.jobs.get(id) as ModelJob;
    job.attempt--;
    if (crashed) job.crashes++;
    if (job.crashes > this.#maxCrashes) {
      this.#end(now, job, 'failed');
      return;
    }
    Object.assign(job, { status: 'pending', owner: null, runAt: null });
    this.#admit(now, job);
  }

  crash(now: number, owner: number): void {
    for (const job of [...this.jobs.values()]) if (job.owner === owner) this.giveBack(now, job.id, true);
  }

  fireDue(now: number): void {
    for (const job of this.jobs.values()) {
      if ((job.status !== 'pending' && job.status !== 'retry') || job.rank !== null || job.runAt === null || job.runAt > now) continue;
      job.status = 'pending';
      this.#admit(now, job);
    }
  }

  cancelWaiting(now: number, id: string): boolean {
    const job = this.jobs.get(id) as ModelJob;
    if (job.status !== 'pending' && job.status !== 'retry') return false;
    this.#end(now, job, 'cancelled');
    return true;
  }

  redrive(now: number, id: string): boolean {
    const job = this.jobs.get(id) as ModelJob;
    if (job.status !== 'failed' && job.status !== 'cancelled') return false;
    Object.assign(job, { status: 'pending', attempt: 0, crashes: 0, runAt: null, open: new Set() });
    this.#admit(now, job);
    return true;
  }

  clear(now: number): void {
    for (const id of [...this.jobs.keys()]) this.cancelWaiting(now, id);
  }

  #admit(now: number, job: ModelJob): void {
    if (job.open.size > 0 || (job.runAt !== null && job.runAt > now)) return;
    Object.assign(job, { runAt: null, rank: rankOf(now, job.priority, this.#ageStepMs) });
  }

  #end(now: number, job: ModelJob, status: 'completed' | 'failed' | 'cancelled'): void {
    Object.assign(job, { status, rank: null, owner: null });
    for (const other of this.jobs.values()) {
      if (other.status !== 'pending' || !other.open.has(job.id)) continue;
      other.open.delete(job.id);
      if (status === 'completed') this.#admit(now, other);
      else this.#end(now, other, 'cancelled');
    }
  }
}
