// Owns the verbs of worker agents: claim, report, renew, leave, and what is known of them.
import { LogisticsError } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import { MAX_NOTE_BYTES } from '../../domain/worker-agent.ts';
import type { Backend, WorkerReport } from '../backend.ts';
import { WORKER } from './codes.ts';
import type { Host } from './host.ts';
import { isOfStore } from './sqlite-error.ts';

type Verbs = Pick<Backend, 'claimForWorker' | 'renewWorker' | 'reportForWorker' | 'leaveWorker' | 'getWorker' | 'listWorkers' | 'capabilityCover'>;

export function workerVerbs(host: Host): Verbs {
  return {
    claimForWorker: (p) => host.write(({ workers }) => workers.claim(p)),

    renewWorker: (p) =>
      host.write(({ workerRows }) => {
        const worker = workerRows.renew(p.workerId, p.principal);
        return worker === null ? null : workerRows.read(worker);
      }),

    reportForWorker: async (p) => {
      refuseLargeNote(noteOf(p.report));
      return host.write(({ workers }) => workers.report(p));
    },

    leaveWorker: async (p) => {
      const worker = host.parts.workerRows.byId(p.workerId);
      if (worker === undefined || (p.principal !== undefined && worker.principal !== p.principal)) return false;
      const crashed = p.how === 'crashed';
      const held = crashed ? [] : host.parts.workerRows.heldBy(worker.num);
      const done = await Promise.allSettled(held.map(({ num }) => host.write(({ jobs }) => jobs.takeFromWorker(worker.num, num, p.decide))));
      const errors = done.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
      const store = errors.find(isOfStore);
      if (store !== undefined) throw store;
      // One that could not be given back, or whose holder crashed, is taken back by its due time, again and again until that works.
      await host.write(({ workerRows }) => workerRows.end(worker.num, crashed ? WORKER.lost : WORKER.left));
      for (const error of errors) host.env.onError?.(error);
      return true;
    },

    getWorker: (id) => {
      const worker = host.parts.workerRows.byId(id);
      return worker === undefined ? null : host.parts.workerRows.read(worker);
    },

    listWorkers: (p) => host.parts.lists.workers(p),

    capabilityCover: (p) => host.parts.workerRows.cover(p, host.env.now()),
  };
}

function noteOf(report: WorkerReport): Json | undefined {
  return report.kind === 'progress' || report.kind === 'release' ? report.note : undefined;
}

function refuseLargeNote(note: Json | undefined): void {
  const bytes = note === undefined ? 0 : Buffer.byteLength(JSON.stringify(note));
  if (bytes <= MAX_NOTE_BYTES) return;
  throw new LogisticsError('limit_exceeded', `The note has ${bytes} bytes of JSON.`, {
    path: 'note',
    expected: `at most ${MAX_NOTE_BYTES} bytes of JSON`,
    nextActions: ['Note where you are, not what you made; pass bulk data by file or artifact.'],
  });
}
