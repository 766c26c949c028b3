// Owns the answer to "who fires this schedule, and until when".
import type { Backend, ProcessInfo } from '../store/backend.ts';
import { alwaysOn, type Background, HOST_ROLE, runsJobs, staysByItself } from './liveness.ts';

export interface WhoFires {
  /** Which process fires the next planned time, as things stand. */
  readonly by: string;
  /** What happens once the process that answers has ended. */
  readonly afterThis: string;
}

const CATCH_UP = 'planned times pass unfired until a process starts on this folder; then catchup decides, and each is in the ledger.';

export function whoFires(backend: Backend, namespace: string, background: Background): WhoFires {
  const live = backend.liveProcesses({ namespace });
  const self = live.find((process) => process.self);
  const selfRuns = self !== undefined && runsJobs(self);
  if (!backend.capabilities.durable) {
    const gone = 'The store lives in memory: the schedule is gone when this process ends.';
    return { by: selfRuns ? `this process (${nameOf(self)})` : 'nobody: this process runs no work', afterThis: gone };
  }
  const always = self !== undefined && staysByItself(self) ? self : alwaysOn(backend, namespace);
  const other = always ?? live.find((process) => !process.self && runsJobs(process));
  const by = selfRuns ? `this process (${nameOf(self)})` : other === undefined ? '' : nameOf(other);
  const stays = always === null ? null : always.role === HOST_ROLE ? `The background host (pid ${always.pid})` : `A process that stays (${nameOf(always)})`;
  if (stays !== null)
    return { by, afterThis: `${stays} goes on firing${always?.role === HOST_ROLE ? ', as long as a schedule is active or work is left' : ''}.` };
  if (background.mode === 'auto') {
    const problem = background.problem();
    const afterThis =
      problem === null
        ? 'A background host is started and fires it as long as the schedule is active.'
        : `No background host could be started (${problem.replace(/\.$/, '')}): ${CATCH_UP}`;
    return { by: by === '' ? 'a background host, which is started now' : by, afterThis };
  }
  if (other !== undefined) return { by, afterThis: `${nameOf(other)} goes on firing until it ends; after that ${CATCH_UP}` };
  return {
    by: by === '' ? 'nobody: no process works here now' : by,
    afterThis: `Nobody${self?.role.endsWith('(client)') === true ? '' : ' (background is off)'}: ${CATCH_UP}`,
  };
}

function nameOf({ role, pid }: ProcessInfo): string {
  return `${role}, pid ${pid}`;
}
