// Owns the answer to "who goes on when this process ends": which processes stay by themselves, and what is left for them.
import type { Backend, ProcessInfo } from '../store/backend.ts';

/** Roles of processes that stay without a client. A worker with a choice of its own (some queues, until idle) has a longer role. */
const ALWAYS_ON: readonly string[] = ['host', 'worker', 'serve'];
export const HOST_ROLE = 'host';

/** What this process does about work that it leaves behind. */
export interface Background {
  readonly mode: 'auto' | 'off';
  readonly hostIdleMs: number;
  /** Why the host could not be started, or null. */
  readonly problem: () => string | null;
}

/** Short commands come and go; only what runs jobs keeps work going. */
export function runsJobs({ role }: ProcessInfo): boolean {
  return !role.endsWith('(client)') && role !== 'queue';
}

/** Another live process of the namespace that stays without a client. */
export function alwaysOn(backend: Backend, namespace: string): ProcessInfo | null {
  const processes = backend.liveProcesses({ namespace }).filter((process) => !process.self);
  return processes.find(staysByItself) ?? null;
}

export function staysByItself({ role }: ProcessInfo): boolean {
  return ALWAYS_ON.includes(role);
}

/** Whether a process with these capabilities is needed; what only worker agents can do, or waits for the end of a pause, needs none. */
export function needsProcess(backend: Backend, namespace: string, capabilities: readonly string[]): boolean {
  return backend.unfinished({ namespace, capabilities }).needed;
}

export function livenessText(backend: Backend, namespace: string, background: Background, capabilities: readonly string[]): string {
  if (!backend.capabilities.durable) return 'This store lives in memory: when this process ends, all of it is gone.';
  const live = backend.liveProcesses({ namespace });
  const self = live.find((process) => process.self);
  const seconds = Math.round(background.hostIdleMs / 1_000);
  const ending = `It stops by itself ${seconds} s after nothing is left that it could do.`;
  const left = openText(backend, namespace, capabilities);
  if (self?.role === HOST_ROLE) return `${left} This is the background host. ${ending}`;
  if (self !== undefined && staysByItself(self)) return `${left} This process (${self.role}) stays when its clients go.`;
  const always = alwaysOn(backend, namespace);
  if (always !== null) {
    const name = always.role === HOST_ROLE ? 'The background host' : `A process that stays (${always.role})`;
    return `${left} ${name}, pid ${always.pid}, goes on when this process ends.${always.role === HOST_ROLE ? ` ${ending}` : ''}`;
  }
  const others = live.filter((process) => !process.self && runsJobs(process)).length;
  if (background.mode === 'auto') {
    const problem = background.problem();
    if (problem !== null) return `${left} No background host goes on when this process ends: ${problem}`;
    return `${left} ${others > 0 ? `${others} other process(es) work here too. ` : ''}Where work is left when the last of them ends, a background host is started; it stops by itself ${seconds} s after nothing is left that it could do.`;
  }
  if (self?.role.endsWith('(client)') === true && others === 0) return `${left} No process works here; open work waits until one starts.`;
  if (others > 0) return `${left} ${others} other process(es) work here and go on when this one ends.`;
  return `${left} No other process works here: when this one ends, open work stops, and goes on when one starts again on this folder.`;
}

function openText(backend: Backend, namespace: string, capabilities: readonly string[]): string {
  const { runs, jobs, schedules, needed } = backend.unfinished({ namespace, capabilities });
  const active = schedules === 0 ? '' : ` ${schedules} schedule(s) are active.`;
  if (runs + jobs === 0) return `Nothing is open.${active}`;
  const stuck = needed ? '' : ' They wait for a worker agent, a capability that is not offered here, or the end of a pause; for that no background host runs.';
  return `${runs} run(s) and ${jobs} job(s) are open.${stuck}${active}`;
}
