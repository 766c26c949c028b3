// Owns depends_on: a job that ended tells those that wait for it, in bounded pieces whose rest is durable.
import { LogisticsError } from '../../domain/errors.ts';
import { dependencyGate } from '../../domain/job-lifecycle.ts';
import { JOB } from './codes.ts';
import type { JobRows, JobSql } from './job-rows.ts';
import type { Tx } from './tx.ts';

const CHUNK = 500;

export class Dependents {
  readonly #tx: Tx;
  readonly #rows: JobRows;

  constructor(tx: Tx, rows: JobRows) {
    this.#tx = tx;
    this.#rows = rows;
  }

  /** Dependents are told in chunks: their rows in job_need are the durable rest of the work. */
  tell(first: number, firstSucceeded: boolean): void {
    const tx = this.#tx;
    if (!tx.holdsRows('job_need')) return;
    const work: { num: number; ok: boolean }[] = [{ num: first, ok: firstSucceeded }];
    let budget = CHUNK;
    for (let at = 0; at < work.length; at++) {
      const { num, ok } = work[at] as { num: number; ok: boolean };
      const dependents = tx.sql('SELECT job FROM job_need WHERE need = ? ORDER BY job LIMIT ?').all(num, budget + 1) as { job: number }[];
      for (const { job: dependent } of dependents.slice(0, budget)) {
        budget--;
        tx.sql('DELETE FROM job_need WHERE need = ? AND job = ?').run(num, dependent);
        tx.changed('job_need', undefined);
        const ended = this.#needEnded(dependent, ok);
        if (ended) work.push({ num: dependent, ok: false });
      }
      if (dependents.length > 0 && budget <= 0) {
        for (const rest of work.slice(at)) tx.sql('UPDATE job SET due_at = ? WHERE num = ?').run(tx.now, rest.num);
        tx.notice.timersChanged = true;
        return;
      }
    }
  }

  /** One need of a waiting job ended; true when the job ended with it. */
  #needEnded(num: number, ok: boolean): boolean {
    const tx = this.#tx;
    const job = this.#rows.byNum(num);
    if (job === undefined || job.status !== JOB.pending) return false;
    const open = job.needs_open - 1;
    const failed = job.needs_failed + (ok ? 0 : 1);
    const gate = dependencyGate({ total: open + failed, completed: 0, failed, when: job.needs_when === 0 ? 'all_success' : 'all_done' });
    tx.sql('UPDATE job SET needs_open = ?, needs_failed = ? WHERE num = ?').run(open, failed, num);
    if (gate === 'failed') {
      this.refuse(job);
      return true;
    }
    if (gate === 'open' && (job.run_at === null || job.run_at <= tx.now)) this.#rows.admit({ ...job, needs_open: 0 });
    return false;
  }

  /** Ends a job that will never run, because what it depends on did not complete. */
  refuse(job: JobSql): void {
    this.#rows.end(job, 'cancelled', new LogisticsError('dependency_failed', 'A job it depends on did not complete.').toData(), false);
  }

  /** A redriven job waits for nobody: what it still depended on has nothing to tell it. */
  forgetNeeds(job: JobSql): void {
    if (job.needs === null) return;
    const tx = this.#tx;
    for (const id of JSON.parse(job.needs) as string[])
      tx.sql('DELETE FROM job_need WHERE job = ? AND need = (SELECT num FROM job WHERE id = ?)').run(job.num, id);
  }
}
