// A file of before sessions had modes: its sessions are parallel, what waits at a limit keeps its rank, and no definition is forgotten too early.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, expect, it } from 'vitest';
import { SESSION_MODES } from '../../src/store/sqlite/migrations/session-modes.ts';
import { MIGRATIONS, migrate } from '../../src/store/sqlite/schema.ts';
import { openSqliteBackend } from '../../src/store/sqlite/sqlite-backend.ts';
import { Bench } from '../contract/harness.ts';

const clean: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of clean.splice(0).reverse()) await step();
});

it('brings a file of before to this one, with the work in it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sessions-'));
  clean.push(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 's.db');
  const old = new Database(path);
  migrate(old, path, 0, MIGRATIONS.slice(0, MIGRATIONS.indexOf(SESSION_MODES)));
  old.exec(`INSERT INTO namespace (num, name) VALUES (1, 'default'); INSERT INTO queue (num, ns, name) VALUES (1, 1, 'default');
    INSERT INTO lane (num, queue, caps) VALUES (1, 1, '[]'); INSERT INTO task (num, name) VALUES (1, 'noop');
    INSERT INTO execution (num, id, ns, workflow, version, hash, status, phase, phase_cursor, priority, started_by, depth, created_at, ended_at, input)
      VALUES (1, 'exec_1', 1, 'flow', 1, 'h', 4, 4, 0, 50, 'p', 0, 900, 901, '{}');
    INSERT INTO definition (num, id, ns, name, version, hash, json, created_at, deleted) VALUES (1, 'wf_1', 1, 'flow', 1, 'h', '{}', 5, 1);
    INSERT INTO session (num, id, ns, name, status, implicit, principal, context_version, max_tasks, created_at, metadata, context)
      VALUES (7, 'sess_1', 1, 'mine', 1, 0, 'p', 3, 1, 5, '{"a":1}', '{}');
    INSERT INTO gate (key, cap, used) VALUES ('s:7', 1, 1);
    INSERT INTO job (num, id, ns, queue, lane, task, status, priority, rank, gate, gate_rank, gate_pos, gates, session, created_at, ready_at, needs_open, needs_failed, needs_when, payload)
      VALUES (1, 'job_1', 1, 1, 1, 1, 0, 50, 7, NULL, NULL, 1, '[["s:7",1]]', 7, 5, 5, 0, 0, 0, '{}'),
             (2, 'job_2', 1, 1, 1, 1, 0, 50, NULL, 's:7', 8, 0, '[["s:7",1]]', 7, 6, 6, 0, 0, 0, '{}')`);
  old.close();
  const bench = await new Bench({ open: async (env) => openSqliteBackend({ path, durability: 'normal' }, env), dispose: async () => undefined }).open();
  clean.push(() => bench.dispose());
  expect(bench.backend.getSession('sess_1')).toMatchObject({ mode: 'parallel', maxParallelTasks: 1, contextVersion: 3, metadata: { a: 1 } });
  const first = await bench.claimOne();
  expect(first.jobId).toBe('job_1');
  expect(await bench.claim(9)).toEqual([]);
  await bench.settle(first);
  expect((await bench.claimOne()).jobId).toBe('job_2');
  const db = new Database(path, { readonly: true });
  clean.push(() => db.close());
  expect(db.prepare('SELECT used_at FROM definition').get()).toEqual({ used_at: 900 });
});
