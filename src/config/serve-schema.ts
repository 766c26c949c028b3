// Owns the configuration of the HTTP server: where it listens, whom it believes, and how much one caller may take.
import { z } from 'zod';
import { MAX_RATE_LIMIT } from '../domain/rate-limit.ts';
import { duration, text } from './schema-parts.ts';

const Host = text(/^[A-Za-z0-9_.:-]{1,255}$/, 'a host name or an address');
const HostName = text(/^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9a-fA-F:.]+\])$/, 'a host name without a port');
const Origin = text(/^https?:\/\/[^\s/]+$/, 'an origin such as https://app.example.org');
const WebAddress = text(/^https?:\/\/[^\s/]\S*$/, 'an http or https address');

export const ServeInput = z.strictObject({
  host: Host.optional(),
  port: z.int().min(0).max(65_535).optional(),
  /** Address of /mcp as clients see it, behind a proxy. */
  publicUrl: WebAddress.optional(),
  allowedHosts: z.array(HostName).max(100).optional(),
  allowedOrigins: z.array(Origin).max(100).optional(),
  jwt: z
    .strictObject({
      issuer: WebAddress,
      audience: text(/^\S{1,1000}$/, 'the audience that tokens must name'),
      jwksUrl: WebAddress.optional(),
      namespaceClaim: text(/^[A-Za-z0-9_:./-]{1,200}$/, 'the name of a claim').optional(),
    })
    .optional(),
  maxBody: z
    .int()
    .min(1_024)
    .max(64 * 1_048_576)
    .optional(),
  maxResult: z
    .int()
    .min(16_384)
    .max(64 * 1_048_576)
    .optional(),
  rateLimit: z
    .strictObject({ limit: z.int().min(1).max(MAX_RATE_LIMIT), period: duration(1) })
    .nullable()
    .optional(),
  maxConcurrent: z.int().min(1).max(100_000).optional(),
  maxStreams: z.int().min(1).max(100_000).optional(),
  maxSessions: z.int().min(1).max(100_000).optional(),
  maxConnections: z.int().min(1).max(1_000_000).optional(),
  sessionIdle: duration(1_000).optional(),
  requestTimeout: duration(100).optional(),
});
type ServeFields = z.output<typeof ServeInput>;

export interface JwtConfig {
  readonly issuer: string;
  readonly audience: string;
  /** Where the issuer publishes its keys. */
  readonly jwksUrl: string;
  /** Claim that names the namespace; null = tokens work in that of the server. */
  readonly namespaceClaim: string | null;
}

export interface ServeConfig {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly publicUrl: string | null;
  /** Host names beside those of this machine's loopback. */
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly jwt: JwtConfig | null;
  readonly maxBodyBytes: number;
  /** Of the reply of a tool or of a resource. */
  readonly maxResultBytes: number;
  /** Requests of one token; null = no limit. */
  readonly rateLimit: { readonly limit: number; readonly periodMs: number } | null;
  /** Requests of one token at once. */
  readonly maxConcurrent: number;
  /** Event streams of one token at once. */
  readonly maxStreams: number;
  /** Sessions of all clients of the 2025 protocols. */
  readonly maxSessions: number;
  readonly maxConnections: number;
  readonly sessionIdleMs: number;
  /** Time for a request to arrive whole. */
  readonly requestTimeoutMs: number;
}

export const DEFAULT_SERVE: ServeConfig = {
  host: '127.0.0.1',
  port: 8_787,
  publicUrl: null,
  allowedHosts: [],
  allowedOrigins: [],
  jwt: null,
  maxBodyBytes: 1_048_576,
  maxResultBytes: 4 * 1_048_576,
  rateLimit: { limit: 1_000, periodMs: 1_000 },
  // A wait holds its request for up to 50 s, and a thousand agents may wait behind one token.
  maxConcurrent: 2_000,
  maxStreams: 1_000,
  maxSessions: 2_000,
  maxConnections: 12_000,
  sessionIdleMs: 30 * 60_000,
  requestTimeoutMs: 30_000,
};

/** Fills in the defaults. */
export function serveForm(fields: ServeFields = {}): ServeConfig {
  const { jwt, maxBody, maxResult, rateLimit, sessionIdle, requestTimeout } = fields;
  const given = Object.fromEntries(Object.entries(fields).filter(([key, value]) => key in DEFAULT_SERVE && value !== undefined));
  return {
    ...DEFAULT_SERVE,
    ...given,
    jwt:
      jwt === undefined
        ? null
        : {
            issuer: jwt.issuer,
            audience: jwt.audience,
            jwksUrl: jwt.jwksUrl ?? `${jwt.issuer.replace(/\/$/, '')}/.well-known/jwks.json`,
            namespaceClaim: jwt.namespaceClaim ?? null,
          },
    maxBodyBytes: maxBody ?? DEFAULT_SERVE.maxBodyBytes,
    maxResultBytes: maxResult ?? DEFAULT_SERVE.maxResultBytes,
    rateLimit: rateLimit === undefined ? DEFAULT_SERVE.rateLimit : rateLimit === null ? null : { limit: rateLimit.limit, periodMs: rateLimit.period },
    sessionIdleMs: sessionIdle ?? DEFAULT_SERVE.sessionIdleMs,
    requestTimeoutMs: requestTimeout ?? DEFAULT_SERVE.requestTimeoutMs,
  };
}
