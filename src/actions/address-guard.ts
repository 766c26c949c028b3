// Owns which network addresses a user's URL may reach: the address that is really connected to is checked, never the name.
import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { buildConnector } from 'undici';
import { LogisticsError } from '../domain/errors.ts';

/** Resolves a name to all its addresses; injected by tests. */
export type ResolveAll = (hostname: string, callback: (error: Error | null, addresses: LookupAddress[]) => void) => void;

interface AllowRule {
  readonly port: number | undefined;
  readonly hostname: string | undefined;
  readonly subnets: BlockList | undefined;
}

const ENTRY_EXPECTED =
  'a CIDR range ("10.0.0.0/8"), an address or a host name, the last two with an optional port ("127.0.0.1:8080", "[::1]:80", "build.internal")';
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Checks addresses against the public unicast ranges and the configured exceptions. An exception that is a host name
 * trusts whatever that name resolves to. Throws `invalid_input` for an entry it cannot read.
 */
export class AddressGuard {
  readonly #rules: readonly AllowRule[];
  readonly #resolve: ResolveAll;

  constructor(allowAddresses: readonly string[] = [], resolve: ResolveAll = (hostname, callback) => dnsLookup(hostname, { all: true }, callback)) {
    this.#rules = allowAddresses.map((entry, index) => parseEntry(entry, `http.allowAddresses[${index}]`));
    this.#resolve = resolve;
  }

  /** The connect hook for an undici Agent. Each new connection passes here, also those of redirects. */
  async connector(): Promise<buildConnector.connector> {
    const [{ buildConnector }, { default: ipaddr }] = await Promise.all([import('undici'), import('ipaddr.js')]);
    const isPublic = (address: string): boolean => {
      const parsed = ipaddr.process(address.replace(/%.*$/, ''));
      if (parsed.range() !== 'unicast') return false;
      // ipaddr.js calls ::7f00:1 (the old IPv4-compatible form) unicast; public IPv6 lies in 2000::/3 only.
      return parsed.kind() === 'ipv4' || ((parsed.toByteArray()[0] as number) & 0xe0) === 0x20;
    };
    const permitted = (address: string, hostname: string, port: number): boolean =>
      isPublic(address) || this.#isListed(ipaddr.process(address).toString(), hostname, port);

    return (options, callback) => {
      const hostname = options.hostname.replace(/^\[|\]$/g, '').toLowerCase();
      const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80);
      const refuse = (address: string): LogisticsError => refusal(hostname, port, address);
      if (isIP(hostname) !== 0 && !permitted(hostname, hostname, port)) {
        queueMicrotask(() => callback(refuse(hostname), null));
        return;
      }
      const lookup: LookupFunction = (name, lookupOptions, done) => {
        this.#resolve(name, (error, found) => {
          if (error) return done(error, []);
          const usable = found.filter((entry) => permitted(entry.address, hostname, port) && familyFits(entry, lookupOptions.family));
          const first = usable[0];
          if (first === undefined) return done(refuse(found.map((entry) => entry.address).join(', ')), []);
          if (lookupOptions.all) done(null, usable);
          else done(null, first.address, first.family);
        });
      };
      const connect = buildConnector({ lookup, timeout: CONNECT_TIMEOUT_MS, allowH2: false });
      connect({ ...options, hostname }, (error, socket) => {
        if (error !== null) return callback(error, null);
        const address = (socket as { remoteAddress?: string }).remoteAddress;
        if (address === undefined || !permitted(address, hostname, port)) {
          socket.destroy();
          return callback(refuse(address ?? 'unknown'), null);
        }
        callback(null, socket);
      });
    };
  }

  #isListed(address: string, hostname: string, port: number): boolean {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return this.#rules.some(
      (rule) => (rule.port === undefined || rule.port === port) && (rule.hostname === hostname || rule.subnets?.check(address, family) === true),
    );
  }
}

function familyFits(entry: LookupAddress, wanted: unknown): boolean {
  if (wanted === 4 || wanted === 'IPv4') return entry.family === 4;
  if (wanted === 6 || wanted === 'IPv6') return entry.family === 6;
  return true;
}

function refusal(hostname: string, port: number, address: string): LogisticsError {
  return new LogisticsError('address_refused', `${hostname}:${port} leads to ${address || 'no address'}, which is not a public address.`, {
    path: 'url',
    details: { hostname, port, address },
  });
}

function parseEntry(entry: string, path: string): AllowRule {
  const bad = (): LogisticsError => new LogisticsError('invalid_input', `"${entry}" is not an address rule.`, { path, expected: ENTRY_EXPECTED });
  const text = entry.trim().toLowerCase();
  const range = /^([0-9a-f:.]+)\/(\d{1,3})$/.exec(text);
  if (range) return { port: undefined, hostname: undefined, subnets: subnet(range[1] as string, Number(range[2]), bad) };
  if (isIP(text) !== 0) return { port: undefined, hostname: undefined, subnets: subnet(text, undefined, bad) };
  const parts = /^(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::(\d{1,5}))?$/.exec(text);
  const port = parts?.[2] === undefined ? undefined : Number(parts[2]);
  if (!parts || (port !== undefined && (port < 1 || port > 65_535))) throw bad();
  const host = (parts[1] as string).replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return { port, hostname: undefined, subnets: subnet(host, undefined, bad) };
  if (/^[\d.]+$/.test(host)) throw bad();
  return { port, hostname: host, subnets: undefined };
}

function subnet(address: string, prefix: number | undefined, bad: () => LogisticsError): BlockList {
  const version = isIP(address);
  const widest = version === 6 ? 128 : 32;
  if (version === 0 || (prefix ?? widest) > widest) throw bad();
  const list = new BlockList();
  list.addSubnet(address, prefix ?? widest, version === 6 ? 'ipv6' : 'ipv4');
  return list;
}
