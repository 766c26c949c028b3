// Owns the verbs that change an execution: start and update, each with its receipt in the same commit.
import type { ErrorData } from '../../domain/errors.ts';
import { projectOf } from '../../domain/project.ts';
import type { Backend } from '../backend.ts';
import type { Host } from './host.ts';
import type { Parts } from './parts.ts';
import { lookUp, remember } from './receipts.ts';

// Entries that pendingInbox reads in their order.
const LOOKED_AT = 500;

/** The breaker of the workflow, and the budgets that a run of it would belong to. */
function guardRefusal({ tx, plans, breakers, budgets }: Parts, p: Parameters<Backend['startExecution']>[0]): ErrorData | null {
  const ns = tx.namespace(p.namespace);
  const plan = plans.require(p.hash);
  const session = p.sessionId === null ? null : tx.sessionNum(p.sessionId);
  return breakers.refusal(ns, p.workflow, plan) ?? budgets.refusal({ ns, session, schedule: null, name: p.workflow, plan });
}

type Verbs = Pick<Backend, 'startExecution' | 'update' | 'pendingInbox'>;

export function executionVerbs(host: Host): Verbs {
  return {
    startExecution: (p) =>
      host.write((parts) => {
        const { tx, executions, sessions, projects, lineage } = parts;
        const receipt = lookUp(tx, p.receipt);
        if (receipt.kind === 'conflict') return { kind: 'conflict', error: receipt.error };
        if (receipt.kind === 'replay') {
          const { executionId } = receipt.reply as { executionId: string };
          return { kind: 'started', executionId, replayed: true, status: executions.rows.byId(executionId)?.row.status ?? 'completed' };
        }
        const refusal = p.sessionId === null ? null : sessions.refusal(p.sessionId);
        if (refusal !== null) return { kind: 'conflict', error: refusal };
        const closed = projectOf(p.workflow) === null ? null : projects.refusal(tx.namespace(p.namespace), p.workflow, 0);
        if (closed !== null) return { kind: 'conflict', error: closed };
        const guarded = guardRefusal(parts, p);
        if (guarded !== null) return { kind: 'conflict', error: guarded };
        const record = executions.start(p, p.decide);
        const cause = p.cause ? lineage.causeIn(record.ns, p.cause) : null;
        if (cause !== null) tx.sql('UPDATE execution SET cause = ? WHERE num = ?').run(cause, record.num);
        remember(tx, p.receipt, { executionId: p.id });
        return { kind: 'started', executionId: p.id, replayed: false, status: record.row.status };
      }),

    update: (p) =>
      host.write(({ tx, executions, budgets }) => {
        const record = executions.rows.byId(p.executionId);
        if (record === undefined) return { kind: 'not_found' };
        const receipt = lookUp(tx, p.receipt);
        const updated = { kind: 'updated', status: record.row.status } as const;
        if (receipt.kind === 'conflict') return { ...updated, reply: { kind: 'refused', code: 'conflict', message: receipt.error.message } };
        if (receipt.kind === 'replay') return { ...updated, reply: { kind: 'replayed', message: (receipt.reply as { message: string }).message } };
        const held = p.events.some((event) => event.type === 'resume') && record.row.paused ? budgets.stopsRun(record) : null;
        if (held !== null) return { ...updated, reply: { kind: 'refused', code: held.code, message: held.message, nextActions: held.nextActions } };
        const reply = executions.update(record, p.events, p.decide);
        if (reply !== null && reply.kind !== 'refused') remember(tx, p.receipt, { message: reply.message, executionId: p.executionId });
        return { kind: 'updated', reply, status: record.row.status };
      }),

    pendingInbox: (p) => {
      const { tx } = host.parts;
      const oldest = tx.sql('SELECT execution FROM inbox ORDER BY seq LIMIT ?').all(LOOKED_AT) as { execution: number }[];
      const found = new Set(oldest.map((row) => row.execution));
      if (oldest.length === LOOKED_AT) {
        // A run with many entries must not hide the others: from run to run, one step in the index for each.
        const next = tx.sql('SELECT execution FROM inbox WHERE execution > ? ORDER BY execution LIMIT 1');
        for (let at = 0; found.size < p.limit; ) {
          const row = next.get(at) as { execution: number } | undefined;
          if (row === undefined) break;
          at = row.execution;
          found.add(at);
        }
      }
      const idOf = tx.sql('SELECT id FROM execution WHERE num = ?');
      return [...found].slice(0, p.limit).flatMap((num) => {
        const row = idOf.get(num) as { id: string } | undefined;
        return row === undefined ? [] : [row.id];
      });
    },
  };
}
