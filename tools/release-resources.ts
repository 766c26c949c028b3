// Owns the tool release_resources: what is held goes to the next in the same commit, what waits gives up its place.
import { z } from 'zod';
import { receiptFor } from '../src/orchestration/caller.ts';
import { defineTool } from './tool.ts';
import { IdempotencyKey, Next } from './wire/fields.ts';
import { allocationRow } from './wire/resource.ts';

export const releaseResourcesTool = defineTool({
  name: 'release_resources',
  title: 'Release resources',
  description:
    'Give back an allocation of resources, or give up the wait for one; whoever is next gets it in the same moment. One that ended before (its lease, its session) answers with how it ended.',
  kind: 'write',
  idempotent: true,
  openWorld: false,
  input: z.strictObject({ allocation_id: z.string().min(1).max(100).describe('alloc_…, from allocate_resources.'), idempotency_key: IdempotencyKey }),
  output: z.looseObject({ allocation_id: z.string(), status: z.string(), replayed: z.boolean(), next: Next }),
  async handle({ engine, caller }, args) {
    const receipt = receiptFor(caller, 'release_resources', args.idempotency_key, args);
    const { allocation, replayed } = await engine.resources.release(args.allocation_id, receipt);
    return { ...allocationRow(allocation), replayed, next: [] };
  },
});
