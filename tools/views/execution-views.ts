// Owns what can be read of an execution.

import { budgetReason, raiseOf } from '../../src/domain/budget.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { nearMatches } from '../../src/domain/near-match.ts';
import { isTerminal } from '../../src/domain/workflow-execution.ts';
import { levelsOf, toMermaid } from '../../src/orchestration/execution-graph.ts';
import { explainExecution } from '../../src/orchestration/explain.ts';
import type { ExecutionSummary, StepView } from '../../src/store/backend.ts';
import { budgetToWire } from '../wire/budget.ts';
import { clipped, compact, iso, shortText } from '../wire/compact.ts';
import { executionHead } from '../wire/execution.ts';
import { outlookToWire } from '../wire/outlook.ts';
import { explanationToWire } from '../wire/reason.ts';
import { stepToWire, waitToWire } from '../wire/step.ts';
import { eventsView } from './events-view.ts';
import { lineageView } from './lineage-view.ts';
import { offsetOf, pieceOf } from './paged-text.ts';
import { timelineView } from './timeline-view.ts';
import { missing, showView, type ViewRequest, type Views } from './view.ts';

const STEPS_SHOWN = 25;
const NOTABLE = 8;
const GRAPH_CHARS = 6_000;
const SCAN = 500;

const VIEWS: Views = {
  summary: (r) => summary(r, require(r)),
  steps: (r) => (r.step === undefined ? steps(r) : { execution_id: r.id, steps: [stepToWire(requireStep(r, r.step))] }),
  events: (r) => ({ execution_id: r.id, ...eventsView(r, { executionId: r.id }) }),
  output: (r) => output(r),
  logs: (r) => logs(r),
  graph: (r) => graph(r),
  timeline: (r) => timelineView(r, require(r)),
  explain: (r) => ({
    ...explanationToWire(explainExecution(r.engine.backend, require(r), r.engine.now, (task) => r.engine.registry.versionOf(task))),
    next: nextFor(require(r)),
  }),
  lineage: (r) => lineageView(r),
};

export function executionView(request: ViewRequest): JsonObject {
  require(request);
  return showView('An execution', VIEWS, request);
}

function require(r: ViewRequest): ExecutionSummary {
  const found = r.engine.backend.getExecution(r.id);
  if (found === null) throw missing('execution', r.id, 'executions');
  return found;
}

function requireStep(r: ViewRequest, step: string): StepView {
  const found = r.engine.backend.getStep({ executionId: r.id, stepId: step });
  if (found !== null) return found;
  const known = r.engine.backend.planOf(require(r).hash)?.nodes.map((node) => node.id) ?? [];
  throw new LogisticsError('not_found', `The execution has no step ${shortText(step, 100)}.`, { path: 'step', nearMatches: nearMatches(step, known) });
}

function summary(r: ViewRequest, row: ExecutionSummary): JsonObject {
  const { backend, now } = r.engine;
  const failed: JsonObject[] = [];
  const waiting: JsonObject[] = [];
  for (const step of backend.getSteps({ executionId: r.id, after: -1, limit: SCAN })) {
    if (step.status === 'failed' && failed.length < NOTABLE) failed.push(stepToWire(step));
    if (step.wait !== null && waiting.length < NOTABLE) waiting.push({ step: step.id, ...waitToWire(step.wait) });
  }
  const artifacts = backend.listArtifacts({ executionId: r.id });
  const holder = row.paused ? backend.budgetHolding(r.id) : null;
  return {
    ...executionHead(row, now),
    ...outlookToWire(r.engine.planner.outlook(row), now),
    ...budgetToWire(r.engine.budgets.of('run', r.id)),
    ...compact({
      held_by: holder === null ? undefined : { owner: holder.owner, id: holder.id, reason: budgetReason(holder.limit) },
      waiting_for: waiting.length === 0 ? undefined : waiting,
      failed_steps: failed.length === 0 ? undefined : failed,
      artifacts:
        artifacts.length === 0
          ? undefined
          : artifacts
              .slice(0, NOTABLE)
              .map((info) => ({ artifact_id: info.id, name: info.name, media_type: info.mediaType, bytes: info.bytes, created_at: iso(info.createdAt) })),
    }),
    ...clipped('input', row.input, 1_000),
    ...(isTerminal(row.status) ? clipped('output', backend.getOutput({ executionId: r.id, stepId: null }), 3_000) : {}),
    next: holder === null ? nextFor(row) : [raiseOf(holder.owner, holder.id)],
  };
}

/** What a caller may do now. */
export function nextFor(row: ExecutionSummary): string[] {
  if (row.status === 'completed') return ['get view=output'];
  if (row.status === 'failed') return ['get view=explain', 'control action=retry (failed steps only)', 'control action=fork step=…'];
  if (row.status === 'cancelled') return ['control action=restart'];
  if (row.status === 'paused') return ['control action=resume'];
  if (row.status === 'waiting') return ['get view=explain says what it waits for', 'control action=approve or action=signal answers it'];
  return ['wait ids=[this id]'];
}

function steps(r: ViewRequest): JsonObject {
  const limit = r.limit ?? STEPS_SHOWN;
  const start = offsetOf(r.cursor, 1_000_000);
  const page = r.engine.backend.getSteps({ executionId: r.id, after: start - 1, limit: limit + 1 });
  const shown = page.slice(0, limit);
  const more = page.length > limit;
  return { execution_id: r.id, steps: shown.map(stepToWire), ...(more ? { next_cursor: String((shown.at(-1)?.index ?? start) + 1), truncated: true } : {}) };
}

function output(r: ViewRequest): JsonObject {
  const status = r.step === undefined ? require(r).status : requireStep(r, r.step).status;
  const value = r.engine.backend.getOutput({ executionId: r.id, stepId: r.step ?? null });
  const head = compact({ execution_id: r.id, step: r.step, status });
  return value === undefined
    ? { ...head, output: null, next: [isTerminal(status) ? 'It has no output.' : 'It has no output yet: wait ids=[this id]'] }
    : { ...head, ...pieceOf('output', value, r.cursor) };
}

function logs(r: ViewRequest): JsonObject {
  if (r.step === undefined)
    throw new LogisticsError('invalid_input', 'The logs of an execution are kept per step.', { path: 'step', expected: 'the step whose logs are wanted' });
  const step = requireStep(r, r.step);
  if (step.jobId === null)
    return {
      execution_id: r.id,
      step: step.id,
      lines: [],
      next: ['The step has no job: a forEach step has one per item (list kind=jobs filter.execution_id), a waiting step none.'],
    };
  return { execution_id: r.id, step: step.id, ...logLines(r, step.jobId) };
}

/** Lines of a job's bounded log, oldest first. */
export function logLines(r: ViewRequest, jobId: string): JsonObject {
  const lines = r.engine.backend.jobLogs({ jobId });
  const start = offsetOf(r.cursor, lines.length);
  const shown = lines.slice(start, start + (r.limit ?? 50));
  const next = start + shown.length;
  return {
    job_id: jobId,
    lines: shown.map((line) => ({ at: iso(line.at), level: line.level, message: shortText(line.message, 500), ...clipped('fields', line.fields, 300) })),
    ...(next < lines.length ? { next_cursor: String(next), truncated: true } : {}),
  };
}

function graph(r: ViewRequest): JsonObject {
  const plan = r.engine.backend.planOf(require(r).hash);
  if (plan === null) throw missing('definition of execution', r.id, 'executions');
  const status = new Map<string, string>();
  for (const step of r.engine.backend.getSteps({ executionId: r.id, after: -1, limit: SCAN })) status.set(step.id, step.status);
  return { execution_id: r.id, ...pictureOf(plan, (step) => status.get(step)) };
}

/** Mermaid text and levels, bounded. */
export function pictureOf(plan: Parameters<typeof toMermaid>[0], statusOf: (step: string) => string | undefined): JsonObject {
  let limit = 100;
  let picture = toMermaid(plan, statusOf, limit);
  while (picture.text.length > GRAPH_CHARS && limit > 5) {
    limit = Math.floor(limit / 2);
    picture = toMermaid(plan, statusOf, limit);
  }
  return { mermaid: picture.text, steps_total: plan.mainCount, levels: levelsOf(plan).length, ...(picture.truncated ? { truncated: true, shown: limit } : {}) };
}
