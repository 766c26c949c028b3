// Owns when what happened in a run: for each step its wait for a worker, its work and its pauses, as spans from the start of the run. Pure.
import type { StepView } from '../store/backend.ts';

export interface Span {
  readonly step: string;
  readonly task: string;
  readonly status: string;
  /** When its needs had ended; ms since the run was created. Null: not yet. */
  readonly readyMs: number | null;
  readonly startMs: number | null;
  /** Null: not over. */
  readonly endMs: number | null;
  /** Ready until it started. */
  readonly queuedMs: number;
  readonly attempts: number;
}

export interface Timeline {
  readonly spans: readonly Span[];
  /** Until the end of the run, or until now. */
  readonly totalMs: number;
  /** Sum of the times that steps waited for a worker or a gate. */
  readonly queuedMs: number;
  /** Sum of the times that steps were at work. */
  readonly workedMs: number;
  /** Mean number of steps at work. */
  readonly parallelism: number;
  /** Steps, last first, each the need that ended last before the next one: what made the run as long as it was. */
  readonly criticalPath: readonly string[];
}

export function timelineOf(
  run: { readonly createdAt: number; readonly endedAt: number | null },
  steps: readonly StepView[],
  needsOf: (step: StepView) => readonly string[],
  now: number,
): Timeline {
  const until = run.endedAt ?? now;
  const since = (at: number | null): number | null => (at === null ? null : Math.max(0, at - run.createdAt));
  const spans = steps.flatMap((step): Span[] => {
    if (step.readyAt === null && step.startedAt === null && step.endedAt === null) return [];
    const started = step.startedAt;
    const ready = step.readyAt ?? started;
    const waited = step.status === 'skipped' || ready === null ? 0 : Math.max(0, (started ?? step.endedAt ?? until) - ready);
    return [
      {
        step: step.id,
        task: step.task,
        status: step.status,
        readyMs: since(ready),
        startMs: since(started),
        endMs: since(step.endedAt),
        queuedMs: started === null && step.wait !== null ? 0 : waited,
        attempts: step.attempts,
      },
    ];
  });
  const worked = spans.reduce((sum, span) => sum + (span.startMs === null ? 0 : (span.endMs ?? until - run.createdAt) - span.startMs), 0);
  const totalMs = Math.max(0, until - run.createdAt);
  return {
    spans: [...spans].sort((a, b) => (a.startMs ?? a.readyMs ?? Number.MAX_SAFE_INTEGER) - (b.startMs ?? b.readyMs ?? Number.MAX_SAFE_INTEGER)),
    totalMs,
    queuedMs: spans.reduce((sum, span) => sum + span.queuedMs, 0),
    workedMs: worked,
    parallelism: totalMs === 0 ? 0 : Math.round((worked / totalMs) * 100) / 100,
    criticalPath: pathTo(steps, needsOf),
  };
}

/** From the step that ended last back along the needs that ended last. */
function pathTo(steps: readonly StepView[], needsOf: (step: StepView) => readonly string[]): string[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const latest = (among: readonly (StepView | undefined)[]): StepView | undefined =>
    among.reduce<StepView | undefined>(
      (last, step) => (step?.endedAt == null || step.startedAt === null || (last?.endedAt ?? -1) >= step.endedAt ? last : step),
      undefined,
    );
  const path: string[] = [];
  for (let at = latest(steps); at !== undefined && path.length < steps.length; at = latest(needsOf(at).map((id) => byId.get(id)))) path.push(at.id);
  return path.reverse();
}

export interface DrawOptions {
  readonly width?: number;
  readonly maxRows?: number;
}

/** A line a step: ░ ready and waiting, █ at work on the critical path, ▓ beside it; an arrow where it is not over. */
export function timelineText({ spans, totalMs, criticalPath }: Timeline, { width = 60, maxRows = 40 }: DrawOptions = {}): string[] {
  const shown = spans.slice(0, maxRows);
  const critical = new Set(criticalPath);
  const label = Math.min(24, Math.max(1, ...shown.map(({ step }) => step.length)));
  const column = (ms: number): number => Math.min(width, Math.max(0, Math.round((ms / (totalMs || 1)) * width)));
  return shown.map(({ step, readyMs, startMs, endMs }) => {
    const cells = new Array<string>(width).fill('·');
    if (readyMs !== null) cells.fill('░', column(readyMs), column(startMs ?? endMs ?? totalMs));
    if (startMs !== null) {
      const from = Math.min(width - 1, column(startMs));
      const to = Math.max(from + 1, column(endMs ?? totalMs));
      cells.fill(critical.has(step) ? '█' : '▓', from, to);
      if (endMs === null) cells[to - 1] = '▶';
    }
    const name = step.length <= label ? step.padEnd(label) : `${step.slice(0, label - 1)}…`;
    return `${name} ${cells.join('')}`;
  });
}
