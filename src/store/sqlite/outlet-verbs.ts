// Owns the positions of outlets: a delivery is made in the commit that moves its outlet past the event, so a crash neither loses nor doubles it.
import type { Backend } from '../backend.ts';
import type { OutletPosition } from '../port/outlets.ts';
import type { Host } from './host.ts';
import type { Parts } from './parts.ts';
import type { Tx } from './tx.ts';

type Verbs = Pick<Backend, 'openOutlets' | 'dispatch' | 'outletPositions'>;

interface OutletSql {
  readonly name: string;
  readonly cursor: number;
  readonly served_at: number;
}

export function outletVerbs(host: Host): Verbs {
  return {
    openOutlets: (p) => host.write(({ tx }) => open(tx, p)),

    dispatch: (p) => host.write((parts) => dispatch(parts, p)),

    outletPositions: ({ namespace }) => positions(host.parts.tx, host.parts.tx.findNamespace(namespace) ?? -1),
  };
}

function open(tx: Tx, p: Parameters<Backend['openOutlets']>[0]): Awaited<ReturnType<Backend['openOutlets']>> {
  const ns = tx.namespace(p.namespace);
  const known = new Map(positions(tx, ns).map((outlet) => [outlet.name, outlet]));
  const forgotten = [...known.keys()].filter((name) => !p.names.includes(name));
  for (const name of forgotten) tx.sql('DELETE FROM outlet WHERE ns = ? AND name = ?').run(ns, name);
  const end = tx.lastNum('event');
  for (const name of p.names) {
    const outlet = known.get(name);
    const cursor = outlet === undefined || outlet.servedAt < p.staleBefore ? end : outlet.cursor;
    tx.sql(
      'INSERT INTO outlet (ns, name, cursor, served_at) VALUES (?, ?, ?, ?) ON CONFLICT (ns, name) DO UPDATE SET cursor = excluded.cursor, served_at = excluded.served_at',
    ).run(ns, name, cursor, tx.now);
  }
  return { outlets: positions(tx, ns), forgotten };
}

function dispatch({ tx, jobRows }: Parts, p: Parameters<Backend['dispatch']>[0]): boolean {
  const ns = tx.namespace(p.namespace);
  const moved = tx.sql('UPDATE outlet SET cursor = ?, served_at = ? WHERE ns = ? AND name = ? AND cursor = ?').run(p.to, tx.now, ns, p.name, p.from);
  if (moved.changes === 0) return false;
  for (const job of p.jobs) if (jobRows.byId(job.id) === undefined) jobRows.insert(job, { open: [], failed: 0 });
  return true;
}

function positions(tx: Tx, ns: number): OutletPosition[] {
  const rows = tx.sql('SELECT name, cursor, served_at FROM outlet WHERE ns = ? ORDER BY name').all(ns) as OutletSql[];
  return rows.map((row) => ({ name: row.name, cursor: row.cursor, servedAt: row.served_at }));
}
