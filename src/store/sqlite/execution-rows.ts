// Owns execution and step rows in memory: within one transaction each row is read once and written once, however many
// events touched it.
import type { ErrorData } from '../../domain/errors.ts';
import type { TaskVersions } from '../../domain/task-versions.ts';
import { type ExecutionRow, isTerminal, type StepRow } from '../../domain/workflow-execution.ts';
import { executionCodes, phaseCodes, skipCodes, stepCodes } from './codes.ts';
import type { Tx } from './tx.ts';
import { fromColumns, toColumns } from './values.ts';

export interface ExecutionRecord {
  readonly num: number;
  readonly ns: number;
  row: ExecutionRow;
  session: number | null;
  readonly root: number | null;
  parent: number | null;
  forkedFrom: number | null;
  gate: string | null;
  gateRank: number | null;
  gatePos: number;
  gates: readonly (readonly [string, number])[];
  /** Number of the ledger row of the schedule that started it, or null. */
  readonly occurrence: number | null;
  /** The trace that it was asked for in, or null. */
  readonly trace: string | null;
  dirty: boolean;
  storedStatus: number;
  readonly steps: Map<number, { row: StepRow; dirty: boolean } | null>;
  dirtySteps: Set<number>;
}

interface ExecutionSql {
  num: number;
  id: string;
  ns: number;
  workflow: string;
  version: number;
  hash: string;
  status: number;
  phase: number;
  phase_cursor: number;
  priority: number;
  session: number | null;
  started_by: string;
  root: number | null;
  parent: number | null;
  parent_step: number | null;
  parent_item: number | null;
  depth: number;
  forked_from: number | null;
  fork_step: number | null;
  concurrency_key: string | null;
  steps_done: number;
  steps_completed: number;
  steps_skipped: number;
  steps_failed: number;
  steps_running: number;
  steps_waiting: number;
  stopping: string | null;
  paused: number;
  retries: number;
  open_work: number;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  deadline_at: number | null;
  gate: string | null;
  gate_rank: number | null;
  gate_pos: number;
  gates: string | null;
  error: string | null;
  output_kind: number;
  output: string | null;
  output_bytes: number | null;
  input: string;
  occurrence: number | null;
  task_versions: string | null;
  trace: string | null;
}

interface StepSql {
  idx: number;
  status: number;
  flags: number;
  skip_reason: number;
  needs_completed: number;
  needs_failed: number;
  needs_skipped: number;
  attempts: number;
  ready_at: number | null;
  started_at: number | null;
  ended_at: number | null;
  wait: string | null;
  each: string | null;
  error: string | null;
  output_kind: number;
  output: string | null;
  output_bytes: number | null;
}

const TOLERATED = 1;
const REUSED = 2;

// Records stay in memory between transactions as long as no other process wrote; past this many rows they are dropped.
const CACHE_ROWS = 20_000;

/** The rows that one connection works on. */
export class ExecutionRows {
  readonly #tx: Tx;
  readonly #byNum = new Map<number, ExecutionRecord>();
  readonly #numById = new Map<string, number>();
  readonly #dirty = new Set<ExecutionRecord>();
  readonly #ended = new Set<ExecutionRecord>();
  #cachedSteps = 0;

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  /** At BEGIN: what another process may have changed is forgotten. */
  begin(foreign: boolean): void {
    if (foreign || this.#cachedSteps + this.#byNum.size > CACHE_ROWS) this.forget();
  }

  forget(): void {
    this.#byNum.clear();
    this.#numById.clear();
    this.#dirty.clear();
    this.#ended.clear();
    this.#cachedSteps = 0;
  }

  numOf(id: string): number | undefined {
    let num = this.#numById.get(id);
    if (num === undefined) {
      num = (this.#tx.sql('SELECT num FROM execution WHERE id = ?').get(id) as { num: number } | undefined)?.num;
      if (num !== undefined) this.#numById.set(id, num);
    }
    return num;
  }

  idOf(num: number): string {
    return this.#byNum.get(num)?.row.id ?? (this.#tx.sql('SELECT id FROM execution WHERE num = ?').get(num) as { id: string } | undefined)?.id ?? '';
  }

  byId(id: string): ExecutionRecord | undefined {
    const num = this.numOf(id);
    return num === undefined ? undefined : this.load(num);
  }

  load(num: number): ExecutionRecord | undefined {
    const known = this.#byNum.get(num);
    if (known !== undefined) return known;
    const sql = this.#tx.sql('SELECT * FROM execution WHERE num = ?').get(num) as ExecutionSql | undefined;
    if (sql === undefined) return undefined;
    const record = this.#record(sql);
    this.#byNum.set(num, record);
    this.#numById.set(record.row.id, num);
    return record;
  }

  /** Reads without keeping (lists, gets outside a write). */
  read(sql: unknown): ExecutionRecord {
    return this.#record(sql as ExecutionSql);
  }

  insert(
    row: ExecutionRow,
    extra: {
      ns: number;
      session: number | null;
      root: number | null;
      parent: number | null;
      forkedFrom: number | null;
      gates: readonly (readonly [string, number])[];
      occurrence?: number | undefined;
      trace?: string | null | undefined;
    },
  ): ExecutionRecord {
    const num = this.#tx.nextNum('execution');
    this.#tx
      .sql(
        `INSERT INTO execution (num, id, ns, workflow, version, hash, status, phase, phase_cursor, priority, session, started_by, root, parent, parent_step, parent_item, depth, forked_from, fork_step, concurrency_key,
         created_at, deadline_at, gates, input) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        num,
        row.id,
        extra.ns,
        row.workflow,
        row.version,
        row.hash,
        executionCodes.of(row.status),
        phaseCodes.of(row.phase),
        row.phaseCursor,
        row.priority,
        extra.session,
        row.startedBy,
        extra.root,
        extra.parent,
        row.parent?.stepIndex ?? null,
        row.parent?.itemIndex ?? null,
        row.depth,
        extra.forkedFrom,
        row.forkedFrom?.stepIndex ?? null,
        row.concurrencyKey,
        row.createdAt,
        row.deadlineAt,
        extra.gates.length === 0 ? null : JSON.stringify(extra.gates),
        JSON.stringify(row.input),
      );
    if (row.taskVersions !== null) this.#tx.sql('UPDATE execution SET task_versions = ? WHERE num = ?').run(JSON.stringify(row.taskVersions), num);
    if (extra.occurrence !== undefined) this.#tx.sql('UPDATE execution SET occurrence = ? WHERE num = ?').run(extra.occurrence, num);
    if (extra.trace) this.#tx.sql('UPDATE execution SET trace = ? WHERE num = ?').run(extra.trace, num);
    const record: ExecutionRecord = {
      num,
      ns: extra.ns,
      row,
      session: extra.session,
      root: extra.root,
      parent: extra.parent,
      forkedFrom: extra.forkedFrom,
      gate: null,
      gateRank: null,
      gatePos: 0,
      gates: extra.gates,
      occurrence: extra.occurrence ?? null,
      trace: extra.trace ?? null,
      dirty: false,
      storedStatus: executionCodes.of(row.status),
      steps: new Map(),
      dirtySteps: new Set(),
    };
    this.#tx.countExecution(record.ns, null, record.storedStatus);
    this.#byNum.set(num, record);
    this.#numById.set(row.id, num);
    return record;
  }

  touch(record: ExecutionRecord): void {
    record.dirty = true;
    this.#dirty.add(record);
  }

  change(record: ExecutionRecord, change: Partial<ExecutionRow>): void {
    record.row = { ...record.row, ...change };
    this.touch(record);
  }

  step(record: ExecutionRecord, index: number): StepRow | undefined {
    const known = record.steps.get(index);
    if (known !== undefined) return known?.row;
    const sql = this.#tx.sql('SELECT * FROM step WHERE execution = ? AND idx = ?').get(record.num, index) as StepSql | undefined;
    const row = sql === undefined ? null : readStep(sql);
    record.steps.set(index, row === null ? null : { row, dirty: false });
    this.#cachedSteps++;
    return row ?? undefined;
  }

  putStep(record: ExecutionRecord, row: StepRow): void {
    if (!record.steps.has(row.index)) this.#cachedSteps++;
    record.steps.set(row.index, { row, dirty: true });
    record.dirtySteps.add(row.index);
    this.#dirty.add(record);
  }

  /** Step rows in the given states, by index, from `after` + 1. */
  stepsIn(record: ExecutionRecord, states: string, after: number, limit: number): StepRow[] {
    this.flush();
    const rows = this.#tx
      .sql(`SELECT * FROM step WHERE execution = ? AND idx > ? AND status IN (${states}) ORDER BY idx LIMIT ?`)
      .all(record.num, after, limit) as StepSql[];
    return rows.map(readStep);
  }

  /** Writes what changed; called before COMMIT and before set reads. */
  flush(): void {
    for (const record of this.#dirty) {
      if (record.dirty) this.#writeExecution(record);
      for (const index of record.dirtySteps) {
        const entry = record.steps.get(index);
        if (entry?.dirty) {
          this.#writeStep(record.num, entry.row);
          entry.dirty = false;
        }
      }
      record.dirtySteps.clear();
      record.dirty = false;
      if (record.row.endedAt !== null) this.#ended.add(record);
    }
    this.#dirty.clear();
  }

  /** After COMMIT: rows of finished executions are rarely needed again. Never earlier, or one row could be in memory twice. */
  evict(): void {
    for (const record of this.#ended) {
      if (record.row.endedAt === null || !this.#byNum.delete(record.num)) continue;
      this.#numById.delete(record.row.id);
      this.#cachedSteps -= record.steps.size;
    }
    this.#ended.clear();
  }

  #writeExecution(record: ExecutionRecord): void {
    const row = record.row;
    const status = executionCodes.of(row.status);
    if (status !== record.storedStatus) {
      this.#tx.countExecution(record.ns, record.storedStatus, status);
      record.storedStatus = status;
    }
    const output = toColumns(row.output);
    this.#tx
      .sql(
        `UPDATE execution SET status = ?, phase = ?, phase_cursor = ?, steps_done = ?, steps_completed = ?, steps_skipped = ?, steps_failed = ?, steps_running = ?, steps_waiting = ?, stopping = ?, paused = ?,
         retries = ?, open_work = ?, started_at = ?, ended_at = ?, deadline_at = ?, gate = ?, gate_rank = ?, gate_pos = ?, error = ?, output_kind = ?, output = ?, output_bytes = ? WHERE num = ?`,
      )
      .run(
        status,
        phaseCodes.of(row.phase),
        row.phaseCursor,
        row.stepsDone,
        row.stepsCompleted,
        row.stepsSkipped,
        row.stepsFailed,
        row.stepsRunning,
        row.stepsWaiting,
        row.stopping === null ? null : JSON.stringify(row.stopping),
        row.paused ? 1 : 0,
        row.retries,
        row.openWork,
        row.startedAt,
        row.endedAt,
        row.deadlineAt,
        record.gate,
        record.gateRank,
        record.gatePos,
        row.error === null ? null : JSON.stringify(row.error),
        output.kind,
        output.text,
        output.bytes,
        record.num,
      );
  }

  #writeStep(num: number, row: StepRow): void {
    const output = toColumns(row.output);
    this.#tx
      .sql(
        `INSERT OR REPLACE INTO step (execution, idx, status, flags, skip_reason, needs_completed, needs_failed, needs_skipped, attempts, ready_at, started_at, ended_at, wait, each, error, output_kind, output, output_bytes)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        num,
        row.index,
        stepCodes.of(row.status),
        (row.tolerated ? TOLERATED : 0) | (row.reused ? REUSED : 0),
        skipCodes.of(row.skipReason ?? 'none'),
        row.needsCompleted,
        row.needsFailed,
        row.needsSkipped,
        row.attempts,
        row.readyAt,
        row.startedAt,
        row.endedAt,
        row.wait === null ? null : JSON.stringify(row.wait),
        row.each === null ? null : JSON.stringify(row.each),
        row.error === null ? null : JSON.stringify(row.error),
        output.kind,
        output.text,
        output.bytes,
      );
  }

  #record(sql: ExecutionSql): ExecutionRecord {
    const row: ExecutionRow = {
      id: sql.id,
      namespace: this.#tx.namespaceName(sql.ns),
      workflow: sql.workflow,
      version: sql.version,
      hash: sql.hash,
      status: executionCodes.name(sql.status),
      phase: phaseCodes.name(sql.phase),
      phaseCursor: sql.phase_cursor,
      input: JSON.parse(sql.input) as ExecutionRow['input'],
      output: fromColumns(sql.output_kind, sql.output, sql.output_bytes),
      error: sql.error === null ? null : (JSON.parse(sql.error) as ErrorData),
      priority: sql.priority,
      sessionId: sql.session === null ? null : this.#tx.sessionId(sql.session),
      startedBy: sql.started_by,
      parent: sql.parent === null ? null : { executionId: this.idOf(sql.parent), stepIndex: sql.parent_step as number, itemIndex: sql.parent_item },
      depth: sql.depth,
      forkedFrom: sql.forked_from === null ? null : { executionId: this.idOf(sql.forked_from), stepIndex: sql.fork_step as number },
      concurrencyKey: sql.concurrency_key,
      stepsDone: sql.steps_done,
      stepsCompleted: sql.steps_completed,
      stepsSkipped: sql.steps_skipped,
      stepsFailed: sql.steps_failed,
      stepsRunning: sql.steps_running,
      stepsWaiting: sql.steps_waiting,
      stopping: sql.stopping === null ? null : (JSON.parse(sql.stopping) as ExecutionRow['stopping']),
      paused: sql.paused === 1,
      retries: sql.retries,
      openWork: sql.open_work,
      taskVersions: sql.task_versions === null ? null : (JSON.parse(sql.task_versions) as TaskVersions),
      createdAt: sql.created_at,
      startedAt: sql.started_at,
      endedAt: sql.ended_at,
      deadlineAt: sql.deadline_at,
    };
    return {
      num: sql.num,
      ns: sql.ns,
      row,
      session: sql.session,
      root: sql.root,
      parent: sql.parent,
      forkedFrom: sql.forked_from,
      gate: sql.gate,
      gateRank: sql.gate_rank,
      gatePos: sql.gate_pos,
      gates: sql.gates === null ? [] : (JSON.parse(sql.gates) as [string, number][]),
      occurrence: sql.occurrence,
      trace: sql.trace,
      dirty: false,
      storedStatus: sql.status,
      steps: new Map(),
      dirtySteps: new Set(),
    };
  }
}

export function readStep(raw: unknown): StepRow {
  const sql = raw as StepSql;
  const reason = skipCodes.name(sql.skip_reason);
  return {
    index: sql.idx,
    status: stepCodes.name(sql.status),
    skipReason: reason === 'none' ? null : reason,
    needsCompleted: sql.needs_completed,
    needsFailed: sql.needs_failed,
    needsSkipped: sql.needs_skipped,
    tolerated: (sql.flags & TOLERATED) !== 0,
    reused: (sql.flags & REUSED) !== 0,
    output: fromColumns(sql.output_kind, sql.output, sql.output_bytes),
    error: sql.error === null ? null : (JSON.parse(sql.error) as ErrorData),
    wait: sql.wait === null ? null : (JSON.parse(sql.wait) as StepRow['wait']),
    each: sql.each === null ? null : (JSON.parse(sql.each) as StepRow['each']),
    attempts: sql.attempts,
    readyAt: sql.ready_at,
    startedAt: sql.started_at,
    endedAt: sql.ended_at,
  };
}

/** True when nothing more can happen to it. */
export function hasEnded(record: ExecutionRecord): boolean {
  return isTerminal(record.row.status) && record.row.endedAt !== null;
}
