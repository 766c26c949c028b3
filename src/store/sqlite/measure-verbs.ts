// Owns the reads of a scrape: counters and what is open now; a row that has ended is not looked at.
import type { JobStatus } from '../../domain/job.ts';
import type { Backend } from '../backend.ts';
import { APPROVALS_COUNTED, type Durations, type MeasureLimits, type OfTask, type StoreMeasures } from '../port/measures.ts';
import { executionCodes, JOB, jobCodes, occurrenceCodes, scheduleCodes } from './codes.ts';
import type { Host } from './host.ts';
import { oldestReadyAt } from './queue-stats.ts';
import { LEASE_LOST } from './tallies.ts';
import type { Tx } from './tx.ts';

/** Gives the name of a number, or null for one that is not told apart. */
type Names = (num: number) => string | null;

interface Labels {
  readonly namespace: Names;
  readonly queue: Names;
  readonly task: Names;
}

interface AttemptSums {
  completed: number;
  failed: number;
  retries: number;
  readonly runs: Sums;
  readonly waits: Sums;
}

interface Sums {
  readonly buckets: Map<number, number>;
  sumMs: number;
}

export function measureVerbs(host: Host): Pick<Backend, 'measures' | 'writerState'> {
  return {
    measures: ({ namespace, limits }) => {
      const { tx } = host.parts;
      return measures(tx, namespace === undefined ? null : (tx.findNamespace(namespace) ?? -1), limits, tx.env.now());
    },
    writerState: () => host.writerState(),
  };
}

function measures(tx: Tx, ns: number | null, limits: MeasureLimits, now: number): StoreMeasures {
  const queues = tx.sql('SELECT num, ns, name, paused FROM queue WHERE (@ns IS NULL OR ns = @ns) ORDER BY num').all({ ns }) as QueueSql[];
  const counters = tx
    .sql('SELECT c.queue, q.ns, c.task, c.status, c.n FROM counter c JOIN queue q ON q.num = c.queue WHERE (@ns IS NULL OR q.ns = @ns)')
    .all({ ns }) as CounterSql[];
  const namespaces = tx.sql('SELECT num, name FROM namespace WHERE (@ns IS NULL OR num = @ns) ORDER BY num LIMIT @limit').all({
    ns,
    limit: limits.namespaces,
  }) as { num: number; name: string }[];
  const tasks = [...new Set(counters.map((row) => row.task))].sort((a, b) => a - b).slice(0, limits.tasks);
  const labels: Labels = {
    namespace: namesOf(namespaces.map(({ num, name }) => [num, name])),
    queue: namesOf(queues.slice(0, limits.queues).map(({ num, name }) => [num, name])),
    task: namesOf(tasks.map((num) => [num, tx.taskName(num)])),
  };
  return {
    jobs: jobsOf(counters, labels),
    attempts: attemptsOf(tx, queues, labels),
    queues: queuesOf(tx, queues, new Set(counters.flatMap((row) => (row.status === JOB.pending && row.n > 0 ? [row.queue] : []))), labels),
    executions: counted(tx, ns, labels, 'SELECT ns, status, n FROM execution_counter', (status) => executionCodes.name(status)),
    approvals: approvalsOf(tx, ns, labels),
    schedules: counted(tx, ns, labels, 'SELECT ns, status, count(*) AS n FROM schedule WHERE deleted_at IS NULL GROUP BY ns, status', (status) =>
      scheduleCodes.name(status),
    ),
    ...talliesOf(tx, ns, labels),
    workers: workersOf(tx, ns, labels),
    processes: processesOf(tx, ns, labels, now),
  };
}

interface QueueSql {
  readonly num: number;
  readonly ns: number;
  readonly name: string;
  readonly paused: number;
}

interface CounterSql {
  readonly queue: number;
  readonly ns: number;
  readonly task: number;
  readonly status: number;
  readonly n: number;
}

function namesOf(entries: readonly (readonly [number, string])[]): Names {
  const names = new Map(entries);
  return (num) => names.get(num) ?? null;
}

/** One entry for rows with the same labels, whatever their numbers. */
class Grouped<L extends object, T> {
  readonly #entries = new Map<string, { readonly labels: L; readonly sums: T }>();
  readonly #fresh: () => T;

  constructor(fresh: () => T) {
    this.#fresh = fresh;
  }

  of(labels: L): T {
    const key = JSON.stringify(labels);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { labels, sums: this.#fresh() };
      this.#entries.set(key, entry);
    }
    return entry.sums;
  }

  map<R>(make: (labels: L, sums: T) => R): R[] {
    return [...this.#entries.values()].map(({ labels, sums }) => make(labels, sums));
  }
}

function taskLabels({ namespace, queue, task }: Labels, row: { readonly ns: number; readonly queue: number; readonly task: number }): OfTask {
  return { namespace: namespace(row.ns), queue: queue(row.queue), task: task(row.task) };
}

function jobsOf(counters: readonly CounterSql[], labels: Labels): StoreMeasures['jobs'] {
  const groups = new Grouped<OfTask & { readonly status: JobStatus }, { count: number }>(() => ({ count: 0 }));
  for (const row of counters) groups.of({ ...taskLabels(labels, row), status: jobCodes.name(row.status) }).count += row.n;
  return groups.map((key, { count }) => ({ ...key, count }));
}

function attemptsOf(tx: Tx, queues: readonly QueueSql[], labels: Labels): StoreMeasures['attempts'] {
  const groups = new Grouped<OfTask, AttemptSums>(() => ({ completed: 0, failed: 0, retries: 0, runs: emptySums(), waits: emptySums() }));
  // By queue, so that a tenant's scrape reads its own cells only, in the order of the key.
  const runs = tx.sql(
    'SELECT task, run AS bucket, sum(completed) AS completed, sum(failed) AS failed, sum(retries) AS retries, sum(run_ms) AS ms FROM measured WHERE queue = ? GROUP BY task, run',
  );
  const waits = tx.sql(
    'SELECT task, wait AS bucket, sum(completed + failed + retries) AS n, sum(wait_ms) AS ms FROM measured WHERE queue = ? GROUP BY task, wait',
  );
  for (const { num, ns } of queues) {
    for (const row of runs.all(num) as { task: number; bucket: number; completed: number; failed: number; retries: number; ms: number }[]) {
      const sums = groups.of(taskLabels(labels, { ns, queue: num, task: row.task }));
      sums.completed += row.completed;
      sums.failed += row.failed;
      sums.retries += row.retries;
      add(sums.runs, row.bucket, row.completed + row.failed + row.retries, row.ms);
    }
    for (const row of waits.all(num) as { task: number; bucket: number; n: number; ms: number }[])
      add(groups.of(taskLabels(labels, { ns, queue: num, task: row.task })).waits, row.bucket, row.n, row.ms);
  }
  return groups.map((key, sums) => ({ ...key, ...sums, runs: durations(sums.runs), waits: durations(sums.waits) }));
}

function emptySums(): Sums {
  return { buckets: new Map(), sumMs: 0 };
}

function add(sums: Sums, bucket: number, n: number, ms: number): void {
  sums.buckets.set(bucket, (sums.buckets.get(bucket) ?? 0) + n);
  sums.sumMs += ms;
}

function durations({ buckets, sumMs }: Sums): Durations {
  return { buckets: [...buckets], sumMs };
}

/** `waiting`: queues that hold a job which may be ready. */
function queuesOf(tx: Tx, queues: readonly QueueSql[], waiting: ReadonlySet<number>, labels: Labels): StoreMeasures['queues'] {
  const groups = new Grouped<Pick<OfTask, 'namespace' | 'queue'>, { paused: number; oldestReadyAt: number | null }>(() => ({ paused: 0, oldestReadyAt: null }));
  for (const { num, ns, paused } of queues) {
    const sums = groups.of({ namespace: labels.namespace(ns), queue: labels.queue(num) });
    const oldest = waiting.has(num) ? oldestReadyAt(tx, num) : null;
    sums.paused += paused;
    if (oldest !== null) sums.oldestReadyAt = Math.min(oldest, sums.oldestReadyAt ?? oldest);
  }
  return groups.map((key, sums) => ({ ...key, ...sums }));
}

/** Rows of `ns`, `status` and `n`. */
function counted<S extends string>(
  tx: Tx,
  ns: number | null,
  { namespace }: Labels,
  rows: string,
  nameOf: (code: number) => S,
): { namespace: string | null; status: S; count: number }[] {
  const groups = new Grouped<{ namespace: string | null; status: S }, { count: number }>(() => ({ count: 0 }));
  for (const row of tx.sql(`SELECT ns, status, n FROM (${rows}) WHERE (@ns IS NULL OR ns = @ns)`).all({ ns }) as { ns: number; status: number; n: number }[])
    groups.of({ namespace: namespace(row.ns), status: nameOf(row.status) }).count += row.n;
  return groups.map((key, { count }) => ({ ...key, count }));
}

function approvalsOf(tx: Tx, ns: number | null, { namespace }: Labels): StoreMeasures['approvals'] {
  const rows = tx
    .sql(
      `SELECT ns, count(*) AS n FROM (SELECT e.ns FROM waiter w INDEXED BY waiter_approval JOIN execution e ON e.num = w.execution
       WHERE w.kind = 2 AND (@ns IS NULL OR e.ns = @ns) LIMIT @limit) GROUP BY ns`,
    )
    .all({ ns, limit: APPROVALS_COUNTED }) as { ns: number; n: number }[];
  const groups = new Grouped<{ namespace: string | null }, { count: number }>(() => ({ count: 0 }));
  for (const row of rows) groups.of({ namespace: namespace(row.ns) }).count += row.n;
  return groups.map((key, { count }) => ({ ...key, count }));
}

function talliesOf(tx: Tx, ns: number | null, { namespace }: Labels): Pick<StoreMeasures, 'occurrences' | 'lateness'> {
  const rows = tx.sql('SELECT ns, what, bucket, n, ms FROM tally WHERE (@ns IS NULL OR ns = @ns) AND what != @lost').all({ ns, lost: LEASE_LOST }) as {
    ns: number;
    what: string;
    bucket: number;
    n: number;
    ms: number;
  }[];
  const ends = new Grouped<{ namespace: string | null; what: string }, { count: number }>(() => ({ count: 0 }));
  const late = new Grouped<{ namespace: string | null }, Sums>(emptySums);
  for (const row of rows) {
    ends.of({ namespace: namespace(row.ns), what: row.what }).count += row.n;
    if (row.bucket >= 0) add(late.of({ namespace: namespace(row.ns) }), row.bucket, row.n, row.ms);
  }
  return {
    occurrences: ends.map((key, { count }) => ({ namespace: key.namespace, status: occurrenceCodes.name(occurrenceCodes.find(key.what) ?? 0), count })),
    lateness: late.map((key, sums) => ({ ...key, ...durations(sums) })),
  };
}

function workersOf(tx: Tx, ns: number | null, { namespace }: Labels): StoreMeasures['workers'] {
  const groups = new Grouped<{ namespace: string | null }, { online: number; held: number; expired: number }>(() => ({ online: 0, held: 0, expired: 0 }));
  const sum = (field: 'online' | 'held' | 'expired', rows: string, more: object = {}): void => {
    for (const row of tx.sql(`SELECT ns, n FROM (${rows}) WHERE (@ns IS NULL OR ns = @ns)`).all({ ns, ...more }) as { ns: number; n: number }[])
      groups.of({ namespace: namespace(row.ns) })[field] += row.n;
  };
  sum('online', 'SELECT ns, count(*) AS n FROM worker WHERE status = 0 GROUP BY ns');
  sum(
    'held',
    'SELECT w.ns, count(*) AS n FROM job j INDEXED BY job_worker JOIN worker w ON w.num = j.worker WHERE j.worker IS NOT NULL AND j.status = 1 GROUP BY w.ns',
  );
  sum('expired', 'SELECT ns, n FROM tally WHERE what = @lost', { lost: LEASE_LOST });
  return groups.map((key, sums) => ({ ...key, ...sums }));
}

function processesOf(tx: Tx, ns: number | null, { namespace }: Labels, now: number): StoreMeasures['processes'] {
  const groups = new Grouped<{ namespace: string | null; role: string }, { count: number }>(() => ({ count: 0 }));
  const rows = tx
    .sql('SELECT p.role, n.num FROM process p JOIN namespace n ON n.name = p.ns WHERE p.heartbeat_at > @silent AND (@ns IS NULL OR n.num = @ns)')
    .all({
      ns,
      silent: now - tx.env.limits.leaseMs,
    }) as { role: string; num: number }[];
  for (const row of rows) groups.of({ namespace: namespace(row.num), role: row.role }).count++;
  return groups.map((key, { count }) => ({ ...key, count }));
}
