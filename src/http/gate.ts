// Owns who passes to what is served: token, then share, then body, in this order, since what costs more comes later; and when requests are over.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServeConfig } from '../config/serve-schema.ts';
import { LOCAL, type Principal, type Scope } from '../domain/access.ts';
import type { Authenticator } from './authenticator.ts';
import { FairShare } from './fair-share.ts';
import type { Body } from './read-body.ts';
import { refuse } from './reply.ts';
import { challenge } from './resource-metadata.ts';

/** A request whose sender is known, with its parsed body; undefined for one without. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: unknown;
  readonly principal: Principal;
  /** It does not end by itself: the server does not wait for it when it stops. */
  readonly lasts: () => void;
}

export interface GateRules {
  /** A stream is counted apart, and ends with the server. */
  readonly stream: boolean;
  readonly read: ((request: IncomingMessage) => Promise<Body>) | null;
}

export interface GateParts {
  readonly config: ServeConfig;
  readonly authenticator: Authenticator;
  readonly url: () => string;
  readonly now: () => number;
  /** Told of each stream that is let in. */
  readonly onStream: (response: ServerResponse) => void;
}

export class Gate {
  readonly #p: GateParts;
  readonly #share: FairShare;
  /** Requests that will end by themselves. */
  #working = 0;
  #idle: (() => void) | null = null;

  constructor(parts: GateParts) {
    this.#p = parts;
    this.#share = new FairShare(parts.config, parts.now);
  }

  async pass(request: IncomingMessage, response: ServerResponse, rules: GateRules, serve: (exchange: Exchange) => Promise<void> | void): Promise<void> {
    const { authenticator, config, url } = this.#p;
    const admission = await authenticator.admit(request.headers.authorization);
    if (admission.kind === 'refused') {
      const headers = { 'www-authenticate': challenge(config, url(), admission.given ? { error: 'invalid_token' } : {}) };
      return refuse(response, { status: 401, code: 'unauthorized', message: admission.message, headers });
    }
    const { principal } = admission;
    const share = this.#share.take(principal.id, rules.stream ? 'stream' : 'request', principal.id !== LOCAL);
    if (share.kind === 'refused') {
      const headers = { 'retry-after': String(Math.ceil(share.retryAfterMs / 1_000)) };
      return refuse(response, { status: 429, code: 'rate_limited', message: share.message, headers });
    }
    if (rules.stream) this.#p.onStream(response);
    const over = rules.stream ? () => {} : this.begin();
    try {
      const body = rules.read === null ? undefined : await rules.read(request);
      if (body?.kind === 'refused') return refuse(response, body.refusal);
      await serve({ request, response, body: body?.value, principal, lasts: over });
    } finally {
      share.done();
      over();
    }
  }

  /** Refuses what needs a scope that the token does not have. */
  refuseScope(response: ServerResponse, what: string, needs: readonly Scope[]): void {
    const headers = { 'www-authenticate': this.scopeChallenge(needs) };
    refuse(response, { status: 403, code: 'forbidden', message: `${what} needs the scope ${needs.join(' or ')}.`, headers });
  }

  /** The value of WWW-Authenticate that names the scope. */
  scopeChallenge(needs: readonly Scope[]): string {
    return challenge(this.#p.config, this.#p.url(), { error: 'insufficient_scope', scope: needs[0] });
  }

  /** Resolves when no request is under way, at the latest after this time. */
  async idle(graceMs: number): Promise<void> {
    if (this.#working === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      timer = setTimeout(resolve, graceMs);
    });
    clearTimeout(timer);
  }

  /** Counts a request that ends by itself, until what it returns is called. */
  begin(): () => void {
    this.#working++;
    let working = true;
    return () => {
      if (working && --this.#working === 0) this.#idle?.();
      working = false;
    };
  }
}
