// Owns the verbs of workflow definitions.
import type { Backend } from '../backend.ts';
import { readDefinition, storeDefinition } from './definition-rows.ts';
import type { Host } from './host.ts';
import { lookUp, remember } from './receipts.ts';

type Verbs = Pick<Backend, 'putDefinition' | 'findDefinition' | 'definitionById' | 'planOf' | 'deleteDefinition' | 'listDefinitions'>;

export function definitionVerbs(host: Host): Verbs {
  const definitionById: Verbs['definitionById'] = (id) => {
    const { tx } = host.parts;
    const row = tx.sql('SELECT * FROM definition WHERE id = ?').get(id);
    return row === undefined ? null : readDefinition(tx, row);
  };
  return {
    putDefinition: (p) =>
      host.write(({ tx }) => {
        const receipt = lookUp(tx, p.receipt);
        if (receipt.kind === 'conflict') return { kind: 'conflict', error: receipt.error };
        const first = receipt.kind === 'replay' ? definitionById((receipt.reply as { id: string }).id) : null;
        if (first !== null) return { kind: 'stored', stored: first, created: false, replayed: true };
        const result = storeDefinition(tx, p);
        if ('conflict' in result) return { kind: 'conflict', error: result.conflict };
        if (receipt.kind === 'new') remember(tx, p.receipt, { id: result.stored.id });
        return { kind: 'stored', ...result, replayed: false };
      }),

    findDefinition: (p) => {
      const { tx } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      if (ns === undefined) return null;
      const row =
        p.version === undefined
          ? tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? AND deleted = 0 ORDER BY version DESC LIMIT 1').get(ns, p.name)
          : tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? AND version = ? AND deleted = 0').get(ns, p.name, p.version);
      // The plan of its hash holds the parsed definition; parsing it anew took 3 % of a start.
      return row === undefined ? null : readDefinition(tx, row, host.parts.plans.find((row as { hash: string }).hash)?.definition);
    },

    definitionById,

    planOf: (hash) => host.parts.plans.find(hash) ?? null,

    // Runs in flight are pinned by hash, so the row stays; only the name is free again.
    deleteDefinition: async (p) => {
      const reply = await host.writeOnce(p.receipt, ({ tx }) => ({
        id: p.id,
        deleted: tx.sql('UPDATE definition SET deleted = 1, used_at = ? WHERE id = ? AND deleted = 0').run(tx.now, p.id).changes > 0,
      }));
      return reply.deleted;
    },

    listDefinitions: (p) => host.parts.lists.definitions(p),
  };
}
