// Owns what the port was asked about holders and what it answered: each claim, each result that was sent, each answer to one.
import { isJsonObject, type Json } from '../../src/domain/json.ts';
import type { Backend } from '../../src/store/backend.ts';
import { readLines } from './journal.ts';

/** Written before a result is sent, so that it is known whatever becomes of the process. */
export interface Sent {
  readonly jobId: string;
  readonly token: number;
}

export interface Trace {
  /** Holders by job and token: `<pid>` or `<pid>/<worker>`. */
  readonly claims: ReadonlyMap<string, readonly string[]>;
  /** By what makes the run unlike any other: the `once` of its result. */
  readonly sent: ReadonlyMap<string, Sent>;
  /** Results that were taken as the job's completion. */
  readonly taken: readonly (Sent & { readonly once: string })[];
  /** Results that were refused because their holder had lost the job. */
  readonly refused: number;
}

/** From here on every claim and every result that passes this port is written down. */
export function tracePort(backend: Backend, line: (text: string) => void): void {
  const { claimJobs, settleJob, claimForWorker, reportForWorker } = backend;
  const settled = (what: Sent, once: string, kind: string, status: string): void => line(`answer\t${what.jobId}\t${what.token}\t${once}\t${kind}\t${status}`);
  const traced: Partial<Backend> = {
    claimJobs: async (p) => {
      const jobs = await claimJobs(p);
      for (const { jobId, token } of jobs) line(`claim\t${jobId}\t${token}\t${process.pid}`);
      return jobs;
    },
    settleJob: async (p) => {
      const once = p.outcome.status === 'completed' ? onceOf(p.outcome.output) : null;
      if (once === null) return settleJob(p);
      line(`sent\t${p.jobId}\t${p.token}\t${once}`);
      const reply = await settleJob(p);
      settled(p, once, reply.kind, 'status' in reply ? reply.status : '-');
      return reply;
    },
    claimForWorker: async (p) => {
      const reply = await claimForWorker(p);
      if ('leases' in reply && !reply.replayed)
        for (const { job } of reply.leases) line(`claim\t${job.jobId}\t${job.token}\t${process.pid}/${reply.worker.id}`);
      return reply;
    },
    reportForWorker: async (p) => {
      const once = p.report.kind === 'complete' ? onceOf(p.report.output) : null;
      if (once === null) return reportForWorker(p);
      line(`sent\t${p.jobId}\t${p.token}\t${once}`);
      const reply = await reportForWorker(p);
      settled(p, once, reply.kind === 'ok' ? 'settled' : reply.kind, 'status' in reply && reply.status !== null ? reply.status : '-');
      return reply;
    },
  };
  Object.assign(backend, traced);
}

export function readTrace(file: string): Trace {
  const claims = new Map<string, string[]>();
  const sent = new Map<string, Sent>();
  const taken: (Sent & { once: string })[] = [];
  let refused = 0;
  for (const line of readLines(file).lines) {
    const [what, jobId = '', number, last = '', kind, status] = line.split('\t');
    const token = Number(number);
    if (what === 'claim') {
      const key = `${jobId} ${token}`;
      claims.set(key, [...(claims.get(key) ?? []), last]);
    } else if (what === 'sent') sent.set(last, { jobId, token });
    else if (kind === 'lease_lost') refused++;
    else if (kind === 'settled' && status === 'completed') taken.push({ jobId, token, once: last });
  }
  return { claims, sent, taken, refused };
}

/** What tells one run of a handler from every other; null for results of other tasks. */
export function onceOf(output: Json | undefined): string | null {
  const once = isJsonObject(output) ? output.once : undefined;
  return typeof once === 'string' ? once : null;
}
