// Owns the way from what is asked for to a schedule that could be stored: every field checked, every default applied, nothing written.
import type { Evaluator } from '../domain/evaluator.ts';
import { DEFAULT_QUEUE } from '../domain/job.ts';
import type { Json } from '../domain/json.ts';
import { DEFAULT_PRIORITY } from '../domain/priority.ts';
import { normaliseRetry } from '../domain/retry-policy.ts';
import {
  type CatchupPolicy,
  DEFAULT_CATCHUP,
  DEFAULT_OVERLAP,
  type Schedule,
  ScheduleRule,
  type ScheduleTarget,
  type WakePredicate,
} from '../domain/schedule.ts';
import type { PlannedTimes } from '../domain/schedule-view.ts';
import type { FiringFacts, ScheduleSpec } from '../store/backend.ts';
import { CronExpression } from './cron-expression.ts';
import { GRACE_MS } from './once.ts';
import { preflight, type ScheduleTargets } from './preflight.ts';
import { type NormalRule, normaliseRule } from './rule-input.ts';
import { refuse, under } from './schedule-error.ts';
import type { ScheduleFields } from './schedule-input.ts';
import { checkedCondition, checkTemplate, renderInput } from './schedule-scope.ts';
import { localIso, validZone } from './timezone-manager.ts';
import { zoneOf } from './zone.ts';

const MAX_JITTER_MS = 86_400_000;

export interface DraftTools {
  readonly evaluator: Evaluator;
  readonly targets: ScheduleTargets;
  readonly plannedTimes: (plan: Pick<ScheduleSpec, 'rule' | 'start' | 'end' | 'exclusions'>) => PlannedTimes;
}

export interface Drafted {
  readonly spec: ScheduleSpec;
  /** What was decided about the rule, and what may keep a run waiting. */
  readonly warnings: readonly string[];
}

/** The spec of a new schedule, or that of `before` with what is given; throws ScheduleError with the path of the field. */
export function draftSpec(tools: DraftTools, given: ScheduleFields, before: ScheduleSpec | null, now: number): Drafted & { readonly notes: readonly string[] } {
  const { evaluator, targets } = tools;
  const normal = given.rule === undefined ? null : normalRule(given.rule, now);
  const rule = normal?.rule ?? before?.rule ?? refuse('There is no rule.', { path: 'rule', expected: 'cron, recurring or once' });
  const target = given.target === undefined ? before?.target : targetOf(targets, given.target);
  if (target === undefined) refuse('There is no target.', { path: 'target', expected: 'a workflow or a task' });
  const catchup: CatchupPolicy = { ...DEFAULT_CATCHUP, ...before?.catchup };
  const { mode = catchup.mode, window: windowMs = catchup.windowMs, cap = catchup.cap } = given.catchup ?? {};
  const spec: ScheduleSpec = {
    rule,
    target,
    input: given.input ?? before?.input ?? {},
    overlap: given.overlap ?? before?.overlap ?? DEFAULT_OVERLAP,
    catchup: { mode, windowMs, cap },
    jitterMs: given.jitter ?? before?.jitterMs ?? 0,
    start: given.start !== undefined ? given.start : (normal?.start ?? before?.start ?? null),
    end: given.end !== undefined ? given.end : (normal?.end ?? before?.end ?? null),
    maxRuns: given.max_runs !== undefined ? given.max_runs : (normal?.maxRuns ?? before?.maxRuns ?? null),
    exclusions: given.exclude ?? [...(normal?.exclusions ?? before?.exclusions ?? [])],
    pauseOnFailure: given.pause_on_failure !== undefined ? given.pause_on_failure : (before?.pauseOnFailure ?? null),
    when: given.when === undefined ? (before?.when ?? null) : whenOf(tools, given.when),
  };
  if (spec.jitterMs > MAX_JITTER_MS) refuse('The jitter is too long.', { path: 'jitter', expected: 'at most 24h' });
  checkTemplate(evaluator, spec.input, 'input');
  return { spec, warnings: [], notes: normal?.notes ?? [] };
}

/** The first planned time after `watermark`; throws when there is none, or when the target cannot run with the input of that time. */
export function checkFirst(tools: DraftTools, name: string, spec: ScheduleSpec, watermark: number): { readonly nextAt: number; readonly warnings: string[] } {
  const nextAt = tools.plannedTimes(spec).next(watermark);
  if (nextAt === null)
    refuse('It would never fire: no planned time lies ahead.', { path: spec.end === null ? 'rule' : 'end', expected: 'a rule with a planned time after now' });
  return { nextAt, warnings: checkTarget(tools, name, spec, nextAt) };
}

/** As checkFirst, for a change; one that is completed may keep times of which none lies ahead. */
export function checkAhead(tools: DraftTools, name: string, spec: ScheduleSpec, before: Schedule, now: number): void {
  if (before.status === 'completed' && timesOf(before) === timesOf(spec)) checkTarget(tools, name, spec, now);
  else checkFirst(tools, name, spec, now);
}

function timesOf({ rule, start, end, exclusions, maxRuns }: ScheduleSpec): string {
  return JSON.stringify([rule, start, end, exclusions, maxRuns]);
}

/** What keeps the run of a planned time waiting; throws for one that can never be. */
export function checkTarget(tools: DraftTools, name: string, spec: ScheduleSpec, plannedAt: number): string[] {
  const facts: FiringFacts = { id: 'sched_', name, timezone: spec.rule.timezone, plannedAt, firedAt: plannedAt, runNumber: 1 };
  const asked: Json = spec.when?.kind === 'task' ? renderInput(tools.evaluator, facts, spec.when.with) : {};
  return preflight(tools.targets, spec, renderInput(tools.evaluator, facts, spec.input), asked);
}

/** A one-off time that has only just passed becomes now: it fires at once, and is no missed one that catchup decides on. */
export function startNow(spec: ScheduleSpec, now: number): { readonly spec: ScheduleSpec; readonly watermark: number; readonly notes: readonly string[] } {
  const { rule } = spec;
  if (rule.kind !== 'once' || rule.at > now) return { spec, watermark: now, notes: [] };
  const zone = zoneOf(rule.timezone);
  if (rule.at < now - GRACE_MS) refuse(`${localIso(rule.at, zone)} has passed.`, { path: 'rule.at', expected: `a time after ${localIso(now, zone)}` });
  const notes = rule.at === now ? [] : [`${localIso(rule.at, zone)} has only just passed: it fires at once.`];
  return { spec: { ...spec, rule: { ...rule, at: now } }, watermark: now - 1, notes };
}

/** The normal form of a rule; one that is in it already is held to the same checks. */
export function normalRule(given: NonNullable<ScheduleFields['rule']>, now: number): NormalRule {
  const normal = ScheduleRule.safeParse(given);
  if (!normal.success) return normaliseRule(given as Parameters<typeof normaliseRule>[0], now);
  const { data } = normal;
  validZone(data.timezone);
  if (data.kind !== 'cron') return { rule: data, notes: [] };
  const cron = CronExpression.parse(data.expression, data);
  return { rule: cron.rule, notes: cron.warnings };
}

function targetOf(targets: ScheduleTargets, given: NonNullable<ScheduleFields['target']>): ScheduleTarget {
  if ('workflow' in given) return { kind: 'workflow', name: given.workflow, version: given.version ?? null };
  return {
    kind: 'job',
    task: targets.taskName(given.task),
    queue: given.queue ?? DEFAULT_QUEUE,
    priority: given.priority ?? DEFAULT_PRIORITY,
    retry: given.retry === undefined ? null : normaliseRetry(given.retry),
    timeoutMs: given.timeout ?? null,
    requires: [...new Set(given.requires ?? [])].sort(),
  };
}

function whenOf({ evaluator, targets }: DraftTools, given: NonNullable<ScheduleFields['when']> | null): WakePredicate | null {
  if (given === null) return null;
  if (typeof given === 'string') return { kind: 'expression', source: checkedCondition(evaluator, given) };
  const asked = given.input ?? {};
  checkTemplate(evaluator, asked, 'when.input');
  return { kind: 'task', task: under('when', () => targets.taskName(given.task)), with: asked };
}
