// Owns what a token may do: the closed list of scopes, what each of them covers, and who a call is made for.
import { z } from 'zod';

/**
 * `read` sees, `write` also changes, `worker` takes jobs as a worker agent, `approve` decides approvals that only a person may decide, `admin` is read, write
 * and worker over all namespaces. Approving is never implied: an agent's token must not decide what a person has to.
 */
export const SCOPES = ['read', 'write', 'worker', 'approve', 'admin'] as const;
export const Scope = z.enum(SCOPES);
export type Scope = z.infer<typeof Scope>;

const COVERS: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ['read'],
  write: ['write', 'read'],
  worker: ['worker'],
  approve: ['approve', 'read'],
  admin: ['admin', 'write', 'read', 'worker'],
};

/** Everything that these scopes allow. */
export function scopesCovered(scopes: readonly Scope[]): ReadonlySet<Scope> {
  return new Set(scopes.flatMap((scope) => COVERS[scope]));
}

/** Id of the user of this machine, where no token is asked for. */
export const LOCAL = 'local';

/** Whom a request is made for. */
export interface Principal {
  /** Whom receipts, sessions and runs belong to, for example token:ci. */
  readonly id: string;
  /** All that it may do, implied scopes too. */
  readonly scopes: ReadonlySet<Scope>;
  /** Its objects live here; with `admin` it sees those of others too. */
  readonly namespace: string;
  /** Epoch ms; null = no end. */
  readonly expiresAt: number | null;
}

/** True when any one of the scopes that would do is held. */
export function mayDo(principal: Pick<Principal, 'scopes'>, anyOf: readonly Scope[]): boolean {
  return anyOf.some((scope) => principal.scopes.has(scope));
}
