// Owns the verbs of the process registry: join, heartbeat, leave, and taking back what the dead left.
import type { Backend } from '../backend.ts';
import type { Host } from './host.ts';
import { Processes } from './processes.ts';

const CHUNK = 500;

type Verbs = Pick<Backend, 'join' | 'heartbeat' | 'leave' | 'reclaim' | 'listProcesses' | 'close'>;

export function processVerbs(host: Host): Verbs {
  const processes = new Processes(host.options.path, host.env);
  return {
    join: async (p) => {
      const lock = processes.lock();
      try {
        const epoch = await host.write(({ tx }) => processes.insert(tx, p, lock));
        processes.joined(epoch, lock);
        return epoch;
      } catch (error) {
        processes.discard(lock);
        throw error;
      }
    },

    heartbeat: (p) => host.write(({ tx }) => ({ alive: processes.heartbeat(tx, p.epoch) })),

    leave: async (p) => {
      for (let more = true; more; ) {
        more = (await host.write(({ tx, jobs }) => processes.takeBack(tx, p.epoch, jobs, p.decide, true))).more;
      }
      processes.unlock(p.epoch);
    },

    reclaim: (p) => {
      const gone = processes.gone(host.parts.tx, p.epoch);
      return host.write(({ tx, jobs }) => {
        let taken = 0;
        let done = 0;
        let more = false;
        for (const epoch of processes.dead(tx, p.epoch, gone)) {
          if (taken >= CHUNK) {
            more = true;
            break;
          }
          const part = processes.takeBack(tx, epoch, jobs, p.decide, false);
          taken += part.jobs;
          done++;
          more ||= part.more;
        }
        return { processes: done, jobs: taken, more };
      });
    },

    listProcesses: () => processes.list(host.parts.tx),

    close: async () => {
      await host.close();
      processes.unlockAll();
    },
  };
}
