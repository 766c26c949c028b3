// What runs often reads no more than it needs: no statement of these verbs walks a whole table or sorts one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, expect, it, vi } from 'vitest';
import type { WorkerLease } from '../../src/store/backend.ts';
import { openSqliteBackend } from '../../src/store/sqlite/sqlite-backend.ts';
import { agentJob, claimAs, complete, LEASE, noted, reportAs } from '../contract/agents.ts';
import { Bench, completed } from '../contract/harness.ts';

const clean: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const step of clean.splice(0).reverse()) await step();
});

async function fileBench(): Promise<{ readonly bench: Bench; readonly path: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'plans-'));
  const path = join(dir, 's.db');
  clean.push(() => rmSync(dir, { recursive: true, force: true }));
  const bench = await new Bench({ open: async (env) => openSqliteBackend({ path, durability: 'full' }, env), dispose: async () => undefined }).open();
  clean.push(() => bench.dispose());
  return { bench, path };
}

it('finds every run with something in its inbox, oldest entry first, also behind one with very many', async () => {
  const { bench, path } = await fileBench();
  const flow = await bench.define({ steps: [{ id: 'a', task: 'x' }] });
  const [busy, early, late] = [await bench.start(flow), await bench.start(flow), await bench.start(flow)];
  const other = new Database(path);
  clean.push(() => other.close());
  const post = (run: string, times: number): unknown =>
    other
      .prepare(
        `INSERT INTO inbox (execution, event) SELECT (SELECT num FROM execution WHERE id = ?), '{"type":"admitted"}'
         FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n)`,
      )
      .run(run, times);
  post(early, 1);
  post(busy, 1_200);
  post(late, 1);
  expect(bench.backend.pendingInbox({ limit: 9 })).toEqual([early, busy, late]);
  expect(bench.backend.pendingInbox({ limit: 2 })).toEqual([early, busy]);
});

it('clears queues, stops wide steps, fires due times and looks into inboxes by index', async () => {
  const prepare = vi.spyOn(Database.prototype, 'prepare');
  const { bench, path } = await fileBench();
  const sessionId = await bench.putSession({ maxParallelTasks: 1, expiresAt: bench.now + 1_000 });
  const wide = await bench.start(await bench.define({ maxParallel: 1, steps: [{ id: 'a', task: 'x', forEach: '${{ [1, 2, 3] }}' }] }), { sessionId });
  await bench.drain();
  await bench.send(wide, { type: 'pause', by: 'me' });
  await bench.claim(9);
  await bench.send(wide, { type: 'resume', by: 'me' });
  const ready = await bench.enqueue();
  await bench.enqueue({ runAt: bench.now + 5_000 });
  await bench.enqueue({ dependsOn: [ready] });
  await bench.enqueue({ sessionId });
  await bench.pass(2_000);
  for (let left = 4; left > 0; left--) await bench.backend.clearQueue({ namespace: 'default', queue: 'default', limit: 2 });
  expect(bench.backend.listJobs({ filter: { status: 'pending' }, limit: 9, cursor: null }).items.filter((job) => job.executionId === null)).toEqual([]);
  const plain = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x' }] }));
  for (const run of [wide, plain]) await bench.send(run, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
  for (const job of await bench.claim(9)) await bench.settle(job, completed());
  for (let i = 0; i < 3; i++) await agentJob(bench);
  const { worker, leases } = await claimAs(bench, 'w', { limit: 3, nonce: 'n' });
  await reportAs(bench, worker, leases[0] as WorkerLease, noted(1, 0.5));
  await reportAs(bench, worker, leases[0] as WorkerLease, complete());
  await bench.pass(LEASE);
  await claimAs(bench, 'w', { limit: 3 });
  await bench.backend.leaveWorker({ workerId: worker.id, decide: bench.decide });
  bench.backend.capabilityCover({ namespace: 'default', requires: ['agent.task'] });
  await bench.backend.leave({ epoch: bench.epoch, decide: bench.decide });

  const plans = new Database(path, { readonly: true });
  clean.push(() => plans.close());
  const texts = [...new Set(prepare.mock.calls.map(([text]) => String(text)))].filter(
    (text) => /^\s*(SELECT|UPDATE|DELETE)/.test(text) && /\b(job|inbox)\b/.test(text),
  );
  expect(texts.length).toBeGreaterThan(20);
  const walks = texts.flatMap((text) => {
    const steps = plans.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`);
    const named = [...text.matchAll(/@(\w+)/g)].map((match): [string, number] => [match[1] as string, 1]);
    const values: unknown[] = named.length > 0 ? [Object.fromEntries(named)] : Array.from({ length: text.split('?').length - 1 }, () => 1);
    const details = steps.all(...values).map((step) => step.detail);
    const isSorted = details.some((detail) => detail.includes('TEMP B-TREE')) && /\binbox\b/.test(text);
    const isWalk = isSorted || details.some((detail) => /^SCAN (job|execution)$/.test(detail));
    return isWalk ? [`${text}: ${details.join('; ')}`] : [];
  });
  expect(walks).toEqual([]);
});

it('scrapes counters and what is open: no statement of it walks the rows of jobs, executions, events or planned times', async () => {
  const { bench, path } = await fileBench();
  await bench.enqueue();
  await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x' }] }));
  const prepare = vi.spyOn(Database.prototype, 'prepare');
  const again = await bench.another();
  again.measures({ limits: { namespaces: 9, queues: 9, tasks: 9 } });
  again.measures({ namespace: 'default', limits: { namespaces: 9, queues: 9, tasks: 9 } });
  const texts = [...new Set(prepare.mock.calls.map(([text]) => String(text)))].filter((text) => /^\s*SELECT/.test(text));
  const plans = new Database(path, { readonly: true });
  clean.push(() => plans.close());
  const looks = texts.flatMap((text) => {
    const values = text.includes('@') ? [{ ns: 1, limit: 1, lost: 'x', silent: 0 }] : Array.from({ length: text.split('?').length - 1 }, () => 1);
    return plans
      .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`)
      .all(...values)
      .map(({ detail }) => detail);
  });
  expect(looks.length).toBeGreaterThan(10);
  // The jobs in the hands of worker agents are an index of their own.
  expect(looks.filter((detail) => /^SCAN (j|job|e|execution|event|occurrence|step|o)\b/.test(detail) && !detail.includes('job_worker'))).toEqual([]);
});
