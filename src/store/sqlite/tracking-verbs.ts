// Owns the reads of what the store remembers of run times, and of who started what.
import type { LineageReads } from '../port/lineage.ts';
import type { TrackingVerbs } from '../port/tracking.ts';
import { readHistories, TASK_TYPES } from './history.ts';
import type { Host } from './host.ts';

export function trackingVerbs(host: Host): TrackingVerbs & LineageReads {
  return {
    lineageNode: (id) => host.parts.lineage.node(id),

    lineageChildren: (p) => host.parts.lineage.children(p.id, p.limit),

    durationHistories: (p) => {
      const { tx } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      return ns === undefined ? new Map() : readHistories(tx, ns, p.workflow ?? TASK_TYPES);
    },
  };
}
