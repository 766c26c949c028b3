// Owns how a run looks while it goes on: a pure function from its state to lines that fit the screen.
import { formatDuration } from '../../domain/duration.ts';
import type { ErrorData } from '../../domain/errors.ts';
import { type ExecutionStatus, isTerminal } from '../../domain/workflow-execution.ts';
import type { StepView } from '../../store/backend.ts';
import { bar, inStatusColor, sign, spinner } from './symbols.ts';
import { type Colors, clip, count, fromNow, oneLine, padEnd, widthOf } from './text.ts';

export type StepLine = Pick<
  StepView,
  | 'index'
  | 'id'
  | 'task'
  | 'region'
  | 'status'
  | 'skipReason'
  | 'reused'
  | 'tolerated'
  | 'startedAt'
  | 'readyAt'
  | 'endedAt'
  | 'attempts'
  | 'nextAttemptAt'
  | 'error'
  | 'wait'
  | 'each'
> & { readonly progress: { readonly share: number; readonly message: string | null } | null };

export interface RunView {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly status: ExecutionStatus;
  readonly stopping: boolean;
  /** It waits for a limit (concurrency key, session) before it starts. */
  readonly gate: boolean;
  readonly createdAt: number;
  readonly endedAt: number | null;
  readonly stepsDone: number;
  readonly totalSteps: number;
  readonly error: ErrorData | null;
  readonly steps: readonly StepLine[];
}

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly now: number;
  readonly colors: Colors;
}

const BAR = 20;
const OVERALL_BAR = 28;
const LONGEST_NAME = 32;

/** A headline, one line per step, an overall bar. Steps that do not fit are counted, the ones that matter now are shown. */
export function progressLines(run: RunView, screen: Screen): string[] {
  const { colors: c, now } = screen;
  const { shown, before, after } = window(run.steps, Math.max(3, screen.height - 7));
  const nameWidth = Math.min(LONGEST_NAME, Math.floor(screen.width / 3), Math.max(8, ...shown.map((step) => widthOf(step.id))));
  const lines = [`${c.bold(oneLine(run.workflow))} ${c.dim(`v${run.version}  ${run.id}`)}`, ''];
  if (before !== '') lines.push(c.dim(`  ${before}`));
  for (const step of shown) lines.push(stepLine(step, nameWidth, screen));
  if (after !== '') lines.push(c.dim(`  ${after}`));
  const elapsed = formatDuration(Math.max(0, (run.endedAt ?? now) - run.createdAt));
  const state =
    run.stopping && !isTerminal(run.status)
      ? c.yellow('stopping  ')
      : ['waiting', 'paused', 'pending'].includes(run.status)
        ? inStatusColor(run.status, `${run.status}  `, c)
        : '';
  lines.push(
    '',
    `  ${bar(overallShare(run), Math.min(OVERALL_BAR, screen.width - 24), c)}  ${state}${run.stepsDone}/${run.totalSteps} ${c.dim(`steps  ${elapsed}`)}`,
  );
  return lines;
}

function stepLine(step: StepLine, nameWidth: number, screen: Screen): string {
  const { colors: c, now, width } = screen;
  const mark = step.status === 'running' ? spinner(now, c) : sign(step.status, c);
  const name = padEnd(clip(oneLine(step.id), nameWidth), nameWidth);
  const quiet = step.status === 'pending' || step.status === 'skipped' || step.status === 'cancelled' || (step.status === 'ready' && step.each === null);
  const head = `  ${mark} ${quiet ? c.dim(name) : name}  `;
  const room = width - widthOf(head);
  if (step.each !== null && !isTerminal(step.status)) return head + eachText(step, room, screen);
  if (step.status === 'running' && step.progress !== null) return head + progressText(step, step.progress, room, screen);
  const text = clip(oneLine(detail(step, now)), room);
  return `${head}${step.status === 'failed' ? c.red(text) : step.status === 'waiting' || step.status === 'retry' ? c.yellow(text) : c.dim(text)}`.trimEnd();
}

function detail(step: StepLine, now: number): string {
  const since = step.startedAt ?? step.readyAt;
  const took = since === null || step.endedAt === null ? '' : formatDuration(Math.max(0, step.endedAt - since));
  switch (step.status) {
    case 'completed':
      return [
        step.reused ? 'reused' : took,
        step.each === null ? '' : count(step.each.total, 'item'),
        failedItems(step),
        step.attempts > 1 && step.each === null ? `attempt ${step.attempts}` : '',
      ]
        .filter((part) => part !== '')
        .join(', ');
    case 'failed':
      return `${took}  ${step.error === null ? '' : `${step.error.code}: ${step.error.message}`}${step.tolerated ? ' (goes on)' : ''}`.trimStart();
    case 'skipped':
      return `skipped${step.skipReason === null ? '' : `: ${SKIP_TEXT[step.skipReason] ?? step.skipReason}`}`;
    case 'running':
      return `${since === null ? '' : formatDuration(Math.floor(Math.max(0, now - since) / 1_000) * 1_000)}${step.attempts > 1 ? `  attempt ${step.attempts}` : ''}`.replace(
        /^0ms/,
        '',
      );
    case 'retry':
      return `attempt ${step.attempts} failed${step.error === null ? '' : ` (${step.error.code})`}${step.nextAttemptAt === null ? '' : `, next ${fromNow(step.nextAttemptAt, now)}`}`;
    case 'waiting':
      return waitText(step, now);
    case 'cancelled':
      return 'cancelled';
    default:
      return '';
  }
}

const SKIP_TEXT: Readonly<Record<string, string>> = {
  condition: 'its condition is false',
  upstream_skipped: 'what it needs was skipped',
  upstream_failed: 'what it needs failed',
  trigger_rule: 'its rule can no longer come true',
};

function waitText(step: StepLine, now: number): string {
  const wait = step.wait;
  switch (wait?.kind) {
    case 'timer':
      return `sleeps, wakes ${fromNow(wait.until, now)}`;
    case 'signal':
      return `waits for the signal ${wait.name}${wait.until === null ? '' : `, until ${fromNow(wait.until, now)}`}`;
    case 'event':
      return `waits for the event ${wait.name}${wait.until === null ? '' : `, until ${fromNow(wait.until, now)}`}`;
    case 'approval':
      return `waits for approval: ${wait.message}`;
    case 'child':
      return `runs ${wait.executionId}`;
    default:
      return 'waits';
  }
}

function failedItems(step: StepLine): string {
  return step.each === null || step.each.failed === 0 ? '' : `${step.each.failed} failed`;
}

function eachText(step: StepLine, room: number, { colors: c, now }: Screen): string {
  const each = step.each as NonNullable<StepLine['each']>;
  const done = each.completed + each.failed + each.cancelled;
  const total = each.total.toLocaleString('en');
  const counts = `${done.toLocaleString('en').padStart(total.length)}/${total}`;
  const rate = itemRate(step, now);
  const left =
    rate === null
      ? ''
      : `  ${rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en')}/s  ~${formatDuration(Math.max(1, Math.round((each.total - done) / rate)) * 1_000)} left`;
  const failed = each.failed === 0 ? '' : `  ${failedItems(step)}`;
  const width = Math.max(0, Math.min(BAR, room - counts.length - failed.length - left.length - 2));
  const text = clip(`${counts}${failed}${left}`, room - width - 2);
  const painted = c.dim(text).replace(failed, failed === '' ? '' : c.reset(c.red(failed)));
  return `${bar(each.total === 0 ? 1 : done / each.total, width, c)}  ${failed === '' ? c.dim(text) : painted}`;
}

/** Items per second since the step began; null while there is too little to tell. */
export function itemRate(step: StepLine, now: number): number | null {
  const since = step.startedAt ?? step.readyAt;
  if (step.each === null || since === null || now - since < 1_000) return null;
  const done = step.each.completed + step.each.failed;
  return done === 0 ? null : done / ((now - since) / 1_000);
}

function progressText(step: StepLine, progress: NonNullable<StepLine['progress']>, room: number, { colors: c }: Screen): string {
  const percent = `${Math.round(progress.share * 100)}%`.padStart(4);
  const message = progress.message === null ? '' : `  ${oneLine(progress.message)}`;
  const attempt = step.attempts > 1 ? `  attempt ${step.attempts}` : '';
  const width = Math.max(0, Math.min(BAR, room - 12));
  return `${bar(progress.share, width, c)} ${c.dim(clip(`${percent}${message}${attempt}`, room - width - 1))}`;
}

/** Done steps, and of each step under way the part that is done, over all steps. */
export function overallShare(run: RunView): number {
  if (run.status === 'completed') return 1;
  let done = run.stepsDone;
  for (const step of run.steps) {
    if (isTerminal(step.status) || step.region !== 'main') continue;
    if (step.each !== null && step.each.total > 0) done += (step.each.completed + step.each.failed) / step.each.total;
    else if (step.progress !== null) done += step.progress.share;
  }
  return run.totalSteps === 0 ? 0 : done / run.totalSteps;
}

/** Steps in order; when they are too many, what runs, waits or failed, then what comes next. */
function window(steps: readonly StepLine[], room: number): { shown: readonly StepLine[]; before: string; after: string } {
  if (steps.length <= room) return { shown: steps, before: '', after: '' };
  const matters = (step: StepLine): number =>
    step.status === 'failed' ? 0 : isTerminal(step.status) ? 3 : step.status === 'pending' || (step.status === 'ready' && step.each === null) ? 2 : 1;
  const ended = steps.filter((step) => isTerminal(step.status));
  const ranked = [...steps].sort((a, b) => matters(a) - matters(b) || (isTerminal(a.status) ? b.index - a.index : a.index - b.index));
  const shown = ranked.slice(0, room).sort((a, b) => a.index - b.index);
  const hiddenEnded = ended.filter((step) => !shown.includes(step)).length;
  const hiddenOpen = steps.length - shown.length - hiddenEnded;
  return {
    shown,
    before: hiddenEnded === 0 ? '' : `… ${count(hiddenEnded, 'more step')} done`,
    after: hiddenOpen === 0 ? '' : `… ${count(hiddenOpen, 'more step')} to come`,
  };
}
