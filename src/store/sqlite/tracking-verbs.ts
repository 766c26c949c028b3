// Owns the reads of what the store remembers of run times, and of who started what.
import type { LineageReads } from '../port/lineage.ts';
import type { HourOfWork, TrackingVerbs } from '../port/tracking.ts';
import { readFailures } from './failures.ts';
import { readHistories, readRecent, TASK_TYPES } from './history.ts';
import type { Host } from './host.ts';

export function trackingVerbs(host: Host): TrackingVerbs & LineageReads {
  return {
    lineageNode: (id) => host.parts.lineage.node(id),

    lineageChildren: (p) => host.parts.lineage.children(p.id, p.limit),

    recentHistories: (p) => {
      const { tx } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      return ns === undefined ? [] : readRecent(tx, ns, p.limit);
    },

    failureClusters: (p) => {
      const { tx } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      return ns === undefined ? [] : readFailures(tx, { ...p, ns });
    },

    hoursOfWork: (p) => {
      const { tx } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      if (ns === undefined) return [];
      return tx
        .sql(
          `SELECT m.minute / 60 AS hour, sum(m.completed) AS completed, sum(m.failed) AS failed, sum(m.retries) AS retries FROM minute m
           JOIN queue q ON q.num = m.queue WHERE q.ns = ? GROUP BY 1 ORDER BY 1`,
        )
        .all(ns) as HourOfWork[];
    },

    durationHistories: (p) => {
      const { tx } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      return ns === undefined ? new Map() : readHistories(tx, ns, p.workflow ?? TASK_TYPES);
    },
  };
}
