// Owns the sentence on work that waits for somebody who can do it: which capabilities, who had them last, and how to offer them.
import { formatDuration } from '../domain/duration.ts';
import type { Plan } from '../domain/plan.ts';
import { AGENT_CAPABILITY } from '../domain/worker-agent.ts';
import type { Backend } from '../store/backend.ts';

export interface CapabilityGap {
  readonly code: 'no_worker' | 'no_capable_worker' | 'workers_busy';
  readonly message: string;
  readonly blockedBy?: readonly string[];
}

const SHOWN = 5;

/** Why nobody takes a job that requires this, or null when a process or a worker agent with a free place offers all of it. Without `now` it does not say when one was seen. */
export function capabilityGap(backend: Backend, namespace: string, requires: readonly string[], now: number | null): CapabilityGap | null {
  const forAgents = requires.includes(AGENT_CAPABILITY);
  if (requires.length === 0) {
    const alive = backend.listProcesses().some((process) => process.namespace === namespace);
    return alive ? null : { code: 'no_worker', message: `No process of the namespace ${namespace} is running.` };
  }
  const { processes, workers } = backend.capabilityCover({ namespace, requires });
  const online = workers.filter((worker) => worker.active);
  if (processes > 0 || online.some((worker) => worker.free > 0)) return null;
  if (online.length > 0) {
    const names = online.slice(0, SHOWN).map((worker) => worker.name);
    return {
      code: 'workers_busy',
      message: `It waits for a free place at a worker agent: ${names.join(', ')} ${online.length === 1 ? 'holds' : 'hold'} as much as their capacity.`,
      blockedBy: online.slice(0, SHOWN).map((worker) => worker.id),
    };
  }
  if (!forAgents) return missingInProcesses(backend, namespace, requires);
  return {
    code: 'no_capable_worker',
    message: `It waits for ${agentWith(requires)}; none is online${lastSeen(backend, workers, now)}. ${howToOffer(requires)}`,
    blockedBy: requires,
  };
}

/** `a worker agent with [code-review]`. */
function agentWith(requires: readonly string[]): string {
  const own = requires.filter((capability) => capability !== AGENT_CAPABILITY);
  return own.length === 0 ? 'a worker agent' : `a worker agent with [${own.join(', ')}]`;
}

function howToOffer(requires: readonly string[]): string {
  const flags = requires.filter((capability) => capability !== AGENT_CAPABILITY).map((capability) => ` --capability ${capability}`);
  return `Take it with claim_job (tool set workers), or run: logistics-mcp worker --exec "<agent command>"${flags.join('')}`;
}

/** Of work for agents that nobody has taken yet: who could. */
export function whoCouldTakeIt(backend: Backend, namespace: string, requires: readonly string[], now: number): string {
  const { workers } = backend.capabilityCover({ namespace, requires });
  const free = workers.filter((worker) => worker.active && worker.free > 0);
  const names = free.map((worker) => worker.name).slice(0, SHOWN);
  return `It is ready; ${names.join(', ')} could take it and ${names.length === 1 ? 'has' : 'have'} not asked yet${lastSeen(backend, free, now)}.`;
}

/** For each set of capabilities: which steps of a plan need a worker agent with it. */
export function agentNeeds({ nodes }: Plan): string[] {
  const sets = new Map<string, { readonly requires: readonly string[]; readonly ids: string[] }>();
  for (const { id, requires } of nodes) {
    if (!requires.includes(AGENT_CAPABILITY)) continue;
    const key = requires.join('\n');
    const known = sets.get(key) ?? { requires, ids: [] };
    known.ids.push(id);
    sets.set(key, known);
  }
  return [...sets.values()].map(({ requires, ids }) => {
    const more = ids.length > SHOWN ? ` and ${ids.length - SHOWN} more` : '';
    return `${ids.slice(0, SHOWN).join(', ')}${more} ${ids.length === 1 ? 'needs' : 'need'} ${agentWith(requires)}`;
  });
}

function lastSeen(backend: Backend, workers: readonly { readonly id: string; readonly name: string }[], now: number | null): string {
  if (now === null) return '';
  const seen = workers.flatMap(({ id }) => backend.getWorker(id) ?? []).sort((a, b) => b.lastSeenAt - a.lastSeenAt)[0];
  return seen === undefined ? '' : `; last seen: ${seen.name}, ${formatDuration(Math.max(0, Math.round((now - seen.lastSeenAt) / 1_000) * 1_000))} ago`;
}

function missingInProcesses(backend: Backend, namespace: string, requires: readonly string[]): CapabilityGap {
  const alive = backend.listProcesses().filter((process) => process.namespace === namespace);
  if (alive.length === 0) return { code: 'no_worker', message: `No process of the namespace ${namespace} is running.` };
  const missing = requires.filter((capability) => !alive.some((process) => process.capabilities.includes(capability)));
  return {
    code: 'no_capable_worker',
    message: `No running process or worker agent offers ${missing.length > 0 ? missing.join(', ') : `all of ${requires.join(', ')}`}.`,
    blockedBy: missing.length > 0 ? missing : requires,
  };
}
