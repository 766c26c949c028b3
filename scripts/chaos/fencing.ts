// Owns the proof that only the holder wrote: each stored result is that of the claim whose token the row bears, and each claim had one holder.
import type Database from 'better-sqlite3';
import type { Json } from '../../src/domain/json.ts';
import { JOB, jobCodes, stepCodes } from '../../src/store/sqlite/codes.ts';
import { onceOf, type Trace } from './trace.ts';

interface Done {
  readonly id: string;
  readonly token: number;
  readonly text: string | null;
}

// The output of a plain step stands in its step row; a job keeps its own, and that of an item.
const COMPLETED = `SELECT j.id, j.token, CASE WHEN j.execution IS NULL OR j.item IS NOT NULL THEN j.result ELSE s.output END AS text
  FROM job j LEFT JOIN step s ON s.execution = j.execution AND s.idx = j.idx AND s.status = ${stepCodes.of('completed')} WHERE j.status = ${JOB.completed}`;

/** What was written by somebody who no longer held the job, or held by two. */
export function staleWrites(db: Database.Database, trace: Trace): string[] {
  const faults: string[] = [];
  for (const [key, holders] of trace.claims) if (holders.length > 1) faults.push(`job and token ${key} were claimed by ${holders.join(' and ')}`);
  const row = db.prepare('SELECT status, token FROM job WHERE id = ?');
  for (const { jobId, token, once } of trace.taken) {
    const now = row.get(jobId) as { status: number; token: number } | undefined;
    if (now === undefined) faults.push(`job ${jobId} was completed with token ${token}, and is gone`);
    else if (now.status !== JOB.completed || now.token !== token)
      faults.push(`job ${jobId} was completed with token ${token} (${once}), and is ${jobCodes.name(now.status)} with token ${now.token}`);
  }
  for (const { id, token, text } of db.prepare(COMPLETED).all() as Done[]) {
    const once = text?.startsWith('{') ? onceOf(JSON.parse(text) as Json) : null;
    if (once === null) continue;
    const sent = trace.sent.get(once);
    if (sent === undefined) faults.push(`job ${id} holds a result that nobody sent (${once})`);
    else if (sent.jobId !== id || sent.token !== token) faults.push(`job ${id} with token ${token} holds the result of ${sent.jobId} with token ${sent.token}`);
  }
  return faults;
}
