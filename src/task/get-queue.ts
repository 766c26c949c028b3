// Owns the factory of queues: a backend by name, never a silent fallback.
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { QueueError } from '../domain/errors.ts';
import { createIdSource } from '../domain/id.ts';
import { DEFAULT_QUEUE, QueueName } from '../domain/job.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { Decide } from '../domain/transition.ts';
import { type BackendEnvironment, DEFAULT_BACKEND_LIMITS } from '../store/backend.ts';
import { openBackend } from '../store/open-backend.ts';
import { besidePrefix } from '../store/redis-address.ts';
import { Queue } from './queue.ts';
import { QueueUpkeep } from './queue-upkeep.ts';

export interface GetQueueOptions {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  /**
   * For sqlite. The file lies in `queues` below it: an engine on the same folder runs none of these jobs, and none of its own are here.
   * For redis: where this process keeps its replica; default: the user's cache folder.
   */
  readonly dataDir?: string | undefined;
  /** For redis: `redis://[user:password@]host[:port][/db][?prefix=name]`. Its keys lie beside those of an engine with the same address. */
  readonly url?: string | undefined;
  readonly durability?: 'full' | 'normal' | undefined;
  readonly now?: (() => number) | undefined;
  readonly random?: (() => number) | undefined;
  /** Told when a background duty fails (it goes on and tries again). */
  readonly onError?: ((error: unknown) => void) | undefined;
}

const QUEUES_FOLDER = 'queues';
const BACKENDS = ['in_memory', 'sqlite', 'redis'] as const;

/** A queue that lives in this process only. */
export class InMemoryQueue extends Queue {}

/** A queue on a backend: `in_memory` (default), `sqlite` (needs dataDir), `redis` (needs url). Throws QueueError for others. */
export async function getQueue(backend: (typeof BACKENDS)[number] | (string & {}) = 'in_memory', options: GetQueueOptions = {}): Promise<Queue> {
  if (!(BACKENDS as readonly string[]).includes(backend)) {
    throw new QueueError('invalid_input', `There is no queue backend "${backend}".`, {
      path: 'backend',
      expected: BACKENDS.join(', '),
      nearMatches: nearMatches(backend, BACKENDS),
    });
  }
  if (backend === 'redis' && options.url === undefined) {
    throw new QueueError('invalid_input', 'The redis backend needs an address.', { path: 'url', expected: 'redis://host:port' });
  }
  if (backend === 'sqlite' && options.dataDir === undefined) {
    throw new QueueError('invalid_input', 'The sqlite backend needs a folder.', { path: 'dataDir', expected: 'the folder of its file' });
  }
  const name = QueueName.safeParse(options.name ?? DEFAULT_QUEUE);
  if (!name.success)
    throw new QueueError('invalid_input', 'The queue has no usable name.', { path: 'name', expected: 'up to 100 letters, digits, _ . : or -' });
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
    onError: options.onError,
  };
  const folder = options.dataDir ?? (backend === 'redis' ? (await import('env-paths')).default('logistics-mcp', { suffix: '' }).cache : undefined);
  const dataDir = folder === undefined ? '' : join(folder, QUEUES_FOLDER);
  const address = backend === 'redis' && options.url !== undefined ? besidePrefix(options.url, QUEUES_FOLDER) : backend;
  const store = await openBackend({ store: address, dataDir, durability: options.durability ?? 'full' }, env);
  const namespace = options.namespace ?? 'default';
  const upkeep = new QueueUpkeep({ backend: store, namespace, now, decide: NO_EXECUTIONS, onError: options.onError ?? (() => undefined) });
  await upkeep.start();
  const Kind = backend === 'in_memory' ? InMemoryQueue : Queue;
  return new Kind({ backend: store, name: name.data, namespace, newId, now, decide: NO_EXECUTIONS, upkeep });
}

const NO_EXECUTIONS: Decide = () => {
  throw new QueueError('internal', 'A queue of its own holds no executions.');
};
