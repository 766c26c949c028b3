// Owns one transaction's memory: prepared statements, interned names, counter deltas and the notice; all of it is dropped on
// rollback and becomes visible only after COMMIT.
import type Database from 'better-sqlite3';
import { type ErrorData, StoreError } from '../../domain/errors.ts';
import type { NewEvent } from '../../domain/event.ts';
import type { Json } from '../../domain/json.ts';
import { QUEUE_ORDERS, type QueueOrder } from '../../domain/queue-order.ts';
import type { RateLimit } from '../../domain/rate-limit.ts';
import type { RunResult } from '../../domain/schedule.ts';
import type { BackendEnvironment, CommitNotice, ScheduleSupport } from '../backend.ts';
import { eventCodes } from './codes.ts';
import type { Db } from './connection.ts';
import { FailureJournal } from './failures.ts';
import { HistoryJournal } from './history.ts';
import { type AttemptKind, Measured } from './measured.ts';
import { ResourceUse } from './resource-use.ts';

type Statement = Database.Statement<unknown[], unknown>;
export type RecordStatement = (text: string, parameters: readonly unknown[]) => void;
/** Tables whose numbers other rows and cursors refer to for ever, so a number is never given twice. */
export type Numbered = 'execution' | 'job' | 'event' | 'session';

const LAST: Readonly<Record<Numbered, string>> = {
  execution: 'SELECT max(num) AS n FROM execution',
  job: 'SELECT max(num) AS n FROM job',
  event: 'SELECT max(cursor) AS n FROM event',
  session: 'SELECT max(num) AS n FROM session',
};

/** Tables that are empty most of the time. */
type SeldomUsed = 'inbox' | 'job_need' | 'dedupe' | 'resource_set' | 'resource_turn' | 'allocation' | 'budget' | 'budget_held';
const ANY_ROW: Readonly<Record<SeldomUsed, string>> = {
  inbox: 'SELECT 1 FROM inbox LIMIT 1',
  job_need: 'SELECT 1 FROM job_need LIMIT 1',
  dedupe: 'SELECT 1 FROM dedupe LIMIT 1',
  resource_set: 'SELECT 1 FROM resource_set LIMIT 1',
  resource_turn: 'SELECT 1 FROM resource_turn LIMIT 1',
  // Those that are open.
  allocation: 'SELECT 1 FROM allocation WHERE ended_at IS NULL LIMIT 1',
  // Those that bound something now.
  budget: 'SELECT 1 FROM budget WHERE open = 1 LIMIT 1',
  budget_held: 'SELECT 1 FROM budget_held LIMIT 1',
};
const SELDOM_USED = Object.keys(ANY_ROW) as SeldomUsed[];

/** The limits of one queue; a queue without any has none of these. */
export interface QueueBounds {
  readonly concurrency: number | null;
  readonly rateLimit: RateLimit | null;
}

interface MutableNotice {
  jobsReady: boolean;
  inbox: Set<string>;
  stopJobs: { jobId: string; forced: boolean }[];
  ended: string[];
  changed: string[];
  timersChanged: boolean;
  after: (() => void)[];
}

export interface EventScope {
  readonly ns: number;
  readonly execution?: number | null;
  readonly idx?: number | null;
  readonly item?: number | null;
  readonly job?: number | null;
  readonly session?: number | null;
}

/** The end of a job or an execution that a schedule started. */
export interface ScheduledEnd {
  /** Number of its ledger row. */
  readonly occurrence: number;
  readonly runId: string;
  readonly result: RunResult;
  readonly output: () => Json;
  readonly error: ErrorData | null;
}

/** Bound to one connection; made anew when the file is reopened. */
export class Tx {
  readonly db: Db;
  readonly env: BackendEnvironment;
  /** Time of this transaction, epoch ms. */
  now = 0;
  notice: MutableNotice = emptyNotice();
  readonly #statements = new Map<string, Statement>();
  readonly #names = {
    namespace: new Map<string, number>(),
    task: new Map<string, number>(),
    queue: new Map<string, number>(),
    lane: new Map<string, number>(),
  };
  readonly #byNumber = { namespace: new Map<number, string>(), task: new Map<number, string>(), queue: new Map<number, { ns: number; name: string }>() };
  readonly #counters = new Map<number, Map<number, number[]>>();
  readonly #measured = new Measured();
  /** What is held of resources; written with the counters. */
  readonly uses = new ResourceUse();
  #last: Record<Numbered, number | null> = { execution: null, job: null, event: null, session: null };
  /** Run times of this transaction. */
  readonly history = new HistoryJournal();
  readonly failures = new FailureJournal();
  /** By namespace, then by status. */
  readonly #executionCounts = new Map<number, number[]>();
  readonly #limits = new Map<number, { readonly bounds: QueueBounds | null; readonly order: QueueOrder }>();
  /** Grows whenever a lane is added or a queue is paused, so that readers know when to look again. */
  lanesVersion = 0;
  #eventNames: Set<string> | null = null;
  #dataVersion = -1;
  readonly #sessionIds = new Map<number, string>();
  readonly #laneCaps = new Map<number, readonly string[]>();
  /** Tables that are empty most of the time; undefined = not known. */
  readonly #holdsRows: Record<SeldomUsed, boolean | undefined> = {
    inbox: undefined,
    job_need: undefined,
    dedupe: undefined,
    resource_set: undefined,
    resource_turn: undefined,
    allocation: undefined,
    budget: undefined,
    budget_held: undefined,
  };
  readonly #record: RecordStatement | undefined;

  /** `record` is told of every statement that wrote rows. */
  constructor(db: Db, env: BackendEnvironment, record?: RecordStatement) {
    this.db = db;
    this.env = env;
    this.#record = record;
  }

  /** The prepared statement of a text; texts are constants, so the map stays small. */
  sql(text: string): Statement {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.db.prepare(text) as Statement;
      if (this.#record !== undefined && !statement.readonly && !CONTROL.test(text)) statement = recorded(statement, text, this.#record);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /** True when another process committed since the last one: what is remembered of the file's rows may be wrong. */
  begin(): boolean {
    this.sql('BEGIN IMMEDIATE').run();
    this.now = this.env.now();
    // Inside the write no other process can commit: what was cached is right until the next BEGIN.
    const version = this.dataVersion();
    if (version === this.#dataVersion) return false;
    this.#dataVersion = version;
    this.#eventNames = null;
    this.lanesVersion++;
    this.#limits.clear();
    this.#forgetNumbers();
    for (const table of SELDOM_USED) this.changed(table, undefined);
    return true;
  }

  #forgetNumbers(): void {
    this.#last = { execution: null, job: null, event: null, session: null };
  }

  /** The number of a new row; larger than every number that was ever given. */
  nextNum(table: Numbered): number {
    const next = (this.#last[table] ?? this.lastNum(table)) + 1;
    this.#last[table] = next;
    return next;
  }

  /** The largest number ever given, also when its row was removed. */
  lastNum(table: Numbered): number {
    const kept = (this.sql('SELECT num AS n FROM last_num WHERE name = ?').get(table) as { n: number } | undefined)?.n ?? 0;
    return Math.max(kept, (this.sql(LAST[table]).get() as { n: number | null }).n ?? 0);
  }

  /** Before rows are removed: remembers how far the numbers went. */
  keepNumbers(): void {
    for (const table of ['execution', 'job', 'event', 'session'] as const) {
      this.sql('INSERT INTO last_num (name, num) VALUES (?, ?) ON CONFLICT DO UPDATE SET num = excluded.num').run(table, this.lastNum(table));
    }
  }

  /** False only when the table is surely empty; saves a lookup of 1.5 µs for each result (8 % of a job, measured). */
  holdsRows(table: SeldomUsed): boolean {
    this.#holdsRows[table] ??= this.sql(ANY_ROW[table]).get() !== undefined;
    return this.#holdsRows[table];
  }

  /** Rows were added (true) or removed (undefined: look again). */
  changed(table: SeldomUsed, holds: true | undefined): void {
    this.#holdsRows[table] = holds;
  }

  /** Changes whenever another connection committed (2 µs). */
  dataVersion(): number {
    return (this.sql('PRAGMA data_version').get() as { data_version: number }).data_version;
  }

  commit(): void {
    this.flushCounters();
    this.sql('COMMIT').run();
  }

  rollback(): void {
    if (this.db.inTransaction) this.sql('ROLLBACK').run();
    this.forget();
  }

  /** Drops all memory of the file; what is needed is read again. */
  forget(): void {
    for (const map of Object.values(this.#names)) map.clear();
    for (const map of Object.values(this.#byNumber)) map.clear();
    this.#counters.clear();
    this.#measured.clear();
    this.uses.clear();
    this.history.clear();
    this.failures.clear();
    this.#executionCounts.clear();
    this.#limits.clear();
    for (const table of SELDOM_USED) this.changed(table, undefined);
    this.#eventNames = null;
    this.#laneCaps.clear();
    this.#sessionIds.clear();
    this.lanesVersion++;
    this.#forgetNumbers();
    // What the last BEGIN noticed may not have been acted on: the next one looks again.
    this.#dataVersion = -1;
    this.notice = emptyNotice();
  }

  /** Runs once what this transaction wrote is durable; not at all when it is rolled back. */
  afterCommit(told: () => void): void {
    this.notice.after.push(told);
  }

  takeNotice(): CommitNotice {
    const { after, ...notice } = this.notice;
    this.notice = emptyNotice();
    for (const told of after) told();
    return { ...notice, inbox: [...notice.inbox], foreign: false };
  }

  namespace(name: string): number {
    return this.#intern('namespace', name, () => {
      this.sql('INSERT INTO namespace (name) VALUES (?) ON CONFLICT (name) DO NOTHING').run(name);
      return (this.sql('SELECT num FROM namespace WHERE name = ?').get(name) as { num: number }).num;
    });
  }

  findNamespace(name: string): number | undefined {
    return this.#names.namespace.get(name) ?? (this.sql('SELECT num FROM namespace WHERE name = ?').get(name) as { num: number } | undefined)?.num;
  }

  namespaceName(num: number): string {
    let name = this.#byNumber.namespace.get(num);
    if (name === undefined) {
      name = (this.sql('SELECT name FROM namespace WHERE num = ?').get(num) as { name: string } | undefined)?.name ?? '';
      if (name !== '') this.#byNumber.namespace.set(num, name);
    }
    return name;
  }

  task(name: string): number {
    return this.#intern('task', name, () => {
      this.sql('INSERT INTO task (name) VALUES (?) ON CONFLICT (name) DO NOTHING').run(name);
      return (this.sql('SELECT num FROM task WHERE name = ?').get(name) as { num: number }).num;
    });
  }

  /** What a lane asks of a process; lanes never change. */
  laneCaps(num: number): string[] {
    let caps = this.#laneCaps.get(num);
    if (caps === undefined) {
      caps = JSON.parse((this.sql('SELECT caps FROM lane WHERE num = ?').get(num) as { caps: string }).caps) as string[];
      this.#laneCaps.set(num, caps);
    }
    return [...caps];
  }

  taskName(num: number): string {
    let name = this.#byNumber.task.get(num);
    if (name === undefined) {
      name = (this.sql('SELECT name FROM task WHERE num = ?').get(num) as { name: string }).name;
      this.#byNumber.task.set(num, name);
    }
    return name;
  }

  queue(ns: number, name: string): number {
    return this.#intern('queue', `${ns}/${name}`, () => {
      this.sql('INSERT INTO queue (ns, name) VALUES (?, ?) ON CONFLICT (ns, name) DO NOTHING').run(ns, name);
      return (this.sql('SELECT num FROM queue WHERE ns = ? AND name = ?').get(ns, name) as { num: number }).num;
    });
  }

  findQueue(ns: number, name: string): number | undefined {
    return (
      this.#names.queue.get(`${ns}/${name}`) ?? (this.sql('SELECT num FROM queue WHERE ns = ? AND name = ?').get(ns, name) as { num: number } | undefined)?.num
    );
  }

  queueName(num: number): string {
    let row = this.#byNumber.queue.get(num);
    if (row === undefined) {
      row = this.sql('SELECT ns, name FROM queue WHERE num = ?').get(num) as { ns: number; name: string };
      this.#byNumber.queue.set(num, row);
    }
    return row.name;
  }

  /** Limits of a queue by its number, or null; kept in memory until another process commits. */
  queueLimits(num: number): QueueBounds | null {
    return this.#queueSettings(num).bounds;
  }

  /** In which order a queue is worked off; kept as its limits are. */
  queueOrder(num: number): QueueOrder {
    return this.#queueSettings(num).order;
  }

  #queueSettings(num: number): { readonly bounds: QueueBounds | null; readonly order: QueueOrder } {
    let settings = this.#limits.get(num);
    if (settings === undefined) {
      settings = this.#readSettings(num);
      this.#limits.set(num, settings);
    }
    return settings;
  }

  #readSettings(num: number): { readonly bounds: QueueBounds | null; readonly order: QueueOrder } {
    const row = this.sql('SELECT concurrency, rate_limit AS lim, rate_period AS period, job_order AS ord FROM queue WHERE num = ?').get(num) as
      | { concurrency: number | null; lim: number | null; period: number | null; ord: number }
      | undefined;
    const order = QUEUE_ORDERS[row?.ord ?? 0] ?? 'fifo';
    if (row === undefined || (row.concurrency === null && row.lim === null)) return { bounds: null, order };
    return { bounds: { concurrency: row.concurrency, rateLimit: row.lim === null ? null : { limit: row.lim, periodMs: row.period as number } }, order };
  }

  /** After its row was written. */
  forgetQueueLimits(num: number): void {
    this.#limits.delete(num);
  }

  /** The lane of a queue for a set of capabilities (sorted, unique). */
  lane(queue: number, requires: readonly string[]): number {
    const caps = requires.length === 0 ? '[]' : JSON.stringify([...new Set(requires)].sort());
    return this.#intern('lane', `${queue}/${caps}`, () => {
      const made = this.sql('INSERT INTO lane (queue, caps) VALUES (?, ?) ON CONFLICT (queue, caps) DO NOTHING').run(queue, caps);
      if (made.changes > 0) this.lanesVersion++;
      return (this.sql('SELECT num FROM lane WHERE queue = ? AND caps = ?').get(queue, caps) as { num: number }).num;
    });
  }

  #intern(kind: 'namespace' | 'task' | 'queue' | 'lane', key: string, find: () => number): number {
    let num = this.#names[kind].get(key);
    if (num === undefined) {
      num = find();
      this.#names[kind].set(key, num);
    }
    return num;
  }

  /** Moves one job between the counters of its queue and task type; null = it did not exist or is removed. */
  count(queue: number, task: number, from: number | null, to: number | null): void {
    let tasks = this.#counters.get(queue);
    if (tasks === undefined) {
      tasks = new Map();
      this.#counters.set(queue, tasks);
    }
    let deltas = tasks.get(task);
    if (deltas === undefined) {
      deltas = [0, 0, 0, 0, 0, 0];
      tasks.set(task, deltas);
    }
    if (from !== null) (deltas[from] as number)--;
    if (to !== null) (deltas[to] as number)++;
  }

  countExecution(ns: number, from: number | null, to: number | null): void {
    const counts = this.#executionCounts.get(ns) ?? [];
    this.#executionCounts.set(ns, counts);
    if (from !== null) counts[from] = (counts[from] ?? 0) - 1;
    if (to !== null) counts[to] = (counts[to] ?? 0) + 1;
  }

  /** One ended attempt, for the statistics of its queue and task type. */
  measure(queue: number, task: number, kind: AttemptKind, runMs: number, waitMs: number): void {
    this.#measured.add(queue, task, kind, runMs, waitMs);
  }

  sessionId(num: number): string {
    let id = this.#sessionIds.get(num);
    if (id === undefined) {
      id = (this.sql('SELECT id FROM session WHERE num = ?').get(num) as { id: string } | undefined)?.id ?? '';
      this.#sessionIds.set(num, id);
    }
    return id;
  }

  sessionNum(id: string): number | null {
    return (this.sql('SELECT num FROM session WHERE id = ?').get(id) as { num: number } | undefined)?.num ?? null;
  }

  /** Writes the counters that were kept in memory; COMMIT does it too. */
  flushCounters(): void {
    for (const [queue, tasks] of this.#counters) {
      for (const [task, deltas] of tasks) {
        for (let status = 0; status < deltas.length; status++) {
          const delta = deltas[status] as number;
          if (delta !== 0)
            this.sql('INSERT INTO counter (queue, task, status, n) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n').run(
              queue,
              task,
              status,
              delta,
            );
        }
      }
    }
    this.#counters.clear();
    this.#measured.flush(this);
    this.uses.flush(this);
    this.history.flush(this);
    this.failures.flush(this);
    for (const [ns, counts] of this.#executionCounts) {
      for (const [status, delta] of counts.entries()) {
        if (delta)
          this.sql('INSERT INTO execution_counter (ns, status, n) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n').run(ns, status, delta);
      }
    }
    this.#executionCounts.clear();
  }

  /** Appends to the durable log and wakes wait.event steps that listen for this type. */
  log(scope: EventScope, event: NewEvent): void {
    this.sql('INSERT INTO event (cursor, at, type, ns, execution, idx, item, job, session, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      this.nextNum('event'),
      this.now,
      eventCodes.of(event.type),
      scope.ns,
      scope.execution ?? null,
      scope.idx ?? null,
      scope.item ?? null,
      scope.job ?? null,
      scope.session ?? null,
      event.data === undefined ? null : JSON.stringify(event.data),
    );
    if (this.eventNames().has(event.type)) this.onAwaited(scope, event);
  }

  /** Set by the schedule part: a run that a schedule started has ended; `output` reads its result. */
  onScheduledEnd: (end: ScheduledEnd) => void = () => undefined;

  /** The same when such a job or execution goes on after its end. */
  onScheduledReopen: (run: Pick<ScheduledEnd, 'occurrence' | 'runId'>) => void = () => undefined;

  schedules(): ScheduleSupport {
    const { schedules } = this.env;
    if (schedules === undefined) throw new StoreError('not_available', 'This program was opened without schedules.');
    return schedules;
  }

  /** Set by the execution part: delivers a logged event to the steps that wait for it. */
  onAwaited: (scope: EventScope, event: NewEvent) => void = () => undefined;

  /** Names that some wait.event step listens for; almost always empty, so it is kept in memory. */
  eventNames(): Set<string> {
    if (this.#eventNames === null) {
      this.#eventNames = new Set((this.sql('SELECT DISTINCT name FROM waiter WHERE kind = 3').all() as { name: string }[]).map((row) => row.name));
    }
    return this.#eventNames;
  }

  forgetEventNames(): void {
    this.#eventNames = null;
  }
}

/** Statements that write no rows, whatever SQLite says of them. */
const CONTROL = /^(?:BEGIN|COMMIT|ROLLBACK|PRAGMA)\b/;

/** The same statement, but each run of it is told once it is done: one that throws has changed nothing. */
function recorded(statement: Statement, text: string, record: RecordStatement): Statement {
  const told = <T>(run: (...parameters: unknown[]) => T): ((...parameters: unknown[]) => T) => {
    return (...parameters) => {
      const result = run(...parameters);
      record(text, parameters);
      return result;
    };
  };
  return {
    run: told((...parameters) => statement.run(...parameters)),
    get: told((...parameters) => statement.get(...parameters)),
    all: told((...parameters) => statement.all(...parameters)),
  } as unknown as Statement;
}

function emptyNotice(): MutableNotice {
  return { jobsReady: false, inbox: new Set(), stopJobs: [], ended: [], changed: [], timersChanged: false, after: [] };
}
