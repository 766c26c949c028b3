// The sqlite file: refused when it is not ours, shared between processes without stale reads, whole again after a full disk.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { createAdvance } from '../../src/domain/advance.ts';
import { createEvaluator } from '../../src/expression/cel-evaluator.ts';
import type { Backend } from '../../src/store/backend.ts';
import { openBackend } from '../../src/store/open-backend.ts';
import { BUDGETS } from '../../src/store/sqlite/migrations/budgets.ts';
import { OBSERVE } from '../../src/store/sqlite/migrations/observe.ts';
import { OUTLETS } from '../../src/store/sqlite/migrations/outlets.ts';
import { MIGRATIONS, migrate } from '../../src/store/sqlite/schema.ts';
import { openSqliteBackend } from '../../src/store/sqlite/sqlite-backend.ts';
import { Bench, completed } from '../contract/harness.ts';

const clean: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of clean.splice(0).reverse()) await step();
});

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'store-'));
  clean.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function benchIn(dir: string): Promise<Bench> {
  const bench = await new Bench({
    open: async (env) => openSqliteBackend({ path: join(dir, 's.db'), durability: 'full' }, env),
    dispose: async () => undefined,
  }).open();
  clean.push(() => bench.dispose());
  return bench;
}

/** A small file system of its own, or null where mounting is not allowed. */
function mount(options: string): string | null {
  const dir = mkdtempSync(join(tmpdir(), 'mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    rmSync(dir, { recursive: true });
    return null;
  }
  clean.push(() => {
    execFileSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true });
  });
  return dir;
}

const env = new Bench({ open: async () => undefined as never, dispose: async () => undefined }).env;
const opens =
  (path: string): (() => Backend) =>
  () =>
    openSqliteBackend({ path, durability: 'full' }, env);

describe('opening a file', () => {
  it('makes a private file that gives space back', async () => {
    const dir = folder();
    await benchIn(dir);
    expect(statSync(join(dir, 's.db')).mode & 0o777).toBe(0o600);
    const db = new Database(join(dir, 's.db'), { readonly: true });
    expect([db.pragma('auto_vacuum', { simple: true }), db.pragma('journal_mode', { simple: true })]).toEqual([2, 'wal']);
    db.close();
  });

  it.each([
    ['another program', (db: Database.Database) => void db.exec('CREATE TABLE t (x)'), 'store_corrupt'],
    [
      'a newer version',
      (db: Database.Database) => void db.exec(`CREATE TABLE t (x); PRAGMA application_id = ${0x4c674d63}; PRAGMA user_version = 99`),
      'store_newer',
    ],
  ])('refuses a database of %s and leaves it as it is', (_name, fill, code) => {
    const path = join(folder(), 's.db');
    const db = new Database(path);
    fill(db);
    db.close();
    const before = readFileSync(path);
    expect(opens(path)).toThrow(expect.objectContaining({ code }));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('refuses a damaged file and a path that cannot be one', () => {
    const path = join(folder(), 's.db');
    writeFileSync(path, 'this is no database, not by any means, however long one looks at it');
    const before = readFileSync(path);
    expect(opens(path)).toThrow(expect.objectContaining({ code: 'store_corrupt' }));
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(opens(join(path, 'below.db'))).toThrow(expect.objectContaining({ code: 'store_unavailable' }));
  });

  it('brings a file of the first shape to this one, with the work in it', async () => {
    const path = join(folder(), 's.db');
    const old = new Database(path);
    migrate(old, path, 0, MIGRATIONS.slice(0, 1));
    old.exec("INSERT INTO namespace (num, name) VALUES (1, 'default')");
    old.exec(`INSERT INTO execution (num, id, ns, workflow, version, hash, status, phase, phase_cursor, priority, started_by, depth, created_at, ended_at, input)
      VALUES (1, 'exec_1', 1, 'flow', 1, 'h', 4, 4, 0, 50, 'p', 0, 5, 6, '{"a":1}')`);
    old.close();
    const backend = opens(path)();
    clean.push(() => backend.close());
    expect(backend.getExecution('exec_1')).toMatchObject({ workflow: 'flow', input: { a: 1 }, taskVersions: null });
    expect(backend.durationHistories({ namespace: 'default', workflow: 'flow' })).toEqual(new Map());
    expect(backend.status().schemaVersion).toBe(MIGRATIONS.length);
    const pool = {
      name: 'gpu',
      type: 'gpu',
      description: null,
      refillMs: null,
      keys: [{ key: '', unit: 'count', capacity: 1, min: null, max: null, burst: 1 }],
    } as const;
    expect(await backend.definePool({ namespace: 'default', pool, from: 'call' })).toMatchObject({ kind: 'stored', created: true });
    const ask = { id: 'alloc_1', namespace: 'default', request: { gpu: 1 }, sessionId: null, priority: 50, leaseMs: 1_000 };
    expect(await backend.allocate(ask)).toMatchObject({ kind: 'allocated', allocation: { status: 'held' } });
  });

  it('brings a file without orders of queues to this one: its queues are fifo, its jobs have no expected duration', () => {
    const path = join(folder(), 's.db');
    const old = new Database(path);
    migrate(old, path, 0, MIGRATIONS.slice(0, 2));
    old.exec(`INSERT INTO namespace (num, name) VALUES (1, 'default'); INSERT INTO queue (num, ns, name, concurrency) VALUES (1, 1, 'q', 3);
      INSERT INTO lane (num, queue, caps) VALUES (1, 1, '[]'); INSERT INTO task (num, name) VALUES (1, 'noop');
      INSERT INTO job (num, id, ns, queue, lane, task, status, priority, rank, created_at, needs_open, needs_failed, needs_when) VALUES (1, 'job_1', 1, 1, 1, 1, 0, 50, 7, 5, 0, 0, 0)`);
    old.close();
    const backend = opens(path)();
    clean.push(() => backend.close());
    expect(backend.queueSettings({})).toMatchObject([{ queue: 'q', concurrency: 3, order: 'fifo' }]);
    expect(backend.getJob('job_1')).toMatchObject({ status: 'pending', expectedMs: null });
  });

  it('adds what metrics and traces need to a file of the shape before, whose work goes on', async () => {
    const path = join(folder(), 's.db');
    const old = new Database(path);
    migrate(old, path, 0, MIGRATIONS.slice(0, MIGRATIONS.indexOf(OBSERVE)));
    old.exec(
      "INSERT INTO namespace (num, name) VALUES (1, 'default'); INSERT INTO queue (num, ns, name) VALUES (1, 1, 'q'); INSERT INTO task (num, name) VALUES (1, 't')",
    );
    old.exec("INSERT INTO lane (num, queue, caps) VALUES (1, 1, '[]'); INSERT INTO counter (queue, task, status, n) VALUES (1, 1, 0, 1)");
    old.exec(`INSERT INTO execution (num, id, ns, workflow, version, hash, status, phase, phase_cursor, priority, started_by, depth, created_at, input)
      VALUES (1, 'exec_1', 1, 'flow', 1, 'h', 2, 1, 0, 50, 'p', 0, 5, '{}')`);
    old.exec("INSERT INTO waiter (execution, idx, kind, name, seq) VALUES (1, 0, 2, '', 1)");
    old.exec(
      "INSERT INTO job (num, id, ns, queue, lane, task, status, priority, rank, created_at, ready_at, payload) VALUES (1, 'job_1', 1, 1, 1, 1, 0, 50, 5, 5, 5, 'null')",
    );
    old.close();
    const backend = opens(path)();
    clean.push(() => backend.close());
    const { jobs, approvals, occurrences } = backend.measures({ limits: { namespaces: 9, queues: 9, tasks: 9 } });
    expect(jobs).toEqual([{ namespace: 'default', queue: 'q', task: 't', status: 'pending', count: 1 }]);
    expect([approvals, occurrences]).toEqual([[{ namespace: 'default', count: 1 }], []]);
    const epoch = await backend.join({ pid: 1, host: 'h', role: 'worker', namespace: 'default', capabilities: [], version: '1' });
    expect(await backend.claimJobs({ epoch, namespace: 'default', capabilities: [], limit: 1 })).toMatchObject([{ jobId: 'job_1', trace: null }]);
  });

  it('brings a file without webhooks to this one: a new one begins at the end of its log', async () => {
    const path = join(folder(), 's.db');
    const old = new Database(path);
    migrate(old, path, 0, MIGRATIONS.slice(0, MIGRATIONS.indexOf(OUTLETS)));
    old.exec("INSERT INTO namespace (num, name) VALUES (1, 'default'); INSERT INTO event (cursor, at, type, ns) VALUES (7, 5, 0, 1)");
    old.close();
    const backend = opens(path)();
    clean.push(() => backend.close());
    expect(await backend.openOutlets({ namespace: 'default', names: ['erp'], staleBefore: 0 })).toMatchObject({ outlets: [{ name: 'erp', cursor: 7 }] });
  });

  it('brings a file without budgets to this one: its runs and jobs have none, and may be given one', async () => {
    const path = join(folder(), 's.db');
    const old = new Database(path);
    migrate(old, path, 0, MIGRATIONS.slice(0, MIGRATIONS.indexOf(BUDGETS)));
    old.exec(
      `INSERT INTO namespace (num, name) VALUES (1, 'default'); INSERT INTO session (num, id, ns, status, implicit, principal, context_version, created_at, metadata, context)
       VALUES (1, 'sess_1', 1, 1, 0, 'me', 1, 5, '{}', '{}')`,
    );
    old.close();
    const backend = opens(path)();
    clean.push(() => backend.close());
    expect(backend.budgetOf({ owner: 'session', id: 'sess_1' })).toBeNull();
    const limits = { runs: null, wallClockMs: null, attempts: 3, fanOut: null, depth: null, tokens: null, cost: null };
    const decide = createAdvance({ evaluator: createEvaluator(), newId: () => 'x' });
    expect(await backend.setBudget({ owner: 'session', id: 'sess_1', limits, decide })).toEqual({ kind: 'set', replayed: false });
    expect(backend.budgetOf({ owner: 'session', id: 'sess_1' })).toMatchObject({ limits: { attempts: 3 }, used: { attempts: 0 } });
  });

  it('stops writing to a file that a newer version has migrated', async () => {
    const dir = folder();
    const bench = await benchIn(dir);
    const db = new Database(join(dir, 's.db'));
    db.pragma('user_version = 99');
    db.close();
    for (let turn = 0; turn < 3; turn++) {
      await expect(bench.enqueue()).rejects.toMatchObject({ code: 'store_newer' });
      await expect(bench.claim()).rejects.toMatchObject({ code: 'store_newer' });
    }
    expect(bench.backend.listJobs({ filter: {}, limit: 9, cursor: null }).items).toEqual([]);
  });

  it('opens for all of several processes that start on a new folder at once', async () => {
    const module = fileURLToPath(new URL('../../src/store/sqlite/connection.ts', import.meta.url));
    for (let round = 0; round < 4; round++) {
      const gate = new Int32Array(new SharedArrayBuffer(8));
      const path = join(folder(), 's.db');
      const source = `
        const { workerData, parentPort } = require('node:worker_threads');
        import(workerData.module).then(({ openConnection }) => {
          Atomics.add(workerData.gate, 1, 1);
          Atomics.notify(workerData.gate, 1);
          Atomics.wait(workerData.gate, 0, 0);
          openConnection({ path: workerData.path, durability: 'full' }, 0).close();
          parentPort.postMessage('opened');
        }).catch((error) => parentPort.postMessage(error.code + ' ' + error.message));`;
      const answers = Array.from(
        { length: 6 },
        () =>
          new Promise<unknown>((resolve, reject) => {
            const worker = new Worker(source, { eval: true, workerData: { module, gate, path } });
            worker.once('message', (answer) => void worker.terminate().then(() => resolve(answer)));
            worker.once('error', reject);
          }),
      );
      for (let ready = Atomics.load(gate, 1); ready < 6; ready = Atomics.load(gate, 1)) await Atomics.waitAsync(gate, 1, ready).value;
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
      expect(await Promise.all(answers)).toEqual(Array(6).fill('opened'));
    }
  });

  it('says so when the folder is read-only', (context) => {
    const dir = mount('ro');
    if (dir === null) return context.skip('needs the right to mount a file system');
    expect(opens(join(dir, 's.db'))).toThrow(expect.objectContaining({ code: 'store_read_only' }));
  });

  it('names the stores there are', async () => {
    const settings = { dataDir: folder(), durability: 'full' } as const;
    await expect(openBackend({ ...settings, store: 'redis://x/y' }, env)).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(openBackend({ ...settings, store: 'sqlit' }, env)).rejects.toMatchObject({ code: 'invalid_input', nearMatches: ['sqlite'] });
  });
});

describe('a full disk', () => {
  it('refuses what does not fit, keeps what was acknowledged, and goes on when there is room', async (context) => {
    const dir = mount('size=3m');
    if (dir === null) return context.skip('needs the right to mount a file system');
    const bench = await benchIn(dir);
    const stored: string[] = [];
    let code = '';
    for (let i = 0; i < 100 && code === ''; i++) {
      await bench.enqueue({ payload: 'x'.repeat(100_000) }).then(
        (id) => stored.push(id),
        (error: { code: string }) => (code = error.code),
      );
    }
    expect(code).toBe('store_full');
    expect(stored.map((id) => bench.status(id))).toEqual(stored.map(() => 'pending'));
    execFileSync('mount', ['-o', 'remount,size=40m', dir]);
    stored.push(await bench.enqueue({ payload: 'x'.repeat(100_000) }));
    await bench.reopen();
    expect(stored.map((id) => bench.status(id))).toEqual(stored.map(() => 'pending'));
  });
});

describe('two processes on one file', () => {
  it('share 2,000 jobs, each claimed exactly once', async () => {
    const bench = await benchIn(folder());
    const other = await bench.another();
    const epochs = [bench.epoch, await bench.join(other)];
    const ids = Array.from({ length: 2_000 }, () => bench.job());
    await bench.backend.enqueueJobs({ jobs: ids });
    const claimed: string[] = [];
    await Promise.all(
      [bench.backend, other].map(async (backend, i) => {
        for (;;) {
          const jobs = await bench.claim(20, { backend, epoch: epochs[i] as number });
          if (jobs.length === 0) return;
          claimed.push(...jobs.map((job) => job.jobId));
          await Promise.all(jobs.map((job) => backend.settleJob({ jobId: job.jobId, token: job.token, outcome: completed(), logs: [], decide: bench.decide })));
        }
      }),
    );
    expect([claimed.length, new Set(claimed).size]).toEqual([2_000, 2_000]);
    const { counted, kept } = bench.recount();
    expect(kept).toEqual(counted);
  });

  it.each([
    ['is missing', (locks: string): void => rmSync(locks, { recursive: true })],
    [
      'cannot be opened',
      (locks: string): void => {
        for (const file of readdirSync(locks)) {
          renameSync(join(locks, file), join(locks, `${file}.aside`));
          mkdirSync(join(locks, file));
        }
      },
    ],
  ])('a lock file that %s is no proof of death: the heartbeat decides', async (_name, spoil) => {
    const dir = folder();
    const bench = await benchIn(dir);
    const other = await bench.another();
    const id = await bench.enqueue();
    await bench.claimOne();
    spoil(join(dir, 'locks'));
    const epoch = await bench.join(other);
    const sweep = async (): Promise<number> => {
      await other.heartbeat({ epoch });
      return (await other.reclaim({ epoch, decide: bench.decide })).processes;
    };
    expect([await sweep(), bench.status(id)]).toEqual([0, 'running']);
    bench.now += 20_000;
    await bench.backend.heartbeat({ epoch: bench.epoch });
    expect(await sweep()).toBe(0);
    bench.now += 20_000;
    expect([await sweep(), bench.status(id)]).toEqual([0, 'running']);
    bench.now += 20_000;
    expect([await sweep(), bench.status(id)]).toEqual([1, 'pending']);
  });

  it('never decide on a row that the other has changed', async () => {
    const bench = await benchIn(folder());
    const other = await bench.another();
    const epoch = await bench.join(other);
    const steps = Array.from({ length: 12 }, (_, i) => ({ id: `s${i}`, task: 'x', needs: i === 0 ? [] : [`s${i - 1}`] }));
    const run = await bench.start(await bench.define({ steps }));
    for (let i = 0; i < 12; i++) {
      const backend = i % 2 === 0 ? bench.backend : other;
      const [job] = await bench.claim(1, { backend, epoch: i % 2 === 0 ? bench.epoch : epoch });
      await backend.settleJob({ jobId: job?.jobId as string, token: job?.token as number, outcome: completed(i), logs: [], decide: bench.decide });
      const paused = await backend.update({ executionId: run, events: [{ type: 'pause', by: 'x' }], decide: bench.decide });
      if (i < 11) expect(paused).toMatchObject({ reply: { message: 'paused' } });
      const peer = i % 2 === 0 ? other : bench.backend;
      if (i < 11)
        expect(await peer.update({ executionId: run, events: [{ type: 'pause', by: 'x' }], decide: bench.decide })).toMatchObject({
          reply: { message: 'already_paused' },
        });
      if (i < 11) await peer.update({ executionId: run, events: [{ type: 'resume', by: 'x' }], decide: bench.decide });
    }
    expect(bench.backend.getExecution(run)).toMatchObject({ status: 'completed', stepsCompleted: 12 });
    expect(other.getExecution(run)).toEqual(bench.backend.getExecution(run));
  });

  it('tell each other of commits, pauses and lanes', async () => {
    const bench = await benchIn(folder());
    const other = await bench.another();
    const epoch = await bench.join(other);
    bench.backend.pollForeign();
    expect(bench.backend.pollForeign()).toBe(false);
    await other.enqueueJobs({ jobs: [bench.job({ queue: 'new', requires: ['gpu'] })] });
    expect(bench.backend.pollForeign()).toBe(true);
    expect(bench.notices.at(-1)).toMatchObject({ foreign: true, jobsReady: true });
    await other.updateQueue({ namespace: 'default', queue: 'new', paused: true, from: 'control' });
    expect(await bench.claim(1, { capabilities: ['gpu'] })).toEqual([]);
    await bench.backend.updateQueue({ namespace: 'default', queue: 'new', paused: false, from: 'control' });
    expect((await bench.claim(1, { capabilities: ['gpu'], backend: other, epoch })).length).toBe(1);
  });

  it('a value that cannot be stored fails its own call only', async () => {
    const bench = await benchIn(folder());
    const run = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x' }] }));
    const bad = bench.backend.update({
      executionId: run,
      events: [{ type: 'pause', by: 'x' }],
      decide: (...given) => ({ ...bench.decide(...given), execution: { startedAt: {} as never } }),
    });
    const results = await Promise.allSettled([bench.enqueue(), bad, bench.enqueue()]);
    expect(results).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'internal' } }, { status: 'fulfilled' }]);
    expect(bench.status(run)).toBe('running');
    const { counted, kept } = bench.recount();
    expect(kept).toEqual(counted);
  });

  it('a listener that throws is reported, and neither others nor the calls suffer', async () => {
    const told: unknown[] = [];
    const bench = await new Bench({
      open: async (given) => openSqliteBackend({ path: ':memory:', durability: 'full' }, { ...given, onError: (error) => told.push(error) }),
      dispose: async () => undefined,
    }).open();
    clean.push(() => bench.dispose());
    const id = await bench.putSession();
    const fault = new Error('a listener');
    bench.backend.onCommit(() => {
      throw fault;
    });
    let heard = 0;
    bench.backend.onCommit(() => void heard++);
    const refused = new Error('refused');
    const bad = (): Promise<unknown> =>
      bench.backend.updateSession({
        id,
        change: () => {
          throw refused;
        },
      });
    const results = await Promise.allSettled([bench.enqueue(), bad(), bench.enqueue(), bench.enqueue()]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    await bench.enqueue();
    expect(heard).toBeGreaterThan(1);
    expect(told).toEqual(Array(heard).fill(fault));
  });

  it('a decision that throws fails its own call only', async () => {
    const bench = await benchIn(folder());
    const run = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x' }] }));
    const bad = bench.backend.update({
      executionId: run,
      events: [{ type: 'pause', by: 'x' }],
      decide: () => {
        throw new Error('a fault');
      },
    });
    const results = await Promise.allSettled([bench.enqueue(), bad, bench.enqueue()]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(bench.status(run)).toBe('running');
    const { counted, kept } = bench.recount();
    expect(kept).toEqual(counted);
  });
});
