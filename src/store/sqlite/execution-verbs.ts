// Owns the verbs that change an execution: start and update, each with its receipt in the same commit.
import type { Backend } from '../backend.ts';
import type { Host } from './host.ts';
import { lookUp, remember } from './receipts.ts';

type Verbs = Pick<Backend, 'startExecution' | 'update' | 'pendingInbox'>;

export function executionVerbs(host: Host): Verbs {
  return {
    startExecution: (p) =>
      host.write(({ tx, executions, sessions }) => {
        const receipt = lookUp(tx, p.receipt);
        if (receipt.kind === 'conflict') return { kind: 'conflict', error: receipt.error };
        if (receipt.kind === 'replay') {
          const { executionId } = receipt.reply as { executionId: string };
          return { kind: 'started', executionId, replayed: true, status: executions.rows.byId(executionId)?.row.status ?? 'completed' };
        }
        const refusal = p.sessionId === null ? null : sessions.refusal(p.sessionId);
        if (refusal !== null) return { kind: 'conflict', error: refusal };
        const record = executions.start(p, p.decide);
        remember(tx, p.receipt, { executionId: p.id });
        return { kind: 'started', executionId: p.id, replayed: false, status: record.row.status };
      }),

    update: (p) =>
      host.write(({ tx, executions }) => {
        const record = executions.rows.byId(p.executionId);
        if (record === undefined) return { kind: 'not_found' };
        const receipt = lookUp(tx, p.receipt);
        const updated = { kind: 'updated', status: record.row.status } as const;
        if (receipt.kind === 'conflict') return { ...updated, reply: { kind: 'refused', code: 'conflict', message: receipt.error.message } };
        if (receipt.kind === 'replay') return { ...updated, reply: { kind: 'replayed', message: (receipt.reply as { message: string }).message } };
        const reply = executions.update(record, p.events, p.decide);
        if (reply !== null && reply.kind !== 'refused') remember(tx, p.receipt, { message: reply.message, executionId: p.executionId });
        return { kind: 'updated', reply, status: record.row.status };
      }),

    pendingInbox: (p) => {
      const rows = host.parts.tx
        .sql(
          `SELECT e.id FROM (SELECT execution, min(seq) AS seq FROM inbox GROUP BY execution ORDER BY seq LIMIT ?) i
           JOIN execution e ON e.num = i.execution ORDER BY i.seq`,
        )
        .all(p.limit) as { id: string }[];
      return rows.map((row) => row.id);
    },
  };
}
