// Owns one ledger entry per planned fire, as callers meet it: schedules are made, changed, asked and fired by hand here; each change is one write of the store.
import { LogisticsError } from '../domain/errors.ts';
import { type IdSource, kindOfId } from '../domain/id.ts';
import type { Json } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { Occurrence, Schedule, ScheduleStatus } from '../domain/schedule.ts';
import type { Decide } from '../domain/transition.ts';
import type { Backend, Page, Receipt, ScheduleAccount, ScheduleChange } from '../store/backend.ts';
import { nextFires, policiesOf } from './describe.ts';
import { jitterOf } from './jitter.ts';
import { occurrencesOf } from './occurrences.ts';
import { warningsOf } from './preview.ts';
import { checkFirst, checkTarget, type DraftTools, draftSpec, firstWatermark, normalRule } from './schedule-draft.ts';
import { refuse } from './schedule-error.ts';
import { ScheduleInput, SchedulePatch, ScheduleRuleInput } from './schedule-input.ts';
import type {
  BackfillResult,
  LedgerQuery,
  PreviewedFire,
  ScheduleCaller,
  ScheduleDescription,
  ScheduleFilter,
  SimulatedFire,
  SimulateRequest,
  TriggerResult,
} from './schedule-replies.ts';
import { checkTemplate } from './schedule-scope.ts';
import { simulate } from './simulate.ts';

export interface ScheduleManagerOptions extends DraftTools {
  readonly backend: Backend;
  readonly namespace: string;
  readonly newId: IdSource;
  readonly now: () => number;
  readonly decide: Decide;
}

const NEXT_FIRES = 5;
const MAX_PREVIEW = 1_000;
const MAX_SIMULATED = 10_000;
const DEFAULT_SIMULATED = 1_000;
const BACKFILL_LIMIT = 1_000;
/** Entries that accountSince looks at, newest first. */
const ACCOUNTED = 5_000;
/** Somebody else changed the schedule in between. */
const TRIES = 5;

/** A schedule whose rule is given apart. */
type Ruled = Omit<ScheduleInput, 'rule'> & { readonly timezone?: string | undefined };

export class ScheduleManager {
  readonly #o: ScheduleManagerOptions;

  constructor(options: ScheduleManagerOptions) {
    this.#o = options;
  }

  /** Stores a schedule; it is durable when this resolves. Throws ScheduleError invalid_input, not_found, conflict for a name that is taken. */
  async create(input: ScheduleInput, caller: ScheduleCaller, receipt?: Receipt): Promise<{ readonly schedule: Schedule; readonly replayed: boolean }> {
    const { schedule } = this.#draft(input, caller);
    const result = await this.#o.backend.putSchedule({ schedule, receipt });
    if (result.kind === 'conflict') throw new LogisticsError(result.error.code, result.error.message, result.error);
    return { schedule: result.schedule, replayed: result.replayed };
  }

  /** create with a cron expression. */
  async scheduleCron(expression: string, { timezone, ...input }: Ruled, caller: ScheduleCaller): Promise<Schedule> {
    return (await this.create({ ...input, rule: { kind: 'cron', expression, timezone } }, caller)).schedule;
  }

  /** create with a period such as `15m` or `2 weeks`. */
  async scheduleRecurring(every: string, { timezone, ...input }: Ruled, caller: ScheduleCaller): Promise<Schedule> {
    return (await this.create({ ...input, rule: { kind: 'recurring', every, timezone } }, caller)).schedule;
  }

  /** What create would store and how it reads, without storing it. Throws as create does, but for a name that is taken. */
  draft(input: ScheduleInput, caller: ScheduleCaller): { readonly schedule: Schedule; readonly description: ScheduleDescription } {
    const { schedule, notes } = this.#draft(input, caller);
    const description = this.describe(schedule);
    return { schedule, description: { ...description, warnings: [...new Set([...notes, ...description.warnings])] } };
  }

  #draft(input: ScheduleInput, caller: ScheduleCaller): { readonly schedule: Schedule; readonly notes: readonly string[] } {
    const { namespace, newId } = this.#o;
    const now = this.#o.now();
    const given = parseInput(ScheduleInput, input, 'The schedule is wrong');
    const { spec, notes } = draftSpec(this.#o, given, null, now);
    const watermark = firstWatermark(spec, now);
    const { nextAt } = checkFirst(this.#o, given.name, spec, watermark);
    const id = newId('schedule');
    const schedule: Schedule = {
      id,
      namespace,
      name: given.name,
      status: 'active',
      ...spec,
      principal: caller.principal,
      sessionId: given.session_id === undefined ? caller.sessionId : given.session_id,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
      pauseReason: null,
      revision: 1,
      watermark,
      nextAt,
      dueAt: nextAt + jitterOf(id, nextAt, spec.jitterMs),
      runs: 0,
      failures: 0,
      lastRun: null,
    };
    return { schedule, notes };
  }

  /** Changes what the patch names; with other times it counts from now, and what was due before is decided by the old rule first. */
  async update(id: string, patch: SchedulePatch, _caller: ScheduleCaller, receipt?: Receipt): Promise<Schedule> {
    const given = parseInput(SchedulePatch, patch, 'The change is wrong');
    for (let left = TRIES; left > 0; left--) {
      const before = this.require(id);
      const { spec } = draftSpec(this.#o, given, before, this.#o.now());
      const name = given.name ?? before.name;
      checkFirst(this.#o, name, spec, this.#o.now());
      const changed = await this.#change(before.id, { kind: 'update', revision: before.revision, name, spec }, receipt);
      if (changed !== 'stale') return changed;
    }
    throw new LogisticsError('conflict', `The schedule ${id} is changed by others all the time.`);
  }

  async pause(id: string, reason?: string, receipt?: Receipt): Promise<Schedule> {
    return this.#must(id, { kind: 'pause', reason: reason ?? null }, receipt);
  }

  /** Planned times that passed while it was paused are accounted as skipped_paused; none is caught up, whatever the policy (backfill does that). */
  async resume(id: string, receipt?: Receipt): Promise<Schedule> {
    return this.#must(id, { kind: 'resume' }, receipt);
  }

  /** Runs that it started go on; its ledger stays readable by id until retention removes it. */
  async delete(id: string, receipt?: Receipt): Promise<Schedule> {
    return this.#must(id, { kind: 'delete' }, receipt);
  }

  async #must(id: string, change: ScheduleChange, receipt: Receipt | undefined): Promise<Schedule> {
    const changed = await this.#change(this.require(id, change.kind === 'delete').id, change, receipt);
    if (changed === 'stale') throw new LogisticsError('conflict', `The schedule ${id} was changed meanwhile.`);
    return changed;
  }

  async #change(id: string, change: ScheduleChange, receipt: Receipt | undefined): Promise<Schedule | 'stale'> {
    const { backend, decide } = this.#o;
    const result = await backend.changeSchedule({ id, change, decide, receipt });
    if (result.kind === 'changed') return result.schedule;
    if (result.kind === 'stale') return 'stale';
    if (result.kind === 'conflict') throw new LogisticsError(result.error.code, result.error.message, result.error);
    throw this.#missing(id);
  }

  /** Starts one run now, paused or not; the overlap policy decides, `when` is not asked. */
  async trigger(id: string, options: { readonly input?: Json | undefined }, _caller: ScheduleCaller, receipt?: Receipt): Promise<TriggerResult> {
    const { backend, decide, evaluator } = this.#o;
    const schedule = this.require(id);
    const { input } = options;
    if (input !== undefined) {
      checkTemplate(evaluator, input, 'input');
      checkTarget(this.#o, schedule.name, { ...schedule, input }, this.#o.now());
    }
    const result = await backend.triggerSchedule({ id: schedule.id, input, decide, receipt });
    if (result === null) throw this.#missing(id);
    return result;
  }

  /** Runs the planned times of a past range (epoch ms, both included), oldest first: one after the other (`buffer_all`), or together (`allow`). */
  async backfill(
    id: string,
    range: { readonly from: number; readonly to: number; readonly limit?: number | undefined; readonly overlap?: 'buffer_all' | 'allow' | undefined },
    _caller: ScheduleCaller,
    receipt?: Receipt,
  ): Promise<BackfillResult> {
    const { backend, decide } = this.#o;
    const { from, to, limit = BACKFILL_LIMIT, overlap = 'buffer_all' } = range;
    if (to < from) refuse('The range ends before it begins.', { path: 'to', expected: 'a time that is not before from' });
    if (to > this.#o.now()) refuse('A backfill takes times that have passed.', { path: 'to', expected: 'a time that is not after now' });
    if (!Number.isInteger(limit) || limit < 1 || limit > BACKFILL_LIMIT) refuse('The limit is wrong.', { path: 'limit', expected: `1 to ${BACKFILL_LIMIT}` });
    const result = await backend.backfillSchedule({ id: this.require(id).id, from, to, limit, together: overlap === 'allow', decide, receipt });
    if (result === null) throw this.#missing(id);
    return result;
  }

  /** By id (also a deleted one) or name. */
  get(idOrName: string): Schedule | null {
    const { backend, namespace } = this.#o;
    return kindOfId(idOrName) === 'schedule' ? backend.getSchedule(idOrName) : backend.findSchedule({ namespace, name: idOrName });
  }

  /** As get, but throws not_found with near matches; a deleted one is there only when it is asked for. */
  require(idOrName: string, alsoDeleted = false): Schedule {
    const found = this.get(idOrName);
    if (found === null || (found.deletedAt !== null && !alsoDeleted)) throw this.#missing(idOrName);
    return found;
  }

  #missing(idOrName: string): LogisticsError {
    const { items } = this.list({}, 200, null);
    return new LogisticsError('not_found', `There is no schedule ${idOrName}.`, {
      path: 'id',
      expected: 'the id or name of a schedule',
      nearMatches: nearMatches(
        idOrName,
        items.map(({ name }) => name),
      ),
    });
  }

  /** Newest first. */
  list(filter: ScheduleFilter, limit: number, cursor: string | null): Page<Schedule> {
    const { backend, namespace } = this.#o;
    return backend.listSchedules({ filter: { namespace, ...filter }, limit, cursor });
  }

  /** Entries of one schedule (by id or name), newest planned time first. */
  ledger(id: string, query: LedgerQuery): Page<Occurrence> {
    return this.#o.backend.scheduleLedger({ ...query, id: this.require(id, true).id });
  }

  /** The next n planned times of a rule or of a schedule (by id or name) from a time on, itself included. */
  preview(ruleOrId: ScheduleRuleInput | string, n: number, from?: number): readonly PreviewedFire[] {
    const after = from === undefined ? this.#o.now() : from - 1;
    const count = Math.min(n, MAX_PREVIEW);
    if (typeof ruleOrId === 'string') {
      const schedule = this.require(ruleOrId);
      return nextFires(this.#o.plannedTimes(schedule), schedule.rule, count, after);
    }
    const { rule, start = null, end = null, exclusions = [] } = normalRule(parseInput(ScheduleRuleInput, ruleOrId, 'The rule is wrong'), this.#o.now());
    return nextFires(this.#o.plannedTimes({ rule, start, end, exclusions: [...exclusions] }), rule, count, after);
  }

  /** Every fire, gap, fold, overlap and catch-up decision of a range on a virtual clock; nothing is stored. */
  simulate(request: SimulateRequest): readonly SimulatedFire[] {
    const { from, to, runMs = 0, outages = [], limit = DEFAULT_SIMULATED } = request;
    if ((request.id === undefined) === (request.input === undefined))
      refuse('Give a schedule or the fields of one.', { path: 'id', expected: 'one of id, input' });
    if (to < from) refuse('The range ends before it begins.', { path: 'to', expected: 'a time that is not before from' });
    const schedule = request.id === undefined ? null : this.require(request.id);
    const spec = schedule ?? draftSpec(this.#o, parseInput(ScheduleInput, request.input, 'The schedule is wrong'), null, this.#o.now()).spec;
    const id = schedule?.id ?? 'sched_';
    const delayOf = (plannedAt: number): number => jitterOf(id, plannedAt, spec.jitterMs);
    const times = this.#o.plannedTimes(spec);
    return simulate({ id, spec, times, delayOf, runs: schedule?.runs ?? 0, from, to, runMs, outages, limit: Math.min(limit, MAX_SIMULATED) });
  }

  describe(schedule: Schedule): ScheduleDescription {
    const now = this.#o.now();
    const isLive = schedule.status === 'active' && schedule.deletedAt === null;
    const fires = isLive ? nextFires(this.#o.plannedTimes(schedule), schedule.rule, NEXT_FIRES, Math.max(schedule.watermark, now - 1)) : [];
    const left = schedule.maxRuns === null ? NEXT_FIRES : Math.max(0, schedule.maxRuns - schedule.runs);
    return {
      sentence: occurrencesOf(schedule.rule, schedule).describe(),
      nextFires: fires.slice(0, left),
      policies: policiesOf(schedule),
      warnings: isLive ? [...warningsOf(schedule, now), ...this.#targetWarnings(schedule)] : [],
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

  /** Per schedule, what was missed, late, coalesced, skipped or failed since a time (epoch ms); bounded. */
  accountSince(since: number): readonly ScheduleAccount[] {
    const { backend, namespace } = this.#o;
    return backend.scheduleAccount({ namespace, since, limit: ACCOUNTED });
  }

  /** How many there are in each state. */
  counts(): Readonly<Record<ScheduleStatus, number>> {
    const { backend, namespace } = this.#o;
    return backend.scheduleCounts({ namespace });
  }

  /** The schedule that is due next, or null. */
  nextDue(): { readonly schedule: Schedule; readonly dueAt: number } | null {
    const { backend, namespace } = this.#o;
    const schedule = backend.nextSchedule({ namespace });
    return schedule === null || schedule.dueAt === null ? null : { schedule, dueAt: schedule.dueAt };
  }
}
