// Owns how the jobs of one batch are named together: by the first and the last id. Ids grow in the order in which they are stored.
import type { JobStatus } from './job.ts';

export interface JobRange {
  readonly first: string;
  readonly last: string;
}

const RANGE = /^(job_[0-9a-z]{26})\.\.(job_[0-9a-z]{26})$/;

/** The name of a batch from the ids of its jobs; null when it made none. */
export function rangeOf(ids: readonly string[]): string | null {
  if (ids.length === 0) return null;
  let first = ids[0] as string;
  let last = first;
  for (const id of ids) {
    if (id < first) first = id;
    if (id > last) last = id;
  }
  return `${first}..${last}`;
}

export function parseRange(text: string): JobRange | null {
  const [, first, last] = RANGE.exec(text) ?? [];
  return first === undefined || last === undefined || first > last ? null : { first, last };
}

/** Ids grow with time, so all of the batch lie between its ends; so may jobs of others that were made in the same millisecond. */
export function mayBeIn(range: JobRange, id: string): boolean {
  return id >= range.first && id <= range.last;
}

/** Open as long as one of its jobs is; then the worst end of any. */
export function batchStatus(counts: Readonly<Record<JobStatus, number>>): JobStatus {
  if (counts.running > 0) return 'running';
  if (counts.retry > 0 || counts.pending > 0) return counts.completed + counts.failed + counts.cancelled > 0 ? 'running' : 'pending';
  return counts.failed > 0 ? 'failed' : counts.cancelled > 0 ? 'cancelled' : 'completed';
}
