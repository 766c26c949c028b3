// Owns the reads of jobs and queues: sizes and statistics come from counters, never from a count over rows.
import type { JsonObject } from '../../domain/json.ts';
import type { Backend, JobLogLine } from '../backend.ts';
import type { QueueCountReads } from '../port/queue-counts.ts';
import { jobCodes } from './codes.ts';
import { gateHolders } from './gate-holders.ts';
import type { Host } from './host.ts';
import type { JobSql } from './job-rows.ts';
import { queueNum } from './job-verbs.ts';
import { queueStats } from './queue-stats.ts';
import { jobView, numsOf } from './views.ts';

type Reads = Pick<Backend, 'getJob' | 'jobRange' | 'runningJobs' | 'peekJob' | 'queueSize' | 'listJobs' | 'jobLogs' | 'queueStats' | 'gateHolders'>;

export function jobReads(host: Host): Reads & QueueCountReads {
  return {
    scheduledCount: (p) => {
      const { tx } = host.parts;
      const row = tx
        .sql('SELECT count(*) AS n FROM (SELECT 1 FROM job WHERE due_at > ? AND run_at > ? AND ns = ? AND status IN (0, 5) LIMIT 100000)')
        .get(host.env.now(), host.env.now(), tx.findNamespace(p.namespace) ?? -1);
      return (row as { n: number }).n;
    },

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

    jobRange: (p) => {
      const { tx } = host.parts;
      const nums = numsOf(tx, p);
      if (nums === null) return null;
      // In one commit no other process writes, so the rows of a batch have no others between them.
      const within = p.namespace === undefined ? '' : 'AND ns = ?';
      const bound = p.namespace === undefined ? [] : [tx.findNamespace(p.namespace) ?? -1];
      const rows = tx.sql(`SELECT status, count(*) AS n FROM job WHERE num BETWEEN ? AND ? ${within} GROUP BY status`).all(nums.from, nums.to, ...bound) as {
        status: number;
        n: number;
      }[];
      const counts = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0, retry: 0 };
      for (const row of rows) counts[jobCodes.name(row.status)] = row.n;
      return counts;
    },

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

    queueStats: (p) => queueStats(host.parts.tx, p),

    gateHolders: (p) => gateHolders(host.parts.tx, p.gate, p.limit),
  };
}
