// Owns the tool define_pool: a pool of resources that work and callers hold parts of.
import { z } from 'zod';
import { PoolInput, PoolName } from '../src/domain/resource.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import { defineTool } from './tool.ts';
import { IdempotencyKey, Next } from './wire/fields.ts';
import { poolId } from './wire/pool-id.ts';
import { poolRow } from './wire/resource.ts';

export const definePoolTool = defineTool({
  name: 'define_pool',
  title: 'Define a resource pool',
  description:
    'Define or change a pool of resources (cores, memory, GPUs, licences, a lock, requests or tokens per minute): what there is of it, its unit and limits. Jobs and steps declare resources: {pool: amount} and run only while they hold all of it; allocate_resources holds parts by hand.',
  kind: 'write',
  idempotent: true,
  openWorld: false,
  input: z.strictObject({
    name: PoolName,
    ...PoolInput.shape,
    detect: z.boolean().optional().describe('true: cores and memory of this machine, instead of capacity.'),
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({ id: z.string(), pool: z.string(), status: z.string(), created: z.boolean(), replayed: z.boolean(), next: Next }),
  async handle({ engine, caller }, args) {
    const { name, idempotency_key, detect, ...input } = args;
    const receipt = receiptFor(caller, 'define_pool', idempotency_key, args);
    const definition = { ...input, ...(detect === true ? { detect } : {}) } as Parameters<typeof engine.resources.definePool>[1];
    const { pool, created, replayed } = await engine.resources.definePool(name, definition, receipt);
    return {
      ...poolRow(pool),
      status: 'active',
      created,
      replayed,
      next: [`allocate_resources resources={"${name}": …} holds a part of it`, `get id=${poolId(name)} shows who holds it and who waits`],
    };
  },
});
