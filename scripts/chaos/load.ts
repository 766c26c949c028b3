// Owns what a chaos child does to the engine: a random mix of every kind of call, each acknowledged line written after its reply.
import { setTimeout as sleep } from 'node:timers/promises';
import { LogisticsError } from '../../src/domain/errors.ts';
import { LOCAL_HUMAN, receiptFor } from '../../src/orchestration/caller.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { AGENT_WORK } from './agents.ts';
import { CHAOS_WORKFLOWS } from './definitions.ts';
import type { Ack } from './journal.ts';
import type { Chance } from './random.ts';

export interface Load {
  readonly engine: OrchestrationEngine;
  readonly chance: Chance;
  readonly ack: (entry: Ack) => void;
  /** Executions and jobs that this child started, for cancels, forks, pauses. */
  readonly executions: string[];
  readonly jobs: string[];
  readonly sessions: string[];
}

/** So many jobs take so long that a frozen holder comes back while the next one is at work. */
const LONG_SHARE = 0.005;

type Deed = (load: Load) => Promise<void>;

const FORKABLE: Readonly<Record<string, readonly string[]>> = { diamond: ['b', 'd'], each: ['list', 'items', 'sum'], waits: ['after'], family: ['end', 'one'] };

/** What a race between calls may answer; anything else is a fault of the engine. */
const EXPECTED = new Set(['invalid_transition', 'not_found', 'conflict', 'session_closed', 'shutting_down', 'cancelled', 'concurrency']);

const deeds: readonly (readonly [number, Deed])[] = [
  [6, enqueueSome],
  [3, enqueueChain],
  [2, enqueueForAgents],
  [2, enqueueTwice],
  [2, enqueueInSession],
  [9, startSome],
  [2, signalSome],
  [2, cancelExecution],
  [2, cancelJob],
  [2, forkSome],
  [1, pauseAndResume],
];
const total = deeds.reduce((sum, [weight]) => sum + weight, 0);

/** One line of calls, for ever: the parent ends it. */
export async function loadForEver(load: Load): Promise<never> {
  for (;;) {
    const deed = chooseDeed(load.chance);
    try {
      await deed(load);
    } catch (error) {
      if (!(error instanceof LogisticsError && EXPECTED.has(error.code))) {
        load.ack({
          k: 'fault',
          what: `${deed.name}: ${error instanceof LogisticsError ? `${error.code}: ` : ''}${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        });
        await sleep(20);
      }
    }
    if (load.chance.next() < 0.6) await sleep(load.chance.int(0, 4));
  }
}

function chooseDeed(chance: Chance): Deed {
  let at = chance.next() * total;
  for (const [weight, deed] of deeds) {
    at -= weight;
    if (at < 0) return deed;
  }
  return enqueueSome;
}

async function enqueueSome({ engine, chance, ack, jobs }: Load): Promise<void> {
  const inputs = Array.from({ length: chance.int(1, 4) }, () => ({
    task: 'chaos.work',
    payload: { ms: chance.next() < LONG_SHARE ? chance.int(1_000, 4_000) : chance.int(0, 3), fail: chance.next() < 0.2 ? 1 : 0 },
    priority: chance.int(0, 100),
    retry: { maxAttempts: 4, initialInterval: 5 },
    queue: chance.pick(['default', 'default', 'side']),
    ...(chance.next() < 0.2 ? { delay: chance.int(5, 60) } : {}),
  }));
  const { jobIds } = await engine.enqueue(inputs);
  for (const id of jobIds) {
    ack({ k: 'job', id });
    jobs.push(id);
  }
}

async function enqueueForAgents({ engine, chance, ack, jobs }: Load): Promise<void> {
  const inputs = Array.from({ length: chance.int(1, 3) }, () => ({
    task: 'agent.task',
    payload: { prompt: 'Work.' },
    requires: [AGENT_WORK],
    retry: { maxAttempts: 4, initialInterval: 5 },
  }));
  const { jobIds } = await engine.enqueue(inputs);
  for (const id of jobIds) ack({ k: 'job', id });
  jobs.push(...jobIds);
}

/** Jobs that depend on each other; one chain in five holds a job that fails for good. */
async function enqueueChain({ engine, chance, ack, jobs }: Load): Promise<void> {
  const fails = chance.next() < 0.2;
  const { jobIds } = await engine.enqueue([
    { task: 'chaos.work', ref: 'a', payload: fails ? { fail: 99 } : { ms: 1 }, retry: 1 },
    { task: 'chaos.work', ref: 'b', depends_on: ['a'] },
    { task: 'chaos.work', ref: 'c', depends_on: ['a', 'b'], when: 'all_done' },
  ]);
  for (const [at, id] of jobIds.entries()) ack({ k: 'job', id, ...(fails && at < 2 ? { fails } : {}) });
  jobs.push(...jobIds);
}

/** The same call twice with one idempotency key: the second must give the same job. */
async function enqueueTwice({ engine, chance, ack }: Load): Promise<void> {
  const key = `key-${process.pid}-${chance.int(0, 2 ** 31)}`;
  const input = { task: 'chaos.work', payload: { ms: 1 } };
  const receipt = receiptFor(LOCAL_HUMAN, 'chaos', key, input);
  const replies = await Promise.all([engine.enqueue([input], LOCAL_HUMAN, receipt), engine.enqueue([input], LOCAL_HUMAN, receipt)]);
  const ids = new Set(replies.map((reply) => reply.jobIds[0]));
  for (const id of ids) ack({ k: 'job', id: id as string });
  if (ids.size !== 1) ack({ k: 'fault', what: `one idempotency key gave two jobs: ${[...ids].join(', ')}` });
}

async function enqueueInSession(load: Load): Promise<void> {
  const { engine, chance, ack, jobs, sessions } = load;
  if (sessions.length === 0 || chance.next() < 0.1) {
    const { session } = await engine.createSession({ name: 'chaos', maxParallelTasks: 2, maxParallelWorkflows: 1 });
    ack({ k: 'session', id: session.id });
    sessions.push(session.id);
  }
  const sessionId = chance.pick(sessions);
  const caller = { ...LOCAL_HUMAN, sessionId };
  if (chance.next() < 0.3) return start(load, 'diamond', {}, caller);
  const { jobIds } = await engine.enqueue(
    [1, 2, 3].map(() => ({ task: 'chaos.work', payload: { ms: 1 } })),
    caller,
  );
  for (const id of jobIds) ack({ k: 'job', id });
  jobs.push(...jobIds);
}

async function startSome(load: Load): Promise<void> {
  const { name } = load.chance.pick(CHAOS_WORKFLOWS).definition;
  const { chance } = load;
  if (name === 'each') return start(load, name, { items: Array.from({ length: chance.int(0, 20) }, (_, i) => i) });
  if (name === 'keyed') return start(load, name, { key: chance.pick(['red', 'green', 'blue']) });
  return start(load, name, {});
}

async function start({ engine, ack, executions }: Load, name: string, input: Record<string, string | number[]>, caller = LOCAL_HUMAN): Promise<void> {
  const { executionId } = await engine.workflows.start({ name, input }, caller);
  ack({ k: 'exec', id: executionId, workflow: name });
  executions.push(executionId);
}

async function signalSome({ engine, chance, ack }: Load): Promise<void> {
  const { items } = engine.backend.listExecutions({
    filter: { namespace: engine.namespace, workflow: 'waits', status: chance.pick(['waiting', 'running']) },
    limit: 5,
    cursor: null,
  });
  for (const { id } of items) {
    const signal = `signal-${process.pid}-${chance.int(0, 2 ** 31)}`;
    const reply = await engine.tasks.send(id, { type: 'signal', name: 'go', payload: { signal }, signalId: signal, by: 'chaos' });
    if (!reply.replayed) ack({ k: 'signal', id, signal });
  }
}

async function cancelExecution({ engine, chance, ack, executions }: Load): Promise<void> {
  if (executions.length === 0) return;
  const id = chance.pick(executions);
  await engine.tasks.cancel(id, 'chaos', LOCAL_HUMAN);
  ack({ k: 'cancel', id, now: false });
}

async function cancelJob({ engine, chance, ack, jobs }: Load): Promise<void> {
  if (jobs.length === 0) return;
  const id = chance.pick(jobs.slice(-20));
  const { kind } = await engine.cancelJob(id, 'chaos');
  if (kind === 'cancelled' || kind === 'requested') ack({ k: 'cancel', id, now: kind === 'cancelled' });
  if (kind === 'not_found') ack({ k: 'fault', what: `cancel of the acknowledged job ${id} did not find it` });
}

async function forkSome({ engine, chance, ack, executions }: Load): Promise<void> {
  const { items } = engine.backend.listExecutions({
    filter: { namespace: engine.namespace, status: 'completed', workflow: chance.pick(Object.keys(FORKABLE)) },
    limit: 5,
    cursor: null,
  });
  if (items.length === 0) return;
  const from = chance.pick(items);
  const step = chance.pick(FORKABLE[from.workflow] ?? ['a']);
  const { executionId } = await engine.tasks.fork(from.id, step, LOCAL_HUMAN);
  ack({ k: 'fork', id: executionId, from: from.id, step });
  executions.push(executionId);
}

async function pauseAndResume({ engine, chance, executions }: Load): Promise<void> {
  if (executions.length === 0) return;
  const id = chance.pick(executions.slice(-10));
  await engine.tasks.pause(id, LOCAL_HUMAN);
  await sleep(chance.int(0, 30));
  await engine.tasks.resume(id, LOCAL_HUMAN);
}
