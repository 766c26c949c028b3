// Owns the answer to "why did this schedule not run": its state, its next fire, its newest entries that did not go as planned, and who fires it.
import type { JsonObject } from '../../src/domain/json.ts';
import type { Occurrence, OccurrenceStatus, Schedule } from '../../src/domain/schedule.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { compact, iso, shortText } from '../wire/compact.ts';
import { localTime, statusOf, targetId } from '../wire/schedule.ts';

const LOOKED_AT = 50;
const SHOWN = 8;

/** What an entry means for a person, where it has no reason of its own. */
const MEANS: Readonly<Record<OccurrenceStatus, string>> = {
  planned: 'It is due and about to start.',
  buffered: 'It waits for the run before it.',
  fired: 'It fired.',
  late: 'It fired late.',
  coalesced: 'A newer missed time was fired in its place.',
  skipped_overlap: 'The run before it still went on.',
  skipped_paused: 'The schedule was paused.',
  skipped_condition: 'Its condition (when) was not met.',
  skipped_limit: 'A limit was reached.',
  missed: 'No process ran, and catchup did not reach back so far.',
  failed: 'It could not start.',
};

export function explainSchedule(engine: OrchestrationEngine, schedule: Schedule): JsonObject {
  const who = engine.whoFires();
  const reasons = [stateReason(engine, schedule), ...lastReasons(engine, schedule)];
  return compact({
    schedule_id: schedule.id,
    status: statusOf(schedule),
    reasons,
    next_fire: statusOf(schedule) === 'active' ? localTime(schedule.nextAt, schedule.rule) : undefined,
    fires: { by: who.by, after_this_client: who.afterThis },
    allowed_actions: allowed(schedule),
  });
}

function allowed({ status, deletedAt }: Schedule): string[] {
  if (deletedAt !== null) return [];
  if (status === 'completed') return ['trigger', 'backfill', 'update', 'delete'];
  return [status === 'paused' ? 'resume' : 'pause', 'trigger', 'backfill', 'update', 'delete'];
}

function stateReason(engine: OrchestrationEngine, schedule: Schedule): JsonObject {
  if (schedule.deletedAt !== null) return { code: 'deleted', message: 'It was deleted; it fires no more.' };
  if (schedule.status === 'paused')
    return { code: 'paused', message: `It is paused${schedule.pauseReason === null ? '' : `: ${shortText(schedule.pauseReason)}`}` };
  if (schedule.status === 'completed') return { code: 'completed', message: completedWhy(engine.now, schedule) };
  if (schedule.nextAt === null) return { code: 'never_again', message: 'Its rule plans no further time.' };
  const overdue = engine.now - schedule.nextAt - schedule.jitterMs;
  if (overdue > 1_000)
    return {
      code: 'overdue',
      message: `It was due ${Math.round(overdue / 1_000)} s ago; the next look of the process that fires it decides.`,
      until: iso(schedule.nextAt) as string,
    };
  return {
    code: 'waiting',
    message: `It waits for its next planned time, ${localTime(schedule.nextAt, schedule.rule)}.`,
    until: iso(schedule.nextAt) as string,
  };
}

function completedWhy(now: number, { maxRuns, runs, end }: Schedule): string {
  if (maxRuns !== null && runs >= maxRuns) return `It has run ${runs} of ${maxRuns} times.`;
  if (end !== null && end <= now) return 'Its end has passed.';
  return 'Its rule plans no further time.';
}

/** The newest entries that did not go as planned, one per reason. */
function lastReasons(engine: OrchestrationEngine, schedule: Schedule): JsonObject[] {
  const entries = engine.schedules.ledger(schedule.id, { limit: LOOKED_AT, cursor: null }).items;
  const groups = new Map<string, Occurrence[]>();
  for (const entry of entries) {
    // A run that goes on may say whom it waits for.
    const isOpen = entry.result === null && entry.reason !== null;
    if (entry.status === 'fired' && entry.result !== 'failed' && !isOpen) continue;
    const key = `${entry.status} ${entry.result} ${entry.reason ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()].slice(0, SHOWN).map((group) => groupReason(group, schedule));
}

function groupReason(group: readonly Occurrence[], schedule: Schedule): JsonObject {
  const newest = group[0] as Occurrence;
  const times = group.reduce((sum, entry) => sum + entry.count, 0);
  const at = localTime(newest.until, schedule.rule);
  const failed = newest.status === 'fired' || newest.status === 'late' ? newest.result === 'failed' : false;
  const why = newest.error?.message ?? newest.reason ?? (failed ? 'It fired, and its run failed.' : MEANS[newest.status]);
  return compact({
    code: failed ? 'run_failed' : newest.status,
    message: `${times === 1 ? `Planned for ${at}` : `${times} times, the newest planned for ${at}`}: ${shortText(why)}`,
    ...targetId(newest.runId),
  });
}
