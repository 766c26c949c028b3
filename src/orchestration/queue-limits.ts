// Owns the limits of queues that stand in the configuration: written before this process takes its first job, and only what differs.
import { type QueueLimits, wouldChange } from '../domain/queue.ts';
import type { Backend } from '../store/backend.ts';

export async function applyQueueLimits(backend: Backend, namespace: string, queues: Readonly<Record<string, QueueLimits>>): Promise<void> {
  for (const [queue, limits] of Object.entries(queues)) {
    const [settings] = backend.queueSettings({ namespace, queue });
    if (wouldChange(settings, limits)) await backend.updateQueue({ namespace, queue, ...limits, from: 'config' });
  }
}
