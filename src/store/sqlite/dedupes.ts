// Owns dedupe keys: which job of a queue a key names, and what a further job with it does to that one.
import { type Dedupe, debouncedUntil, dedupeVerdict, type EarlierJob } from '../../domain/dedupe.ts';
import { type ErrorData, StoreError } from '../../domain/errors.ts';
import type { NewJob } from '../../domain/job.ts';
import { rankOf } from '../../domain/priority.ts';
import { JOB, jobCodes } from './codes.ts';
import { earliest, expiryOf, type JobRows, type JobSql } from './job-rows.ts';
import type { Tx } from './tx.ts';

/** What becomes of a job with a dedupe key: an earlier one stands for it, or it is made, perhaps behind one that runs. */
export type DedupeOutcome = { readonly kind: 'stands'; readonly id: string } | { readonly kind: 'make'; readonly behind: string | null };

export class Dedupes {
  readonly #tx: Tx;
  readonly #rows: JobRows;

  constructor(tx: Tx, rows: JobRows) {
    this.#tx = tx;
    this.#rows = rows;
  }

  /** Why a batch cannot be taken, and by which of its jobs; looked at before anything is written. */
  refusal(jobs: readonly NewJob[]): { readonly error: ErrorData; readonly jobId: string } | null {
    const own = new Map<string, NewJob>();
    for (const job of jobs) {
      if (!job.dedupe) continue;
      const at = `${job.namespace}\n${job.queue}\n${job.dedupe.key}`;
      const earlier = own.get(at);
      const error = earlier === undefined ? this.#refusal(job, job.dedupe) : againstOwn(job, job.dedupe, earlier);
      if (error !== null) return { error, jobId: job.id };
      own.set(at, earlier ?? job);
    }
    return null;
  }

  #refusal(job: NewJob, dedupe: Dedupe): ErrorData | null {
    const earlier = this.#find(job, dedupe);
    if (earlier === undefined) return null;
    const verdict = dedupeVerdict(dedupe, stateOf(earlier), this.#tx.now);
    const status = jobCodes.name(earlier.status);
    if (verdict === 'reject') return conflict(`The job ${earlier.id} has the dedupe key "${dedupe.key}" and is ${status}.`, earlier.id, status);
    const task = this.#tx.taskName(earlier.task);
    return verdict === 'replace' && task !== job.task ? otherTask(dedupe, earlier.id, task, status) : null;
  }

  /** Acts on the job that has the key already. */
  meet(job: NewJob, dedupe: Dedupe): DedupeOutcome {
    const earlier = this.#find(job, dedupe);
    const verdict = dedupeVerdict(dedupe, earlier === undefined ? null : stateOf(earlier), this.#tx.now);
    if (earlier === undefined || verdict === 'enqueue') return { kind: 'make', behind: null };
    if (verdict === 'behind') return { kind: 'make', behind: earlier.id };
    if (verdict === 'replace') this.#replace(earlier, job, dedupe);
    return { kind: 'stands', id: earlier.id };
  }

  /** The key names this job from now on. */
  name(job: NewJob, dedupe: Dedupe, num: number): void {
    const tx = this.#tx;
    const queue = tx.queue(tx.namespace(job.namespace), job.queue);
    tx.sql('INSERT INTO dedupe (queue, key, job) VALUES (?, ?, ?) ON CONFLICT (queue, key) DO UPDATE SET job = excluded.job').run(queue, dedupe.key, num);
    tx.changed('dedupe', true);
  }

  #find(job: NewJob, dedupe: Dedupe): JobSql | undefined {
    const tx = this.#tx;
    const ns = tx.findNamespace(job.namespace);
    const queue = ns === undefined ? undefined : tx.findQueue(ns, job.queue);
    if (queue === undefined) return undefined;
    // As a join of all columns it took 20 times as long when there was no such key (measured).
    const row = tx.sql('SELECT job FROM dedupe WHERE queue = ? AND key = ?').get(queue, dedupe.key) as { job: number } | undefined;
    return row === undefined ? undefined : this.#rows.byNum(row.job);
  }

  /** The waiting job brings what the new one would have brought; a debounced one starts later, too. */
  #replace(job: JobSql, next: NewJob, dedupe: Dedupe): void {
    const tx = this.#tx;
    const rank = rankOf(job.ready_at ?? tx.now, next.priority, tx.env.limits.ageStepMs);
    tx.sql(
      `UPDATE job SET payload = ?, name = ?, priority = ?, lane = ?, rank = CASE WHEN rank IS NULL THEN NULL ELSE ? END,
       gate_rank = CASE WHEN gate_rank IS NULL THEN NULL ELSE ? END, output_schema = ?, checkpoint = NULL, progress = NULL WHERE num = ?`,
    ).run(
      JSON.stringify(next.payload),
      next.name,
      next.priority,
      tx.lane(job.queue, next.requires),
      rank,
      rank,
      next.outputSchema ? JSON.stringify(next.outputSchema) : null,
      job.num,
    );
    tx.notice.jobsReady ||= job.rank !== null;
    tx.log({ ns: job.ns, job: job.num, session: job.session }, { type: 'job_enqueued', data: { replaced: true } });
    const until = dedupe.mode === 'debounce' ? debouncedUntil(dedupe, job.created_at, tx.now) : tx.now;
    if (until > tx.now) this.#putOff(job, until);
  }

  #putOff(job: JobSql, until: number): void {
    const tx = this.#tx;
    tx.sql('UPDATE job SET rank = NULL, gate = NULL, gate_rank = NULL, gate_pos = 0, run_at = ?, due_at = ? WHERE num = ?').run(
      until,
      earliest(until, earliest(expiryOf(job), job.deadline_at)),
      job.num,
    );
    this.#rows.releaseGates(job);
    tx.notice.timersChanged = true;
  }
}

function stateOf(job: JobSql): EarlierJob {
  const waits = job.status === JOB.pending || job.status === JOB.retry;
  return { state: waits ? 'waiting' : job.status === JOB.running ? 'running' : 'ended', endedAt: job.ended_at };
}

function againstOwn(job: NewJob, dedupe: Dedupe, earlier: NewJob): ErrorData | null {
  if (dedupe.mode === 'reject') return conflict(`Another job of this batch has the dedupe key "${dedupe.key}".`, null, null);
  const replaces = dedupe.mode === 'replace' || dedupe.mode === 'debounce';
  return replaces && earlier.task !== job.task ? otherTask(dedupe, null, earlier.task, null) : null;
}

function otherTask(dedupe: Dedupe, id: string | null, task: string, status: string | null): ErrorData {
  const whose = id === null ? 'Another job of this batch' : `The job ${id}`;
  return conflict(`${whose} has the dedupe key "${dedupe.key}" and is a ${task}: one task cannot take the place of another.`, id, status);
}

function conflict(message: string, id: string | null, status: string | null): ErrorData {
  return new StoreError('conflict', message, {
    path: 'dedupe',
    ...(id === null ? {} : { details: { job_id: id, status }, nextActions: [`get id=${id} shows it; mode return_existing gives it back instead.`] }),
  }).toData();
}
