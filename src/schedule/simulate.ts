// Owns a schedule on a virtual clock: the same decision as in the engine, with runs of a given length and times in which no process runs.
import type { OccurrenceStatus, ScheduleRule } from '../domain/schedule.ts';
import { decideFires, type FireStep } from '../domain/schedule-fire.ts';
import type { FireView, PlannedTimes, WaitingFire } from '../domain/schedule-view.ts';
import type { ScheduleSpec } from '../store/backend.ts';
import { clockNote, shownFire } from './describe.ts';

export interface Simulation {
  readonly id: string;
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
  readonly local: string;
  status: OccurrenceStatus;
  reason: string | null;
  startsAt: number | null;
  endsAt: number | null;
  readonly until: number;
  readonly count: number;
  readonly note: string | null;
}

/** Every planned time of the range and what becomes of it, by planned time. */
export function simulate(p: Simulation): VirtualFire[] {
  const run = new Run(p);
  let now: number | null = p.from;
  while (now !== null && now <= p.to && run.fires.length < p.limit) now = run.step(now);
  return run.fires.filter((fire) => fire.plannedAt <= p.to).slice(0, p.limit);
}

class Run {
  readonly fires: VirtualFire[] = [];
  readonly #p: Simulation;
  readonly #byTime = new Map<number, VirtualFire>();
  #watermark: number;
  #runs: number;
  #waiting: WaitingFire[] = [];
  #running: VirtualFire[] = [];

  constructor(p: Simulation) {
    this.#p = p;
    this.#watermark = p.from - 1;
    this.#runs = p.runs;
  }

  /** Decides at `now`; gives the next moment, or null. */
  step(given: number): number | null {
    const now = this.#awake(given);
    this.#running = this.#running.filter((fire) => (fire.endsAt as number) > now);
    const decision = decideFires(this.#view(), now, this.#p.limit);
    if (decision.cancelRunning) {
      for (const fire of this.#running) {
        fire.endsAt = now;
        fire.reason = 'A later fire cancelled it.';
      }
      this.#running = [];
    }
    for (const step of decision.steps) this.#take(step, now);
    this.#watermark = decision.watermark;
    this.#runs = decision.runs;
    const ends = this.#waiting.length === 0 ? [] : this.#running.map((fire) => fire.endsAt as number);
    const moments = [...ends, ...(decision.dueAt === null ? [] : [decision.dueAt])];
    return moments.length === 0 ? null : Math.max(now, Math.min(...moments));
  }

  /** In an outage nobody decides before its end. */
  #awake(at: number): number {
    let moment = at;
    for (const outage of [...this.#p.outages].sort((a, b) => a.from - b.from)) if (moment >= outage.from && moment < outage.to) moment = outage.to;
    return moment;
  }

  #view(): FireView {
    const { spec, times, delayOf } = this.#p;
    const { overlap, catchup, maxRuns, jitterMs } = spec;
    return {
      ...{ paused: false, overlap, catchup, maxRuns, jitterMs, times, delayOf },
      runs: this.#runs,
      watermark: this.#watermark,
      running: this.#running.length,
      waiting: this.#waiting,
    };
  }

  #take(step: FireStep, now: number): void {
    const fire = this.#fireOf(this.#p.spec.rule, step);
    fire.status = step.status;
    fire.reason = step.reason;
    this.#waiting = this.#waiting.filter((other) => other.plannedAt !== step.plannedAt);
    if (step.status === 'buffered') this.#waiting.push({ origin: 'plan', plannedAt: step.plannedAt });
    if (!step.starts) return;
    fire.startsAt = now;
    fire.endsAt = now + this.#p.runMs;
    if (this.#p.runMs > 0) this.#running.push(fire);
  }

  #fireOf(rule: ScheduleRule, step: FireStep): VirtualFire {
    const known = this.#byTime.get(step.plannedAt);
    if (known !== undefined) return known;
    const { plannedAt, until, count, status, reason } = step;
    const made = {
      plannedAt,
      local: shownFire(rule, plannedAt).local,
      status,
      reason,
      startsAt: null,
      endsAt: null,
      until,
      count,
      note: clockNote(rule, plannedAt),
    };
    this.#byTime.set(plannedAt, made);
    this.fires.push(made);
    return made;
  }
}
