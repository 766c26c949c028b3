// Owns the address of a Redis: parsed once, and shown without its password.
import { StoreError } from '../domain/errors.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  /** Namespace of all keys; two stores on one Redis have different ones. */
  readonly prefix: string;
  /** For people: no user, no password. */
  readonly shown: string;
}

export type RedisUrl = `redis://${string}` | `rediss://${string}`;

const DEFAULT_PREFIX = 'logistics-mcp';
const EXPECTED = 'redis://[user:password@]host[:port][/db][?prefix=name], or rediss:// for TLS';
const PREFIX = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$/;

/** Whether it is meant as an address of a Redis, right or wrong. */
export function isRedisUrl(text: string): text is RedisUrl {
  return /^rediss?:/i.test(text);
}

/** The same address with a namespace of its own beside the one that it names. */
export function besidePrefix(text: string, word: string): string {
  const { prefix } = parseRedisAddress(text);
  const url = new URL(text);
  url.searchParams.set('prefix', `${prefix}.${word}`);
  return url.href;
}

/** Throws invalid_input; the address is never repeated, since it may hold a password. */
export function parseRedisAddress(text: string): RedisAddress {
  const fail = (what: string): never => {
    throw new StoreError('invalid_input', `The address of the redis store is wrong: ${what}.`, { path: 'store', expected: EXPECTED });
  };
  const url = URL.canParse(text) ? new URL(text) : fail('it is no URL');
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') fail('it begins with neither redis:// nor rediss://');
  if (url.hostname === '') fail('it names no host');
  const unknown = [...url.searchParams.keys()].filter((key) => key !== 'prefix');
  if (unknown.length > 0) fail(`there is no parameter ${unknown.join(', ')}`);
  const db = url.pathname === '' || url.pathname === '/' ? '0' : url.pathname.slice(1);
  if (!/^\d{1,4}$/.test(db)) fail('the database is no number');
  const prefix = url.searchParams.get('prefix') ?? DEFAULT_PREFIX;
  if (!PREFIX.test(prefix)) fail('the prefix is not up to 100 letters, digits, _ . : or -');
  const tls = url.protocol === 'rediss:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 6379 : Number(url.port);
  return {
    host,
    port,
    tls,
    username: part(url.username, fail),
    password: part(url.password, fail),
    db: Number(db),
    prefix,
    shown: `${url.protocol}//${url.hostname}:${port}/${db}${prefix === DEFAULT_PREFIX ? '' : `?prefix=${prefix}`}`,
  };
}

function part(text: string, fail: (what: string) => never): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return fail('its user or password is not percent-encoded');
  }
}
