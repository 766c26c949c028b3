// Owns that the jobs of a `worker --exec` whose process died here need not wait for the end of its lease.
import { hostname } from 'node:os';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { EXEC_PRINCIPAL } from './exec-job.ts';

/** Workers looked at, the newest first. */
const LOOKED_AT = 100;

/** Takes their jobs back, each counted as crashed; a worker counts as dead when its process has neither its row in the registry nor its id on this machine. */
export async function takeFromDead({ backend, namespace, workerAgents, logger }: OrchestrationEngine): Promise<void> {
  const live = new Set(backend.liveProcesses({ namespace }).map(({ epoch }) => epoch));
  const { items } = backend.listWorkers({ filter: { namespace, status: 'active' }, limit: LOOKED_AT, cursor: null });
  for (const { id, principal, labels } of items) {
    const { host, pid, process: epoch } = labels;
    const isKnown = principal === EXEC_PRINCIPAL && host === hostname() && typeof pid === 'number' && typeof epoch === 'number';
    if (!isKnown || live.has(epoch) || runs(pid)) continue;
    await workerAgents
      .leave(id, principal, 'crashed')
      .catch((error: unknown) => logger.warn({ err: error, worker_id: id }, 'the jobs of a dead worker could not be taken back; its lease ends by itself'));
  }
}

/** Whether a process of this machine has the id; our own is not another's. */
function runs(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
