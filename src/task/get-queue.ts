// Owns the factory of queues: a backend by name, never a silent fallback.
import { randomFillSync } from 'node:crypto';
import { QueueError } from '../domain/errors.ts';
import { createIdSource } from '../domain/id.ts';
import { DEFAULT_QUEUE } from '../domain/job.ts';
import { nearMatches } from '../domain/near-match.ts';
import { type BackendEnvironment, DEFAULT_BACKEND_LIMITS } from '../store/backend.ts';
import { openBackend } from '../store/open-backend.ts';
import { Queue } from './queue.ts';

export interface GetQueueOptions {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  /** Folder of the file, for sqlite. */
  readonly dataDir?: string | undefined;
  readonly durability?: 'full' | 'normal' | undefined;
  readonly now?: (() => number) | undefined;
  readonly random?: (() => number) | undefined;
}

const BACKENDS = ['in_memory', 'sqlite', 'redis'] as const;

/** A queue that lives in this process only. */
export class InMemoryQueue extends Queue {}

/** A queue on a backend: `in_memory` (default), `sqlite` (needs dataDir). Throws QueueError for others. */
export async function getQueue(backend: (typeof BACKENDS)[number] | (string & {}) = 'in_memory', options: GetQueueOptions = {}): Promise<Queue> {
  if (!(BACKENDS as readonly string[]).includes(backend)) {
    throw new QueueError('invalid_input', `There is no queue backend "${backend}".`, {
      path: 'backend',
      expected: BACKENDS.join(', '),
      nearMatches: nearMatches(backend, BACKENDS),
    });
  }
  if (backend === 'redis') throw new QueueError('not_available', 'The redis backend is not built yet.', { path: 'backend', expected: 'in_memory or sqlite' });
  if (backend === 'sqlite' && options.dataDir === undefined) {
    throw new QueueError('invalid_input', 'The sqlite backend needs a folder.', { path: 'dataDir', expected: 'the folder of its file' });
  }
  const now = options.now ?? Date.now;
  const newId = createIdSource(now, randomFillSync);
  const env: BackendEnvironment = {
    now,
    random: options.random ?? Math.random,
    newId,
    compile: () => {
      throw new QueueError('internal', 'A queue of its own holds no workflows.');
    },
    concurrencyKey: () => null,
    limits: DEFAULT_BACKEND_LIMITS,
  };
  const store = await openBackend({ store: backend, dataDir: options.dataDir ?? '', durability: options.durability ?? 'full' }, env);
  const Kind = backend === 'in_memory' ? InMemoryQueue : Queue;
  return new Kind({ backend: store, name: options.name ?? DEFAULT_QUEUE, namespace: options.namespace ?? 'default', newId, now });
}
