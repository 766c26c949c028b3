// Owns the sqlite adapter: each verb of the port is one operation of the group commit; reads go straight to the connection.
import { existsSync, statSync } from 'node:fs';
import { StoreError, type ErrorData } from '../../domain/errors.ts';
import type { Job, JobStatus, NewJob } from '../../domain/job.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import type { Plan } from '../../domain/plan.ts';
import { DEFAULT_RETRY } from '../../domain/retry-policy.ts';
import type { Session, SessionCall } from '../../domain/session.ts';
import type { Decide } from '../../domain/transition.ts';
import type { StoredDefinition, WorkflowDefinition } from '../../domain/workflow-definition.ts';
import type { ExecutionStatus, ParentLink } from '../../domain/workflow-execution.ts';
import type { Backend, BackendEnvironment, CommitNotice, ExecutionSummary, QueueStats, StepScope, StepView, StoreStatus } from '../backend.ts';
import { Artifacts } from './artifacts.ts';
import { executionCodes, JOB, jobCodes, timerCodes } from './codes.ts';
import { type Db, openConnection, type OpenOptions, storeError } from './connection.ts';
import { EventLog } from './event-log.ts';
import { type ExecutionRecord, ExecutionRows } from './execution-rows.ts';
import { Executions, PARKED_MS } from './executions.ts';
import { GroupCommit } from './group-commit.ts';
import { JobRows, type JobSql } from './job-rows.ts';
import { Jobs } from './jobs.ts';
import { Lists } from './lists.ts';
import { Outputs, outputOf } from './outputs.ts';
import { Plans } from './plans.ts';
import { Processes } from './processes.ts';
import { lookUp, remember } from './receipts.ts';
import { Retention } from './retention.ts';
import { SCHEMA_VERSION, versionOf } from './schema.ts';
import { Sessions } from './sessions.ts';
import { stepViews } from './step-views.ts';
import { Tx } from './tx.ts';

/** All that belongs to one connection; made anew when the file is reopened. */
interface Parts {
  readonly db: Db;
  readonly tx: Tx;
  readonly rows: ExecutionRows;
  readonly jobRows: JobRows;
  readonly plans: Plans;
  readonly outputs: Outputs;
  readonly executions: Executions;
  readonly jobs: Jobs;
  readonly sessions: Sessions;
  readonly lists: Lists;
  readonly log: EventLog;
  readonly artifacts: Artifacts;
  readonly retention: Retention;
}

type Params<K extends keyof Backend> = Backend[K] extends (p: infer P) => unknown ? P : never;
type Result<K extends keyof Backend> = Backend[K] extends (...p: never[]) => infer R ? R : never;

const CLEAR_CHUNK = 500;

/** Opens the file (or `:memory:`) and gives the whole port on it. */
export function openSqliteBackend(options: OpenOptions, env: BackendEnvironment): SqliteBackend {
  return new SqliteBackend(options, env);
}

export class SqliteBackend implements Backend {
  readonly kind: 'sqlite' | 'in_memory';
  readonly capabilities: Backend['capabilities'];
  readonly #options: OpenOptions;
  readonly #env: BackendEnvironment;
  readonly #commit: GroupCommit<Parts>;
  readonly #processes: Processes;
  readonly #listeners = new Set<(notice: CommitNotice) => void>();
  #parts: Parts;
  #foreignVersion = -1;

  constructor(options: OpenOptions, env: BackendEnvironment) {
    const memory = options.path === ':memory:';
    this.kind = memory ? 'in_memory' : 'sqlite';
    this.capabilities = { textSearch: true, durable: !memory, shared: !memory };
    this.#options = options;
    this.#env = env;
    this.#parts = this.#build(openConnection(options));
    this.#processes = new Processes(options.path, env);
    this.#foreignVersion = this.#parts.tx.dataVersion();
    this.#commit = new GroupCommit<Parts>({
      begin: () => {
        this.#parts.tx.begin();
        this.#parts.rows.begin();
        this.#refuseNewerSchema();
      },
      state: () => this.#parts,
      commit: () => {
        this.#parts.rows.flush();
        this.#parts.tx.commit();
      },
      rollback: () => this.#rollback(),
      published: () => this.#publish(),
      reopen: () => this.#reopen(),
      toError: (error) => (error instanceof Error && 'retryable' in error ? error : storeError(error, options.path)),
    });
  }

  #build(db: Db): Parts {
    const tx = new Tx(db, this.#env);
    const rows = new ExecutionRows(tx);
    const jobRows = new JobRows(tx, rows);
    const plans = new Plans(tx);
    const outputs = new Outputs(tx);
    const executions = new Executions(tx, rows, jobRows, plans, outputs);
    const jobs = new Jobs(tx, jobRows, executions, plans);
    const sessions = new Sessions(tx, executions, jobs);
    const lists = new Lists(tx, {
      execution: (raw) => this.#summary(rows.read(raw)),
      job: (raw) => this.#job(raw as JobSql),
      session: (raw) => sessions.read(raw),
      definition: (raw) => this.#definition(raw),
    });
    return { db, tx, rows, jobRows, plans, outputs, executions, jobs, sessions, lists, log: new EventLog(tx, rows, plans), artifacts: new Artifacts(tx, rows), retention: new Retention(tx, outputs) };
  }

  #refuseNewerSchema(): void {
    const version = (this.#parts.tx.sql('PRAGMA user_version').get() as { user_version: number }).user_version;
    if (version > SCHEMA_VERSION) {
      this.#rollback();
      throw new StoreError('store_newer', 'A newer version of this program migrated the file; this process can no longer write to it.', { nextActions: ['Restart this process with the newer version.'] });
    }
  }

  #rollback(): void {
    this.#parts.tx.rollback();
    this.#parts.rows.forget();
    this.#parts.outputs.forget();
  }

  #reopen(): void {
    try {
      this.#rollback();
    } catch {
      // The connection is being given up; its transaction ends with it.
    }
    if (this.kind === 'in_memory') return;
    this.#parts.db.close();
    this.#parts = this.#build(openConnection(this.#options));
  }

  #publish(): void {
    const notice = this.#parts.tx.takeNotice();
    if (this.#listeners.size > 0) this.#tell(notice);
  }

  #tell(notice: CommitNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  pollForeign(): boolean {
    const version = this.#parts.tx.dataVersion();
    if (version === this.#foreignVersion) return false;
    this.#foreignVersion = version;
    this.#tell({ jobsReady: true, inbox: [], stopJobs: [], ended: [], changed: [], timersChanged: true, foreign: true });
    return true;
  }

  // ---- processes

  async join(p: Params<'join'>): Promise<number> {
    const lockFile = this.#processes.lock();
    const epoch = await this.#commit.submit(({ tx }) => this.#processes.insert(tx, p, lockFile));
    this.#processes.joined(epoch);
    return epoch;
  }

  heartbeat(p: Params<'heartbeat'>): Result<'heartbeat'> {
    return this.#commit.submit(({ tx }) => ({ alive: this.#processes.heartbeat(tx, p.epoch) }));
  }

  async leave(p: Params<'leave'>): Promise<void> {
    for (let more = true; more; ) {
      more = (await this.#commit.submit(({ tx, jobs }) => this.#processes.takeBack(tx, p.epoch, jobs, p.decide, true))).more;
    }
    this.#processes.unlock(p.epoch);
  }

  async reclaim(p: Params<'reclaim'>): Result<'reclaim'> {
    return this.#commit.submit(({ tx, jobs }) => {
      const dead = this.#processes.dead(tx, p.epoch);
      let taken = 0;
      let more = false;
      for (const epoch of dead) {
        const part = this.#processes.takeBack(tx, epoch, jobs, p.decide, false);
        taken += part.jobs;
        more ||= part.more;
        if (taken >= CLEAR_CHUNK) break;
      }
      return { processes: dead.length, jobs: taken, more };
    });
  }

  listProcesses(): Result<'listProcesses'> {
    return this.#processes.list(this.#parts.tx);
  }

  // ---- definitions

  putDefinition(p: Params<'putDefinition'>): Result<'putDefinition'> {
    return this.#commit.submit(({ tx }) => {
      const receipt = lookUp(tx, p.receipt);
      if (receipt.kind === 'conflict') return { kind: 'conflict' as const, error: receipt.error };
      if (receipt.kind === 'replay') {
        const stored = this.definitionById((receipt.reply as { id: string }).id);
        if (stored !== null) return { kind: 'stored' as const, stored, created: false, replayed: true };
      }
      const ns = tx.namespace(p.namespace);
      if (!p.listed) {
        const known = tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? AND hash = ? ORDER BY deleted, version DESC LIMIT 1').get(ns, p.definition.name, p.hash);
        if (known !== undefined) return { kind: 'stored' as const, stored: this.#definition(known), created: false, replayed: false };
      }
      const newest = tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? ORDER BY version DESC LIMIT 1').get(ns, p.definition.name) as { version: number; hash: string; deleted: number } | undefined;
      let created = false;
      let row: unknown = newest;
      if (newest === undefined || newest.hash !== p.hash || newest.deleted === 1) {
        const version = (newest?.version ?? 0) + 1;
        row = tx.sql('INSERT INTO definition (id, ns, name, version, hash, json, created_at, deleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *').get(p.id, ns, p.definition.name, version, p.hash, JSON.stringify(p.definition), tx.now, p.listed ? 0 : 1);
        if (p.listed) tx.log({ ns }, { type: 'workflow_created', data: { workflow: p.definition.name, version, id: p.id } });
        created = true;
      }
      const stored = this.#definition(row);
      if (receipt.kind === 'new') remember(tx, p.receipt, { id: stored.id });
      return { kind: 'stored' as const, stored, created, replayed: false };
    });
  }

  findDefinition(p: Params<'findDefinition'>): StoredDefinition | null {
    const tx = this.#parts.tx;
    const ns = tx.findNamespace(p.namespace);
    if (ns === undefined) return null;
    const row =
      p.version === undefined
        ? tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? AND deleted = 0 ORDER BY version DESC LIMIT 1').get(ns, p.name)
        : tx.sql('SELECT * FROM definition WHERE ns = ? AND name = ? AND version = ? AND deleted = 0').get(ns, p.name, p.version);
    return row === undefined ? null : this.#definition(row);
  }

  definitionById(id: string): StoredDefinition | null {
    const row = this.#parts.tx.sql('SELECT * FROM definition WHERE id = ?').get(id);
    return row === undefined ? null : this.#definition(row);
  }

  planOf(hash: string): Plan | null {
    return this.#parts.plans.find(hash) ?? null;
  }

  deleteDefinition(p: Params<'deleteDefinition'>): Promise<boolean> {
    // Runs in flight are pinned by hash, so the row stays; only the name is free again.
    return this.#commit.submit(({ tx }) => tx.sql('UPDATE definition SET deleted = 1 WHERE id = ? AND deleted = 0').run(p.id).changes > 0);
  }

  listDefinitions(p: Params<'listDefinitions'>): Result<'listDefinitions'> {
    return this.#parts.lists.definitions(p);
  }

  #definition(raw: unknown): StoredDefinition {
    const row = raw as { id: string; ns: number; name: string; version: number; hash: string; created_at: number; json: string };
    return { id: row.id, namespace: this.#parts.tx.namespaceName(row.ns), name: row.name, version: row.version, hash: row.hash, createdAt: row.created_at, definition: JSON.parse(row.json) as WorkflowDefinition };
  }

  // ---- executions

  startExecution(p: Params<'startExecution'>): Result<'startExecution'> {
    return this.#commit.submit(({ tx, executions, sessions }) => {
      const receipt = lookUp(tx, p.receipt);
      if (receipt.kind === 'conflict') return { kind: 'conflict' as const, error: receipt.error };
      if (receipt.kind === 'replay') {
        const executionId = (receipt.reply as { executionId: string }).executionId;
        return { kind: 'started' as const, executionId, replayed: true, status: executions.rows.byId(executionId)?.row.status ?? ('completed' as ExecutionStatus) };
      }
      if (p.sessionId !== null) sessions.requireOpen(p.sessionId);
      const record = executions.start(p, p.decide);
      remember(tx, p.receipt, { executionId: p.id });
      return { kind: 'started' as const, executionId: p.id, replayed: false, status: record.row.status };
    });
  }

  update(p: Params<'update'>): Result<'update'> {
    return this.#commit.submit(({ tx, executions }) => {
      const record = executions.rows.byId(p.executionId);
      if (record === undefined) return { kind: 'not_found' as const };
      const receipt = lookUp(tx, p.receipt);
      if (receipt.kind === 'conflict') return { kind: 'updated' as const, reply: { kind: 'refused' as const, code: 'conflict', message: receipt.error.message }, status: record.row.status };
      if (receipt.kind === 'replay') return { kind: 'updated' as const, reply: { kind: 'replayed' as const, message: (receipt.reply as { message: string }).message }, status: record.row.status };
      const reply = executions.update(record, p.events, p.decide);
      if (reply !== null && reply.kind !== 'refused') remember(tx, p.receipt, { message: reply.message });
      return { kind: 'updated' as const, reply, status: record.row.status };
    });
  }

  pendingInbox(p: Params<'pendingInbox'>): readonly string[] {
    const rows = this.#parts.tx.sql('SELECT e.id FROM (SELECT execution, min(seq) AS seq FROM inbox GROUP BY execution ORDER BY seq LIMIT ?) i JOIN execution e ON e.num = i.execution').all(p.limit) as { id: string }[];
    return rows.map((row) => row.id);
  }

  #executionSql(id: string): unknown {
    return this.#parts.tx.sql('SELECT * FROM execution WHERE id = ?').get(id);
  }

  getExecution(id: string): ExecutionSummary | null {
    const sql = this.#executionSql(id);
    return sql === undefined ? null : this.#summary(this.#parts.rows.read(sql));
  }

  #summary(record: ExecutionRecord): ExecutionSummary {
    return { ...record.row, totalSteps: this.#parts.plans.find(record.row.hash)?.mainCount ?? record.row.stepsDone, gate: record.gate };
  }

  getSteps(p: Params<'getSteps'>): readonly StepView[] {
    const sql = this.#executionSql(p.executionId);
    if (sql === undefined) return [];
    const record = this.#parts.rows.read(sql);
    return stepViews(this.#parts.tx, record, this.#parts.plans.require(record.row.hash), p.after, p.limit);
  }

  getStep(p: Params<'getStep'>): StepView | null {
    const sql = this.#executionSql(p.executionId);
    if (sql === undefined) return null;
    const record = this.#parts.rows.read(sql);
    const plan = this.#parts.plans.require(record.row.hash);
    const index = plan.indexOf.get(p.stepId);
    return index === undefined ? null : (stepViews(this.#parts.tx, record, plan, index - 1, 1)[0] ?? null);
  }

  getOutput(p: Params<'getOutput'>): Json | undefined {
    const sql = this.#executionSql(p.executionId);
    if (sql === undefined) return undefined;
    const record = this.#parts.rows.read(sql);
    if (p.stepId === null) return this.#parts.executions.output(record);
    const index = this.#parts.plans.require(record.row.hash).indexOf.get(p.stepId);
    const row = index === undefined ? undefined : this.#parts.executions.readStep(record.num, index);
    return row?.output ? this.#parts.outputs.ofStep(record.num, row.index, row.output) : undefined;
  }

  listExecutions(p: Params<'listExecutions'>): Result<'listExecutions'> {
    return this.#parts.lists.executions(p);
  }

  childrenOf(p: Params<'childrenOf'>): readonly ExecutionSummary[] {
    const num = this.#parts.rows.numOf(p.executionId) ?? -1;
    return this.#parts.tx.sql('SELECT * FROM execution WHERE parent = ? ORDER BY parent_step, parent_item, num LIMIT ?').all(num, p.limit).map((raw) => this.#summary(this.#parts.rows.read(raw)));
  }

  parentOf(id: string): ParentLink | null {
    return this.getExecution(id)?.parent ?? null;
  }

  stepScope(p: Params<'stepScope'>): StepScope | null {
    const { plans, rows, outputs, executions } = this.#parts;
    const sql = this.#executionSql(p.executionId);
    if (sql === undefined) return null;
    const record = rows.read(sql);
    const plan = plans.require(record.row.hash);
    const node = plan.nodes[p.index];
    if (node === undefined) return null;
    const steps: Record<string, Json> = {};
    for (const id of node.renderReads) {
      const index = plan.indexOf.get(id);
      const row = index === undefined ? undefined : executions.readStep(record.num, index);
      steps[id] = { output: outputOf(outputs, record.num, row), status: row?.status ?? 'pending', error: (row?.error ?? null) as Json };
    }
    return {
      input: record.row.input,
      steps,
      item: p.item === null ? null : outputs.item(record.num, p.index, p.item),
      index: p.item,
      session: { id: record.row.sessionId, context: executions.sessionContext(record.session) },
      execution: { id: record.row.id, workflow: record.row.workflow, version: record.row.version, attempt: record.row.retries + 1, error: (record.row.error ?? null) as Json },
    };
  }

  // ---- jobs

  enqueueJobs(p: Params<'enqueueJobs'>): Result<'enqueueJobs'> {
    return this.#commit.submit((parts) => {
      const receipt = lookUp(parts.tx, p.receipt);
      if (receipt.kind === 'conflict') return { kind: 'conflict' as const, error: receipt.error };
      if (receipt.kind === 'replay') return { kind: 'enqueued' as const, jobIds: receipt.reply as string[], replayed: true };
      for (const session of new Set(p.jobs.map((job) => job.sessionId))) if (session !== null) parts.sessions.requireOpen(session);
      const missing = this.#missingNeed(parts, p.jobs);
      if (missing !== null) return { kind: 'conflict' as const, error: missing };
      for (const job of p.jobs) this.#enqueueOne(parts, job);
      const jobIds = p.jobs.map((job) => job.id);
      remember(parts.tx, p.receipt, jobIds);
      return { kind: 'enqueued' as const, jobIds, replayed: false };
    });
  }

  #missingNeed(parts: Parts, jobs: readonly NewJob[]): ErrorData | null {
    const own = new Set(jobs.map((job) => job.id));
    for (const job of jobs) {
      for (const need of job.dependsOn) {
        if (own.has(need) || parts.tx.sql('SELECT 1 FROM job WHERE id = ?').get(need) !== undefined) continue;
        return new StoreError('not_found', `depends_on names ${need}, which does not exist.`, { path: 'depends_on', expected: 'ids of jobs that exist' }).toData();
      }
    }
    return null;
  }

  /** Batches come in an order in which each job follows what it depends on. */
  #enqueueOne(parts: Parts, job: NewJob): void {
    if (job.dependsOn.length === 0) {
      parts.jobRows.insert(job, NO_NEEDS);
      return;
    }
    const open: number[] = [];
    let failed = 0;
    for (const id of new Set(job.dependsOn)) {
      const need = parts.tx.sql('SELECT num, status FROM job WHERE id = ?').get(id) as { num: number; status: number };
      if (need.status === JOB.completed) continue;
      if (need.status === JOB.failed || need.status === JOB.cancelled) failed++;
      else open.push(need.num);
    }
    const num = parts.jobRows.insert(job, { open, failed });
    if (failed > 0 && job.when === 'all_success') {
      const row = parts.jobRows.byNum(num) as JobSql;
      parts.jobRows.end(row, 'cancelled', new StoreError('dependency_failed', 'A job it depends on did not complete.').toData(), false);
      parts.jobs.tellDependents(num, false);
    }
  }

  claimJobs(p: Params<'claimJobs'>): Result<'claimJobs'> {
    return this.#commit.submit(({ jobs }) => jobs.claim(p));
  }

  settleJob(p: Params<'settleJob'>): Result<'settleJob'> {
    return this.#commit.submit(({ jobs }) => jobs.settle(p));
  }

  reportProgress(p: Params<'reportProgress'>): Promise<boolean> {
    return this.#commit.submit(({ tx, jobs }) => {
      const row = tx.sql('UPDATE job SET progress = ? WHERE id = ? AND token = ? AND status = 1 RETURNING num').get(JSON.stringify({ share: p.share, message: p.message }), p.jobId, p.token) as { num: number } | undefined;
      if (row === undefined) return false;
      jobs.addLogs(row.num, p.logs);
      return true;
    });
  }

  cancelJob(p: Params<'cancelJob'>): Result<'cancelJob'> {
    return this.#commit.submit(({ jobs }) => jobs.cancel(p));
  }

  redriveJob(p: Params<'redriveJob'>): Result<'redriveJob'> {
    return this.#commit.submit(({ jobs }) => jobs.redrive(p.jobId));
  }

  clearQueue(p: Params<'clearQueue'>): Promise<number> {
    return this.#commit.submit(({ tx, jobs }) => {
      const queue = this.#findQueue(p.namespace, p.queue);
      const found = tx.sql('SELECT * FROM job WHERE queue = ? AND execution IS NULL AND status IN (0, 5) ORDER BY num LIMIT ?').all(queue, Math.min(p.limit, CLEAR_CHUNK)) as JobSql[];
      let count = 0;
      for (const job of found) if (jobs.cancel({ jobId: job.id, reason: 'The queue was cleared.', decide: NO_DECISION }).kind === 'cancelled') count++;
      return count;
    });
  }

  setQueuePaused(p: Params<'setQueuePaused'>): Promise<void> {
    return this.#commit.submit(({ tx }) => {
      tx.sql('UPDATE queue SET paused = ? WHERE num = ?').run(p.paused ? 1 : 0, tx.queue(tx.namespace(p.namespace), p.queue));
      tx.lanesVersion++;
      tx.notice.jobsReady ||= !p.paused;
    });
  }

  #findQueue(namespace: string, queue: string): number {
    const ns = this.#parts.tx.findNamespace(namespace);
    return ns === undefined ? -1 : (this.#parts.tx.findQueue(ns, queue) ?? -1);
  }

  getJob(id: string): Job | null {
    const sql = this.#parts.jobRows.byId(id);
    return sql === undefined ? null : this.#job(sql);
  }

  #job(sql: JobSql): Job {
    if (sql.execution === null) return this.#parts.jobRows.toJob(sql);
    const hash = (this.#parts.tx.sql('SELECT hash FROM execution WHERE num = ?').get(sql.execution) as { hash: string } | undefined)?.hash;
    const plan = hash === undefined ? undefined : this.#parts.plans.find(hash);
    const job = this.#parts.jobRows.toJob(sql, { stepId: (index) => plan?.nodes[index]?.id ?? null, retry: (index) => plan?.nodes[index]?.step.retry ?? DEFAULT_RETRY });
    if (sql.item !== null || sql.status !== JOB.completed) return job;
    const row = this.#parts.executions.readStep(sql.execution, sql.idx as number);
    return { ...job, result: outputOf(this.#parts.outputs, sql.execution, row) };
  }

  peekJob(p: Params<'peekJob'>): Job | null {
    const lanes = this.#parts.tx.sql('SELECT num FROM lane WHERE queue = ?').all(this.#findQueue(p.namespace, p.queue)) as { num: number }[];
    let best: JobSql | null = null;
    for (const lane of lanes) {
      const head = this.#parts.tx.sql('SELECT * FROM job WHERE lane = ? AND rank IS NOT NULL ORDER BY rank, num LIMIT 1').get(lane.num) as JobSql | undefined;
      if (head !== undefined && (best === null || (head.rank as number) < (best.rank as number) || (head.rank === best.rank && head.num < best.num))) best = head;
    }
    return best === null ? null : this.#job(best);
  }

  queueSize(p: Params<'queueSize'>): number {
    const row = this.#parts.tx.sql('SELECT coalesce(sum(n), 0) AS n FROM counter WHERE queue = ? AND status IN (0, 5)').get(this.#findQueue(p.namespace, p.queue)) as { n: number };
    return row.n;
  }

  listJobs(p: Params<'listJobs'>): Result<'listJobs'> {
    return this.#parts.lists.jobs(p);
  }

  jobLogs(p: Params<'jobLogs'>): Result<'jobLogs'> {
    const rows = this.#parts.tx.sql('SELECT l.at, l.level, l.message, l.fields FROM job_log l JOIN job j ON j.num = l.job WHERE j.id = ? ORDER BY l.seq').all(p.jobId) as { at: number; level: string; message: string; fields: string | null }[];
    return rows.map((row) => ({ ...row, fields: row.fields === null ? null : (JSON.parse(row.fields) as JsonObject) }));
  }

  queueStats(p: Params<'queueStats'>): readonly QueueStats[] {
    const tx = this.#parts.tx;
    const rows = tx
      .sql('SELECT c.queue, c.task, c.status, c.n, q.ns, q.name FROM counter c JOIN queue q ON q.num = c.queue ORDER BY q.ns, q.name, c.task')
      .all() as { queue: number; task: number; status: number; n: number; ns: number; name: string }[];
    const wanted = p.namespace === undefined ? undefined : tx.findNamespace(p.namespace);
    const stats = new Map<string, Omit<QueueStats, 'counts'> & { counts: Record<JobStatus, number> }>();
    for (const row of rows) {
      if (p.namespace !== undefined && row.ns !== wanted) continue;
      const key = `${row.queue}/${row.task}`;
      let entry = stats.get(key);
      if (entry === undefined) {
        const measured = tx.sql('SELECT * FROM task_stat WHERE queue = ? AND task = ?').get(row.queue, row.task) as { completed: number; failed: number; retries: number; run_ms: number; run_max: number; wait_ms: number; runs: number } | undefined;
        entry = {
          namespace: tx.namespaceName(row.ns), queue: row.name, task: tx.taskName(row.task), counts: { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0, retry: 0 },
          completed: measured?.completed ?? 0, failed: measured?.failed ?? 0, retries: measured?.retries ?? 0,
          meanRunMs: measured ? measured.run_ms / measured.runs : null, maxRunMs: measured?.run_max ?? null, meanWaitMs: measured ? measured.wait_ms / measured.runs : null,
        };
        stats.set(key, entry);
      }
      entry.counts[jobCodes.name(row.status)] = row.n;
    }
    return [...stats.values()];
  }

  gateHolders(p: Params<'gateHolders'>): Result<'gateHolders'> {
    const tx = this.#parts.tx;
    const row = tx.sql('SELECT cap, used FROM gate WHERE key = ?').get(p.gate) as { cap: number; used: number } | undefined;
    const kind = p.gate[0];
    const num = Number(p.gate.slice(2));
    const sql =
      kind === 'k' ? 'SELECT id FROM execution WHERE concurrency_key = ? AND ended_at IS NULL AND gate IS NULL ORDER BY num LIMIT ?'
      : kind === 'w' ? 'SELECT id FROM execution WHERE session = ? AND ended_at IS NULL AND gate IS NULL ORDER BY num LIMIT ?'
      : kind === 's' ? 'SELECT id FROM job WHERE session = ? AND (rank IS NOT NULL OR owner IS NOT NULL) ORDER BY num LIMIT ?'
      : 'SELECT id FROM job WHERE execution = ? AND (rank IS NOT NULL OR owner IS NOT NULL) ORDER BY num LIMIT ?';
    const holders = tx.sql(sql).all(kind === 'k' ? p.gate : num, p.limit) as { id: string }[];
    return { limit: row?.cap ?? 0, used: row?.used ?? 0, holders: holders.map((holder) => holder.id) };
  }

  // ---- time

  async fireDue(p: Params<'fireDue'>): Result<'fireDue'> {
    const fired = await this.#commit.submit((parts) => {
      const jobs = parts.jobs.fireDue(p.limit, p.decide);
      const timers = this.#fireTimers(parts, p.limit, p.decide);
      return jobs + timers + parts.sessions.expire(p.limit, p.decide);
    });
    return { fired, nextDueAt: this.#nextDueAt() };
  }

  #fireTimers(parts: Parts, limit: number, decide: Decide): number {
    const { tx, executions } = parts;
    const due = tx.sql('SELECT execution, kind, idx, due_at FROM timer WHERE due_at <= ? ORDER BY due_at LIMIT ?').all(tx.now, limit) as { execution: number; kind: number; idx: number; due_at: number }[];
    for (const timer of due) {
      const record = executions.rows.load(timer.execution);
      const kind = timerCodes.name(timer.kind);
      if (record !== undefined && record.row.paused && (kind === 'wake' || kind === 'wait_timeout')) {
        tx.sql(`UPDATE timer SET due_at = due_at + ${PARKED_MS} WHERE execution = ? AND kind = ? AND idx = ?`).run(timer.execution, timer.kind, timer.idx);
        continue;
      }
      tx.sql('DELETE FROM timer WHERE execution = ? AND kind = ? AND idx = ?').run(timer.execution, timer.kind, timer.idx);
      if (record !== undefined) executions.update(record, [{ type: 'timer', timer: kind, step: timer.idx < 0 ? null : timer.idx, dueAt: timer.due_at }], decide);
    }
    return due.length;
  }

  #nextDueAt(): number | null {
    const row = this.#parts.tx
      .sql(
        `SELECT min(due) AS due FROM (SELECT min(due_at) AS due FROM job WHERE due_at IS NOT NULL UNION ALL SELECT min(due_at) FROM timer WHERE due_at < ${PARKED_MS}
         UNION ALL SELECT min(expires_at) FROM session WHERE expires_at IS NOT NULL AND closed_at IS NULL)`,
      )
      .get() as { due: number | null };
    return row.due;
  }

  // ---- sessions

  putSession(p: Params<'putSession'>): Result<'putSession'> {
    return this.#commit.submit(({ tx, sessions }) => {
      const receipt = lookUp(tx, p.receipt);
      if (receipt.kind === 'conflict') return { conflict: receipt.error };
      if (receipt.kind === 'replay') return { session: sessions.get((receipt.reply as { id: string }).id) as Session, replayed: true };
      sessions.insert(p.session);
      remember(tx, p.receipt, { id: p.session.id });
      return { session: p.session, replayed: false };
    });
  }

  getSession(id: string): Session | null {
    return this.#parts.sessions.get(id);
  }

  updateSession(p: Params<'updateSession'>): Promise<Session | null> {
    return this.#commit.submit(({ sessions }) => sessions.update(p.id, p.change));
  }

  async closeSession(p: Params<'closeSession'>): Result<'closeSession'> {
    const first = await this.#commit.submit(({ sessions }) => sessions.close(p.id, p.status, p.policy, p.decide));
    let cancelled = first.cancelled;
    for (let last = cancelled; last > 0; cancelled += last) last = (await this.#commit.submit(({ sessions }) => sessions.close(p.id, p.status, p.policy, p.decide))).cancelled;
    return { ...first, cancelled };
  }

  recordCall(p: Params<'recordCall'>): Promise<void> {
    return this.#commit.submit(({ sessions }) => sessions.recordCall(p.sessionId, p.call));
  }

  sessionCalls(p: Params<'sessionCalls'>): readonly SessionCall[] {
    return this.#parts.sessions.calls(p.sessionId, p.limit);
  }

  listSessions(p: Params<'listSessions'>): Result<'listSessions'> {
    return this.#parts.lists.sessions(p);
  }

  // ---- artifacts, events, status

  putArtifact(p: Params<'putArtifact'>): Result<'putArtifact'> {
    return this.#commit.submit(({ artifacts }) => artifacts.insert(p));
  }

  getArtifact(p: Params<'getArtifact'>): Result<'getArtifact'> {
    return this.#parts.artifacts.get(p);
  }

  listArtifacts(p: Params<'listArtifacts'>): Result<'listArtifacts'> {
    return this.#parts.artifacts.list(p.executionId);
  }

  readEvents(p: Params<'readEvents'>): Result<'readEvents'> {
    return this.#parts.log.read(p);
  }

  cursorAt(at: number): number {
    return this.#parts.log.cursorAt(at);
  }

  status(): StoreStatus {
    const tx = this.#parts.tx;
    const counts = Object.fromEntries(executionCodes.names.map((name) => [name, 0])) as Record<ExecutionStatus, number>;
    for (const row of tx.sql('SELECT status, n FROM execution_counter').all() as { status: number; n: number }[]) counts[executionCodes.name(row.status)] = row.n;
    const oldest = tx.sql('SELECT min(j.ready_at) AS at FROM lane l JOIN job j ON j.num = (SELECT num FROM job WHERE lane = l.num AND rank IS NOT NULL ORDER BY rank LIMIT 1)').get() as { at: number | null };
    const memory = this.kind === 'in_memory';
    const size = (file: string): number => (existsSync(file) ? statSync(file).size : 0);
    return {
      kind: this.kind, location: this.#options.path, durability: memory ? 'none' : this.#options.durability, schemaVersion: versionOf(this.#parts.db),
      bytes: memory ? 0 : size(this.#options.path) + size(`${this.#options.path}-wal`), executions: counts, oldestReadyAt: oldest.at, nextDueAt: this.#nextDueAt(), lastCursor: this.#parts.log.last(),
    };
  }

  retain(p: Params<'retain'>): Result<'retain'> {
    return this.#commit.submit(({ tx, rows, retention }) => {
      rows.flush();
      const result = retention.run(p);
      if (result.removed > 0) {
        rows.forget();
        tx.sql('PRAGMA incremental_vacuum(64)').all();
      }
      return result;
    });
  }

  async close(): Promise<void> {
    await this.#commit.close();
    this.#processes.unlockAll();
    if (this.#parts.db.open) this.#parts.db.close();
  }
}

const NO_NEEDS = { open: [], failed: 0 };

/** For verbs that touch standalone jobs only. */
const NO_DECISION: Decide = () => {
  throw new StoreError('internal', 'A standalone job cannot advance an execution.');
};

