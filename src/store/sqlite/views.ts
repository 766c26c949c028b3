// Owns how executions and jobs look to readers: rows joined with their plan.
import type { Job } from '../../domain/job.ts';
import type { JobRange } from '../../domain/job-range.ts';
import { DEFAULT_RETRY } from '../../domain/retry-policy.ts';
import type { ExecutionSummary } from '../backend.ts';
import { JOB } from './codes.ts';
import type { ExecutionRecord } from './execution-rows.ts';
import type { Executions } from './executions.ts';
import type { JobRows, JobSql } from './job-rows.ts';
import { type Outputs, outputOf } from './outputs.ts';
import type { Plans } from './plans.ts';
import type { Tx } from './tx.ts';

export function summaryOf(plans: Plans, record: ExecutionRecord): ExecutionSummary {
  return { ...record.row, totalSteps: plans.find(record.row.hash)?.mainCount ?? record.row.stepsDone, gate: record.gate };
}

export function jobView(
  parts: { readonly tx: Tx; readonly plans: Plans; readonly outputs: Outputs; readonly executions: Executions; readonly jobRows: JobRows },
  sql: JobSql,
): Job {
  if (sql.execution === null) return parts.jobRows.toJob(sql);
  const hash = (parts.tx.sql('SELECT hash FROM execution WHERE num = ?').get(sql.execution) as { hash: string } | undefined)?.hash;
  const plan = hash === undefined ? undefined : parts.plans.find(hash);
  const job = parts.jobRows.toJob(sql, {
    stepId: (index) => plan?.nodes[index]?.id ?? null,
    retry: (index) => plan?.nodes[index]?.retry ?? DEFAULT_RETRY,
  });
  if (sql.item !== null || sql.status !== JOB.completed) return job;
  const row = parts.executions.readStep(sql.execution, sql.idx as number);
  return { ...job, result: outputOf(parts.outputs, sql.execution, row) };
}

/** Row numbers of the first and the last job of a batch; null when one of them is gone. */
export function numsOf(tx: Tx, range: JobRange): { readonly from: number; readonly to: number } | null {
  const rows = tx.sql('SELECT num FROM job WHERE id IN (?, ?) ORDER BY num').all(range.first, range.last) as { num: number }[];
  if (rows.length < (range.first === range.last ? 1 : 2)) return null;
  return { from: (rows[0] as { num: number }).num, to: (rows.at(-1) as { num: number }).num };
}
