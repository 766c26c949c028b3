// Owns the reads of jobs and queues: sizes and statistics come from counters, never from a count over rows.
import type { JobStatus } from '../../domain/job.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Backend, JobLogLine, QueueStats } from '../backend.ts';
import { jobCodes } from './codes.ts';
import { gateHolders } from './gate-holders.ts';
import type { Host } from './host.ts';
import type { JobSql } from './job-rows.ts';
import { queueNum } from './job-verbs.ts';
import type { Parts } from './parts.ts';
import { jobView } from './views.ts';

type Reads = Pick<Backend, 'getJob' | 'runningJobs' | 'peekJob' | 'queueSize' | 'listJobs' | 'jobLogs' | 'queueStats' | 'gateHolders'>;

export function jobReads(host: Host): Reads {
  return {
    getJob: (id) => {
      const sql = host.parts.jobRows.byId(id);
      return sql === undefined ? null : jobView(host.parts, sql);
    },

    runningJobs: (p) =>
      (
        host.parts.tx.sql('SELECT id, token, cancel_requested AS cancel FROM job WHERE owner = ?').all(p.epoch) as {
          id: string;
          token: number;
          cancel: number;
        }[]
      ).map((row) => ({ jobId: row.id, token: row.token, cancelRequested: row.cancel === 1 })),

    peekJob: (p) => {
      const { tx } = host.parts;
      const head = tx
        .sql(
          `SELECT h.* FROM lane l JOIN job h ON h.num = (SELECT num FROM job WHERE lane = l.num AND rank IS NOT NULL ORDER BY rank, num LIMIT 1)
           WHERE l.queue = ? ORDER BY h.rank, h.num LIMIT 1`,
        )
        .get(queueNum(host.parts, p.namespace, p.queue)) as JobSql | undefined;
      return head === undefined ? null : jobView(host.parts, head);
    },

    queueSize: (p) => {
      const queue = queueNum(host.parts, p.namespace, p.queue);
      return (host.parts.tx.sql('SELECT coalesce(sum(n), 0) AS n FROM counter WHERE queue = ? AND status IN (0, 5)').get(queue) as { n: number }).n;
    },

    listJobs: (p) => host.parts.lists.jobs(p),

    jobLogs: (p) => {
      const rows = host.parts.tx
        .sql('SELECT l.at, l.level, l.message, l.fields FROM job_log l JOIN job j ON j.num = l.job WHERE j.id = ? ORDER BY l.seq')
        .all(p.jobId) as (Omit<JobLogLine, 'fields'> & { fields: string | null })[];
      return rows.map((row) => ({ ...row, fields: row.fields === null ? null : (JSON.parse(row.fields) as JsonObject) }));
    },

    queueStats: (p) => queueStats(host.parts, p.namespace),

    gateHolders: (p) => gateHolders(host.parts.tx, p.gate, p.limit),
  };
}

interface Counted {
  readonly queue: number;
  readonly task: number;
  readonly status: number;
  readonly n: number;
  readonly ns: number;
  readonly name: string;
}

interface Measured {
  readonly completed: number;
  readonly failed: number;
  readonly retries: number;
  readonly run_ms: number;
  readonly run_max: number;
  readonly wait_ms: number;
  readonly runs: number;
}

function queueStats({ tx }: Parts, namespace: string | undefined): QueueStats[] {
  const rows = tx
    .sql('SELECT c.queue, c.task, c.status, c.n, q.ns, q.name FROM counter c JOIN queue q ON q.num = c.queue ORDER BY q.ns, q.name, c.task')
    .all() as Counted[];
  const wanted = namespace === undefined ? undefined : tx.findNamespace(namespace);
  const stats = new Map<string, QueueStats & { counts: Record<JobStatus, number> }>();
  for (const row of rows) {
    if (namespace !== undefined && row.ns !== wanted) continue;
    const key = `${row.queue}/${row.task}`;
    const entry =
      stats.get(key) ??
      measured(row, tx.namespaceName(row.ns), tx.taskName(row.task), tx.sql('SELECT * FROM task_stat WHERE queue = ? AND task = ?').get(row.queue, row.task));
    stats.set(key, entry);
    entry.counts[jobCodes.name(row.status)] = row.n;
  }
  return [...stats.values()];
}

function measured(row: Counted, namespace: string, task: string, raw: unknown): QueueStats & { counts: Record<JobStatus, number> } {
  const stat = raw as Measured | undefined;
  return {
    namespace,
    queue: row.name,
    task,
    counts: { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0, retry: 0 },
    completed: stat?.completed ?? 0,
    failed: stat?.failed ?? 0,
    retries: stat?.retries ?? 0,
    meanRunMs: stat === undefined ? null : stat.run_ms / stat.runs,
    maxRunMs: stat?.run_max ?? null,
    meanWaitMs: stat === undefined ? null : stat.wait_ms / stat.runs,
  };
}
