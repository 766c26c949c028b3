// Owns which planned times fire: from a schedule, its planned times and the clock to ledger entries and starts, so that each planned time is covered exactly once.
import { isJsonObject, type Json } from './json.ts';
import type { OccurrenceOrigin, OccurrenceStatus, OverlapPolicy } from './schedule.ts';
import { MissedTimes } from './schedule-missed.ts';
import { type FireView, LATE_MS, MAX_BUFFERED, MAX_ENTRIES, type WaitingFire } from './schedule-view.ts';

export interface FireStep {
  readonly origin: OccurrenceOrigin;
  readonly plannedAt: number;
  /** The last planned time that the entry speaks for. */
  readonly until: number;
  readonly count: number;
  readonly status: OccurrenceStatus;
  readonly reason: string | null;
  /** It has a ledger entry already: it waited. */
  readonly waited: boolean;
  /** A run starts. */
  readonly starts: boolean;
}

export interface FireDecision {
  /** In the order in which they are to be done. */
  readonly steps: readonly FireStep[];
  /** The runs of the plan that go on are cancelled once the fire that replaces them is sure to start. */
  readonly cancelRunning: boolean;
  readonly watermark: number;
  readonly runs: number;
  /** The next planned time without jitter, or null when there is none. */
  readonly nextAt: number | null;
  /** When to decide again, or null: only the end of a run, or a person, makes a difference. */
  readonly dueAt: number | null;
  /** Nothing is planned any more, nothing waits and no condition is asked. */
  readonly completed: boolean;
}

/** What is due at `now`. Times are taken in their order; what the limit leaves over is due at once. */
export function decideFires(view: FireView, now: number, limit: number = MAX_ENTRIES): FireDecision {
  const draft = new Draft(view, now);
  draft.drain();
  if (!view.paused) draft.planned(limit);
  return draft.decision();
}

class Draft {
  readonly #view: FireView;
  readonly #now: number;
  readonly #steps: FireStep[] = [];
  readonly #waiting: WaitingFire[];
  #running: number;
  /** Of these, conditions that are asked, and runs that are not of the plan. */
  readonly #asking: number;
  #byHand: number;
  #watermark: number;
  #runs: number;
  #cancel = false;
  /** Set when the limit stopped it. */
  #more = false;

  constructor(view: FireView, now: number) {
    this.#view = view;
    this.#now = now;
    this.#waiting = [...view.waiting];
    this.#running = view.running;
    this.#asking = view.asking ?? 0;
    this.#byHand = view.byHand ?? 0;
    this.#watermark = view.watermark;
    this.#runs = view.runs;
  }

  /** The oldest fire that waits starts once nothing runs; those of the plan stand still while the schedule is paused. */
  drain(): void {
    if (this.#running > 0) return;
    const at = this.#waiting.findIndex((fire) => fire.origin !== 'plan' || !this.#view.paused);
    const [first] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (first === undefined) return;
    this.#running++;
    if (first.origin === 'plan') this.#runs++;
    else this.#byHand++;
    const late = first.origin === 'plan' && this.#now - first.plannedAt - this.#view.delayOf(first.plannedAt) > LATE_MS;
    this.#push({ ...first, status: late ? 'late' : 'fired', reason: 'It waited for the run before it.', waited: true, starts: true });
  }

  planned(limit: number): void {
    const missed = new MissedTimes(this.#view, this.#now);
    if (!this.#mayPlan()) return;
    for (const entry of missed.passed(limit - this.#steps.length)) {
      this.#steps.push({ ...entry, origin: 'plan', waited: false, starts: false });
      this.#watermark = entry.until;
    }
    for (const fire of missed.fires(this.#watermark)) {
      if (!this.#mayPlan()) return;
      if (this.#steps.length >= limit) {
        this.#more = true;
        return;
      }
      this.#place(fire.plannedAt, fire.late, fire.plannedAt === missed.lastFire);
      this.#watermark = fire.plannedAt;
    }
    this.#more = missed.isCutShort;
  }

  /** One that is due: the overlap policy says what becomes of it while a run goes on. */
  #place(plannedAt: number, late: boolean, isLast: boolean): void {
    const { overlap } = this.#view;
    const fire = { origin: 'plan', plannedAt } as const;
    const busy = this.#running > 0;
    if (overlap === 'cancel_running' && !isLast) {
      this.#push({ ...fire, status: 'skipped_overlap', reason: 'A later fire came due at the same time.' });
    } else if (overlap === 'skip' && busy) {
      this.#push({ ...fire, status: 'skipped_overlap', reason: this.#whyBusy() });
    } else if (overlap.startsWith('buffer') && (busy || this.#waiting.length > 0)) {
      this.#buffer(plannedAt);
    } else {
      if (overlap === 'cancel_running' && this.#running > 0) this.#cancel = true;
      this.#running++;
      this.#runs++;
      this.#push({ ...fire, status: late ? 'late' : 'fired', reason: late ? 'No process decided on it in time.' : null, starts: true });
    }
  }

  #whyBusy(): string {
    if (this.#running > this.#asking + this.#byHand) return 'The run before it was still going on.';
    if (this.#byHand > 0) return 'A backfilled run, or one that was asked for, was still going on.';
    return 'The condition of the time before it was still being asked.';
  }

  #buffer(plannedAt: number): void {
    const fire = { origin: 'plan', plannedAt } as const;
    if (this.#view.overlap === 'buffer_one') {
      const earlier = this.#waiting.filter((other) => other.origin === 'plan');
      for (const other of earlier) this.#replace(other);
    } else if (this.#waiting.length >= MAX_BUFFERED) {
      this.#push({ ...fire, status: 'skipped_limit', reason: `${MAX_BUFFERED} fires wait already.` });
      return;
    }
    this.#waiting.push(fire);
    this.#push({ ...fire, status: 'buffered', reason: 'It waits for the run before it.' });
  }

  /** A later fire takes the place of one that waits; one of this decision gets no second step. */
  #replace(other: WaitingFire): void {
    this.#waiting.splice(this.#waiting.indexOf(other), 1);
    const gone = { status: 'skipped_overlap', reason: 'A later fire took its place in the buffer.' } as const;
    const own = this.#steps.findIndex((step) => step.origin === other.origin && step.plannedAt === other.plannedAt);
    if (own >= 0) this.#steps[own] = { ...(this.#steps[own] as FireStep), ...gone };
    else this.#push({ ...other, ...gone, waited: true });
  }

  /** Fires that wait have their place among the runs that are allowed. */
  #mayPlan(): boolean {
    const { maxRuns } = this.#view;
    return maxRuns === null || this.#runs + this.#waiting.filter((fire) => fire.origin === 'plan').length < maxRuns;
  }

  #push(step: WaitingFire & Pick<FireStep, 'status' | 'reason'> & Partial<FireStep>): void {
    this.#steps.push({ until: step.plannedAt, count: 1, waited: false, starts: false, ...step });
  }

  decision(): FireDecision {
    const { paused, times, delayOf } = this.#view;
    const nextAt = this.#mayPlan() ? times.next(this.#watermark) : null;
    const dueAt = paused || nextAt === null ? null : this.#more ? this.#now : nextAt + delayOf(nextAt);
    return {
      steps: this.#steps,
      cancelRunning: this.#cancel,
      watermark: this.#watermark,
      runs: this.#runs,
      nextAt,
      dueAt,
      completed: !paused && nextAt === null && this.#waiting.length === 0 && this.#asking === 0,
    };
  }
}

/** What becomes of a run that somebody asks for now; `running` and `waiting` count what its schedule has. */
export function placeAsked(
  overlap: OverlapPolicy,
  running: number,
  waiting: number,
): { readonly status: 'fired' | 'buffered' | 'skipped_overlap' | 'skipped_limit'; readonly reason: string | null; readonly cancelRunning: boolean } {
  const fired = { status: 'fired', reason: null, cancelRunning: overlap === 'cancel_running' && running > 0 } as const;
  if (overlap === 'allow' || overlap === 'cancel_running' || running + waiting === 0) return fired;
  if (overlap === 'skip') return { status: 'skipped_overlap', reason: 'A run is still going on.', cancelRunning: false };
  if (waiting >= MAX_BUFFERED) return { status: 'skipped_limit', reason: `${MAX_BUFFERED} fires wait already.`, cancelRunning: false };
  return { status: 'buffered', reason: 'It waits for the run before it.', cancelRunning: false };
}

/** Whether the result of the task that is asked says that the schedule runs: true, or an object with `run: true`. */
export function saysYes(answer: Json): boolean {
  return answer === true || (isJsonObject(answer) && answer.run === true);
}
