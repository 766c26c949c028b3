// Owns the claim: the best ready jobs by rank among the lanes a worker satisfies, each to one live process only.
import type { Json } from '../../domain/json.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../../domain/retry-policy.ts';
import type { ClaimedJob } from '../backend.ts';
import { JOB } from './codes.ts';
import { type ExecutionRecord, hasEnded } from './execution-rows.ts';
import type { Executions } from './executions.ts';
import { isOverdue, type JobRows, type JobSql } from './job-rows.ts';
import type { Plans } from './plans.ts';
import type { Tx } from './tx.ts';

export interface ClaimParameters {
  readonly epoch: number;
  readonly namespace: string;
  readonly capabilities: readonly string[];
  readonly limit: number;
  readonly queue?: string | undefined;
}

// Heads that cannot run now (their run is paused or stops, they are overdue) are put aside; at most this many in one claim.
const PUT_ASIDE = 500;

export class Claims {
  readonly #tx: Tx;
  readonly #rows: JobRows;
  readonly #executions: Executions;
  readonly #plans: Plans;
  #lanes = { version: -1, key: '', nums: [] as number[] };

  constructor(tx: Tx, rows: JobRows, executions: Executions, plans: Plans) {
    this.#tx = tx;
    this.#rows = rows;
    this.#executions = executions;
    this.#plans = plans;
  }

  /** Takes the best ready jobs of the lanes that these capabilities satisfy; none for a process that was given up as dead. */
  claim(p: ClaimParameters): ClaimedJob[] {
    const claimed: ClaimedJob[] = [];
    if (this.#tx.sql('SELECT 1 FROM process WHERE epoch = ?').get(p.epoch) === undefined) return claimed;
    const lanes = this.#lanesFor(p);
    let aside = 0;
    while (claimed.length < p.limit && lanes.length > 0) {
      const heads = this.#heads(lanes, p.limit - claimed.length);
      if (heads.length === 0) break;
      if (aside >= PUT_ASIDE) {
        this.#tx.notice.jobsReady = true;
        break;
      }
      for (const head of heads) {
        const job = this.#take(head, p.epoch);
        if (job === null) aside++;
        else claimed.push(job);
      }
    }
    return claimed;
  }

  /** A look outside a transaction, so it trusts no memory of the lanes. */
  hasReady(p: Omit<ClaimParameters, 'epoch' | 'limit'>): boolean {
    const sql = this.#tx.sql('SELECT 1 FROM job WHERE lane = ? AND rank IS NOT NULL LIMIT 1');
    return this.#satisfied(p).some((lane) => sql.get(lane) !== undefined);
  }

  #lanesFor(p: ClaimParameters): readonly number[] {
    const key = `${p.namespace}\n${p.queue ?? ''}\n${p.capabilities.join('\n')}`;
    if (this.#lanes.version !== this.#tx.lanesVersion || this.#lanes.key !== key)
      this.#lanes = { version: this.#tx.lanesVersion, key, nums: this.#satisfied(p) };
    return this.#lanes.nums;
  }

  /** Lanes of unpaused queues whose capabilities are all offered. */
  #satisfied(p: Omit<ClaimParameters, 'epoch' | 'limit'>): number[] {
    const tx = this.#tx;
    const ns = tx.findNamespace(p.namespace);
    if (ns === undefined) return [];
    const offered = new Set(p.capabilities);
    const rows = tx.sql('SELECT l.num, l.caps, q.name FROM lane l JOIN queue q ON q.num = l.queue WHERE q.ns = ? AND q.paused = 0').all(ns) as {
      num: number;
      caps: string;
      name: string;
    }[];
    return rows
      .filter((row) => (p.queue === undefined || row.name === p.queue) && (JSON.parse(row.caps) as string[]).every((cap) => offered.has(cap)))
      .map((row) => row.num);
  }

  #heads(lanes: readonly number[], limit: number): readonly JobSql[] {
    const sql = this.#tx.sql('SELECT * FROM job WHERE lane = ? AND rank IS NOT NULL ORDER BY rank, num LIMIT ?');
    if (lanes.length === 1) return sql.all(lanes[0], limit) as JobSql[];
    const all: JobSql[] = [];
    for (const lane of lanes) all.push(...(sql.all(lane, limit) as JobSql[]));
    return all.sort((a, b) => (a.rank as number) - (b.rank as number) || a.num - b.num).slice(0, limit);
  }

  #take(job: JobSql, epoch: number): ClaimedJob | null {
    const tx = this.#tx;
    if (isOverdue(job, tx.now)) {
      // The due times end it, no claim starts it.
      tx.sql('UPDATE job SET rank = NULL WHERE num = ?').run(job.num);
      return null;
    }
    const record = job.execution === null ? null : (this.#executions.rows.load(job.execution) ?? null);
    if (job.execution !== null && !this.#mayRun(job, record)) return null;
    const node = record === null ? undefined : this.#plans.require(record.row.hash).nodes[job.idx as number];
    if (record !== null) {
      const scope = { ns: job.ns, execution: job.execution, idx: job.idx, item: job.item, job: job.num, session: job.session };
      tx.log(scope, { type: 'step_started', stepId: node?.id, data: job.attempt > 0 ? { attempt: job.attempt + 1 } : undefined });
    }
    tx.sql('UPDATE job SET status = 1, rank = NULL, owner = ?, token = token + 1, attempt = attempt + 1, started_at = ? WHERE num = ?').run(
      epoch,
      tx.now,
      job.num,
    );
    tx.count(job.queue, job.task, job.status, JOB.running);
    return {
      jobId: job.id,
      token: job.token + 1,
      attempt: job.attempt + 1,
      task: tx.taskName(job.task),
      queue: tx.queueName(job.queue),
      name: job.name,
      payload: job.payload === null ? null : (JSON.parse(job.payload) as Json),
      sessionId: job.session === null ? null : tx.sessionId(job.session),
      timeoutMs: record === null ? job.timeout_ms : (node?.step.timeoutMs ?? null),
      deadlineAt: job.deadline_at,
      retry: job.retry !== null ? (JSON.parse(job.retry) as RetryPolicy) : (node?.retry ?? DEFAULT_RETRY),
      step: record === null ? null : { executionId: record.row.id, hash: record.row.hash, index: job.idx as number, item: job.item },
    };
  }

  /** False when the run of this job is paused or stops; the job is then out of the queue. */
  #mayRun(job: JobSql, record: ExecutionRecord | null): boolean {
    const isUndoing = record?.row.phase === 'compensate' || record?.row.phase === 'on_failure';
    if (record === null || hasEnded(record) || (record.row.stopping !== null && !isUndoing)) {
      // The stop of its run finds it in the step index and ends it.
      this.#tx.sql('UPDATE job SET rank = NULL WHERE num = ?').run(job.num);
      return false;
    }
    if (!record.row.paused) return true;
    this.#rows.park(job, record.num);
    return false;
  }
}
