// Owns what can be read of a worker agent.
import type { JsonObject } from '../../src/domain/json.ts';
import type { WorkerAgent } from '../../src/domain/worker-agent.ts';
import { workerToWire } from '../wire/lease.ts';
import { missing, showView, type ViewRequest } from './view.ts';

export function workerView(request: ViewRequest): JsonObject {
  return showView('A worker agent', { summary: (r) => summary(require(r)) }, request);
}

function require(r: ViewRequest): WorkerAgent {
  const found = r.engine.backend.getWorker(r.id);
  if (found === null) throw missing('worker agent', r.id, 'workers');
  return found;
}

function summary(worker: WorkerAgent): JsonObject {
  const next = worker.held.length > 0 ? ['get id=job_… view=explain for what it holds'] : ['list kind=workers'];
  return { ...workerToWire(worker), next };
}
