// Owns the worker agent: an AI agent that takes jobs under one lease, and the rules of what it may take and hold.
import { z } from 'zod';
import { JsonObject } from './json.ts';

export const WORKER_STATUSES = ['active', 'lost', 'left'] as const;
export const WorkerStatus = z.enum(WORKER_STATUSES);
export type WorkerStatus = z.infer<typeof WorkerStatus>;

/** What jobs of agent.task require, and what every worker agent offers without saying so. */
export const AGENT_CAPABILITY = 'agent.task';
/** Largest note that a worker agent may leave on a job, in bytes of JSON. */
export const MAX_NOTE_BYTES = 65_536;
/** Claims that a worker can repeat by their nonce. */
export const KEPT_NONCES = 8;

/** A job that a worker agent holds; the lease of all of them is the worker's. */
export const HeldJob = z.object({ jobId: z.string(), token: z.int(), claimedAt: z.int() });
export type HeldJob = z.infer<typeof HeldJob>;

export const WorkerAgent = z.object({
  id: z.string(),
  namespace: z.string(),
  name: z.string(),
  /** Who registered it. */
  principal: z.string(),
  capabilities: z.array(z.string()).readonly(),
  labels: JsonObject,
  /** Most jobs that it holds at once. */
  capacity: z.int(),
  status: WorkerStatus,
  registeredAt: z.int(),
  lastSeenAt: z.int(),
  /** Epoch ms; past it, what it holds is taken back. */
  leaseUntil: z.int(),
  leaseMs: z.int(),
  held: z.array(HeldJob).readonly(),
  completed: z.int(),
  failed: z.int(),
  /** Jobs that were taken back because its lease ran out. */
  crashes: z.int(),
});
export type WorkerAgent = z.infer<typeof WorkerAgent>;

/** How a worker agent presents itself with each claim. */
export interface WorkerHello {
  /** A known worker, or null: found by namespace, principal and name, or made new. */
  readonly id: string | null;
  readonly namespace: string;
  readonly name: string;
  readonly principal: string;
  readonly capabilities: readonly string[];
  readonly labels: JsonObject;
  readonly capacity: number;
  readonly leaseMs: number;
}

/** A claim that may be asked for again: which jobs it gave, under which tokens. */
export interface NonceEntry {
  readonly nonce: string;
  readonly leases: readonly (readonly [jobId: string, token: number])[];
}

/** What a worker offers: what it says, and agent.task; sorted, unique. */
export function offeredBy(capabilities: readonly string[]): string[] {
  return [...new Set([...capabilities, AGENT_CAPABILITY])].sort();
}

/** Whether a lane is open to a worker agent: it requires something, and the worker offers all of it. */
export function opensLane(requires: readonly string[], offered: ReadonlySet<string>): boolean {
  return requires.length > 0 && requires.every((capability) => offered.has(capability));
}

/** How many jobs a claim may give. */
export function freePlaces(capacity: number, held: number, limit: number): number {
  return Math.max(0, Math.min(limit, capacity - held));
}

/**
 * What to do at the end of a lease, `now` in epoch ms: take the work back, or wait until the time given. A lease that is found
 * long after its end was watched by nobody (a suspend, a clock that jumped, no process), so its worker had nobody to call either.
 */
export function leaseEnd(worker: { readonly leaseUntil: number; readonly leaseMs: number }, processLeaseMs: number, now: number): number | 'lost' {
  const grace = Math.min(worker.leaseMs, processLeaseMs);
  return now - worker.leaseUntil > grace ? now + grace : 'lost';
}

export function rememberNonce(entries: readonly NonceEntry[], entry: NonceEntry): NonceEntry[] {
  return [...entries.filter((kept) => kept.nonce !== entry.nonce), entry].slice(-KEPT_NONCES);
}

/** Without the claim that gave this lease. */
export function withoutLease(entries: readonly NonceEntry[], jobId: string, token: number): NonceEntry[] {
  return entries.filter(({ leases }) => !leases.some(([id, given]) => id === jobId && given === token));
}
