// Owns what is told of the future of a schedule: how it reads, its next fires, and its fires on a virtual clock; nothing is stored.
import { LogisticsError } from '../domain/errors.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { Schedule } from '../domain/schedule.ts';
import type { ScheduleSpec } from '../store/backend.ts';
import { clockNote, nextFires, policiesOf, shownFire } from './describe.ts';
import { jitterOf } from './jitter.ts';
import { occurrencesOf } from './occurrences.ts';
import { clockChangesOf, warningsOf } from './preview.ts';
import { checkTarget, type DraftTools, draftSpec, normalRule } from './schedule-draft.ts';
import { refuse } from './schedule-error.ts';
import { ScheduleInput, ScheduleRuleInput } from './schedule-input.ts';
import type { PreviewedFire, ScheduleDescription, Simulated, SimulatedFire, SimulateRequest } from './schedule-replies.ts';
import { simulate, type VirtualFire } from './simulate.ts';

const NEXT_FIRES = 5;
const MAX_PREVIEW = 1_000;
const MAX_SIMULATED = 10_000;
const DEFAULT_SIMULATED = 1_000;

export interface OutlookOptions extends DraftTools {
  readonly now: () => number;
  /** By id or name; throws not_found. */
  readonly require: (idOrName: string) => Schedule;
}

interface Planned {
  readonly spec: ScheduleSpec;
  readonly run: Generator<void, VirtualFire[]>;
  readonly notes: readonly string[];
}

export class ScheduleOutlook {
  readonly #o: OutlookOptions;

  constructor(options: OutlookOptions) {
    this.#o = options;
  }

  /** A draft has no id yet, so its jitter is not known. */
  describe(schedule: Schedule, isStored = true): ScheduleDescription {
    const now = this.#o.now();
    const isLive = schedule.status === 'active' && schedule.deletedAt === null;
    // A one-off time that is due has not been decided yet.
    const from = schedule.rule.kind === 'once' ? schedule.watermark : Math.max(schedule.watermark, now - 1);
    const delayOf = isStored ? delaysOf(schedule.id, schedule.jitterMs) : undefined;
    const fires = isLive ? nextFires(this.#o.plannedTimes(schedule), schedule.rule, NEXT_FIRES, from, delayOf) : [];
    const left = schedule.maxRuns === null ? NEXT_FIRES : Math.max(0, schedule.maxRuns - schedule.runs);
    return {
      sentence: occurrencesOf(schedule.rule, schedule).describe(),
      nextFires: fires.slice(0, left),
      policies: policiesOf(schedule),
      warnings: isLive ? [...warningsOf(schedule, from, schedule.jitterMs), ...this.#targetWarnings(schedule)] : [],
    };
  }

  /** Why its next run would wait, or could not start at all. */
  #targetWarnings(schedule: Schedule): string[] {
    if (schedule.nextAt === null) return [];
    try {
      return checkTarget(this.#o, schedule.name, schedule, schedule.nextAt);
    } catch (error) {
      if (error instanceof LogisticsError) return [error.message];
      throw error;
    }
  }

  preview(ruleOrId: ScheduleRuleInput | string, n: number, from?: number): readonly PreviewedFire[] {
    const after = from === undefined ? this.#o.now() : from - 1;
    const count = Math.min(n, MAX_PREVIEW);
    if (typeof ruleOrId === 'string') {
      const schedule = this.#o.require(ruleOrId);
      return nextFires(this.#o.plannedTimes(schedule), schedule.rule, count, after, delaysOf(schedule.id, schedule.jitterMs));
    }
    const { rule, start = null, end = null, exclusions = [] } = normalRule(parseInput(ScheduleRuleInput, ruleOrId, 'The rule is wrong'), this.#o.now());
    return nextFires(this.#o.plannedTimes({ rule, start, end, exclusions: [...exclusions] }), rule, count, after);
  }

  simulate(request: SimulateRequest): readonly SimulatedFire[] {
    const { spec, run } = this.#planned(request);
    for (let step = run.next(); ; step = run.next()) if (step.done === true) return step.value.map((fire) => shownOf(spec, fire));
  }

  /** As simulate, but others have their turn in between, and each fire is worked out for show only when it is asked for. */
  async simulation(request: SimulateRequest): Promise<Simulated> {
    const { spec, run, notes } = this.#planned(request);
    for (let step = run.next(); ; step = run.next()) {
      if (step.done === true) return { fires: step.value, shown: (fire) => shownOf(spec, fire), notes };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #planned(request: SimulateRequest): Planned {
    const { from, to, runMs = 0, outages = [], limit = DEFAULT_SIMULATED } = request;
    if ((request.id === undefined) === (request.input === undefined))
      refuse('Give a schedule or the fields of one.', { path: 'id', expected: 'one of id, input' });
    if (to < from) refuse('The range ends before it begins.', { path: 'to', expected: 'a time that is not before from' });
    const schedule = request.id === undefined ? null : this.#o.require(request.id);
    const spec = schedule ?? draftSpec(this.#o, parseInput(ScheduleInput, request.input, 'The schedule is wrong'), null, this.#o.now()).spec;
    const times = this.#o.plannedTimes(spec);
    const delayOf = delaysOf(schedule?.id ?? 'sched_', spec.jitterMs);
    const run = simulate({ spec, times, delayOf, runs: schedule?.runs ?? 0, from, to, runMs, outages, limit: Math.min(limit, MAX_SIMULATED) });
    return { spec, run, notes: [...assumptions(spec, schedule), ...clockChangesOf(spec, from, to)] };
  }
}

function delaysOf(id: string, jitterMs: number): (plannedAt: number) => number {
  return (plannedAt) => jitterOf(id, plannedAt, jitterMs);
}

function shownOf(spec: ScheduleSpec, fire: VirtualFire): SimulatedFire {
  return { ...fire, local: shownFire(spec.rule, fire.plannedAt).local, note: clockNote(spec.rule, fire.plannedAt) };
}

/** What a simulation cannot know, and takes for granted. */
function assumptions(spec: ScheduleSpec, schedule: Schedule | null): string[] {
  const notes: string[] = [];
  if (schedule !== null && schedule.status !== 'active') notes.push(`It is ${schedule.status}; this is what it would do if it were active.`);
  if (spec.when !== null) notes.push('Its condition (when) is taken to say yes each time.');
  if (spec.pauseOnFailure !== null) notes.push('Each run is taken to succeed, so pause_on_failure never acts.');
  if (spec.jitterMs > 0 && schedule === null) notes.push('The jitter of a planned time depends on the id: a stored schedule has other delays.');
  return notes;
}
