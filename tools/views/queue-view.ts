// Owns what can be read of a queue: its settings, its counts, and the times of each of its task types.
import type { JsonObject } from '../../src/domain/json.ts';
import { queueRow } from '../wire/queue.ts';
import { queueOf } from '../wire/queue-id.ts';
import { missing, showView, type ViewRequest } from './view.ts';

export function queueView(request: ViewRequest): JsonObject {
  return showView('A queue', { summary }, request);
}

function summary({ engine: { backend, namespace, now }, id }: ViewRequest): JsonObject {
  const queue = queueOf(id);
  const [settings] = backend.queueSettings({ namespace, queue });
  if (settings === undefined) throw missing('queue', queue, 'queues');
  const row = queueRow(settings, backend.queueStats({ namespace, queue }), now);
  const pause = settings.paused ? `control id=${id} action=resume` : `control id=${id} action=pause`;
  return { id, status: settings.paused ? 'paused' : 'active', ...row, next: [pause, `list kind=jobs filter.queue=${queue}`] };
}
