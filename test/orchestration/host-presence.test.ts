// Who counts as alive, and what a process does that was replaced or could not sign off: work that is left always has somebody, and one only.
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { BackgroundHost } from '../../src/background-host.ts';
import { openEngine } from '../../src/open-engine.ts';
import { alwaysOn } from '../../src/orchestration/liveness.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { atEnd, engineFor, tempFolder } from '../support/test-engine.ts';

const LATER = { task: 'echo', payload: { value: 1 }, delay: '1h' };
const WORKER = { id: null, name: 'w', principal: 'me', capabilities: [], labels: {}, capacity: 3, leaseMs: 60_000 };

function starts(engine: OrchestrationEngine): () => number {
  let count = 0;
  const background = new BackgroundHost({
    mode: 'auto',
    hostIdleMs: 1_000,
    start: async () => {
      count++;
    },
  });
  background.watch(engine);
  return () => count;
}

/** The row of a process that this machine knows nothing of. */
function addHost(dataDir: string, heartbeatAt: number): void {
  const db = new Database(join(dataDir, 'logistics.db'));
  db.prepare(
    "INSERT INTO process (pid, host, role, ns, started_at, heartbeat_at, lock_file, capabilities, version, schema) VALUES (1, 'elsewhere', 'host', 'test', 0, ?, '/nowhere/1.lock', '[]', '1', 1)",
  ).run(heartbeatAt);
  db.close();
}

describe('a host of another machine', () => {
  it('that was silent for longer than its lease is no host', async () => {
    const dataDir = tempFolder();
    const engine = await engineFor({ dataDir });
    await engine.enqueue([LATER]);
    addHost(dataDir, Date.now() - 3_600_000);
    const started = starts(engine);
    expect(alwaysOn(engine.backend, 'test')).toBe(null);
    const host = await openEngine({ store: 'sqlite', dataDir, namespace: 'test' }, { host: 'host', sole: true });
    await host.stop();
    await engine.stop();
    expect(started()).toBe(1);
  });

  it('that was heard of is one', async () => {
    const dataDir = tempFolder();
    const engine = await engineFor({ dataDir });
    await engine.enqueue([LATER]);
    addHost(dataDir, Date.now());
    const started = starts(engine);
    await expect(openEngine({ store: 'sqlite', dataDir, namespace: 'test' }, { host: 'host', sole: true })).rejects.toMatchObject({ code: 'conflict' });
    await engine.stop();
    expect(started()).toBe(0);
  });
});

describe('when a server goes', () => {
  it('a host is started also when it could not sign off', async () => {
    const engine = await engineFor({ dataDir: tempFolder() });
    await engine.enqueue([LATER]);
    const started = starts(engine);
    const { backend } = engine;
    const { leave } = backend;
    backend.leave = async (p) => {
      await leave(p);
      throw new Error('one job could not be given back');
    };
    await engine.stop();
    expect(started()).toBe(1);
  });

  it('none is started for work that only worker agents do, and the status says so', async () => {
    const engine = await engineFor({ dataDir: tempFolder() });
    await engine.enqueue([{ task: 'agent.task', payload: { prompt: 'x' } }]);
    const started = starts(engine);
    expect(engine.getSystemStatus().liveness).toMatch(/1 job\(s\) are open\. They wait for a worker agent.*no background host runs/);
    await engine.stop();
    expect(started()).toBe(0);
  });
});

it('a host that was frozen and replaced stops by itself', async () => {
  const dataDir = tempFolder();
  const config = { store: 'sqlite', dataDir, namespace: 'test', limits: { sweep: '100ms', heartbeat: '100ms', shutdownGrace: 0 } } as const;
  const frozen = await openEngine(config, { host: 'host', sole: true });
  atEnd(() => frozen.stop());
  const stopped = new Promise((resolve) => frozen.stopping.addEventListener('abort', resolve, { once: true }));
  await frozen.enqueue([LATER]);
  // Taken for dead by another process, as after a freeze longer than its lease; then a new host came.
  const db = new Database(join(dataDir, 'logistics.db'));
  db.exec('BEGIN IMMEDIATE');
  db.prepare("DELETE FROM process WHERE role = 'host'").run();
  db.prepare(
    "INSERT INTO process (pid, host, role, ns, started_at, heartbeat_at, lock_file, capabilities, version, schema) VALUES (1, 'here', 'host', 'test', 0, ?, NULL, '[]', '1', 1)",
  ).run(Date.now());
  db.exec('COMMIT');
  await stopped;
  await frozen.stop();
  expect(db.prepare("SELECT pid FROM process WHERE role = 'host'").all()).toEqual([{ pid: 1 }]);
  db.close();
});

it('a claim that was given up leaves its nonce free, and the job to be had', async () => {
  const engine = await engineFor();
  const { jobIds } = await engine.enqueue([{ task: 'agent.task', payload: { prompt: 'x' } }]);
  const call = new AbortController();
  const claim = engine.workerAgents.claim({ worker: WORKER, limit: 1, waitMs: 20_000, nonce: 'n', signal: call.signal, onRegistered: () => call.abort() });
  await expect(claim).rejects.toMatchObject({ code: 'cancelled' });
  expect(engine.backend.getJob(jobIds[0] as string)).toMatchObject({ status: 'pending', attempt: 0 });
  const again = await engine.workerAgents.claim({ worker: WORKER, limit: 1, waitMs: 0, nonce: 'n' });
  expect(again).toMatchObject({ replayed: false, leases: [{ job: { jobId: jobIds[0] } }] });
});

it('a worker of another principal is not found, whatever is known of its lease', async () => {
  const engine = await engineFor();
  await engine.enqueue([{ task: 'agent.task', payload: { prompt: 'x' } }]);
  const { worker, leases } = await engine.workerAgents.claim({ worker: WORKER, limit: 1, waitMs: 0 });
  const { jobId, token } = (leases[0] as (typeof leases)[0]).job;
  const done = { workerId: worker.id, jobId, token, report: { kind: 'complete', output: 1 } } as const;
  expect(await engine.workerAgents.report({ ...done, principal: 'you' })).toEqual({ kind: 'not_found' });
  expect(await engine.workerAgents.leave(worker.id, 'you')).toBe(false);
  expect(await engine.workerAgents.report({ ...done, principal: 'me' })).toMatchObject({ kind: 'ok', status: 'completed' });
});
