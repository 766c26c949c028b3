// Owns the tool wait: for many ids at once; a timeout is a normal answer and cancels nothing.
import { z } from 'zod';
import { batchStatus, parseRange } from '../src/domain/job-range.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { isTerminal } from '../src/domain/workflow-execution.ts';
import type { OrchestrationEngine } from '../src/orchestration/orchestration-engine.ts';
import type { Backend } from '../src/store/backend.ts';
import { awaitEnd } from './await-end.ts';
import { waitTaskId } from './task-id.ts';
import { defineTool } from './tool.ts';
import { offsetOf } from './views/paged-text.ts';
import { clipped } from './wire/compact.ts';
import { errorToWire } from './wire/error.ts';
import { eventToWire } from './wire/event.ts';
import { executionRow } from './wire/execution.ts';
import { Cursor, Ids, MAX_WAIT_MS, Next } from './wire/fields.ts';
import { jobRow } from './wire/job.ts';
import { allocationRow } from './wire/resource.ts';

const DEFAULT_WAIT_MS = 20_000;
const EVENTS_SHOWN = 25;
const VALUE_CHARS = 4_000;

export const waitTool = defineTool({
  name: 'wait',
  title: 'Wait for executions and jobs',
  description:
    'Wait until executions or jobs have ended, or until they wait for somebody (approval, signal); or an allocation is granted. A timeout is a normal answer (met: false) and cancels nothing: call wait again. With cursor it also returns their events since then.',
  kind: 'read',
  idempotent: true,
  openWorld: false,
  input: z.strictObject({
    ids: Ids.describe('exec_…, job_… and alloc_… ids, or a batch_id.'),
    mode: z.enum(['all', 'any']).optional().describe('Default all.'),
    until: z.enum(['ended', 'waiting']).optional().describe('waiting: ended, paused, or waiting for a person, signal or time. Default ended.'),
    timeout_ms: z.int().min(0).max(MAX_WAIT_MS).optional().describe(`Default ${DEFAULT_WAIT_MS}, at most ${MAX_WAIT_MS}.`),
    cursor: Cursor.describe('Event cursor: 0, or the cursor of an earlier reply.'),
  }),
  output: z.looseObject({
    met: z.boolean(),
    items: z.array(z.looseObject({ status: z.string() })),
    cursor: z.string(),
    events: z.array(z.looseObject({})).optional(),
    truncated: z.boolean().optional(),
    next: Next,
  }),
  // A caller that gives no time at all only looks.
  followUp: (args, data, now) =>
    data.met === true || args.timeout_ms === 0
      ? null
      : waitTaskId({ ids: [...new Set(args.ids)], mode: args.mode ?? 'all', until: args.until ?? 'ended', cursor: args.cursor ?? null, since: now }),
  async handle(context, args) {
    const ids = [...new Set(args.ids)];
    const from = args.cursor === undefined ? undefined : offsetOf(args.cursor, Number.MAX_SAFE_INTEGER);
    const end = await awaitEnd(context, {
      ids,
      mode: args.mode,
      until: args.until,
      timeoutMs: args.timeout_ms ?? (context.takesTask === true ? 0 : DEFAULT_WAIT_MS),
    });
    const seen = eventsSince(context.engine, ids, from);
    const items = ids.map((id) => itemOf(context.engine, id, Math.max(200, Math.floor(VALUE_CHARS / ids.length))));
    return {
      met: end === 'met',
      items,
      ...seen,
      next: end === 'met' ? ['get id=… view=output gives whole outputs'] : ['Nothing was cancelled: call wait again, or get view=explain.'],
    };
  },
});

/** One id with its outcome. */
export function itemOf({ backend }: OrchestrationEngine, id: string, valueChars: number): JsonObject {
  const range = parseRange(id);
  if (range !== null) return batchRow(id, backend.jobRange(range));
  const execution = id.startsWith('exec_') ? backend.getExecution(id) : null;
  if (execution !== null) {
    const output = isTerminal(execution.status) ? backend.getOutput({ executionId: id, stepId: null }) : undefined;
    return { ...executionRow(execution), ...withError(execution.error), ...clipped('output', output, valueChars) };
  }
  const allocation = id.startsWith('alloc_') ? backend.getAllocation(id) : null;
  if (allocation !== null) return allocationRow(allocation);
  const job = backend.getJob(id);
  if (job === null) return { id, status: 'removed' };
  return { ...jobRow(job), ...withError(job.error), ...(job.status === 'completed' ? clipped('result', job.result, valueChars) : {}) };
}

/** A batch as a whole. */
function batchRow(id: string, counts: ReturnType<Backend['jobRange']>): JsonObject {
  if (counts === null) return { id, status: 'removed' };
  const { pending, retry, running, completed, failed, cancelled } = counts;
  const done = completed + failed + cancelled;
  return { batch_id: id, status: batchStatus(counts), count: done + pending + retry + running, done, counts: { ...counts } };
}

function withError(error: Parameters<typeof errorToWire>[0]): JsonObject {
  const wire = errorToWire(error);
  return wire === undefined ? {} : { error: wire };
}

function eventsSince({ backend }: OrchestrationEngine, ids: readonly string[], from: number | undefined): JsonObject {
  const last = String(backend.status().lastCursor);
  if (from === undefined) return { cursor: last };
  const limit = EVENTS_SHOWN + 1;
  const events = ids.flatMap((id) => backend.readEvents({ after: from, limit, ...(id.startsWith('exec_') ? { executionId: id } : { jobId: id }) }));
  events.sort((a, b) => a.cursor - b.cursor);
  const shown = events.slice(0, EVENTS_SHOWN);
  const more = events.length > shown.length;
  return { cursor: more ? String(shown.at(-1)?.cursor ?? from) : last, events: shown.map(eventToWire), ...(more ? { truncated: true } : {}) };
}
