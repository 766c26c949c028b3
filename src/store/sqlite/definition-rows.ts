// Owns definition rows: a version is written once; deleting it frees its name only, for runs are pinned by hash.
import { type ErrorData, StoreError } from '../../domain/errors.ts';
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

/** How exactly is known when a definition was used last, so that not every run writes. */
const USED_MS = 3_600_000;
/** Nothing that was used since is forgotten: a process may have used it an hour after it said so. */
export const USE_GRACE_MS = 3 * USED_MS;

/** Runs are started with it: it is not forgotten meanwhile. False when no such definition is stored. */
export function markUsed(tx: Tx, hash: string): boolean {
  const marked = tx.sql('UPDATE definition SET used_at = ? WHERE hash = ? AND coalesce(used_at, created_at) < ?').run(tx.now, hash, tx.now - USED_MS);
  return marked.changes > 0 || tx.sql('SELECT 1 FROM definition WHERE hash = ? LIMIT 1').get(hash) !== undefined;
}

function usedAt(raw: unknown): number {
  const row = raw as { readonly used_at: number | null; readonly created_at: number };
  return row.used_at ?? row.created_at;
}

/** Whether a mark of then still says enough. */
export function isFresh(markedAt: number | undefined, now: number): boolean {
  return markedAt !== undefined && now - markedAt < USED_MS;
}

interface PutParameters {
  readonly id: string;
  readonly namespace: string;
  readonly definition: WorkflowDefinition;
  readonly hash: string;
  readonly version?: number | null | undefined;
  readonly listed: boolean;
}

interface VersionSql {
  readonly num: number;
  readonly id: string;
  readonly version: number;
  readonly hash: string;
}

export type PutResult = { readonly stored: StoredDefinition; readonly created: boolean } | { readonly conflict: ErrorData };

/** Stores a version unless it is the newest already; one that is not listed is found by its hash alone. */
export function storeDefinition(tx: Tx, p: PutParameters): PutResult {
  const ns = tx.namespace(p.namespace);
  const { name } = p.definition;
  if (!p.listed) {
    const known = tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? AND hash = ? ORDER BY deleted, version DESC LIMIT 1').get(ns, name, p.hash);
    // Its run begins in a commit of its own.
    if (known !== undefined && usedAt(known) < tx.now - USED_MS) markUsed(tx, p.hash);
    return known === undefined ? insertVersion(tx, ns, p, newestVersion(tx, ns, name) + 1) : { stored: readDefinition(tx, known), created: false };
  }
  const wanted = p.version ?? null;
  const listed = tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? AND deleted = 0 ORDER BY version DESC LIMIT 1').get(ns, name) as
    | VersionSql
    | undefined;
  if (listed?.hash === p.hash && (wanted ?? listed.version) === listed.version) return { stored: readDefinition(tx, listed), created: false };
  const newest = newestVersion(tx, ns, name);
  const same = tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? AND version = ? AND hash = ?').get(ns, name, wanted ?? newest, p.hash) as
    | VersionSql
    | undefined;
  if (same !== undefined) {
    // It ran inline before, or its name was freed: it keeps the version that its runs show.
    const row = tx.sql('UPDATE definition SET deleted = 0 WHERE num = ? RETURNING *').get(same.num);
    tx.log({ ns }, { type: 'workflow_created', data: { workflow: name, version: same.version, id: same.id } });
    return { stored: readDefinition(tx, row), created: true };
  }
  return wanted !== null && wanted <= newest ? { conflict: versionTaken(name, wanted, newest) } : insertVersion(tx, ns, p, wanted ?? newest + 1);
}

function newestVersion(tx: Tx, ns: number, name: string): number {
  return (tx.sql('SELECT max(version) AS n FROM definition WHERE ns = ? AND name = ?').get(ns, name) as { n: number | null }).n ?? 0;
}

function insertVersion(tx: Tx, ns: number, p: PutParameters, version: number): PutResult {
  const { name } = p.definition;
  const row = tx
    .sql('INSERT INTO definition (id, ns, name, version, hash, json, created_at, deleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *')
    .get(p.id, ns, name, version, p.hash, JSON.stringify(p.definition), tx.now, p.listed ? 0 : 1);
  if (p.listed) tx.log({ ns }, { type: 'workflow_created', data: { workflow: name, version, id: p.id } });
  return { stored: readDefinition(tx, row), created: true };
}

function versionTaken(name: string, wanted: number, newest: number): ErrorData {
  return new StoreError('conflict', `Version ${wanted} of ${name} cannot be stored: versions up to ${newest} are taken, and this one has other content.`, {
    path: 'version',
    expected: `version ${newest + 1} or larger, or no version`,
    nextActions: [`Write version: ${newest + 1}, or leave version out and the next number is given.`],
  }).toData();
}
