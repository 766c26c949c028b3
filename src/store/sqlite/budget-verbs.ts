// Owns the verbs of budgets and breakers.
import { CLOSED } from '../../domain/breaker.ts';
import type { BudgetLimit } from '../../domain/budget.ts';
import type { BudgetOf, BudgetVerbs } from '../port/budgets.ts';
import type { BudgetKey } from './budget-rows.ts';
import type { Host } from './host.ts';
import type { Parts } from './parts.ts';

const TABLE = { run: 'execution', session: 'session', schedule: 'schedule', project: 'project' } as const;

export function budgetVerbs(host: Host): BudgetVerbs {
  return {
    budgetOf: (p) => {
      const { budgets } = host.parts;
      const key = keyOf(host.parts, p);
      const row = key === null ? null : budgets.rows.get(key);
      return row === null ? null : budgets.rows.view(row, host.env.now());
    },

    setBudget: async (p) => {
      let replayed = true;
      const { found } = await host.writeOnce(p.receipt, (parts) => {
        replayed = false;
        const key = keyOf(parts, p);
        if (key !== null) parts.budgets.put(key, p.limits, p.decide);
        return { id: p.id, found: key !== null };
      });
      return { kind: found ? 'set' : 'not_found', replayed };
    },

    budgetHolding: (executionId) => {
      const { tx, budgets } = host.parts;
      const held = tx
        .sql('SELECT h.kind, h.num, h.bound FROM budget_held h JOIN execution e ON e.num = h.execution WHERE e.id = ? ORDER BY h.kind LIMIT 1')
        .get(executionId) as { kind: number; num: number; bound: number } | undefined;
      const row = held === undefined ? null : budgets.rows.byCode(held.kind, held.num);
      if (row === null) return null;
      const limit: BudgetLimit = row.held ?? (row.limits?.fanOut == null ? 'depth' : 'fan_out');
      return { owner: row.key.kind, id: budgets.rows.idOf(row.key), limit };
    },

    heldBudgets: (p) => {
      const { tx, budgets } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      return ns === undefined ? [] : budgets.holds.held(ns, p.limit);
    },

    breakerOf: (p) => {
      const ns = host.parts.tx.findNamespace(p.namespace);
      return ns === undefined ? CLOSED : host.parts.breakers.state(ns, p.workflow);
    },

    resetBreaker: async (p) => {
      let replayed = true;
      const { reset } = await host.writeOnce(p.receipt, ({ tx, breakers }) => {
        replayed = false;
        const ns = tx.findNamespace(p.namespace);
        return { reset: ns !== undefined && breakers.reset(ns, p.workflow, p.by) };
      });
      return { reset, replayed };
    },

    openBreakers: (p) => {
      const ns = host.parts.tx.findNamespace(p.namespace);
      return ns === undefined ? [] : host.parts.breakers.open(ns, p.limit);
    },
  };
}

function keyOf({ tx }: Parts, { owner, id }: BudgetOf): BudgetKey | null {
  const row = tx.sql(`SELECT num FROM ${TABLE[owner]} WHERE id = ?`).get(id) as { num: number } | undefined;
  return row === undefined ? null : { kind: owner, num: row.num };
}
