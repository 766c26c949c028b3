// Owns the engine as the benchmarks use it: the real one, on a file, with a handler that only returns.
import type { ConfigInput } from '../../src/config/config-schema.ts';
import type { TaskType } from '../../src/domain/action.ts';
import { openEngine } from '../../src/open-engine.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';

export const NOOP = 'bench.noop';
/** About 200 bytes, as the systems compared with use. */
export const PAYLOAD = { kind: 'bench', text: 'x'.repeat(180) };

const noop = defineTask({ type: NOOP, run: () => ({ ok: true }) }) as unknown as TaskType;

export interface Bench {
  readonly engine: OrchestrationEngine;
  /** Ids of jobs and executions ended by commits of this process since it was opened. */
  ended(): number;
  /** Resolves once so many have ended. */
  untilEnded(count: number): Promise<void>;
  /** Called with each ended id, after its commit. */
  onEnded(listener: (id: string) => void): void;
}

/** `role: 'client'` only writes. `tasks` stand beside the handler that only returns. */
export async function openBench(
  dataDir: string,
  config: ConfigInput = {},
  role: 'worker' | 'client' = 'worker',
  tasks: readonly TaskType[] = [],
): Promise<Bench> {
  const engine = await openEngine(
    { store: 'sqlite', dataDir, namespace: 'bench', ...config },
    { role, tasks: [...(tasks.some((task) => task.type === NOOP) ? [] : [noop]), ...tasks], host: 'bench' },
  );
  let ended = 0;
  let wanted = Number.POSITIVE_INFINITY;
  let resolveWanted = (): void => undefined;
  const listeners: ((id: string) => void)[] = [];
  engine.backend.onCommit((notice) => {
    ended += notice.ended.length;
    for (const listener of listeners) for (const id of notice.ended) listener(id);
    if (ended >= wanted) resolveWanted();
  });
  return {
    engine,
    ended: () => ended,
    untilEnded: (count) =>
      new Promise((resolve) => {
        wanted = count;
        resolveWanted = resolve;
        if (ended >= count) resolve();
      }),
    onEnded: (listener) => listeners.push(listener),
  };
}

/** Enqueues `count` jobs, `concurrency` calls at a time, one job a call. */
export async function enqueueMany(
  engine: OrchestrationEngine,
  count: number,
  concurrency: number,
  call: (at: number) => Promise<unknown> = () => engine.enqueue([{ task: NOOP, payload: PAYLOAD }]),
): Promise<void> {
  for (let at = 0; at < count; at += concurrency) await Promise.all(Array.from({ length: Math.min(concurrency, count - at) }, (_, i) => call(at + i)));
}
