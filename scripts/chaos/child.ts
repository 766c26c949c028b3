// Owns the process that is killed: it loads the engine at random until then, or, as the last one, ends all that is left.
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogisticsError } from '../../src/domain/errors.ts';
import { openEngine } from '../../src/open-engine.ts';
import { LOCAL_HUMAN } from '../../src/orchestration/caller.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { agentForEver } from './agents.ts';
import { CHAOS_WORKFLOWS } from './definitions.ts';
import { openJournal } from './journal.ts';
import { loadForEver } from './load.ts';
import { createChance } from './random.ts';
import { chaosTasks } from './tasks.ts';
import { tracePort } from './trace.ts';

export interface ChildOptions {
  /** `agent` only claims and reports, as the server of a worker agent does. */
  readonly mode: 'load' | 'agent' | 'drain';
  readonly store: string;
  readonly dataDir: string;
  readonly ackFile: string;
  readonly doneFile: string;
  readonly traceFile: string;
  readonly seed: number;
  /** Lines of calls, and worker agents, at once. */
  readonly lines: number;
  readonly agents: number;
  readonly drainMs: number;
}

// Its end is the end of the parent: nobody is left running when that one is stopped.
process.stdin.resume().once('close', () => process.exit(9));
(process.stdin as Socket).unref();

const OPEN_AGAIN_MS = 20_000;

const options = JSON.parse(process.argv[2] as string) as ChildOptions;
const acks = openJournal(options.ackFile);
const done = openJournal(options.doneFile);
const trace = openJournal(options.traceFile);
const ack = (entry: object): void => acks.line(JSON.stringify(entry));

const engine = await opened();
tracePort(engine.backend, trace.line);
for (const { definition } of CHAOS_WORKFLOWS) await engine.workflows.create(definition);
process.stdout.write('ready\n');

const over = new AbortController();
const agents = Array.from({ length: options.agents }, (_, i) =>
  agentForEver({
    engine,
    chance: createChance(options.seed * 37 + i),
    name: `${process.pid}-${i}`,
    ack,
    done: done.line,
    strays: options.mode !== 'drain',
    signal: over.signal,
  }),
);
if (options.mode === 'load') {
  const shared = { engine, ack, executions: [], jobs: [], sessions: [] };
  await Promise.all(Array.from({ length: options.lines }, (_, i) => loadForEver({ ...shared, chance: createChance(options.seed * 31 + i) })));
}
if (options.mode === 'agent') await Promise.all(agents);
const left = await drain();
over.abort();
await Promise.all(agents);
await engine.stop();
process.exitCode = left === 0 ? 0 : 3;

/** Whoever supervises a process starts it again while its store cannot be reached. */
async function opened(): Promise<OrchestrationEngine> {
  const limit = performance.now() + OPEN_AGAIN_MS;
  for (;;) {
    try {
      return await openEngine(
        {
          store: options.store,
          dataDir: options.dataDir,
          namespace: 'chaos',
          concurrency: 24,
          // A job that many kills hit must still complete, or the end could not be told from a fault.
          limits: { maxCrashes: 1_000, sweep: '200ms', heartbeat: '300ms', processLease: '2s', shutdownGrace: '5s' },
        },
        { tasks: chaosTasks(done.line), host: 'chaos', role: options.mode === 'agent' ? 'client' : 'worker' },
      );
    } catch (error) {
      if (!(error instanceof LogisticsError && error.code === 'store_unavailable') || performance.now() > limit) throw error;
      await sleep(100);
    }
  }
}

/** Resumes what is paused, signals what waits, until nothing is open and the dead are buried; gives what is left at the time limit. */
async function drain(): Promise<number> {
  const { backend, namespace } = engine;
  const open = (): number => {
    const { runs, jobs } = backend.unfinished({ namespace });
    return runs + jobs + backend.listProcesses().filter((process) => !process.self).length;
  };
  const limit = performance.now() + options.drainMs;
  for (; open() > 0 && performance.now() < limit; await sleep(50)) {
    await Promise.all([...pages(engine, 'paused')].map((id) => unlessEnded(engine.tasks.resume(id, LOCAL_HUMAN))));
    for (const status of ['waiting', 'running'] as const) {
      await Promise.all(
        [...pages(engine, status, 'waits')].map((id) =>
          unlessEnded(engine.tasks.send(id, { type: 'signal', name: 'go', payload: 'drained', signalId: `drain-${id}`, by: 'chaos' })),
        ),
      );
    }
  }
  return open();
}

function* pages(of: OrchestrationEngine, status: string, workflow?: string): Generator<string> {
  let cursor: string | null = null;
  do {
    const page: ReturnType<typeof of.backend.listExecutions> = of.backend.listExecutions({
      filter: { namespace: 'chaos', status, workflow },
      limit: 200,
      cursor,
    });
    for (const { id } of page.items) yield id;
    cursor = page.nextCursor;
  } while (cursor !== null);
}

async function unlessEnded(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof LogisticsError)) throw error;
  }
}
