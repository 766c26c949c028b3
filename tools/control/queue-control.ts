// Owns the control actions of a queue: pause, resume, and its limits.
import type { JsonObject } from '../../src/domain/json.ts';
import { settingsToWire } from '../wire/queue.ts';
import { queueOf } from '../wire/queue-id.ts';
import type { ControlRequest } from './request.ts';

const TOLD = {
  pause: 'It starts nothing more; what runs goes on, and jobs can still be enqueued.',
  resume: 'It starts jobs again.',
  update: 'The limits act from now on: what waits and may go, goes; what runs goes on.',
} as const;

const ORDERED = 'The order acts on jobs that become ready from now on; those that wait keep their places.';

export async function controlQueue({ context: { engine }, id, action, concurrency, rate_limit, order, receipt }: ControlRequest): Promise<JsonObject> {
  const change = action === 'update' ? { concurrency, rateLimit: rate_limit, order } : { paused: action === 'pause' };
  const settings = await engine.backend.updateQueue({ namespace: engine.namespace, queue: queueOf(id), ...change, from: 'control', receipt });
  return {
    id,
    ...settingsToWire(settings),
    action,
    status: settings.paused ? 'paused' : 'active',
    replayed: false,
    message: order === undefined ? TOLD[action as keyof typeof TOLD] : ORDERED,
    next: [`get id=${id} shows its settings and statistics`],
  };
}
