// Owns what was seen completed after each kill: from then on it may neither change nor run again.
import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import { JOB, stepCodes } from '../../src/store/sqlite/codes.ts';
import { readLines } from './journal.ts';
import type { Trace } from './trace.ts';

/** A result that was seen stored. */
interface Completed {
  /** Byte of the handlers' journal from which on no line may be of a run that had the job then. */
  readonly from: number;
  readonly token: number;
}

interface JobRow {
  readonly num: number;
  readonly id: string;
  readonly attempt: number;
  readonly token: number;
  readonly ended_at: number;
  readonly result: string | null;
  readonly execution: string | null;
  readonly hash: string | null;
  readonly idx: number | null;
  readonly item: number | null;
}

const JOBS = `SELECT j.num, j.id, j.attempt, j.token, j.ended_at, j.result, e.id AS execution, e.hash, j.idx, j.item
  FROM job j LEFT JOIN execution e ON e.num = j.execution WHERE j.status = ${JOB.completed} AND j.ended_at >= ?`;
const STEPS = `SELECT s.execution, s.idx, s.attempts, s.ended_at, s.output_kind, s.output FROM step s WHERE s.status = ${stepCodes.of('completed')} AND s.ended_at >= ?`;

export class Witness {
  readonly #doneFile: string;
  /** Rows of jobs and of steps as they were when they were first seen completed. */
  readonly #jobs = new Map<string, string>();
  readonly #steps = new Map<string, string>();
  readonly #keys = new Map<string, Completed>();
  readonly #stepIds = new Map<string, readonly string[]>();
  #since = 0;

  constructor(doneFile: string) {
    this.#doneFile = doneFile;
  }

  get seen(): number {
    return this.#jobs.size + this.#steps.size;
  }

  /** Notes what is completed now; the file is opened as any reader would open it. */
  look(file: string): void {
    const rows = this.#readOrSkip(file);
    if (rows === null) return;
    // A handler writes its line before its result is stored: lines from here on belong to later runs.
    const from = readLines(this.#doneFile, 0).end;
    for (const job of rows.jobs) {
      if (!this.#jobs.has(job.id)) this.#jobs.set(job.id, jobText(job));
      const key = this.#keyOf(job);
      if (key !== null && !this.#keys.has(key)) this.#keys.set(key, { from, token: job.token });
      this.#since = Math.max(this.#since, job.ended_at - 2_000);
    }
    for (const step of rows.steps) {
      const id = `${step.execution}/${step.idx}`;
      if (!this.#steps.has(id)) this.#steps.set(id, stepText(step));
    }
  }

  /** What changed or ran again although it had been completed. */
  reruns(file: string, trace: Trace): string[] {
    const faults: string[] = [];
    const rows = this.#read(file, 0);
    const jobs = new Map(rows?.jobs.map((job) => [job.id, jobText(job)]));
    for (const [id, row] of this.#jobs)
      if (jobs.get(id) !== row) faults.push(`job ${id} was completed as ${row}, and is ${jobs.get(id) ?? 'not completed'} now`);
    const steps = new Map(rows?.steps.map((step) => [`${step.execution}/${step.idx}`, stepText(step)]));
    for (const [id, row] of this.#steps)
      if (steps.get(id) !== row) faults.push(`step ${id} was completed as ${row}, and is ${steps.get(id) ?? 'not completed'} now`);
    let at = 0;
    for (const line of readLines(this.#doneFile).lines) {
      const [key = '', , , once = ''] = line.split('\t');
      const completed = this.#keys.get(key);
      // A holder that was frozen, or cut off, ends its run late: its token is older.
      const token = trace.sent.get(once)?.token ?? Number.NEGATIVE_INFINITY;
      if (completed !== undefined && at >= completed.from && token >= completed.token)
        faults.push(`the handler of ${key} ran again after its result was stored: ${line}`);
      at += Buffer.byteLength(line) + 1;
    }
    return faults;
  }

  /** A file that is being replaced is looked at the next time. */
  #readOrSkip(file: string): Completions | null {
    try {
      return this.#read(file, this.#since);
    } catch (error) {
      if ((error as { code?: string }).code === 'SQLITE_CANTOPEN') return null;
      throw error;
    }
  }

  #read(file: string, since: number): Completions | null {
    const db = new Database(file, { readonly: true, timeout: 5_000 });
    try {
      db.exec('BEGIN');
      // Killed before the tables were made.
      if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'job'").get() === undefined) return null;
      for (const { hash, json } of db.prepare('SELECT hash, json FROM definition').all() as { hash: string; json: string }[]) {
        if (!this.#stepIds.has(hash))
          this.#stepIds.set(
            hash,
            (JSON.parse(json) as { steps: { id: string }[] }).steps.map((step) => step.id),
          );
      }
      return { jobs: db.prepare(JOBS).all(since) as JobRow[], steps: db.prepare(STEPS).all(since) as StepRow[] };
    } finally {
      db.close();
    }
  }

  /** The handler's idempotency key; null for steps outside the main part (undoing, onFailure), which jobs cover. */
  #keyOf(job: JobRow): string | null {
    if (job.execution === null) return job.id;
    const step = this.#stepIds.get(job.hash as string)?.[job.idx as number];
    return step === undefined ? null : `${job.execution}/${step}${job.item === null ? '' : `[${job.item}]`}`;
  }
}

interface Completions {
  readonly jobs: JobRow[];
  readonly steps: StepRow[];
}

interface StepRow {
  readonly execution: number;
  readonly idx: number;
  readonly attempts: number;
  readonly ended_at: number;
  readonly output_kind: number;
  readonly output: string | null;
}

function jobText(job: JobRow): string {
  return `attempt ${job.attempt} token ${job.token} ended ${job.ended_at} result ${digest(job.result)}`;
}

function stepText(step: StepRow): string {
  return `attempts ${step.attempts} ended ${step.ended_at} output ${step.output_kind}:${digest(step.output)}`;
}

function digest(text: string | null): string {
  return text === null ? '-' : createHash('sha1').update(text).digest('hex').slice(0, 12);
}
