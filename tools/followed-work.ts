// Owns work as somebody sees it who follows it by its task id: how it stands, what it asks of a person, and the answer that its tool would have given.
import { batchStatus, parseRange } from '../src/domain/job-range.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { isTerminal } from '../src/domain/workflow-execution.ts';
import type { ExecutionSummary } from '../src/store/backend.ts';
import { batchReply, jobReply } from './enqueue-job.ts';
import { executionReply } from './execute-workflow.ts';
import { type OpenApproval, openApprovals } from './open-approvals.ts';
import { executionProgress, progressOf } from './progress-of.ts';
import { parseWaitTask, type WaitTask } from './task-id.ts';
import type { ToolContext } from './tool.ts';
import { waitTool } from './wait.ts';

export interface FollowedWork {
  readonly status: 'working' | 'completed' | 'failed' | 'cancelled';
  /** One line on how far it is. */
  readonly message: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** What the tool would have answered at its end; null before. */
  readonly answer: JsonObject | null;
  /** Why it failed: only for a fault of this program. What the work itself failed with is in the answer. */
  readonly fault: string | null;
  /** What waits for a person, while it works. */
  readonly approvals: readonly OpenApproval[];
}

/** Null for an id that names nothing. */
export async function followWork(context: ToolContext, id: string): Promise<FollowedWork | null> {
  const wait = parseWaitTask(id);
  if (wait !== null) return waitWork(context, wait);
  if (parseRange(id) !== null) return batchWork(context, id);
  if (id.startsWith('exec_')) return executionWork(context, id);
  return id.startsWith('job_') ? jobWork(context, id) : null;
}

function executionWork(context: ToolContext, id: string): FollowedWork | null {
  const { engine } = context;
  const row = engine.backend.getExecution(id);
  if (row === null) return null;
  const updatedAt = row.endedAt ?? lastEventAt(context, { executionId: id }) ?? row.createdAt;
  const approvals = isTerminal(row.status) ? [] : openApprovals(engine, id);
  return {
    ...ended(row.status, row.error, () => executionReply(engine, id)),
    message: messageOf(context, row, approvals),
    createdAt: row.createdAt,
    updatedAt,
    approvals,
  };
}

function messageOf({ engine }: ToolContext, row: ExecutionSummary, approvals: readonly OpenApproval[]): string {
  const { message } = executionProgress(engine, row);
  const [first] = approvals;
  return first === undefined ? message : `${message}; step ${first.stepId} waits for an approval`;
}

function jobWork(context: ToolContext, id: string): FollowedWork | null {
  const { engine } = context;
  const job = engine.backend.getJob(id);
  if (job === null) return null;
  return {
    ...ended(job.status, job.error, () => jobReply(engine, id)),
    message: progressOf(engine, [id]).message,
    createdAt: job.createdAt,
    updatedAt: job.completedAt ?? lastEventAt(context, { jobId: id }) ?? job.createdAt,
    approvals: [],
  };
}

function batchWork({ engine }: ToolContext, id: string): FollowedWork | null {
  const range = parseRange(id);
  const counts = range === null ? null : engine.backend.jobRange(range);
  if (range === null || counts === null) return null;
  const createdAt = engine.backend.getJob(range.first)?.createdAt ?? engine.now;
  const last = engine.backend.getJob(range.last);
  return {
    ...ended(batchStatus(counts), null, () => batchReply(engine, id)),
    message: progressOf(engine, [id]).message,
    createdAt,
    updatedAt: last?.completedAt ?? last?.startedAt ?? createdAt,
    approvals: [],
  };
}

async function waitWork(context: ToolContext, { ids, mode, until, cursor, since }: WaitTask): Promise<FollowedWork | null> {
  const { engine } = context;
  const known = ids.map((id) => standing(context, id));
  if (known.includes(null)) return null;
  const answer = await waitTool.handle({ ...context, progress: undefined }, { ids: [...ids], mode, until, timeout_ms: 0, cursor: cursor ?? undefined });
  const done = known.filter((status) => isTerminal(status as 'completed')).length;
  return {
    ...ended(answer.met === true ? 'completed' : 'running', null, () => answer),
    message: `${done} of ${ids.length} have ended`,
    createdAt: Math.min(since, engine.now),
    updatedAt: Math.min(since, engine.now),
    approvals: ids.flatMap((id) => (id.startsWith('exec_') ? openApprovals(engine, id) : [])).slice(0, 20),
  };
}

/** The status of one id, or null when there is no such work. */
function standing({ engine: { backend } }: ToolContext, id: string): string | null {
  const range = parseRange(id);
  const counts = range === null ? null : backend.jobRange(range);
  if (counts !== null) return batchStatus(counts);
  return (id.startsWith('exec_') ? backend.getExecution(id) : id.startsWith('job_') && range === null ? backend.getJob(id) : null)?.status ?? null;
}

function ended(
  status: string,
  error: { readonly code: string; readonly message: string } | null,
  answer: () => JsonObject,
): Pick<FollowedWork, 'status' | 'answer' | 'fault'> {
  if (!isTerminal(status as 'completed')) return { status: 'working', answer: null, fault: null };
  if (status === 'cancelled') return { status: 'cancelled', answer: null, fault: null };
  if (error?.code === 'internal') return { status: 'failed', answer: null, fault: error.message };
  return { status: 'completed', answer: answer(), fault: null };
}

function lastEventAt({ engine }: ToolContext, of: { readonly executionId: string } | { readonly jobId: string }): number | undefined {
  return engine.backend.readEvents({ after: 0, limit: 1, ...of, newestFirst: true })[0]?.at;
}
