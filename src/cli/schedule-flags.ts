// Owns the flags by which a schedule is made, shared by schedule cron, every and at, and by simulate.
import type { Command } from 'commander';
import type { JsonObject } from '../domain/json.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { numberOrText } from './flag-values.ts';
import { parseJsonFlag, readInput } from './input-flags.ts';

export interface ScheduleFlags {
  readonly name?: string;
  readonly workflow?: string;
  readonly task?: string;
  readonly input?: readonly string[];
  readonly inputFile?: string;
  readonly queue?: string;
  readonly priority?: string;
  readonly retry?: string;
  readonly timeout?: string;
  readonly requires?: readonly string[];
  readonly timezone?: string;
  readonly gap?: string;
  readonly fold?: string;
  readonly mondayZero?: boolean;
  readonly overlap?: string;
  readonly catchup?: string;
  readonly catchupWindow?: string;
  readonly catchupCap?: string;
  readonly jitter?: string;
  readonly start?: string;
  readonly end?: string;
  readonly maxRuns?: string;
  readonly exclude?: readonly string[];
  readonly pauseOnFailure?: string;
  readonly when?: string;
  readonly session?: string;
  readonly idempotencyKey?: string;
  readonly dryRun?: boolean;
}

/** Parameter of the tools -> the flag that gives it. */
export const SCHEDULE_FLAG_OF: Readonly<Record<string, string>> = {
  expression: '<expression>',
  every: '<interval>',
  at: '--at',
  on: '--on',
  months: '--months',
  anchor: '--anchor',
  name: '--name',
  target: '--workflow',
  'target.workflow': '--workflow',
  'target.task': '--task',
  'target.queue': '--queue',
  'target.priority': '--priority',
  'target.retry': '--retry',
  'target.timeout': '--timeout',
  timezone: '--timezone',
  gap: '--gap',
  fold: '--fold',
  monday_zero: '--monday-zero',
  overlap: '--overlap',
  'catchup.policy': '--catchup',
  'catchup.window': '--catchup-window',
  'catchup.cap': '--catchup-cap',
  jitter: '--jitter',
  start_at: '--start',
  end_at: '--end',
  max_runs: '--max-runs',
  exclude: '--exclude',
  pause_on_failure: '--pause-on-failure',
  when: '--when',
  session_id: '--session',
  idempotency_key: '--idempotency-key',
};

export function withZoneFlags(command: Command): Command {
  return command
    .option('--timezone <zone>', 'IANA zone such as Europe/Berlin; default UTC')
    .option('--gap <policy>', 'a local time that spring skips: next_valid, shift or skip')
    .option('--fold <policy>', 'a local time that autumn repeats: first, second or both');
}

export function withPolicyFlags(command: Command): Command {
  return withZoneFlags(command)
    .option('--overlap <policy>', 'while the run before goes on: skip (default), buffer_one, buffer_all, cancel_running, allow')
    .option('--catchup <policy>', 'after downtime: one (default), skip or all')
    .option('--catchup-window <duration>', 'how far back it is caught up; default 1h')
    .option('--catchup-cap <n>', 'at most so many are caught up')
    .option('--jitter <duration>', 'delay each fire by up to this')
    .option('--start <time>', 'plan nothing before it')
    .option('--end <time>', 'plan nothing after it')
    .option('--max-runs <n>', 'completed after so many runs')
    .option('--exclude <dates...>', 'local dates that plan nothing, or from..to')
    .option('--pause-on-failure <n>', 'pause after n failed runs in a row')
    .option('--when <expression>', "asked at each fire, such as last.status != 'failed'");
}

export function withTargetFlags(command: Command): Command {
  return withPolicyFlags(
    command
      .option('--workflow <name>', 'stored workflow that each fire starts')
      .option('--task <type>', 'or a task type: each fire enqueues a job')
      .option('--input <k=v...>', 'input of the workflow, payload of the job')
      .option('--input-file <file>', 'the same as a JSON or YAML object')
      .option('--name <name>', 'unique name; default: made from the target')
      .option('--queue <name>', 'of the job')
      .option('--priority <0-100>', 'of the job, or critical, high, normal, low, background')
      .option('--retry <n|json>', 'attempts of the job, or a retry policy')
      .option('--timeout <duration>', 'limit of one attempt')
      .option('--requires <capabilities...>', 'what must be offered to run the job'),
  )
    .option('--session <id>', 'session that owns it')
    .option('--idempotency-key <key>', 'the same key again gives the same schedule')
    .option('--dry-run', 'show it, store nothing');
}

/** Arguments of the tools, without the rule. */
export async function scheduleArguments(engine: OrchestrationEngine, flags: ScheduleFlags, cwd: string): Promise<Record<string, unknown>> {
  return {
    ...policyArguments(flags),
    name: flags.name,
    target: await targetOf(engine, flags, cwd),
    session_id: flags.session,
    idempotency_key: flags.idempotencyKey,
    dry_run: flags.dryRun,
  };
}

export function policyArguments(flags: ScheduleFlags): Record<string, unknown> {
  const catchup = given({ policy: flags.catchup, window: flags.catchupWindow, cap: numberOrText(flags.catchupCap) });
  return {
    timezone: flags.timezone,
    gap: flags.gap,
    fold: flags.fold,
    monday_zero: flags.mondayZero,
    overlap: flags.overlap,
    catchup: Object.keys(catchup).length === 0 ? undefined : catchup,
    jitter: flags.jitter,
    start_at: flags.start,
    end_at: flags.end,
    max_runs: numberOrText(flags.maxRuns),
    exclude: flags.exclude?.map((text) => (text.includes('..') ? { from: text.split('..')[0], to: text.split('..')[1] } : text)),
    pause_on_failure: numberOrText(flags.pauseOnFailure),
    when: flags.when,
  };
}

async function targetOf(engine: OrchestrationEngine, flags: ScheduleFlags, cwd: string): Promise<Record<string, unknown> | undefined> {
  const job = given({
    queue: flags.queue,
    priority: numberOrText(flags.priority),
    retry: retryOf(flags.retry),
    timeout: flags.timeout,
    requires: flags.requires,
  });
  const named = given({ workflow: flags.workflow, task: flags.task, ...job });
  if (Object.keys(named).length === 0) return undefined;
  return flags.input === undefined && flags.inputFile === undefined ? named : { ...named, input: await inputOf(engine, flags, cwd) };
}

function inputOf(engine: OrchestrationEngine, flags: ScheduleFlags, cwd: string): Promise<JsonObject> {
  const stored = flags.workflow === undefined ? null : engine.backend.findDefinition({ namespace: engine.namespace, name: flags.workflow });
  return readInput(flags.input, flags.inputFile, stored?.definition.input, cwd);
}

function retryOf(text: string | undefined): unknown {
  return text?.startsWith('{') === true ? parseJsonFlag(text, '--retry') : numberOrText(text);
}

export function given(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
