// Owns the table of 2025-era sessions: bounded, each bound to one principal, gone when idle, ended, or no longer allowed.
import type { Principal } from '../domain/access.ts';
import { LogisticsError } from '../domain/errors.ts';

export interface HttpSession {
  readonly id: string;
  /** As it was when it last came: scopes and the end of a token may change. */
  principal: Principal;
  /** Requests and streams that are under way. */
  open: number;
  lastAt: number;
  readonly end: () => Promise<void>;
}

export interface HttpSessionLimits {
  readonly maxSessions: number;
  readonly idleMs: number;
}

/** One principal may hold at most this share of all sessions. */
const SHARE = 0.5;

export class HttpSessions {
  readonly #limits: HttpSessionLimits;
  readonly #now: () => number;
  readonly #sessions = new Map<string, HttpSession>();
  /** Sessions that are being made, and those of the table. */
  #taken = 0;
  readonly #takenBy = new Map<string, number>();

  constructor(limits: HttpSessionLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Takes a place for a session to be; throws limit_exceeded when there is none. Returns how it is given back. */
  take(principal: Principal): () => void {
    const mine = this.#takenBy.get(principal.id) ?? 0;
    const share = Math.max(1, Math.floor(this.#limits.maxSessions * SHARE));
    if (this.#taken >= this.#limits.maxSessions || mine >= share) {
      throw new LogisticsError('limit_exceeded', this.#taken >= this.#limits.maxSessions ? 'All sessions are taken.' : `You hold ${mine} sessions.`, {
        expected: `at most ${this.#limits.maxSessions} sessions, ${share} of one principal`,
        nextActions: ['End a session with DELETE, or wait until one has been idle long enough.'],
      });
    }
    this.#taken++;
    this.#takenBy.set(principal.id, mine + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#taken--;
      const left = (this.#takenBy.get(principal.id) ?? 1) - 1;
      if (left === 0) this.#takenBy.delete(principal.id);
      else this.#takenBy.set(principal.id, left);
    };
  }

  add(session: HttpSession): void {
    this.#sessions.set(session.id, session);
  }

  delete(id: string): void {
    this.#sessions.delete(id);
  }

  /** Somebody else's session does not exist. */
  find(id: string, principal: Principal): HttpSession | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined || session.principal.id !== principal.id || session.principal.namespace !== principal.namespace) return undefined;
    session.principal = principal;
    session.lastAt = this.#now();
    return session;
  }

  /** Ends what was idle for too long, and what belongs to somebody who is no longer let in. */
  async sweep(isGone: (principal: Principal) => boolean): Promise<void> {
    const now = this.#now();
    const over = [...this.#sessions.values()].filter(({ open, lastAt, principal }) => (open === 0 && now - lastAt >= this.#limits.idleMs) || isGone(principal));
    await Promise.all(over.map((session) => session.end()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.end()));
  }
}
