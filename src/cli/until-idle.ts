// Owns the question whether a worker has anything left to do soon: what runs, is ready for it, lies in an inbox, or comes due.
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';

const LOOK_MS = 100;
/** What comes due within this time is worth waiting for. */
const SOON_MS = 60_000;

/** Resolves on the signal, or when two looks in a row found nothing: between them everything under way has been stored. */
export async function untilIdle(engine: OrchestrationEngine, queues: readonly string[] | undefined, signal: AbortSignal): Promise<void> {
  for (let idle = 0; idle < 2 && !signal.aborted; ) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    idle = hasWork(engine, queues) ? 0 : idle + 1;
  }
}

function hasWork(engine: OrchestrationEngine, queues: readonly string[] | undefined): boolean {
  const { backend, namespace } = engine;
  if (engine.runningHere > 0 || backend.pendingInbox({ limit: 1 }).length > 0) return true;
  if (backend.hasReadyJobs({ namespace, capabilities: engine.registry.capabilities(), queues })) return true;
  if (backend.queueStats({ namespace }).some((row) => row.counts.running > 0)) return true;
  const { nextDueAt } = backend.status();
  return nextDueAt !== null && nextDueAt - engine.now < SOON_MS;
}
