// Owns the tool allocate_resources: all of a request is held, or it waits in its turn under a handle; a held one is renewed.
import { z } from 'zod';
import { LogisticsError } from '../src/domain/errors.ts';
import type { JsonObject } from '../src/domain/json.ts';
import type { Allocation } from '../src/domain/resource.ts';
import { ResourceRequest } from '../src/domain/resource.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import { AllocateInput, Lease } from '../src/orchestration/resource-manager.ts';
import { awaitEnd } from './await-end.ts';
import { defineTool } from './tool.ts';
import { IdempotencyKey, MAX_WAIT_MS, Next, SessionId } from './wire/fields.ts';
import { allocationRow } from './wire/resource.ts';

export const allocateResourcesTool = defineTool({
  name: 'allocate_resources',
  title: 'Allocate resources',
  description:
    'Hold parts of resource pools (all or nothing) under a lease, or wait for them in your turn: status held or waiting with position. With renew it moves the end of the lease of a held one. Released by release_resources, the end of the lease, or the end of the session.',
  kind: 'write',
  idempotent: false,
  openWorld: false,
  input: z.strictObject({
    resources: ResourceRequest.optional().describe('{pool: amount} or {pool: {key: amount}}; an amount is a number in the unit of the pool, or "2GiB".'),
    renew: z.string().min(1).max(100).optional().describe('Instead of resources: the allocation_id whose lease goes on.'),
    lease: Lease.optional().describe('How long it is held without a renewal, 1s to 7d; default 10m.'),
    priority: AllocateInput.shape.priority,
    session_id: SessionId,
    wait_ms: z
      .int()
      .min(0)
      .max(MAX_WAIT_MS)
      .optional()
      .describe('Wait this long for the grant before answering (default 0); the request goes on waiting either way.'),
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({ allocation_id: z.string(), status: z.string(), position: z.int().optional(), replayed: z.boolean(), next: Next }),
  async handle(context, args) {
    const { engine } = context;
    const { resources, renew, lease, priority, session_id, wait_ms, idempotency_key } = args;
    const wrong = (path: string, message: string): LogisticsError => new LogisticsError('invalid_input', message, { path, expected: 'resources, or renew' });
    if (renew !== undefined) {
      const idle = (['resources', 'priority', 'session_id', 'wait_ms', 'idempotency_key'] as const).find((name) => args[name] !== undefined);
      if (idle !== undefined) throw wrong(idle, `renew does not take ${idle}.`);
      return reply(await engine.resources.renew(renew, lease), false);
    }
    if (resources === undefined) throw wrong('resources', 'Neither resources nor renew are given.');
    const caller = session_id === undefined ? context.caller : { ...context.caller, sessionId: session_id };
    const receipt = receiptFor(caller, 'allocate_resources', idempotency_key, args);
    const { allocation, replayed } = await engine.resources.allocate({ resources, lease, priority }, caller, receipt);
    if (allocation.status === 'waiting' && wait_ms !== undefined && wait_ms > 0) await awaitEnd(context, { ids: [allocation.id], timeoutMs: wait_ms });
    return reply(engine.backend.getAllocation(allocation.id) ?? allocation, replayed);
  },
});

function reply(allocation: Allocation, replayed: boolean): JsonObject {
  const { id, status } = allocation;
  const next =
    status === 'waiting'
      ? [`wait ids=["${id}"] waits for the grant`, `release_resources allocation_id=${id} gives the place up`]
      : [`release_resources allocation_id=${id} when you are done`, `allocate_resources renew=${id} before the lease ends`];
  return { ...allocationRow(allocation), replayed, next: status === 'held' || status === 'waiting' ? next : [] };
}
