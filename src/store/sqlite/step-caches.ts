// Owns the kept results of steps: one row per namespace and identity, the newest result, none past its time.
import { createHash } from 'node:crypto';
import type { PlanNode } from '../../domain/plan.ts';
import { type CachedOutput, type CachePut, cacheIdentity } from '../../domain/step-cache.ts';
import type { ExecutionRecord } from './execution-rows.ts';
import type { Tx } from './tx.ts';

export class StepCaches {
  readonly #tx: Tx;

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  find(ns: number, workflow: string, node: PlanNode, key: string): CachedOutput | undefined {
    return this.#tx
      .sql('SELECT output AS json, execution AS executionId FROM step_cache WHERE ns = ? AND id = ? AND expires_at > ?')
      .get(ns, idOf(workflow, node, key), this.#tx.now) as CachedOutput | undefined;
  }

  /** The newest result stands: of two runs that began without one, that of the later commit. */
  keep({ ns, row }: ExecutionRecord, node: PlanNode, { key, json, expiresAt }: CachePut): void {
    this.#tx
      .sql('INSERT OR REPLACE INTO step_cache (ns, id, workflow, step, execution, output, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(ns, idOf(row.workflow, node, key), row.workflow, node.id, row.id, json, this.#tx.now, expiresAt);
  }

  /** Forgets what is kept for a workflow; at most `limit` results, how many there were. */
  clear(ns: number, workflow: string, limit: number): number {
    return this.#tx
      .sql('DELETE FROM step_cache WHERE (ns, id) IN (SELECT ns, id FROM step_cache WHERE ns = ? AND workflow = ? ORDER BY id LIMIT ?)')
      .run(ns, workflow, limit).changes;
  }

  forgetExpired(limit: number): number {
    return this.#tx
      .sql('DELETE FROM step_cache WHERE (ns, id) IN (SELECT ns, id FROM step_cache WHERE expires_at <= ? ORDER BY expires_at, ns, id LIMIT ?)')
      .run(this.#tx.now, limit).changes;
  }
}

/** 128 bits of the identity: two steps share a result only when they are one. */
function idOf(workflow: string, node: PlanNode, key: string): string {
  return createHash('sha256')
    .update(cacheIdentity(workflow, node, key))
    .digest('hex')
    .slice(0, 32);
}
