// Owns the view lineage: what stands above something, who started it, and what it started, as one bounded tree.
import type { JsonObject } from '../../src/domain/json.ts';
import { type LineageNode, type LineageTree, lineageDown, lineageUp } from '../../src/domain/lineage.ts';
import { compact, iso } from '../wire/compact.ts';
import { missing, type ViewRequest } from './view.ts';

const SHOWN = 50;

/** `above` goes from the nearest to the first; `limit` bounds what is shown below. */
export function lineageView({ engine, id, limit = SHOWN }: ViewRequest): JsonObject {
  const { backend } = engine;
  const node = backend.lineageNode(id);
  if (node === null) throw missing('object', id, 'executions, jobs, schedules or sessions');
  const above = lineageUp(node, (of) => backend.lineageNode(of));
  const tree = lineageDown(node, (of, most) => backend.lineageChildren({ id: of, limit: most }), limit);
  return {
    id,
    ...(above.length === 0 ? {} : { above: above.map(nodeToWire) }),
    ...treeToWire(tree),
    ...(isCut(tree) ? { truncated: true, next: ['Ask with the id of one that says more, or with a larger limit.'] } : {}),
  };
}

function isCut({ more, below }: LineageTree): boolean {
  return more || below.some(isCut);
}

function nodeToWire({ id, kind, name, status, createdAt, principal, origin, depth }: LineageNode): JsonObject {
  return compact({
    id,
    kind,
    name: name === '' ? undefined : name,
    status,
    created_at: iso(createdAt),
    principal,
    depth,
    origin: compact({ how: origin.how, id: origin.id, step: origin.step, item: origin.item, planned_at: iso(origin.plannedAt) }),
  });
}

function treeToWire({ below, more, ...node }: LineageTree): JsonObject {
  return { ...nodeToWire(node), ...(below.length === 0 ? {} : { below: below.map(treeToWire) }), ...(more ? { more: true } : {}) };
}
