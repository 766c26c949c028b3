// Owns the tool claim_job: an agent takes work under a lease that any call of it renews; nothing is leased to a call that was given up.
import { z } from 'zod';
import { Duration } from '../src/domain/duration.ts';
import { QueueName } from '../src/domain/job.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { AGENT_CAPABILITY, offeredBy } from '../src/domain/worker-agent.ts';
import type { AgentClaim } from '../src/task/worker-agents.ts';
import { defineTool, type ToolContext } from './tool.ts';
import { AnyJson, AnyObject, MAX_WAIT_MS, Next } from './wire/fields.ts';
import { heldLease, leaseToWire } from './wire/lease.ts';

const DEFAULT_WAIT_MS = 20_000;
const DEFAULT_LEASE_MS = 600_000;
export const MIN_LEASE_MS = 1_000;
export const MAX_LEASE_MS = 86_400_000;
const MAX_CAPACITY = 100;
/** Waiting jobs looked at to say why there was nothing to take. */
const LOOKED_AT = 50;

const LeaseDuration = Duration.refine((ms) => ms >= MIN_LEASE_MS && ms <= MAX_LEASE_MS, { error: 'expected 1s to 24h' });

export const claimJobTool = defineTool({
  name: 'claim_job',
  title: 'Claim a job as a worker agent',
  description:
    'Take work from the queue as a worker agent: registers you with your capabilities and leases you the best jobs that you can do, each with payload, lease_token and what an earlier attempt left. Waits for work up to wait_ms. ' +
    'Do the job, then report_job. Any call you make renews your leases; one that runs out gives its job to another worker.',
  kind: 'write',
  scopes: () => ['worker'],
  idempotent: false,
  openWorld: false,
  input: z.strictObject({
    worker: z.string().min(1).max(200).optional().describe('Your name; the same name is the same worker. Default: one per connection.'),
    worker_id: z.string().min(1).max(100).optional().describe('wrk_… of an earlier reply, instead of the name.'),
    capabilities: z.array(z.string().min(1).max(200)).max(50).optional().describe('What you can do, for example code-review; agent.task is always among them.'),
    labels: AnyObject.optional().describe('Anything about you that people may want to see.'),
    capacity: z.int().min(1).max(MAX_CAPACITY).optional().describe('Most jobs that you hold at once; default 1.'),
    lease: LeaseDuration.optional().describe('How long you may be silent, 1s to 24h; default 10m.'),
    queue: QueueName.optional().describe('Only of this queue.'),
    max_jobs: z.int().min(1).max(MAX_CAPACITY).optional().describe('Default 1.'),
    wait_ms: z.int().min(0).max(MAX_WAIT_MS).optional().describe(`Wait this long for work; default ${DEFAULT_WAIT_MS}.`),
    nonce: z.string().min(1).max(200).optional().describe('The same one again gives the same leases again, if a reply was lost.'),
  }),
  output: z.looseObject({
    worker_id: z.string(),
    leases: z.array(z.looseObject({ job_id: z.string(), lease_token: z.int(), lease_expires_at: z.string(), payload: AnyJson })),
    held: z.array(z.looseObject({ job_id: z.string(), lease_token: z.int() })),
    replayed: z.boolean(),
    waiting: z.array(z.looseObject({})).optional(),
    next: Next,
  }),
  unrecorded: (_, { leases }) => (leases as readonly unknown[]).length === 0,
  async handle(context, args) {
    const { engine, caller } = context;
    const capabilities = args.capabilities ?? [];
    const claim = await engine.workerAgents.claim({
      worker: {
        id: args.worker_id ?? null,
        name: args.worker ?? `agent-${(caller.sessionId ?? caller.principal).slice(-8)}`,
        principal: caller.principal,
        capabilities,
        labels: args.labels ?? {},
        capacity: args.capacity ?? 1,
        leaseMs: args.lease ?? DEFAULT_LEASE_MS,
      },
      limit: args.max_jobs ?? 1,
      queue: args.queue,
      nonce: args.nonce,
      waitMs: args.wait_ms ?? DEFAULT_WAIT_MS,
      onRegistered: context.actsAs,
      signal: context.signal,
    });
    return {
      worker_id: claim.worker.id,
      leases: claim.leases.map(leaseToWire),
      held: claim.held.map(heldLease),
      replayed: claim.replayed,
      ...(claim.leases.length > 0 ? { next: howToReport(claim) } : nothingTaken(context, claim)),
    };
  },
});

function howToReport({ worker, leases }: AgentClaim): string[] {
  return [
    'report_job action=complete output=… when it is done, action=fail if it cannot be done, action=release to give it back.',
    `On longer work report_job action=progress with share, message and a note for whoever comes next; without any call of yours for ${Math.round(worker.leaseMs / 1_000)} s the job goes to another worker.`,
    ...(leases.some((lease) => lease.outputSchema !== null) ? ['The output must fit output_schema.'] : []),
    ...(leases.some((lease) => lease.previous !== null) ? ['previous holds what an earlier attempt left: go on from there.'] : []),
  ];
}

/** Why there was nothing, as far as a look at the newest waiting jobs tells. */
function nothingTaken({ engine }: ToolContext, { worker, held, replayed }: AgentClaim): JsonObject {
  if (replayed) return { next: ['The leases of this nonce are over. Call claim_job with another nonce, or none.'] };
  if (held.length >= worker.capacity)
    return { next: [`You hold ${held.length} of ${worker.capacity}: report_job on those in held, or call claim_job with a larger capacity.`] };
  const offered = new Set(offeredBy(worker.capabilities));
  const jobs = engine.backend.listJobs({
    filter: { namespace: engine.namespace, status: 'pending', task: AGENT_CAPABILITY },
    limit: LOOKED_AT,
    cursor: null,
  }).items;
  const groups = new Map<string, { requires: readonly string[]; missing: string[]; jobs: number; example: string }>();
  for (const job of jobs) {
    const missing = job.requires.filter((capability) => !offered.has(capability));
    if (missing.length === 0) continue;
    const key = job.requires.join('\n');
    const group = groups.get(key) ?? { requires: job.requires, missing, jobs: 0, example: job.id };
    groups.set(key, { ...group, jobs: group.jobs + 1 });
  }
  const waiting = [...groups.values()].slice(0, 10);
  const again = 'There is nothing for you now: call claim_job again to wait for work; your leases and your place are kept.';
  if (waiting.length === 0) return { next: [again] };
  return {
    waiting,
    next: [again, 'waiting lists jobs that need capabilities which you did not name: if you can do them, call claim_job with these capabilities.'],
  };
}
