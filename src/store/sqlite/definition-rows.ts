// Owns definition rows: a version is written once; deleting it frees its name only, for runs are pinned by hash.
import type { StoredDefinition, WorkflowDefinition } from '../../domain/workflow-definition.ts';
import type { Tx } from './tx.ts';

/** `parsed` saves the parsing where it is known. */
export function readDefinition(tx: Tx, raw: unknown, parsed?: WorkflowDefinition): StoredDefinition {
  const row = raw as { id: string; ns: number; name: string; version: number; hash: string; created_at: number; json: string };
  return {
    id: row.id,
    namespace: tx.namespaceName(row.ns),
    name: row.name,
    version: row.version,
    hash: row.hash,
    createdAt: row.created_at,
    definition: parsed ?? (JSON.parse(row.json) as WorkflowDefinition),
  };
}

/** Stores a version unless it is the newest already; one that is not listed is found by its hash alone. */
export function storeDefinition(
  tx: Tx,
  p: { readonly id: string; readonly namespace: string; readonly definition: WorkflowDefinition; readonly hash: string; readonly listed: boolean },
): { readonly stored: StoredDefinition; readonly created: boolean } {
  const ns = tx.namespace(p.namespace);
  const { name } = p.definition;
  if (!p.listed) {
    const known = tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? AND hash = ? ORDER BY deleted, version DESC LIMIT 1').get(ns, name, p.hash);
    if (known !== undefined) return { stored: readDefinition(tx, known), created: false };
  }
  const listed = tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? AND deleted = 0 ORDER BY version DESC LIMIT 1').get(ns, name) as
    | { hash: string }
    | undefined;
  if (p.listed && listed?.hash === p.hash) return { stored: readDefinition(tx, listed), created: false };
  const last = tx.sql('SELECT num, hash FROM definition WHERE ns = ? AND name = ? ORDER BY version DESC LIMIT 1').get(ns, name) as
    | { num: number; hash: string }
    | undefined;
  if (p.listed && last?.hash === p.hash) {
    // It ran inline before: it keeps the version that its runs show.
    const row = tx.sql('UPDATE definition SET deleted = 0 WHERE num = ? RETURNING *').get(last.num) as { id: string; version: number };
    tx.log({ ns }, { type: 'workflow_created', data: { workflow: name, version: row.version, id: row.id } });
    return { stored: readDefinition(tx, row), created: true };
  }
  const newest = (tx.sql('SELECT max(version) AS n FROM definition WHERE ns = ? AND name = ?').get(ns, name) as { n: number | null }).n ?? 0;
  const version = newest + 1;
  const row = tx
    .sql('INSERT INTO definition (id, ns, name, version, hash, json, created_at, deleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *')
    .get(p.id, ns, name, version, p.hash, JSON.stringify(p.definition), tx.now, p.listed ? 0 : 1);
  if (p.listed) tx.log({ ns }, { type: 'workflow_created', data: { workflow: name, version, id: p.id } });
  return { stored: readDefinition(tx, row), created: true };
}
