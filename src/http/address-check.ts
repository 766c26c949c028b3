// Owns the defence against pages of other sites: a Host that is not ours was rebound, and a foreign Origin has no business here.
import { isIP } from 'node:net';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

export interface AddressRules {
  /** The address that the server listens on. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly publicUrl: string | null;
}

export class AddressCheck {
  readonly #names: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #loopback: boolean;

  constructor({ host, allowedHosts, allowedOrigins, publicUrl }: AddressRules) {
    const given = [...allowedHosts, ...(publicUrl === null ? [] : [new URL(publicUrl).hostname]), ...(isWildcard(host) ? [] : [inUrl(host)])];
    this.#names = new Set([...LOOPBACK_NAMES, ...given].map((name) => name.toLowerCase()));
    this.#origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase()));
    this.#loopback = isLoopback(host);
  }

  /** Names must be on the list. An address cannot be rebound; beyond loopback any of this machine's own is fine. */
  allowsHost(header: string | undefined): boolean {
    const name = hostOf(header);
    if (name === undefined) return false;
    return this.#names.has(name) || (!this.#loopback && isIP(name.replace(/^\[|\]$/g, '')) !== 0);
  }

  /** Programs send none; a page may come from this machine, from this server, or from the list. */
  allowsOrigin(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined || this.mayRead(origin)) return true;
    let url: URL;
    try {
      url = new URL(origin);
    } catch {
      return false;
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
    return LOOPBACK_NAMES.includes(url.hostname) ? this.#loopback : url.host === host?.toLowerCase();
  }

  /** Origins whose pages are let read answers. */
  mayRead(origin: string): boolean {
    return this.#origins.has(origin.toLowerCase());
  }
}

/** True where only programs of this machine can connect. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '[::]';
}

/** As it is written in an address: version 6 in brackets. */
export function inUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

function hostOf(header: string | undefined): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:\d{1,5})?$/i.exec(header ?? '')?.[1]?.toLowerCase();
}
