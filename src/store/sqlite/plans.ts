// Owns compiled plans: one per definition hash, dropped least recently used first.

import { StoreError } from '../../domain/errors.ts';
import type { Plan } from '../../domain/plan.ts';
import type { WorkflowDefinition } from '../../domain/workflow-definition.ts';
import type { Tx } from './tx.ts';

const KEPT = 200;

export class Plans {
  readonly #tx: Tx;
  readonly #kept = new Map<string, Plan>();
  /** Compiled since the last COMMIT: their definition may not be stored yet. */
  #fresh: string[] = [];

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  find(hash: string): Plan | undefined {
    const known = this.#kept.get(hash);
    if (known !== undefined) return known;
    const row = this.#tx.sql('SELECT json FROM definition WHERE hash = ? LIMIT 1').get(hash) as { json: string } | undefined;
    if (row === undefined) return undefined;
    const plan = this.#tx.env.compile(JSON.parse(row.json) as WorkflowDefinition, hash);
    if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    this.#kept.set(hash, plan);
    if (this.#tx.db.inTransaction) this.#fresh.push(hash);
    return plan;
  }

  committed(): void {
    this.#fresh = [];
  }

  rolledBack(): void {
    for (const hash of this.#fresh) this.#kept.delete(hash);
    this.#fresh = [];
  }

  require(hash: string): Plan {
    const plan = this.find(hash);
    if (plan === undefined) throw new StoreError('not_found', `No definition with hash ${hash.slice(0, 12)} is stored.`);
    return plan;
  }
}
