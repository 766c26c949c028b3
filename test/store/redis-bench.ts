// Owns what the tests of the redis store stand on: processes with a clock of their own on one log, and jobs to give them.
import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIdSource } from '../../src/domain/id.ts';
import type { NewJob } from '../../src/domain/job.ts';
import { NO_RETRY } from '../../src/domain/retry-policy.ts';
import { type Backend, type BackendEnvironment, type ClaimedJob, DEFAULT_BACKEND_LIMITS } from '../../src/store/backend.ts';
import { openRedisBackend, type RedisOptions } from '../../src/store/redis/redis-backend.ts';
import type { RedisServer } from '../support/redis-server.ts';

export const newId = createIdSource(Date.now, randomFillSync);
let prefixes = 0;

/** One log on a server, and the processes that were opened on it. */
export class LogBench {
  readonly server: RedisServer;
  readonly prefix = `log-${++prefixes}`;
  readonly errors: unknown[] = [];
  readonly #opened: Backend[] = [];
  readonly #folders: string[] = [];

  constructor(server: RedisServer) {
    this.server = server;
  }

  get url(): string {
    return this.server.url(this.prefix);
  }

  env(more: Partial<BackendEnvironment> = {}): BackendEnvironment {
    return {
      now: Date.now,
      random: Math.random,
      newId,
      compile: () => {
        throw new Error('no workflows here');
      },
      concurrencyKey: () => null,
      limits: DEFAULT_BACKEND_LIMITS,
      onError: (error) => this.errors.push(error),
      ...more,
    };
  }

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'redis-log-'));
    this.#folders.push(folder);
    return folder;
  }

  /** A process with a folder of its own, as on another machine, unless one is given. */
  async open(options: Partial<RedisOptions> = {}, env: Partial<BackendEnvironment> = {}): Promise<Backend> {
    const dataDir = options.dataDir ?? (await this.folder());
    const backend = await openRedisBackend({ url: this.url, dataDir, ...options }, this.env(env));
    this.#opened.push(backend);
    return backend;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#opened.map((backend) => backend.close()));
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

export function newJob(more: Partial<NewJob> = {}): NewJob {
  return {
    id: newId('job'),
    namespace: 'default',
    queue: 'default',
    task: 'noop',
    name: null,
    payload: { n: 1 },
    priority: 50,
    runAt: null,
    dependsOn: [],
    when: 'all_success',
    retry: NO_RETRY,
    timeoutMs: null,
    expiresAt: null,
    requires: [],
    sessionId: null,
    ...more,
  };
}

export async function enqueue(backend: Backend, more: Partial<NewJob> = {}): Promise<string> {
  const result = await backend.enqueueJobs({ jobs: [newJob(more)] });
  if (result.kind === 'conflict') throw new Error(result.error.message);
  return result.jobIds[0] as string;
}

export function joined(backend: Backend): Promise<number> {
  return backend.join({ pid: process.pid, host: 'here', role: 'worker', namespace: 'default', capabilities: [], version: '1' });
}

export function claim(backend: Backend, epoch: number, limit = 1): Promise<readonly ClaimedJob[]> {
  return backend.claimJobs({ epoch, namespace: 'default', capabilities: [], limit });
}

export function complete(backend: Backend, job: ClaimedJob): ReturnType<Backend['settleJob']> {
  return backend.settleJob({ jobId: job.jobId, token: job.token, outcome: { status: 'completed', output: null }, logs: [], decide: neverDecides });
}

export const size = (backend: Backend): number => backend.queueSize({ namespace: 'default', queue: 'default' });

export const neverDecides = (): never => {
  throw new Error('no workflows here');
};

/** Waits for a condition that another process or the server brings about. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('it did not come about in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
