// Owns the worker agents of the chaos run: they claim, note, give back and complete, and some come back long after their lease.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import type { AgentLease, ClaimRequest } from '../../src/task/worker-agents.ts';
import type { Ack } from './journal.ts';
import type { Chance } from './random.ts';
import { workDone } from './tasks.ts';

/** What jobs of the chaos run require that only its worker agents do. */
export const AGENT_WORK = 'chaos-agent';

export interface AgentOptions {
  readonly engine: OrchestrationEngine;
  readonly chance: Chance;
  readonly name: string;
  readonly ack: (entry: Ack) => void;
  readonly done: (line: string) => void;
  /** False in the end: then all that is claimed is completed. */
  readonly strays: boolean;
  readonly signal?: AbortSignal | undefined;
}

const LEASE_MS = 1_500;
const EXPECTED = new Set(['shutting_down', 'cancelled', 'lease_lost', 'not_found']);

/** One worker agent, until the process ends or `signal` is aborted. */
export async function agentForEver(o: AgentOptions): Promise<void> {
  while (o.signal?.aborted !== true) {
    try {
      await oneClaim(o);
    } catch (error) {
      if (o.signal?.aborted) return;
      if (!(error instanceof LogisticsError && EXPECTED.has(error.code)))
        o.ack({ k: 'fault', what: `worker agent: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` });
      await sleep(20);
    }
  }
}

async function oneClaim(o: AgentOptions): Promise<void> {
  const { engine, chance } = o;
  // One that strays is a worker of its own: no call of another keeps its lease alive.
  const stray = o.strays && chance.next() < 0.1;
  const request: ClaimRequest = {
    worker: {
      id: null,
      name: stray ? `${o.name}-stray` : o.name,
      principal: 'chaos',
      capabilities: [AGENT_WORK],
      labels: {},
      capacity: 6,
      leaseMs: LEASE_MS,
    },
    limit: chance.int(1, 3),
    waitMs: 300,
    nonce: randomUUID(),
    signal: o.signal,
  };
  const { worker, leases } = await engine.workerAgents.claim(request);
  if (leases.length > 0 && chance.next() < 0.1) await claimAgain(o, request, leases);
  if (stray) await sleep(LEASE_MS + chance.int(0, 1_000));
  for (const lease of leases) await report(o, worker.id, lease, stray);
}

/** The reply was lost: the same nonce gives nothing but the same leases. */
async function claimAgain({ engine, ack }: AgentOptions, request: ClaimRequest, leases: readonly AgentLease[]): Promise<void> {
  const again = await engine.workerAgents.claim({ ...request, waitMs: 0 });
  const known = new Set(leases.map(({ job }) => `${job.jobId} ${job.token}`));
  const other = again.leases.filter(({ job }) => !known.has(`${job.jobId} ${job.token}`));
  if (other.length > 0 || !again.replayed)
    ack({ k: 'fault', what: `a repeated claim gave other jobs: ${other.map(({ job }) => job.jobId).join(', ') || 'none, but no repeat'}` });
}

async function report({ engine, chance, strays, done }: AgentOptions, workerId: string, lease: AgentLease, stray: boolean): Promise<void> {
  const { jobId, token, attempt } = lease.job;
  const tell = (what: Parameters<typeof engine.workerAgents.report>[0]['report']): ReturnType<typeof engine.workerAgents.report> =>
    engine.workerAgents.report({ workerId, principal: 'chaos', jobId, token, report: what });
  if (strays && !stray) {
    if (chance.next() < 0.3) await tell({ kind: 'progress', share: 0.5, message: null, note: { at: chance.int(0, 9) } });
    if (chance.next() < 0.08) {
      await tell({ kind: 'release', note: undefined });
      return;
    }
    await sleep(chance.int(0, 5));
  }
  const { line, output } = workDone({ idempotencyKey: lease.idempotencyKey, attempt });
  done(line);
  await tell({ kind: 'complete', output });
}
