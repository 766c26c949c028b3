// Owns the connections to Redis: the package is loaded here, lazily, and its faults are put in our words.
import { createHash } from 'node:crypto';
import type { Redis, RedisOptions } from 'ioredis';
import { StoreError } from '../../domain/errors.ts';
import type { RedisAddress } from '../redis-address.ts';

const CONNECT_MS = 4_000;
const MAX_BACKOFF_MS = 500;

export type LoadRedis = () => Promise<{ readonly Redis: typeof Redis }>;

/** Throws missing_package, saying what to install. */
export async function loadRedis(load: LoadRedis = () => import('ioredis')): Promise<typeof Redis> {
  try {
    return (await load()).Redis;
  } catch (error) {
    throw new StoreError('missing_package', 'The redis store needs the package ioredis. Install it with: npm install ioredis', {
      path: 'store',
      nextActions: ['npm install ioredis'],
      cause: error,
    });
  }
}

export function optionsOf(address: RedisAddress): RedisOptions {
  const { host, port, username, password, db, tls } = address;
  return {
    host,
    port,
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    keepAlive: 10_000,
    // A cut connection fails what is under way at once: whether it was stored is then looked up, never guessed.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxLoadingRetryTime: MAX_BACKOFF_MS,
    retryStrategy: (round) => Math.min(MAX_BACKOFF_MS, 20 * 2 ** Math.min(round, 6)),
  };
}

/** Connects once; throws store_unavailable within about 5 s, naming host and port. */
export async function connect(client: Redis, address: RedisAddress): Promise<void> {
  const limit = AbortSignal.timeout(CONNECT_MS + 500);
  let last: unknown;
  const note = (error: unknown): void => {
    last = error;
  };
  client.on('error', note);
  try {
    await new Promise<void>((resolve, reject) => {
      limit.addEventListener('abort', () => reject(new Error('no answer')), { once: true });
      client.once('ready', resolve);
      // The first refusal is enough: at the start nothing is lost by saying so at once.
      client.connect().then(resolve, reject);
    });
  } catch (error) {
    client.disconnect();
    throw unavailable(address, last ?? error);
  } finally {
    client.off('error', note);
    // Without a listener ioredis writes to the console; each fault reaches the caller of a command anyway.
    client.on('error', () => undefined);
  }
}

export function unavailable(address: RedisAddress, cause: unknown): StoreError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new StoreError('store_unavailable', `Redis at ${address.host}:${address.port} cannot be used (${withoutSecret(text, address)}).`, { path: 'store' });
}

function withoutSecret(text: string, address: RedisAddress): string {
  return address.password === undefined || address.password === '' ? text : text.replaceAll(address.password, '***');
}

/** A reply that Redis gave as an error, so that nothing was done; a fault of the connection is none. */
export function replyError(error: unknown): string | null {
  const { name, message } = (error ?? {}) as { name?: string; message?: string };
  return name === 'ReplyError' ? (message ?? '') : null;
}

/** A connection that was cut, or is not there yet: it comes back by itself. */
export function isConnectionFault(error: unknown): boolean {
  const { name = '', message = '', code = '' } = (error ?? {}) as { name?: string; message?: string; code?: string };
  return (
    /^(?:MaxRetriesPerRequestError|AbortError)$/.test(name) || /Connection is closed|Stream isn't writeable|ECONN|EPIPE|ETIMEDOUT/.test(`${message} ${code}`)
  );
}

/** Replies of a server that is starting, failing over or only reading: it may take the same command soon. */
export function isPassing(reply: string): boolean {
  return /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS|UNBLOCKED)\b/.test(reply);
}

/** What a refusal that stays means to a caller. */
export function refused(address: RedisAddress, reply: string): StoreError {
  const text = withoutSecret(reply, address);
  if (/^OOM\b/.test(reply)) {
    return new StoreError('store_full', `Redis at ${address.host}:${address.port} has no memory left (${text}).`, {
      nextActions: ['Raise maxmemory of Redis; nothing acknowledged was lost.'],
    });
  }
  return new StoreError('store_unavailable', `Redis at ${address.host}:${address.port} refuses (${text}).`, { path: 'store' });
}

/** Runs a script by its digest; sends its text only to a server that does not know it. */
export async function script(client: Redis, text: string, keys: readonly string[], values: readonly (string | number | Buffer)[]): Promise<unknown> {
  let sha = DIGESTS.get(text);
  if (sha === undefined) {
    sha = createHash('sha1').update(text).digest('hex');
    DIGESTS.set(text, sha);
  }
  try {
    return await client.evalsha(sha, keys.length, ...keys, ...values);
  } catch (error) {
    if (!replyError(error)?.startsWith('NOSCRIPT')) throw error;
    return client.eval(text, keys.length, ...keys, ...values);
  }
}

const DIGESTS = new Map<string, string>();
