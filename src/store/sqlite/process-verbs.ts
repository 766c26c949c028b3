// Owns the verbs of the process registry: join, heartbeat, leave, and taking back what the dead left.

import { LogisticsError } from '../../domain/errors.ts';
import type { Decide } from '../../domain/transition.ts';
import type { Backend } from '../backend.ts';
import type { Host } from './host.ts';
import type { Parts } from './parts.ts';
import { isNeeded, leaderOf, leads, takeLead, unfinished } from './presence.ts';
import { type Judged, Processes } from './processes.ts';
import { lookAhead } from './rates.ts';
import { isOfStore } from './sqlite-error.ts';

const CHUNK = 500;

type Verbs = Pick<Backend, 'join' | 'heartbeat' | 'leave' | 'reclaim' | 'listProcesses' | 'liveProcesses' | 'lead' | 'unfinished' | 'close'>;

export function processVerbs(host: Host): Verbs {
  const processes = new Processes(host.lockFolder, host.env);
  let lastBeat = Number.POSITIVE_INFINITY;
  return {
    join: async (p) => {
      const lock = processes.lock();
      try {
        // Looked at before the write: a lock that is free stays free.
        const locks = p.sole === true ? processes.locks(host.parts.tx, 0) : null;
        const epoch = await host.write(({ tx }) => {
          const rival = locks === null ? null : processes.rival(tx, p, locks);
          if (rival !== null) {
            throw new LogisticsError('conflict', `Another ${p.role} (pid ${rival.pid}) serves the namespace ${p.namespace}.`, { details: { pid: rival.pid } });
          }
          return processes.insert(tx, p, lock);
        });
        processes.joined(epoch, lock);
        return epoch;
      } catch (error) {
        processes.discard(lock);
        throw error;
      }
    },

    heartbeat: async (p) => {
      const { alive, at } = await host.write(({ tx }) => {
        // Once at the start, and whenever the clock was set back.
        if (tx.now < lastBeat) lookAhead(tx);
        return { alive: processes.heartbeat(tx, p.epoch), at: tx.now };
      });
      lastBeat = at;
      return { alive };
    },

    leave: async (p) => {
      const { idleIn } = p;
      if (idleIn !== undefined) {
        const left = await host.write((parts) => !isNeeded(parts, idleIn, p.epoch) && processes.remove(parts.tx, p.epoch, true).removed);
        if (left) processes.unlock(p.epoch, false);
        return left;
      }
      let part: Part;
      do part = await takeBack(host, processes, { epoch: p.epoch, judged: null, decide: p.decide });
      while (part.more);
      processes.unlock(p.epoch, part.errors.length > 0);
      if (part.errors.length > 0) throw part.errors[0];
      return true;
    },

    lead: async ({ epoch, candidate, duty }) => {
      const { tx } = host.parts;
      const now = host.env.now();
      const leaseMs = host.env.limits.leaseMs;
      const seen = leaderOf(tx, duty);
      if (seen?.epoch === epoch ? seen.until - now > leaseMs / 2 : leads(tx, processes, seen, now)) return seen?.epoch === epoch;
      return !candidate || host.write((parts) => takeLead(parts.tx, { epoch, seen, leaseMs, duty }));
    },

    unfinished: ({ namespace, capabilities = [] }) => unfinished(host.parts, namespace, capabilities),

    reclaim: async (p) => {
      await host.refresh?.();
      const { tx } = host.parts;
      let taken = 0;
      let done = 0;
      let more = false;
      const errors: unknown[] = [];
      for (const judged of processes.dead(tx, host.env.now(), p.epoch, processes.gone(tx, p.epoch))) {
        if (taken >= CHUNK) {
          more = true;
          break;
        }
        const part = await takeBack(host, processes, { epoch: judged.epoch, judged, decide: p.decide });
        taken += part.jobs;
        if (part.removed) done++;
        more ||= part.more;
        errors.push(...part.errors);
      }
      if (errors.length > 0 && p.onError === undefined) throw errors[0];
      for (const error of errors) p.onError?.(error);
      return { processes: done, jobs: taken, more };
    },

    listProcesses: () => processes.list(host.parts.tx),

    liveProcesses: ({ namespace }) => {
      const { tx } = host.parts;
      const gone = processes.gone(tx, 0);
      const silent = host.env.now() - host.env.limits.leaseMs;
      return processes.list(tx).filter((info) => info.namespace === namespace && info.heartbeatAt > silent && !gone.has(info.epoch));
    },

    close: async () => {
      await host.close();
      processes.abandon();
    },
  };
}

interface Part {
  readonly jobs: number;
  readonly removed: boolean;
  readonly more: boolean;
  readonly errors: readonly unknown[];
}

/**
 * Gives the running jobs of an epoch back, a chunk at a time, and then removes it. Each job is an operation of its own, so
 * that one that cannot be given back holds up no other; it stays with its epoch until a later try.
 */
async function takeBack(
  host: Host,
  processes: Processes,
  p: { readonly epoch: number; readonly judged: Judged | null; readonly decide: Decide },
): Promise<Part> {
  const how = p.judged === null ? 'released' : 'crashed';
  const mayTake = ({ tx }: Parts): boolean => p.judged === null || processes.isSilent(tx, p.judged);
  const errors: unknown[] = [];
  let jobs = 0;
  for (let after = 0, last = false; !last; ) {
    const running = processes.running(host.parts.tx, p.epoch, after, CHUNK);
    const done = await Promise.allSettled(
      running.map((num) =>
        host.write((parts) => {
          const may = mayTake(parts);
          if (may) parts.jobs.takeFrom(p.epoch, num, how, p.decide);
          return may;
        }),
      ),
    );
    for (const one of done) {
      if (one.status === 'rejected' && isOfStore(one.reason)) throw one.reason;
      if (one.status === 'rejected') errors.push(one.reason);
      else if (one.value) jobs++;
    }
    last = running.length < CHUNK;
    // Only past those that fail: a chunk of them must not hide the rest.
    if (!last && errors.length === 0) return { jobs, removed: false, more: jobs > 0, errors };
    after = running.at(-1) ?? after;
  }
  if (errors.length > 0) return { jobs, removed: false, more: false, errors };
  const end = p.judged === null ? 'completed' : 'failed';
  const { removed, file, more } = await host.write((parts) => {
    if (!mayTake(parts)) return KEPT;
    const isMore = parts.sessions.closeOf(p.epoch, end, p.decide) === CHUNK;
    return isMore ? { ...KEPT, more: true } : { ...processes.remove(parts.tx, p.epoch, p.judged === null), more: false };
  });
  if (file !== null) processes.drop([file]);
  return { jobs, removed, more, errors };
}

const KEPT = { removed: false, file: null, more: false } as const;
