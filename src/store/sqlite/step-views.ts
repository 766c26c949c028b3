// Owns how a step looks to readers: its row joined with its newest job; a step without a row is derived from its run.
import type { Plan, PlanNode } from '../../domain/plan.ts';
import { emptyStepRow, type StepRow, type StepStatus } from '../../domain/workflow-execution.ts';
import type { StepView } from '../backend.ts';
import { JOB } from './codes.ts';
import { type ExecutionRecord, readStep } from './execution-rows.ts';
import type { Tx } from './tx.ts';

interface NewestJob {
  id: string;
  status: number;
  attempt: number;
  ready_at: number | null;
  started_at: number | null;
  ended_at: number | null;
  run_at: number | null;
}

/** Steps with index above `after`; nodes of compensation and onFailure appear once they have a row. */
export function stepViews(tx: Tx, record: ExecutionRecord, plan: Plan, after: number, limit: number): StepView[] {
  const views: StepView[] = [];
  for (let index = after + 1; index < plan.nodes.length && views.length < limit; index++) {
    const node = plan.nodes[index] as PlanNode;
    const raw = tx.sql('SELECT * FROM step WHERE execution = ? AND idx = ?').get(record.num, index);
    if (raw === undefined && node.region !== 'main') continue;
    const row = raw === undefined ? emptyStepRow(index) : readStep(raw);
    const open = row.status === 'ready' || row.status === 'failed' || row.status === 'completed';
    const job =
      open && row.each === null
        ? (tx
            .sql('SELECT id, status, attempt, ready_at, started_at, ended_at, run_at FROM job WHERE execution = ? AND idx = ? ORDER BY num DESC LIMIT 1')
            .get(record.num, index) as NewestJob | undefined)
        : undefined;
    views.push(view(record, node, row, job));
  }
  return views;
}

function view(record: ExecutionRecord, node: PlanNode, row: StepRow, job: NewestJob | undefined): StepView {
  const startedAt = row.startedAt ?? job?.started_at ?? null;
  return {
    ...row,
    status: statusOf(record, row, job),
    attempts: job === undefined ? row.attempts : Math.max(row.attempts, job.attempt),
    startedAt,
    id: node.id,
    task: node.step.task,
    region: node.region,
    jobId: job?.id ?? null,
    waitMs: startedAt !== null && row.readyAt !== null ? Math.max(0, startedAt - row.readyAt) : null,
    runMs: startedAt !== null && row.endedAt !== null ? Math.max(0, row.endedAt - startedAt) : null,
    nextAttemptAt: job?.status === JOB.retry ? job.run_at : null,
  };
}

/** `ready` in the row covers the whole life of its job; a missing row of an ended run was never reached. */
function statusOf(record: ExecutionRecord, row: StepRow, job: NewestJob | undefined): StepStatus {
  if (row.status === 'ready' && job?.status === JOB.running) return 'running';
  if (row.status === 'ready' && job?.status === JOB.retry) return 'retry';
  if (row.status === 'pending' && record.row.endedAt !== null) return 'cancelled';
  return row.status;
}
