// Owns tokens of an identity provider: signed by a key that the issuer publishes, for this audience, not expired; scopes and namespace come from claims.
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import type { JwtConfig } from '../config/serve-schema.ts';
import { type Principal, SCOPES, type Scope, scopesCovered } from '../domain/access.ts';
import { LogisticsError } from '../domain/errors.ts';
import { isLoopback } from './address-check.ts';

/** Signatures by a private key only: with a shared secret whoever can check a token could make one. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
const CLOCK_TOLERANCE_S = 5;
const MAX_SUBJECT = 500;
const NAMESPACE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

export class JwtVerifier {
  readonly #config: JwtConfig;
  readonly #namespace: string;
  readonly #now: () => number;
  #keys: JWTVerifyGetKey | null = null;

  /** `namespace` is where tokens work when no claim names another. Throws for keys that would come over an open line. */
  constructor(config: JwtConfig, namespace: string, now: () => number) {
    const url = new URL(config.jwksUrl);
    if (url.protocol !== 'https:' && !isLoopback(url.hostname)) {
      throw new LogisticsError('not_allowed', 'Keys that come over plain http can be exchanged on the way.', {
        path: 'serve.jwt.jwksUrl',
        expected: 'an https address',
      });
    }
    this.#config = config;
    this.#namespace = namespace;
    this.#now = now;
  }

  /** Null for a token that is not to be believed; throws store_unavailable when the keys cannot be had. */
  async verify(token: string): Promise<Principal | null> {
    const { createRemoteJWKSet, errors, jwtVerify } = await import('jose');
    this.#keys ??= createRemoteJWKSet(new URL(this.#config.jwksUrl), { timeoutDuration: 5_000, cooldownDuration: 30_000 });
    const { issuer, audience } = this.#config;
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(this.#now()),
      });
      return this.#principal(payload);
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw unreachable(error);
      if (error instanceof errors.JWKSTimeout || error.code === 'ERR_JOSE_GENERIC') throw unreachable(error);
      return null;
    }
  }

  #principal(payload: JWTPayload): Principal | null {
    const { namespaceClaim } = this.#config;
    const namespace = namespaceClaim === null ? this.#namespace : payload[namespaceClaim];
    const { sub = '' } = payload;
    if (typeof namespace !== 'string' || !NAMESPACE.test(namespace) || sub === '' || sub.length > MAX_SUBJECT) return null;
    return { id: `jwt:${sub}`, scopes: scopesCovered(scopesIn(payload)), namespace, expiresAt: (payload.exp ?? 0) * 1_000 };
  }
}

/** `scope` as OAuth writes it, `scp` as some issuers do; ours by name, alone or after `logistics:`. */
function scopesIn({ scope, scp }: JWTPayload): Scope[] {
  const words = [scope, scp].flatMap((value) => (typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value.map(String) : []));
  return SCOPES.filter((name) => words.includes(name) || words.includes(`logistics:${name}`));
}

function unreachable(cause: unknown): LogisticsError {
  return new LogisticsError('store_unavailable', 'The keys of the token issuer cannot be had now.', { path: 'serve.jwt.jwksUrl', retryable: true, cause });
}
