// Owns the claim: the best ready jobs by rank among the lanes that are open to a worker, each to one live holder only.
import type { Json, JsonObject } from '../../domain/json.ts';
import type { PlanNode } from '../../domain/plan.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../../domain/retry-policy.ts';
import { AGENT_CAPABILITY, opensLane } from '../../domain/worker-agent.ts';
import type { ClaimedJob } from '../backend.ts';
import { JOB } from './codes.ts';
import { type ExecutionRecord, hasEnded } from './execution-rows.ts';
import type { Executions } from './executions.ts';
import { earliest, isOverdue, type JobRows, type JobSql } from './job-rows.ts';
import type { Plans } from './plans.ts';
import type { Tx } from './tx.ts';

export interface ClaimParameters {
  readonly epoch: number;
  readonly namespace: string;
  readonly capabilities: readonly string[];
  readonly limit: number;
  readonly queue?: string | undefined;
  readonly queues?: readonly string[] | undefined;
}

type LaneFilter = Omit<ClaimParameters, 'epoch' | 'limit'> & {
  /** Lanes open to a worker agent with these capabilities, not those of a process. */
  readonly forWorker?: boolean | undefined;
};

/** Who gets a job: a process by its epoch, or a worker agent. */
interface Holder {
  readonly epoch: number | null;
  readonly worker: { readonly num: number; readonly id: string; readonly name: string } | null;
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
    if (this.#tx.sql('SELECT 1 FROM process WHERE epoch = ?').get(p.epoch) === undefined) return [];
    return this.#takeBest(this.#lanesFor(p), p.limit, { epoch: p.epoch, worker: null });
  }

  /** As `claim`, for a worker agent that is registered. */
  claimFor(worker: NonNullable<Holder['worker']>, p: Omit<ClaimParameters, 'epoch'>): ClaimedJob[] {
    return p.limit === 0 ? [] : this.#takeBest(this.#satisfied({ ...p, forWorker: true }), p.limit, { epoch: null, worker });
  }

  #takeBest(lanes: readonly number[], limit: number, holder: Holder): ClaimedJob[] {
    const claimed: ClaimedJob[] = [];
    let aside = 0;
    while (claimed.length < limit && lanes.length > 0) {
      const heads = this.#heads(lanes, limit - claimed.length);
      if (heads.length === 0) break;
      if (aside >= PUT_ASIDE) {
        this.#tx.notice.jobsReady = true;
        break;
      }
      for (const head of heads) {
        const job = this.#take(head, holder);
        if (job === null) aside++;
        else claimed.push(job);
      }
    }
    return claimed;
  }

  /** A look outside a transaction, so it trusts no memory of the lanes. */
  hasReady(p: LaneFilter): boolean {
    const sql = this.#tx.sql('SELECT 1 FROM job WHERE lane = ? AND rank IS NOT NULL LIMIT 1');
    return this.#satisfied(p).some((lane) => sql.get(lane) !== undefined);
  }

  #lanesFor(p: ClaimParameters): readonly number[] {
    const key = `${p.namespace}\n${p.queue ?? ''}\n${p.queues?.join(' ') ?? ''}\n${p.capabilities.join('\n')}`;
    if (this.#lanes.version !== this.#tx.lanesVersion || this.#lanes.key !== key)
      this.#lanes = { version: this.#tx.lanesVersion, key, nums: this.#satisfied(p) };
    return this.#lanes.nums;
  }

  /** Lanes of unpaused queues whose capabilities are all offered; agent.task is never offered by a process. */
  #satisfied(p: LaneFilter): number[] {
    const tx = this.#tx;
    const ns = tx.findNamespace(p.namespace);
    if (ns === undefined) return [];
    const offered = new Set(p.capabilities);
    if (p.forWorker) offered.add(AGENT_CAPABILITY);
    else offered.delete(AGENT_CAPABILITY);
    const opens = (caps: readonly string[]): boolean => (p.forWorker ? opensLane(caps, offered) : caps.every((cap) => offered.has(cap)));
    const rows = tx.sql('SELECT l.num, l.caps, q.name FROM lane l JOIN queue q ON q.num = l.queue WHERE q.ns = ? AND q.paused = 0').all(ns) as {
      num: number;
      caps: string;
      name: string;
    }[];
    return rows
      .filter(
        (row) =>
          (p.queue === undefined || row.name === p.queue) && (p.queues === undefined || p.queues.includes(row.name)) && opens(JSON.parse(row.caps) as string[]),
      )
      .map((row) => row.num);
  }

  #heads(lanes: readonly number[], limit: number): readonly JobSql[] {
    // SQLite prepares a statement anew for each value that it compares with the column of a partial index: 40 µs with all columns,
    // 9 µs with these two and 5 µs for the row by its number (measured).
    const sql = this.#tx.sql('SELECT num, rank FROM job WHERE lane = ? AND rank IS NOT NULL ORDER BY rank, num LIMIT ?');
    const heads: { num: number; rank: number }[] = [];
    for (const lane of lanes) heads.push(...(sql.all(lane, limit) as { num: number; rank: number }[]));
    if (lanes.length > 1) heads.sort((a, b) => a.rank - b.rank || a.num - b.num);
    return heads.slice(0, limit).map(({ num }) => this.#rows.byNum(num) as JobSql);
  }

  #take(job: JobSql, holder: Holder): ClaimedJob | null {
    const tx = this.#tx;
    if (isOverdue(job, tx.now)) {
      // The due times end it, no claim starts it.
      tx.sql('UPDATE job SET rank = NULL WHERE num = ?').run(job.num);
      return null;
    }
    const record = job.execution === null ? null : (this.#executions.rows.load(job.execution) ?? null);
    if (job.execution !== null && !this.#mayRun(job, record)) return null;
    if (!this.#rows.mayStart(job)) return null;
    const node = record === null ? undefined : this.#plans.require(record.row.hash).nodes[job.idx as number];
    if (record !== null) {
      const scope = { ns: job.ns, execution: job.execution, idx: job.idx, item: job.item, job: job.num, session: job.session };
      tx.log(scope, { type: 'step_started', stepId: node?.id, data: startData(job, holder) });
    }
    tx.sql('UPDATE job SET status = 1, rank = NULL, owner = ?, token = token + 1, attempt = attempt + 1, started_at = ? WHERE num = ?').run(
      holder.epoch,
      tx.now,
      job.num,
    );
    if (holder.worker !== null) this.#hold(job, holder.worker.num, record === null ? job.timeout_ms : (node?.step.timeoutMs ?? null));
    else if (job.worker !== null) tx.sql('UPDATE job SET worker = NULL WHERE num = ?').run(job.num);
    tx.count(job.queue, job.task, job.status, JOB.running);
    return this.#claimed(job, 1, record, node);
  }

  /** A running job as its holder got it. */
  claimedView(job: JobSql): ClaimedJob {
    const record = job.execution === null ? null : (this.#executions.rows.load(job.execution) ?? null);
    return this.#claimed(job, 0, record, record === null ? undefined : this.#plans.require(record.row.hash).nodes[job.idx as number]);
  }

  /** `ahead`: 1 when the row was read before the claim. */
  #claimed(job: JobSql, ahead: 0 | 1, record: ExecutionRecord | null, node: PlanNode | undefined): ClaimedJob {
    const tx = this.#tx;
    return {
      jobId: job.id,
      token: job.token + ahead,
      attempt: job.attempt + ahead,
      task: tx.taskName(job.task),
      queue: tx.queueName(job.queue),
      name: job.name,
      payload: job.payload === null ? null : (JSON.parse(job.payload) as Json),
      sessionId: job.session === null ? null : tx.sessionId(job.session),
      timeoutMs: record === null ? job.timeout_ms : (node?.step.timeoutMs ?? null),
      deadlineAt: job.deadline_at,
      retry: job.retry !== null ? (JSON.parse(job.retry) as RetryPolicy) : (node?.retry ?? DEFAULT_RETRY),
      trace: record === null ? job.trace : record.trace,
      step:
        record === null
          ? null
          : {
              executionId: record.row.id,
              hash: record.row.hash,
              index: job.idx as number,
              item: job.item,
              began: record.row.taskVersions?.[tx.taskName(job.task)] ?? null,
            },
    };
  }

  /** Nobody else measures how long a worker agent takes, so the end of the attempt's time is a due time. */
  #hold(job: JobSql, worker: number, timeoutMs: number | null): void {
    const tx = this.#tx;
    const due = earliest(timeoutMs === null ? null : tx.now + timeoutMs, job.deadline_at);
    tx.sql('UPDATE job SET worker = ?, due_at = ? WHERE num = ?').run(worker, due, job.num);
    if (due !== null) tx.notice.timersChanged = true;
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

function startData(job: JobSql, { worker }: Holder): JsonObject | undefined {
  if (worker === null) return job.attempt > 0 ? { attempt: job.attempt + 1 } : undefined;
  return { ...(job.attempt > 0 ? { attempt: job.attempt + 1 } : {}), worker_id: worker.id, worker: worker.name };
}
