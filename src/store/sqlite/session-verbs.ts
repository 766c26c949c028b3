// Owns the verbs of sessions.
import type { Session } from '../../domain/session.ts';
import type { Backend } from '../backend.ts';
import type { Host } from './host.ts';
import { lookUp, remember } from './receipts.ts';

type Verbs = Pick<Backend, 'putSession' | 'getSession' | 'updateSession' | 'closeSession' | 'recordCall' | 'sessionCalls' | 'listSessions'>;

export function sessionVerbs(host: Host): Verbs {
  return {
    putSession: (p) =>
      host.write(({ tx, sessions, budgets }) => {
        const receipt = lookUp(tx, p.receipt);
        if (receipt.kind === 'conflict') return { conflict: receipt.error };
        if (receipt.kind === 'replay') return { session: sessions.get((receipt.reply as { id: string }).id) as Session, replayed: true };
        const num = sessions.insert(p.session);
        if (p.budget) budgets.rows.put({ kind: 'session', num }, p.budget);
        remember(tx, p.receipt, { id: p.session.id });
        return { session: p.session, replayed: false };
      }),

    getSession: (id) => host.parts.sessions.get(id),

    updateSession: async (p) => {
      const reply = await host.writeOnce(p.receipt, ({ sessions }) => ({ id: p.id, found: sessions.update(p.id, p.change) !== null }));
      return reply.found ? host.parts.sessions.get(p.id) : null;
    },

    closeSession: async (p) => {
      const first = await host.writeOnce(p.receipt, ({ sessions }) => {
        const { session, closed, cancelled, more } = sessions.close(p.id, p.status, p.policy, p.decide);
        return { id: p.id, found: session !== null, closed, cancelled, more };
      });
      let cancelled = first.cancelled;
      // Chunk by chunk; should this process die between two of them, the rest is due.
      for (let { more } = first; more; ) {
        const next = await host.write(({ sessions }) => sessions.close(p.id, p.status, p.policy, p.decide));
        cancelled += next.cancelled;
        more = next.more;
      }
      return { session: host.parts.sessions.get(p.id), closed: first.closed, cancelled };
    },

    recordCall: (p) => host.writeLazily(({ sessions }) => sessions.recordCall(p.sessionId, p.call)),

    sessionCalls: (p) => host.parts.sessions.calls(p.sessionId, p.limit),

    listSessions: (p) => host.parts.lists.sessions(p),
  };
}
