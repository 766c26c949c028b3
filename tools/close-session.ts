// Owns the tool close_session: an end for the handle; its work goes on, or is cancelled on request.
import { z } from 'zod';
import { ClosePolicy } from '../src/domain/session.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import { defineTool } from './tool.ts';
import { IdempotencyKey, Next } from './wire/fields.ts';
import { sessionRow } from './wire/session.ts';

export const closeSessionTool = defineTool({
  name: 'close_session',
  title: 'Close a session',
  description: 'Close a session: no new work may be added to it. policy detach (default) lets its open executions and jobs go on, cancel cancels them.',
  kind: 'destroy',
  idempotent: true,
  openWorld: false,
  input: z.strictObject({
    session_id: z.string().min(1).max(100),
    policy: ClosePolicy.optional(),
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({ session_id: z.string(), status: z.string(), closed: z.boolean(), replayed: z.boolean(), cancelled: z.int(), next: Next }),
  async handle({ engine, caller }, args) {
    const receipt = receiptFor(caller, 'close_session', args.idempotency_key, { ...args, session: args.session_id });
    const { session, closed, cancelled } = await engine.sessions.require(args.session_id).close(args.policy ?? 'detach', receipt);
    return { ...sessionRow(session), closed, replayed: !closed, cancelled, next: ['list kind=executions filter.session_id shows its work'] };
  },
});
