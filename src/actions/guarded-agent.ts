// Owns connections to addresses that a user names: opened through the guard, kept, and ended together; and what is said when one fails.
import type { Dispatcher } from 'undici';
import { LogisticsError } from '../domain/errors.ts';
import { AddressGuard, type ResolveAll } from './address-guard.ts';

export interface GuardedAgentOptions {
  /** CIDR ranges, addresses or host names (the last two with optional port) that may be reached although they are not public. */
  readonly allowAddresses?: readonly string[] | undefined;
  /** Name resolution; default: the system's. */
  readonly resolve?: ResolveAll | undefined;
}

export interface GuardedAgent {
  dispatcher(): Promise<Dispatcher>;
  close(): Promise<void>;
}

/** Throws `invalid_input` for an allow rule it cannot read. */
export function createGuardedAgent(options: GuardedAgentOptions = {}): GuardedAgent {
  const guard = new AddressGuard(options.allowAddresses, options.resolve);
  let agent: Promise<Dispatcher> | undefined;
  return {
    dispatcher: () => {
      agent ??= Promise.all([import('undici'), guard.connector()]).then(([{ Agent }, connect]) => new Agent({ connect, headersTimeout: 0, bodyTimeout: 0 }));
      return agent;
    },
    close: async () => {
      await (await agent)?.destroy();
    },
  };
}

/** undici wraps the true cause; a refused address lies somewhere in the chain. */
export function networkError(name: string, error: unknown): LogisticsError {
  const chain = causes(error);
  const ours = chain.find((cause) => cause instanceof LogisticsError);
  if (ours !== undefined) return ours;
  const root = chain.at(-1);
  if (root?.message === 'bad port') return new LogisticsError('address_refused', `${name}: HTTP clients do not talk to this port.`, { path: 'url' });
  const code = chain.map((cause) => (cause as { code?: unknown }).code).find((value) => typeof value === 'string');
  return new LogisticsError('network', `${name} failed: ${root?.message || code || 'no connection'}`, {
    details: { code: (code as string | undefined) ?? null },
    cause: error,
  });
}

function causes(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 5) return [];
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return [error, ...inner.flatMap((cause) => causes(cause, depth + 1))];
}
