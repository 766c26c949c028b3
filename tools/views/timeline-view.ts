// Owns the view timeline of an execution: what ran when, what it waited for a worker, and which steps made it as long as it is.
import type { JsonObject } from '../../src/domain/json.ts';
import { isTerminal } from '../../src/domain/workflow-execution.ts';
import type { ExecutionSummary, StepView } from '../../src/store/backend.ts';
import { type Span, timelineOf, timelineText } from '../../src/tracking/timeline.ts';
import { compact, iso } from '../wire/compact.ts';
import { outlookToWire } from '../wire/outlook.ts';
import { offsetOf } from './paged-text.ts';
import type { ViewRequest } from './view.ts';

const SHOWN = 25;
const PAGE = 2_000;
const PATH_SHOWN = 50;

export function timelineView(r: ViewRequest, row: ExecutionSummary): JsonObject {
  const { backend, now } = r.engine;
  const plan = backend.planOf(row.hash);
  const steps: StepView[] = [];
  for (let after = -1; ; ) {
    const page = backend.getSteps({ executionId: row.id, after, limit: PAGE });
    steps.push(...page);
    if (page.length < PAGE) break;
    after = (page.at(-1) as StepView).index;
  }
  const needsOf = (step: StepView): readonly string[] => plan?.nodes[step.index]?.needs.flatMap((at) => plan.nodes[at]?.id ?? []) ?? [];
  const timeline = timelineOf(row, steps, needsOf, now);
  const start = offsetOf(r.cursor, timeline.spans.length);
  const shown = timeline.spans.slice(start, start + (r.limit ?? SHOWN));
  const next = start + shown.length;
  return {
    ...compact({
      execution_id: row.id,
      workflow: row.workflow,
      status: row.status,
      started_at: iso(row.createdAt),
      ended_at: iso(row.endedAt),
      total_ms: timeline.totalMs,
      worked_ms: timeline.workedMs,
      queued_ms: timeline.queuedMs,
      parallelism: timeline.parallelism,
      critical_path: timeline.criticalPath.slice(-PATH_SHOWN),
    }),
    ...(isTerminal(row.status) ? {} : outlookToWire(r.engine.planner.outlook(row), now)),
    spans: shown.map(spanToWire),
    picture: timelineText({ ...timeline, spans: shown }),
    ...(next < timeline.spans.length ? { next_cursor: String(next), truncated: true } : {}),
    ...(timeline.spans.length === 0 ? { next: ['Nothing has begun yet: get view=explain says what it waits for'] } : {}),
  };
}

/** Times in ms since the execution was created. */
function spanToWire({ step, task, status, readyMs, startMs, endMs, queuedMs, attempts }: Span): JsonObject {
  return compact({
    step,
    task,
    status,
    ready_ms: readyMs ?? undefined,
    start_ms: startMs ?? undefined,
    end_ms: endMs ?? undefined,
    queued_ms: queuedMs === 0 ? undefined : queuedMs,
    attempts: attempts > 1 ? attempts : undefined,
  });
}
