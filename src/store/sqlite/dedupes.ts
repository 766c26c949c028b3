// Owns dedupe keys: which job of a queue a key names, and what a further job with it does to that one.
import { type Dedupe, debouncedUntil, dedupeVerdict, type EarlierJob } from '../../domain/dedupe.ts';
import { type ErrorData, StoreError } from '../../domain/errors.ts';
import type { NewJob } from '../../domain/job.ts';
import { JOB, jobCodes } from './codes.ts';
import { earliest, type JobRows, type JobSql } from './job-rows.ts';
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
    this.#claim(queue, dedupe.key, num);
    tx.sql('UPDATE job SET dedupe = ? WHERE num = ?').run(dedupe.key, num);
  }

  /** A job that is redriven takes its key back; the id of the one that keeps it from that, or null. */
  takeBack(job: JobSql): string | null {
    if (job.dedupe === null) return null;
    const row = this.#tx.sql('SELECT job FROM dedupe WHERE queue = ? AND key = ?').get(job.queue, job.dedupe) as { job: number } | undefined;
    const other = row === undefined || row.job === job.num ? undefined : this.#rows.byNum(row.job);
    if (other !== undefined && other.ended_at === null) return other.id;
    this.#claim(job.queue, job.dedupe, job.num);
    return null;
  }

  #claim(queue: number, key: string, num: number): void {
    this.#tx.sql('INSERT INTO dedupe (queue, key, job) VALUES (?, ?, ?) ON CONFLICT (queue, key) DO UPDATE SET job = excluded.job').run(queue, key, num);
    this.#tx.changed('dedupe', true);
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

  /** The waiting job becomes what the new one would have been, with its attempts before it; it keeps its id, its place in the line, and its moment unless the new one has one. */
  #replace(job: JobSql, next: NewJob, dedupe: Dedupe): void {
    const tx = this.#tx;
    const session = next.sessionId === null ? null : tx.sessionNum(next.sessionId);
    const lane = tx.lane(job.queue, next.requires);
    const gates = this.#rows.gatesFor(next, job.ns, job.queue, session);
    const asked = dedupe.mode === 'debounce' ? debouncedUntil(dedupe, job.created_at, tx.now) : next.runAt;
    const moment = asked ?? job.run_at;
    const isLater = moment !== null && moment > tx.now;
    const waits = isLater || job.needs_open > 0;
    const readyAt = job.ready_at ?? tx.now;
    const rank = waits
      ? 0
      : this.#rows.ranks.rank({
          queue: job.queue,
          task: job.task,
          session,
          priority: next.priority,
          readyAt,
          expectedMs: next.expectedMs ?? null,
          dueAt: next.expiresAt,
        });
    const text = gates.length === 0 ? null : JSON.stringify(gates);
    const stays = !waits && (job.rank !== null || job.gate !== null) && lane === job.lane && text === job.gates;
    const standing =
      job.gate === null ? { gateRank: null, queueRank: null } : this.#rows.standingAt(job.gate, { lane, rank, readyAt, priority: next.priority });
    const due = earliest(isLater ? moment : null, next.expiresAt);
    tx.sql(
      `UPDATE job SET status = 0, payload = ?, name = ?, priority = ?, lane = ?, session = ?, gates = ?, retry = ?, timeout_ms = ?, expires_at = ?, run_at = ?, due_at = ?, ready_at = ?, rank = ?, gate = ?,
       gate_rank = ?, queue_rank = ?, gate_pos = ?, output_schema = ?, expected_ms = ?, attempt = 0, crashes = 0, attempts = NULL, error = NULL, checkpoint = NULL, progress = NULL WHERE num = ?`,
    ).run(
      JSON.stringify(next.payload),
      next.name,
      next.priority,
      lane,
      session,
      text,
      next.retry === null ? null : JSON.stringify(next.retry),
      next.timeoutMs,
      next.expiresAt,
      isLater ? moment : null,
      due,
      waits ? null : readyAt,
      stays && job.rank !== null ? rank : null,
      stays ? job.gate : null,
      stays ? standing.gateRank : null,
      stays ? standing.queueRank : null,
      stays ? job.gate_pos : 0,
      next.outputSchema ? JSON.stringify(next.outputSchema) : null,
      next.expectedMs ?? null,
      job.num,
    );
    tx.count(job.queue, job.task, job.status, JOB.pending);
    tx.log({ ns: job.ns, job: job.num, session }, { type: 'job_enqueued', data: { replaced: true } });
    if (due !== null) tx.notice.timersChanged = true;
    if (stays) tx.notice.jobsReady ||= job.rank !== null;
    else this.#rows.releaseGates(job);
    if (!stays && !waits) this.#rows.placeAnew(job.num, { lane, rank, readyAt, priority: next.priority }, gates);
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
