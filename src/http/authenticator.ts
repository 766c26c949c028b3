// Owns who is let in: the user of this machine where no token is asked for, else the holder of a token that is valid in this moment.
import { LOCAL, type Principal, scopesCovered } from '../domain/access.ts';
import type { JwtVerifier } from './jwt.ts';
import type { StoredToken, TokenFile } from './token-file.ts';

export type Admission =
  | { readonly kind: 'admitted'; readonly principal: Principal }
  /** `given`: a token came, and it is not believed. */
  | { readonly kind: 'refused'; readonly given: boolean; readonly message: string };

export interface AuthenticatorParts {
  readonly tokens: TokenFile;
  readonly jwt: JwtVerifier | null;
  /** A token is asked for even when there is no tokens file. */
  readonly required: boolean;
  /** Namespace of whoever comes without a token. */
  readonly namespace: string;
  readonly now: () => number;
}

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;
const IS_JWT = /^[^.]+\.[^.]+\.[^.]+$/;

/** Not `approve`: what a person has to decide is decided where a person is known to be. */
function localUser(namespace: string): Principal {
  return { id: LOCAL, scopes: scopesCovered(['admin']), namespace, expiresAt: null };
}

export class Authenticator {
  readonly #p: AuthenticatorParts;
  readonly #local: Principal;
  #required: boolean;

  constructor(parts: AuthenticatorParts) {
    this.#p = parts;
    this.#local = localUser(parts.namespace);
    this.#required = parts.required || parts.jwt !== null;
  }

  /** Once a tokens file is there, a token is asked for, and goes on to be when the file is taken away. */
  get required(): boolean {
    this.#required ||= this.#p.tokens.exists;
    return this.#required;
  }

  /** `header` is that of Authorization. Throws store_unavailable when an issuer's keys cannot be had. */
  async admit(header: string | undefined): Promise<Admission> {
    if (!this.required) return { kind: 'admitted', principal: this.#local };
    if (header === undefined) return { kind: 'refused', given: false, message: 'A bearer token is needed.' };
    const token = BEARER.exec(header)?.[1];
    if (token === undefined) return invalid('The header Authorization holds no bearer token.');
    const principal = this.#p.jwt !== null && IS_JWT.test(token) ? await this.#p.jwt.verify(token) : this.#fromFile(token);
    if (principal === null || this.#isOver(principal.expiresAt)) return invalid('The token is unknown, expired or revoked.');
    return { kind: 'admitted', principal };
  }

  /** True when a principal that was let in would not be let in now. */
  isGone(principal: Principal): boolean {
    if (this.#isOver(principal.expiresAt)) return true;
    if (principal.id === LOCAL) return this.required;
    if (!principal.id.startsWith(TOKEN)) return false;
    const stored = this.#p.tokens.named(principal.id.slice(TOKEN.length));
    return stored === null || stored.namespace !== principal.namespace || this.#isOver(endOf(stored));
  }

  #fromFile(secret: string): Principal | null {
    const stored = this.#p.tokens.find(secret);
    if (stored === null) return null;
    return { id: TOKEN + stored.name, scopes: scopesCovered(stored.scopes), namespace: stored.namespace, expiresAt: endOf(stored) };
  }

  #isOver(expiresAt: number | null): boolean {
    return expiresAt !== null && expiresAt <= this.#p.now();
  }
}

const TOKEN = 'token:';

function endOf({ expires_at }: StoredToken): number | null {
  return expires_at === null ? null : Date.parse(expires_at);
}

function invalid(message: string): Admission {
  return { kind: 'refused', given: true, message };
}
