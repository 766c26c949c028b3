// Owns a schedule on a virtual clock: the same decision as in the engine, with runs of a given length and times in which no process runs.
import type { OccurrenceStatus } from '../domain/schedule.ts';
import { decideFires, type FireStep } from '../domain/schedule-fire.ts';
import type { FireView, PlannedTimes, WaitingFire } from '../domain/schedule-view.ts';
import type { ScheduleSpec } from '../store/backend.ts';

export interface Simulation {
  readonly spec: ScheduleSpec;
  readonly times: PlannedTimes;
  readonly delayOf: (plannedAt: number) => number;
  /** Runs that it has started before. */
  readonly runs: number;
  readonly from: number;
  readonly to: number;
  readonly runMs: number;
  readonly outages: readonly { readonly from: number; readonly to: number }[];
  /** Entries at most. */
  readonly limit: number;
}

export interface VirtualFire {
  readonly plannedAt: number;
  status: OccurrenceStatus;
  reason: string | null;
  startsAt: number | null;
  endsAt: number | null;
  readonly until: number;
  readonly count: number;
}

/** Decisions between two rests: a few milliseconds of work. */
const STEPS = 100;

/** Every planned time of the range and what becomes of it, by planned time; rests at each yield. */
export function* simulate(p: Simulation): Generator<void, VirtualFire[]> {
  const run = new Run(p);
  let now: number | null = p.from;
  for (let steps = 1; now !== null && now <= p.to && run.fires.length < p.limit; steps++) {
    now = run.step(now);
    if (steps % STEPS === 0) yield;
  }
  return run.fires.filter((fire) => fire.plannedAt <= p.to).slice(0, p.limit);
}

class Run {
  readonly fires: VirtualFire[] = [];
  readonly #p: Simulation;
  readonly #outages: Simulation['outages'];
  /** Those that wait, and that may be told of again. */
  readonly #buffered = new Map<number, VirtualFire>();
  #watermark: number;
  #runs: number;
  #waiting: WaitingFire[] = [];
  /** All runs are equally long, so they end in the order in which they started: those before `#ended` have. */
  #started: VirtualFire[] = [];
  #ended = 0;

  constructor(p: Simulation) {
    this.#p = p;
    this.#outages = [...p.outages].sort((a, b) => a.from - b.from);
    this.#watermark = p.from - 1;
    this.#runs = p.runs;
  }

  /** Decides at `now`; gives the next moment, or null. */
  step(given: number): number | null {
    const now = this.#awake(given);
    while (this.#nextEnd() <= now) this.#ended++;
    const decision = decideFires(this.#view(), now, this.#p.limit);
    if (decision.cancelRunning) this.#cancel(now);
    for (const step of decision.steps) this.#take(step, now);
    this.#watermark = decision.watermark;
    this.#runs = decision.runs;
    const waits = this.#waiting.length > 0;
    // Where nothing runs, what waits starts at once.
    const end = !waits ? Number.POSITIVE_INFINITY : Math.max(now, this.#running() === 0 ? now : this.#nextEnd());
    const next = Math.min(end, decision.dueAt ?? Number.POSITIVE_INFINITY);
    return next === Number.POSITIVE_INFINITY ? null : Math.max(now, next);
  }

  #running(): number {
    return this.#started.length - this.#ended;
  }

  #nextEnd(): number {
    return this.#started[this.#ended]?.endsAt ?? Number.POSITIVE_INFINITY;
  }

  #cancel(now: number): void {
    for (const fire of this.#started.slice(this.#ended)) {
      fire.endsAt = now;
      fire.reason = 'A later fire cancelled it.';
    }
    this.#started = [];
    this.#ended = 0;
  }

  /** In an outage nobody decides before its end. */
  #awake(at: number): number {
    let moment = at;
    for (const outage of this.#outages) if (moment >= outage.from && moment < outage.to) moment = outage.to;
    return moment;
  }

  #view(): FireView {
    const { spec, times, delayOf } = this.#p;
    const { overlap, catchup, maxRuns, jitterMs } = spec;
    return {
      ...{ paused: false, overlap, catchup, maxRuns, jitterMs, times, delayOf },
      runs: this.#runs,
      watermark: this.#watermark,
      running: this.#running(),
      waiting: this.#waiting,
    };
  }

  #take(step: FireStep, now: number): void {
    const { plannedAt, until, count, status, reason } = step;
    let fire = this.#buffered.get(plannedAt);
    if (fire === undefined) {
      fire = { plannedAt, status, reason, startsAt: null, endsAt: null, until, count };
      this.fires.push(fire);
    } else {
      fire.status = status;
      fire.reason = reason;
      this.#buffered.delete(plannedAt);
      this.#waiting.splice(
        this.#waiting.findIndex((other) => other.plannedAt === plannedAt),
        1,
      );
    }
    if (status === 'buffered') {
      this.#waiting.push({ origin: 'plan', plannedAt });
      this.#buffered.set(plannedAt, fire);
    }
    if (!step.starts) return;
    fire.startsAt = now;
    fire.endsAt = now + this.#p.runMs;
    if (this.#p.runMs > 0) this.#started.push(fire);
  }
}
