// Owns one ledger entry per planned fire, as callers meet it: schedules are made, changed, asked and fired by hand here; each change is one write of the store.
import type { BudgetLimits } from '../domain/budget.ts';
import { LogisticsError } from '../domain/errors.ts';
import { type IdSource, kindOfId } from '../domain/id.ts';
import { isJsonObject, type Json } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { Occurrence, Schedule, ScheduleStatus } from '../domain/schedule.ts';
import type { Decide } from '../domain/transition.ts';
import type { CurrentWork } from '../runtime/current-work.ts';
import type { Backend, ScheduleAccount, ScheduleChange, ScheduleSpec } from '../store/backend.ts';
import type { Page, Receipt } from '../store/port/common.ts';
import { freeName } from './free-name.ts';
import { jitterOf } from './jitter.ts';
import { checkAhead, checkFirst, checkTarget, type DraftTools, draftSpec, startNow } from './schedule-draft.ts';
import { refuse } from './schedule-error.ts';
import { ScheduleInput, SchedulePatch, type ScheduleRuleInput } from './schedule-input.ts';
import { ScheduleOutlook } from './schedule-outlook.ts';
import type {
  BackfillResult,
  ChangedSchedule,
  LedgerQuery,
  PreviewedFire,
  ScheduleCaller,
  ScheduleDescription,
  ScheduleFilter,
  Simulated,
  SimulatedFire,
  SimulateRequest,
  TriggerResult,
} from './schedule-replies.ts';
import { checkTemplate } from './schedule-scope.ts';

export interface ScheduleManagerOptions extends DraftTools {
  readonly backend: Backend;
  readonly namespace: string;
  readonly newId: IdSource;
  readonly now: () => number;
  readonly decide: Decide;
  readonly currentWork: CurrentWork;
}

const BACKFILL_LIMIT = 1_000;
/** Entries that accountSince looks at, newest first. */
const ACCOUNTED = 5_000;
/** Somebody else changed the schedule in between. */
const TRIES = 5;

/** A schedule whose rule is given apart. */
type Ruled = Omit<ScheduleInput, 'rule'> & { readonly timezone?: string | undefined };

export class ScheduleManager {
  readonly #o: ScheduleManagerOptions;
  readonly #outlook: ScheduleOutlook;

  constructor(options: ScheduleManagerOptions) {
    this.#o = options;
    this.#outlook = new ScheduleOutlook({ ...options, require: (id) => this.require(id) });
  }

  get now(): number {
    return this.#o.now();
  }

  /** Stores a schedule; it is durable when this resolves. Throws ScheduleError invalid_input, not_found, conflict for a name that is taken. */
  async create(input: ScheduleInput, caller: ScheduleCaller, receipt?: Receipt): Promise<{ readonly schedule: Schedule; readonly replayed: boolean }> {
    const known = this.recall(receipt);
    if (known !== null) return { schedule: known.schedule, replayed: true };
    const { schedule, budget } = this.#draft(input, caller);
    const result = await this.#o.backend.putSchedule({ schedule, budget, cause: caller.cause ?? this.#o.currentWork.cause, receipt });
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
    const description = this.#outlook.describe(schedule, false);
    return { schedule, description: { ...description, warnings: [...new Set([...notes, ...description.warnings])] } };
  }

  #draft(
    input: ScheduleInput,
    caller: ScheduleCaller,
  ): { readonly schedule: Schedule; readonly budget: BudgetLimits | null; readonly notes: readonly string[] } {
    const { namespace, newId } = this.#o;
    const now = this.#o.now();
    const given = parseInput(ScheduleInput, input, 'The schedule is wrong');
    const drafted = draftSpec(this.#o, given, null, now);
    const { spec, watermark, notes } = startNow(drafted.spec, now);
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
    return { schedule, budget: given.budget ?? null, notes: [...drafted.notes, ...notes] };
  }

  /** What an input means when it is read at a time; whether anything lies ahead is not checked. */
  specOf(input: ScheduleInput, at: number): ScheduleSpec {
    return startNow(draftSpec(this.#o, parseInput(ScheduleInput, input, 'The schedule is wrong'), null, at).spec, at).spec;
  }

  /** The schedule of the first call with a receipt and what else that answered, or null; throws conflict when it had other arguments. */
  recall(receipt: Receipt | undefined): { readonly schedule: Schedule; readonly found: Json | undefined } | null {
    const reply = receipt === undefined ? null : this.#o.backend.recall(receipt);
    if (!isJsonObject(reply) || typeof reply.id !== 'string') return null;
    const schedule = this.#o.backend.getSchedule(reply.id);
    return schedule === null ? null : { schedule, found: reply.found };
  }

  /** Changes what the patch names; with other times it counts from now, and what was due before is decided by the old rule first. */
  async update(id: string, patch: SchedulePatch, _caller: ScheduleCaller, receipt?: Receipt): Promise<ChangedSchedule> {
    const known = this.recall(receipt);
    if (known !== null) return { ...known.schedule, replayed: true };
    const given = parseInput(SchedulePatch, patch, 'The change is wrong');
    for (let left = TRIES; left > 0; left--) {
      const before = this.require(id);
      const { spec } = draftSpec(this.#o, given, before, this.#o.now());
      const name = given.name ?? before.name;
      checkAhead(this.#o, name, spec, before, this.#o.now());
      const changed = await this.#change(before.id, { kind: 'update', revision: before.revision, name, spec }, receipt);
      if (changed !== 'stale') return changed;
    }
    throw new LogisticsError('conflict', `The schedule ${id} is changed by others all the time.`);
  }

  async pause(id: string, reason?: string, receipt?: Receipt): Promise<ChangedSchedule> {
    return this.#must(id, { kind: 'pause', reason: reason ?? null }, receipt);
  }

  /** Planned times that passed while it was paused are accounted as skipped_paused; none is caught up, whatever the policy (backfill does that). */
  async resume(id: string, receipt?: Receipt): Promise<ChangedSchedule> {
    return this.#must(id, { kind: 'resume' }, receipt);
  }

  /** Runs that it started go on; its ledger stays readable by id until retention removes it. */
  async delete(id: string, receipt?: Receipt): Promise<ChangedSchedule> {
    return this.#must(id, { kind: 'delete' }, receipt);
  }

  async #must(id: string, change: ScheduleChange, receipt: Receipt | undefined): Promise<ChangedSchedule> {
    const known = this.recall(receipt);
    if (known !== null) return { ...known.schedule, replayed: true };
    const changed = await this.#change(this.require(id, change.kind === 'delete').id, change, receipt);
    if (changed === 'stale') throw new LogisticsError('conflict', `The schedule ${id} was changed meanwhile.`);
    return changed;
  }

  async #change(id: string, change: ScheduleChange, receipt: Receipt | undefined): Promise<ChangedSchedule | 'stale'> {
    const { backend, decide } = this.#o;
    const result = await backend.changeSchedule({ id, change, decide, receipt });
    if (result.kind === 'changed') return { ...result.schedule, replayed: result.replayed };
    if (result.kind === 'stale') return 'stale';
    if (result.kind === 'conflict') throw new LogisticsError(result.error.code, result.error.message, result.error);
    throw this.#missing(id);
  }

  /** Starts one run now, paused or not; the overlap policy decides, `when` is not asked. */
  async trigger(id: string, options: { readonly input?: Json | undefined }, _caller: ScheduleCaller, receipt?: Receipt): Promise<TriggerResult> {
    const { backend, decide, evaluator } = this.#o;
    const known = this.recall(receipt)?.found;
    if (isJsonObject(known)) return { ...(known as unknown as TriggerResult), replayed: true };
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
    const known = this.recall(receipt)?.found;
    if (isJsonObject(known)) return { ...(known as unknown as BackfillResult), replayed: true };
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

  /** A name that is not taken, made from a text: itself, or with a few random letters. */
  freeName(text: string): string {
    return freeName(
      text,
      (name) => this.get(name) === null,
      () => this.#o.newId('schedule'),
    );
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

  /** As delete, by id or name; false where there is none. */
  async cancel(idOrName: string): Promise<boolean> {
    const found = this.get(idOrName);
    if (found === null || found.deletedAt !== null) return false;
    await this.delete(found.id);
    return true;
  }

  /** Names of all schedules, newest first. */
  listTasks(): readonly string[] {
    const names: string[] = [];
    for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
      const page: Page<Schedule> = this.list({}, 200, cursor);
      names.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    }
    return names;
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
    return this.#outlook.preview(ruleOrId, n, from);
  }

  /** Every fire, gap, fold, overlap and catch-up decision of a range on a virtual clock; nothing is stored. */
  simulate(request: SimulateRequest): readonly SimulatedFire[] {
    return this.#outlook.simulate(request);
  }

  /** As simulate, for long ranges: others have their turn in between, and what it takes for granted is told. */
  simulation(request: SimulateRequest): Promise<Simulated> {
    return this.#outlook.simulation(request);
  }

  describe(schedule: Schedule): ScheduleDescription {
    return this.#outlook.describe(schedule);
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
