// Owns when this process may write: at once while nobody else does, in turn when others do too, and not right after Redis restarted.
import { type Appended, type CommitLog, TURN_LAPSE_MS } from './commit-log.ts';

/** While others write too, callers that just got their answer are expected to come again: their place is kept. */
const CONTENDED_MS = 200;
const MAX_OVERTAKEN = 2;
/** Longer than the longest pause between two tries to connect. */
const GRACE_MS = 1_000;

export class Turns {
  readonly #log: CommitLog;
  /** It is somebody else's turn until then, unless the bell says otherwise. */
  #theirsUntil = 0;
  #graceUntil = 0;
  #freed = false;
  #overtaken = 0;
  /** We may stand in the order of turns. */
  #standing = false;
  #contendedAt = Number.NEGATIVE_INFINITY;

  constructor(log: CommitLog) {
    this.#log = log;
  }

  /** Milliseconds until a write makes sense; 0 = now. */
  wait(): number {
    return Math.max(0, this.#theirsUntil - performance.now(), this.#graceUntil - performance.now());
  }

  /** Whether our place is to be kept although no more waits here just now. */
  get isContended(): boolean {
    return performance.now() - this.#contendedAt < CONTENDED_MS;
  }

  /** The bell: `next` is the process whose turn it is. */
  heard(next: string | null): void {
    if (next !== this.#log.me && next !== null) return;
    this.#theirsUntil = 0;
    this.#freed = true;
  }

  /** Before an append is sent. Bells come on another connection: one may overtake the answer, and counts all the same. */
  sending(): void {
    this.#freed = false;
    this.#overtaken = 0;
  }

  appended(result: Appended): void {
    const now = performance.now();
    const next = result.kind === 'ok' ? result.next : null;
    const others = result.kind === 'wait' || (next !== null && next !== this.#log.me);
    this.#standing = result.kind === 'ok' ? next !== null : result.kind !== 'other';
    this.#theirsUntil = others && !this.#freed ? now + 1.2 * TURN_LAPSE_MS : 0;
    if (others || result.kind === 'moved') this.#contendedAt = now;
  }

  /** What waits here was overtaken again: others commit faster than this process catches up, so it asks for a turn. */
  async overtaken(): Promise<void> {
    if (++this.#overtaken < MAX_OVERTAKEN || this.#standing) return;
    this.#standing = true;
    this.#contendedAt = performance.now();
    await this.#log.stand();
  }

  /** With nothing to write, a place in the order of turns would only hold up others. */
  async stepDown(): Promise<void> {
    if (!this.#standing) return;
    this.#standing = false;
    await this.#log.pass();
  }

  /** After a restart of Redis, whoever saw more than it kept gives that back before anybody writes anew, a process that only just started too. */
  greet(sinceRestartMs: number): void {
    if (sinceRestartMs >= 0) this.#graceUntil = performance.now() + GRACE_MS - sinceRestartMs;
  }
}
