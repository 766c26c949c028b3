// Owns the verbs of what is kept beside the work: artifacts, the event log, the state of the store, forgetting.
import { existsSync, statSync } from 'node:fs';
import { LogisticsError } from '../../domain/errors.ts';
import type { ExecutionStatus } from '../../domain/workflow-execution.ts';
import type { Backend, StoreStatus } from '../backend.ts';
import { executionCodes } from './codes.ts';
import type { Host } from './host.ts';
import { versionOf } from './schema.ts';
import { nextDueAt } from './time-verbs.ts';

type Verbs = Pick<Backend, 'putArtifact' | 'getArtifact' | 'listArtifacts' | 'readEvents' | 'lastCursor' | 'cursorAt' | 'keptAfter' | 'status' | 'retain'>;

const VACUUM_PAGES = 64;

export function logVerbs(host: Host): Verbs {
  return {
    putArtifact: async (p) => {
      const info = await host.write(({ artifacts }) => artifacts.insert(p));
      if (info === null) throw new LogisticsError('lease_lost', `The job ${p.jobId} is no longer held with this token: the artifact ${p.name} is not stored.`);
      return info;
    },

    getArtifact: (p) => host.parts.artifacts.get(p),

    listArtifacts: (p) => host.parts.artifacts.list(p.executionId),

    readEvents: (p) => host.parts.log.read(p),

    lastCursor: () => host.parts.log.last(),

    cursorAt: (at) => host.parts.log.cursorAt(at),

    keptAfter: ({ namespace }) => host.parts.log.keptAfter(namespace),

    status: (p) => status(host, p?.namespace),

    retain: (p) =>
      host.write(({ tx, rows, retention }) => {
        rows.flush();
        const result = retention.run(p);
        if (result.removed > 0) {
          rows.forget();
          tx.db.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
        }
        return result;
      }),
  };
}

function status(host: Host, namespace: string | undefined): StoreStatus {
  const { tx, db, log } = host.parts;
  const [within, bound] = namespace === undefined ? ['', []] : ['WHERE ns = ?', [tx.findNamespace(namespace) ?? -1]];
  const { path, durability } = host.options;
  const executions = Object.fromEntries(executionCodes.names.map((name) => [name, 0])) as Record<ExecutionStatus, number>;
  for (const row of tx.sql(`SELECT status, sum(n) AS n FROM execution_counter ${within} GROUP BY status`).all(...bound) as { status: number; n: number }[])
    executions[executionCodes.name(row.status)] = row.n;
  // Of the heads of all lanes: the oldest job of all would be a scan of the whole ready index.
  const oldest = tx
    .sql('SELECT min(j.ready_at) AS at FROM lane l JOIN job j ON j.num = (SELECT num FROM job WHERE lane = l.num AND rank IS NOT NULL ORDER BY rank LIMIT 1)')
    .get() as { at: number | null };
  return {
    kind: host.memory ? 'in_memory' : 'sqlite',
    location: path,
    durability: host.memory ? 'none' : durability,
    schemaVersion: versionOf(db),
    bytes: host.memory ? 0 : sizeOf(path) + sizeOf(`${path}-wal`),
    executions,
    oldestReadyAt: oldest.at,
    nextDueAt: nextDueAt(tx),
    lastCursor: log.last(),
  };
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}
