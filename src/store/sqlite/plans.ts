// Owns compiled plans: one per definition hash, dropped least recently used first, each with the moment when its use was last noted.

import { StoreError } from '../../domain/errors.ts';
import type { Plan } from '../../domain/plan.ts';
import type { WorkflowDefinition } from '../../domain/workflow-definition.ts';
import { isFresh, markUsed } from './definition-rows.ts';
import type { Tx } from './tx.ts';

const KEPT = 200;

export class Plans {
  readonly #tx: Tx;
  readonly #kept = new Map<string, Plan>();
  readonly #used = new Map<string, number>();
  /** Compiled or noted since the last COMMIT: their definition, or the note, may not be stored yet. */
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
    if (this.#kept.size >= KEPT) this.#drop(this.#kept.keys().next().value as string);
    this.#kept.set(hash, plan);
    if (this.#tx.db.inTransaction) this.#fresh.push(hash);
    return plan;
  }

  /** The plan for a new run: noted at most once an hour, so that its definition is kept and most starts write nothing for it. */
  use(hash: string): Plan {
    if (!isFresh(this.#used.get(hash), this.#tx.now)) {
      // Forgotten by another process, while its plan was still remembered here.
      if (!markUsed(this.#tx, hash)) this.#drop(hash);
      else {
        this.#used.set(hash, this.#tx.now);
        this.#fresh.push(hash);
      }
    }
    return this.require(hash);
  }

  committed(): void {
    this.#fresh = [];
  }

  rolledBack(): void {
    for (const hash of this.#fresh) this.#drop(hash);
    this.#fresh = [];
  }

  #drop(hash: string): void {
    this.#kept.delete(hash);
    this.#used.delete(hash);
  }

  require(hash: string): Plan {
    const plan = this.find(hash);
    if (plan === undefined) throw new StoreError('not_found', `No definition with hash ${hash.slice(0, 12)} is stored.`);
    return plan;
  }
}
