// Owns what the tests of worker agents share: a small worker that claims and reports.
import { expect } from 'vitest';
import type { EventType } from '../../src/domain/event.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { WorkerAgent } from '../../src/domain/worker-agent.ts';
import type { Backend, WorkerLease, WorkerReport, WorkerReportResult } from '../../src/store/backend.ts';
import type { Bench } from './harness.ts';

export const LEASE = 60_000;

export interface Claimed {
  readonly worker: WorkerAgent;
  readonly leases: readonly WorkerLease[];
  readonly replayed: boolean;
  readonly held: readonly WorkerLease[];
}

export interface ClaimOptions {
  readonly id?: string | null;
  readonly principal?: string;
  readonly namespace?: string;
  readonly capabilities?: readonly string[];
  readonly labels?: JsonObject;
  readonly capacity?: number;
  readonly limit?: number;
  readonly queue?: string;
  readonly nonce?: string | null;
  readonly leaseMs?: number;
  readonly backend?: Backend;
}

/** Claims as the worker of this name; throws when it is refused. */
export async function claimAs(bench: Bench, name: string, o: ClaimOptions = {}): Promise<Claimed> {
  const result = await (o.backend ?? bench.backend).claimForWorker({
    worker: {
      id: o.id ?? null,
      namespace: o.namespace ?? 'default',
      name,
      principal: o.principal ?? 'me',
      capabilities: o.capabilities ?? [],
      labels: o.labels ?? {},
      capacity: o.capacity ?? 9,
      leaseMs: o.leaseMs ?? LEASE,
    },
    limit: o.limit ?? 1,
    queue: o.queue,
    nonce: o.nonce ?? null,
  });
  if ('conflict' in result) throw new Error(`${result.conflict.code}: ${result.conflict.message}`);
  return result;
}

/** The one lease that a claim must give. */
export async function leaseAs(bench: Bench, name: string, o: ClaimOptions = {}): Promise<{ readonly worker: WorkerAgent; readonly lease: WorkerLease }> {
  const { worker, leases } = await claimAs(bench, name, o);
  const [lease] = leases;
  if (lease === undefined) throw new Error('nothing to claim');
  return { worker, lease };
}

export function reportAs(
  bench: Bench,
  worker: { readonly id: string },
  lease: WorkerLease,
  report: WorkerReport,
  backend: Backend = bench.backend,
): Promise<WorkerReportResult> {
  return backend.reportForWorker({ workerId: worker.id, jobId: lease.job.jobId, token: lease.job.token, report, logs: [], decide: bench.decide });
}

export const heartbeat: WorkerReport = { kind: 'heartbeat' };
export const complete = (output: Json = null): WorkerReport => ({ kind: 'complete', output });
export const fail = (code = 'handler_failed', retryable = true): WorkerReport => ({
  kind: 'fail',
  error: { code, message: `It failed: ${code}.`, retryable, nextActions: [] },
});
export const release = (note?: Json): WorkerReport => ({ kind: 'release', note });
export const noted = (note: Json, share: number | null = null, message: string | null = null): WorkerReport => ({ kind: 'progress', share, message, note });

/** A job that only worker agents take. */
export function agentJob(bench: Bench, more: Parameters<Bench['enqueue']>[0] = {}): Promise<string> {
  return bench.enqueue({ task: 'agent.task', requires: ['agent.task'], ...more });
}

export const ids = (leases: readonly WorkerLease[]): string[] => leases.map(({ job }) => job.jobId);

/** The data of these events, oldest first. */
export function eventsOf(bench: Bench, ...types: EventType[]): unknown[] {
  return bench.backend.readEvents({ after: 0, limit: 100, types }).map((event) => event.data);
}

/** What the store counts is what there is. */
export function expectCounters(bench: Bench): void {
  const { counted, kept } = bench.recount();
  expect(kept).toEqual(counted);
}
