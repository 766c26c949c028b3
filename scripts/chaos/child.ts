// Owns the process that is killed: it loads the engine at random until then, or, as the last one, ends all that is left.
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { LogisticsError } from '../../src/domain/errors.ts';
import { openEngine } from '../../src/open-engine.ts';
import { LOCAL_HUMAN } from '../../src/orchestration/caller.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { CHAOS_WORKFLOWS } from './definitions.ts';
import { openJournal } from './journal.ts';
import { loadForEver } from './load.ts';
import { createChance } from './random.ts';
import { chaosTasks } from './tasks.ts';

export interface ChildOptions {
  readonly mode: 'load' | 'drain';
  readonly dataDir: string;
  readonly ackFile: string;
  readonly doneFile: string;
  readonly storeFile: string;
  readonly seed: number;
  readonly lines: number;
  readonly drainMs: number;
}

// Its end is the end of the parent: nobody is left running when that one is stopped.
process.stdin.resume().once('close', () => process.exit(9));
(process.stdin as Socket).unref();

const options = JSON.parse(process.argv[2] as string) as ChildOptions;
const acks = openJournal(options.ackFile);
const done = openJournal(options.doneFile);

const engine = await openEngine(
  {
    store: 'sqlite',
    dataDir: options.dataDir,
    namespace: 'chaos',
    concurrency: 24,
    // A job that many kills hit must still complete, or the end could not be told from a fault.
    limits: { maxCrashes: 1_000, sweep: '200ms', heartbeat: '1s', shutdownGrace: '5s' },
  },
  { tasks: chaosTasks(done.line), host: 'chaos' },
);
for (const { definition } of CHAOS_WORKFLOWS) await engine.workflows.create(definition);
process.stdout.write('ready\n');

if (options.mode === 'load') {
  const shared = { engine, ack: (entry: object) => acks.line(JSON.stringify(entry)), executions: [], jobs: [], sessions: [] };
  await Promise.all(Array.from({ length: options.lines }, (_, i) => loadForEver({ ...shared, chance: createChance(options.seed * 31 + i) })));
}
const left = await drain();
await engine.stop();
process.exitCode = left === 0 ? 0 : 3;

/** Resumes what is paused, signals what waits, until nothing is open; gives what is left at the time limit. */
async function drain(): Promise<number> {
  const db = new Database(options.storeFile, { readonly: true });
  const openRows = db.prepare('SELECT (SELECT count(*) FROM execution WHERE ended_at IS NULL) + (SELECT count(*) FROM job WHERE status IN (0, 1, 5))').pluck();
  const limit = performance.now() + options.drainMs;
  let open = Number(openRows.get());
  for (; open > 0 && performance.now() < limit; open = Number(openRows.get())) {
    await Promise.all([...pages(engine, 'paused')].map((id) => unlessEnded(engine.tasks.resume(id, LOCAL_HUMAN))));
    for (const status of ['waiting', 'running'] as const) {
      await Promise.all(
        [...pages(engine, status, 'waits')].map((id) =>
          unlessEnded(engine.tasks.send(id, { type: 'signal', name: 'go', payload: 'drained', signalId: `drain-${id}`, by: 'chaos' })),
        ),
      );
    }
    await sleep(50);
  }
  db.close();
  return open;
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
