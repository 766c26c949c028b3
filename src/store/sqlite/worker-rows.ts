// Owns the rows of worker agents: who they are, and the one lease over all that each of them holds.
import type { JsonObject } from '../../domain/json.ts';
import { type HeldJob, leaseEnd, offeredBy, opensLane, type WorkerAgent, type WorkerHello } from '../../domain/worker-agent.ts';
import type { Backend, CapabilityCover } from '../backend.ts';
import { WORKER, workerCodes } from './codes.ts';
import type { JobSql } from './job-rows.ts';
import { LEASE_LOST, tally } from './tallies.ts';
import type { Tx } from './tx.ts';

export interface WorkerSql {
  num: number;
  id: string;
  ns: number;
  name: string;
  principal: string;
  capabilities: string;
  labels: string;
  capacity: number;
  status: number;
  registered_at: number;
  last_seen_at: number;
  lease_until: number;
  lease_ms: number;
  nonces: string;
  completed: number;
  failed: number;
  crashes: number;
}

const MAX_COVER = 20;

/** The worker agents of one connection. */
export class WorkerRows {
  readonly #tx: Tx;

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  byId(id: string): WorkerSql | undefined {
    return this.#tx.sql('SELECT * FROM worker WHERE id = ?').get(id) as WorkerSql | undefined;
  }

  /** Registers, finds and renews; null when the id names no worker of this namespace and principal. */
  greet(hello: WorkerHello): WorkerSql | null {
    const tx = this.#tx;
    const ns = tx.namespace(hello.namespace);
    const known =
      hello.id === null
        ? (tx.sql('SELECT * FROM worker WHERE ns = ? AND principal = ? AND name = ?').get(ns, hello.principal, hello.name) as WorkerSql | undefined)
        : this.byId(hello.id);
    if (hello.id !== null && (known === undefined || known.ns !== ns || known.principal !== hello.principal)) return null;
    const worker = this.#write(known, hello, ns);
    const isBack = known?.status !== WORKER.active;
    if (isBack) this.#joined(worker);
    // A lease that ends later than before is found by the time that is waited for already.
    tx.notice.timersChanged ||= isBack || worker.lease_until < known.lease_until;
    return worker;
  }

  #write(known: WorkerSql | undefined, hello: WorkerHello, ns: number): WorkerSql {
    const tx = this.#tx;
    const said = [JSON.stringify(offeredBy(hello.capabilities)), JSON.stringify(hello.labels), hello.capacity, hello.leaseMs, tx.now, tx.now + hello.leaseMs];
    if (known !== undefined) {
      return tx
        .sql(
          'UPDATE worker SET capabilities = ?, labels = ?, capacity = ?, lease_ms = ?, last_seen_at = ?, lease_until = ?, status = 0 WHERE num = ? RETURNING *',
        )
        .get(...said, known.num) as WorkerSql;
    }
    return tx
      .sql(
        `INSERT INTO worker (capabilities, labels, capacity, lease_ms, last_seen_at, lease_until, id, ns, name, principal, status, registered_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?) RETURNING *`,
      )
      .get(...said, tx.env.newId('worker'), ns, hello.name, hello.principal, tx.now) as WorkerSql;
  }

  #joined(worker: WorkerSql): void {
    this.#tx.log(
      { ns: worker.ns },
      { type: 'worker_joined', data: { worker_id: worker.id, name: worker.name, capabilities: JSON.parse(worker.capabilities) as string[] } },
    );
  }

  /** Any call of a worker renews its lease; one that was lost is back, one that left is only seen. */
  renew(id: string, principal?: string): WorkerSql | null {
    const tx = this.#tx;
    const before = this.byId(id);
    if (before === undefined || (principal !== undefined && before.principal !== principal)) return null;
    const back = before.status === WORKER.lost;
    const worker: WorkerSql = {
      ...before,
      last_seen_at: tx.now,
      ...(before.status === WORKER.left ? {} : { status: WORKER.active, lease_until: tx.now + before.lease_ms }),
    };
    tx.sql('UPDATE worker SET last_seen_at = ?, lease_until = ?, status = ? WHERE num = ?').run(
      worker.last_seen_at,
      worker.lease_until,
      worker.status,
      worker.num,
    );
    if (back) {
      this.#joined(worker);
      tx.notice.timersChanged = true;
    }
    return worker;
  }

  /** A worker whose lease ran out is lost. What it held is held by nobody from then on and due at once, each job for itself. */
  expire(num: number): void {
    const worker = this.#tx.sql('SELECT * FROM worker WHERE num = ? AND status = 0 AND lease_until <= ?').get(num, this.#tx.now) as WorkerSql | undefined;
    if (worker === undefined) return;
    const next = leaseEnd({ leaseUntil: worker.lease_until, leaseMs: worker.lease_ms }, this.#tx.env.limits.leaseMs, this.#tx.now);
    if (next === 'lost') this.#end(worker, WORKER.lost);
    else this.#tx.sql('UPDATE worker SET lease_until = ? WHERE num = ?').run(next, num);
  }

  /** The worker is gone; what could not be given back before is taken from it. */
  end(num: number, status: number): void {
    const worker = this.#tx.sql('SELECT * FROM worker WHERE num = ? AND status NOT IN (?, ?)').get(num, WORKER.left, status) as WorkerSql | undefined;
    if (worker !== undefined) this.#end(worker, status);
  }

  #end(worker: WorkerSql, status: number): void {
    const tx = this.#tx;
    const held = tx.sql('SELECT id FROM job WHERE worker = ? AND status = 1 ORDER BY num').all(worker.num) as { id: string }[];
    for (const { id } of held) tx.notice.stopJobs.push({ jobId: id, forced: true });
    if (held.length > 0) {
      tx.sql('UPDATE job SET worker = NULL, due_at = ? WHERE worker = ? AND status = 1').run(Math.min(tx.now, worker.lease_until), worker.num);
      tx.notice.timersChanged = true;
      tally(tx, worker.ns, LEASE_LOST, held.length);
    }
    tx.sql('UPDATE worker SET status = ?, crashes = crashes + ? WHERE num = ?').run(status, held.length, worker.num);
    const graceful: JsonObject = status === WORKER.left ? { graceful: true } : {};
    tx.log({ ns: worker.ns }, { type: 'worker_lost', data: { worker_id: worker.id, name: worker.name, jobs: held.length, ...graceful } });
  }

  heldBy(num: number): JobSql[] {
    return this.#tx.sql('SELECT * FROM job WHERE worker = ? AND status = 1 ORDER BY num').all(num) as JobSql[];
  }

  read(raw: unknown): WorkerAgent {
    const row = raw as WorkerSql;
    return {
      id: row.id,
      namespace: this.#tx.namespaceName(row.ns),
      name: row.name,
      principal: row.principal,
      capabilities: JSON.parse(row.capabilities) as string[],
      labels: JSON.parse(row.labels) as JsonObject,
      capacity: row.capacity,
      status: workerCodes.name(row.status),
      registeredAt: row.registered_at,
      lastSeenAt: row.last_seen_at,
      leaseUntil: row.lease_until,
      leaseMs: row.lease_ms,
      held: this.#tx.sql('SELECT id AS jobId, token, started_at AS claimedAt FROM job WHERE worker = ? AND status = 1 ORDER BY num').all(row.num) as HeldJob[],
      completed: row.completed,
      failed: row.failed,
      crashes: row.crashes,
    };
  }

  cover(p: Parameters<Backend['capabilityCover']>[0], now: number): CapabilityCover {
    const tx = this.#tx;
    const offers = (text: string): boolean => {
      const offered = JSON.parse(text) as string[];
      return p.requires.every((capability) => offered.includes(capability));
    };
    const processes = tx.sql('SELECT capabilities FROM process WHERE ns = ? AND heartbeat_at > ?').all(p.namespace, now - tx.env.limits.leaseMs) as {
      capabilities: string;
    }[];
    const workers = tx
      .sql(
        `SELECT w.id, w.name, w.capabilities, w.capacity, w.status = 0 AND w.lease_until > ? AS active, (SELECT count(*) FROM job WHERE worker = w.num AND status = 1) AS held
         FROM worker w WHERE w.ns = ? ORDER BY active DESC, w.last_seen_at DESC, w.num`,
      )
      .all(now, tx.findNamespace(p.namespace) ?? -1) as { id: string; name: string; capabilities: string; capacity: number; active: number; held: number }[];
    return {
      processes: processes.filter((row) => offers(row.capabilities)).length,
      workers: workers
        .filter((row) => opensLane(p.requires, new Set(JSON.parse(row.capabilities) as string[])))
        .slice(0, MAX_COVER)
        .map((row) => ({ id: row.id, name: row.name, active: row.active === 1, free: Math.max(0, row.capacity - row.held) })),
    };
  }
}
