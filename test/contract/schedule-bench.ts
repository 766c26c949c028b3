// Owns schedules for contract tests: made with few words, their ledger read as short texts.
import { Budget } from '../../src/domain/budget.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { NO_RETRY } from '../../src/domain/retry-policy.ts';
import type { Occurrence, Schedule } from '../../src/domain/schedule.ts';
import type { ScheduleChange } from '../../src/store/backend.ts';
import { type Bench, completed, T0 } from './harness.ts';

export const MINUTE = 60_000;
/** T0 is on a whole minute plus 20 s; planned times of the tests count from here. */
export const START = Math.ceil(T0 / MINUTE) * MINUTE;

export const minutely: Schedule['rule'] = { kind: 'recurring', unit: 'minute', n: 1, anchor: 0, timezone: 'UTC' };
export const secondly: Schedule['rule'] = { kind: 'recurring', unit: 'second', n: 1, anchor: 0, timezone: 'UTC' };
export const JOB: Schedule['target'] = { kind: 'job', task: 'noop', queue: 'default', priority: 50, retry: NO_RETRY, timeoutMs: null, requires: [] };

export function scheduleOf(bench: Bench, more: Partial<Schedule> = {}): Schedule {
  const id = bench.env.newId('schedule');
  const schedule: Schedule = {
    id,
    namespace: 'default',
    name: `s-${id.slice(-8)}`,
    status: 'active',
    rule: minutely,
    target: JOB,
    input: { at: '${{ schedule.plannedAt }}' },
    overlap: 'allow',
    catchup: { mode: 'one', windowMs: 3_600_000, cap: 100 },
    jitterMs: 0,
    start: null,
    end: null,
    maxRuns: null,
    exclusions: [],
    pauseOnFailure: null,
    when: null,
    principal: 'me',
    sessionId: null,
    createdAt: bench.now,
    updatedAt: bench.now,
    deletedAt: null,
    pauseReason: null,
    revision: 1,
    watermark: bench.now,
    nextAt: null,
    dueAt: null,
    runs: 0,
    failures: 0,
    lastRun: null,
    ...more,
  };
  const nextAt = bench.env.schedules?.plannedTimes(schedule).next(schedule.watermark) ?? null;
  return { ...schedule, nextAt, dueAt: nextAt };
}

/** Stores one; the clock stands at the start of a minute, which is not planned any more. */
export async function addSchedule(bench: Bench, more: Partial<Schedule> = {}, budget?: JsonObject): Promise<Schedule> {
  bench.now = Math.max(bench.now, START);
  const result = await bench.backend.putSchedule({ schedule: scheduleOf(bench, more), budget: budget === undefined ? null : Budget.parse(budget) });
  if (result.kind === 'conflict') throw new Error(result.error.message);
  return result.schedule;
}

/** Moves the clock and decides until nothing is due. */
export async function passTo(bench: Bench, at: number): Promise<void> {
  bench.now = at;
  await settleDue(bench);
}

export async function settleDue(bench: Bench): Promise<void> {
  for (let left = 100; left > 0; left--) {
    const { fired } = await bench.due();
    await bench.drain();
    if (fired === 0) return;
  }
  throw new Error('something is due for ever');
}

export function ledgerOf(bench: Bench, id: string): Occurrence[] {
  const entries: Occurrence[] = [];
  let cursor: string | null = null;
  do {
    const page = bench.backend.scheduleLedger({ id, limit: 100, cursor });
    entries.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return entries.reverse();
}

/** `1 fired`, `2-9 missed`: minutes since START. */
export function shortLedger(bench: Bench, id: string): string[] {
  return ledgerOf(bench, id).map((entry) => {
    const minute = (at: number): number => (at - START) / MINUTE;
    const range = entry.count > 1 ? `-${minute(entry.until)}` : '';
    return `${minute(entry.plannedAt)}${range} ${entry.status}${entry.origin === 'plan' ? '' : ` ${entry.origin}`}`;
  });
}

export async function change(bench: Bench, id: string, wanted: ScheduleChange): Promise<Schedule> {
  const result = await bench.backend.changeSchedule({ id, change: wanted, decide: bench.decide });
  if (result.kind !== 'changed') throw new Error(result.kind === 'conflict' ? result.error.message : result.kind);
  return result.schedule;
}

/** Runs what is ready, in order, and decides what follows. */
export async function workAll(bench: Bench, handler: Parameters<Bench['work']>[0] = () => completed()): Promise<string[]> {
  const ran = await bench.work(handler);
  await settleDue(bench);
  return ran;
}
