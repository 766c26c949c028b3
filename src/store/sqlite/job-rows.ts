// Owns job rows: which index a job stands in follows from its state alone, so it is ready, due, gated, running or ended, and
// never two of these.
import type { ErrorData } from '../../domain/errors.ts';
import type { AttemptRecord, Job, NewJob } from '../../domain/job.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import type { ResourceRequest } from '../../domain/resource.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../../domain/retry-policy.ts';
import { isFirstInSession, sessionFirst, sessionOrder } from '../../domain/session.ts';
import type { NewStepJob } from '../../domain/transition.ts';
import type { JobUsage } from '../../domain/usage.ts';
import { bestWaiting, enter, forsake, isOpen, laneAfter, leave, take } from './candidates.ts';
import { JOB, jobCodes } from './codes.ts';
import type { ExecutionRecord, ExecutionRows } from './execution-rows.ts';
import { acquire, type Gate, type GateList, gateKeys, isOfQueues, isOfResources, isRate, release, sessionModeAt } from './gates.ts';
import { broughtBy, broughtGates, withQueueGates } from './job-gates.ts';
import { QueueRanks } from './queue-ranks.ts';
import { armGate } from './rates.ts';
import { levelsOf, NO_POOL, type ResourceGate } from './resource-gate.ts';
import { gateOf, levelKey, type Part } from './resource-levels.ts';
import type { ResourcePools } from './resource-pools.ts';
import type { Tx } from './tx.ts';
import { fromColumns, readStored } from './values.ts';

export interface JobSql {
  num: number;
  id: string;
  ns: number;
  queue: number;
  lane: number;
  task: number;
  status: number;
  priority: number;
  rank: number | null;
  due_at: number | null;
  gate: string | null;
  gate_rank: number | null;
  /** Rank in the queue of one that waits at the limit of a session, where gate_rank follows the mode. */
  queue_rank: number | null;
  gate_pos: number;
  owner: number | null;
  /** The worker agent that took it last; it holds the job while that runs. */
  worker: number | null;
  token: number;
  attempt: number;
  crashes: number;
  dead: number;
  cancel_requested: number;
  execution: number | null;
  idx: number | null;
  item: number | null;
  session: number | null;
  created_at: number;
  ready_at: number | null;
  started_at: number | null;
  ended_at: number | null;
  run_at: number | null;
  timeout_ms: number | null;
  deadline_at: number | null;
  expires_at: number | null;
  needs_open: number;
  needs_failed: number;
  gates: string | null;
  retry: string | null;
  needs: string | null;
  needs_when: number;
  progress: string | null;
  checkpoint: string | null;
  output_schema: string | null;
  attempts: string | null;
  name: string | null;
  payload: string | null;
  error: string | null;
  result_kind: number;
  result: string | null;
  result_bytes: number | null;
  /** The dedupe key that it came with. */
  dedupe: string | null;
  /** Number of the ledger row of the schedule that made it, or null. */
  occurrence: number | null;
  /** How long it is expected to take, when it came with that. */
  expected_ms: number | null;
  /** The trace that it was asked for in; that of a step's job is its execution's. */
  trace: string | null;
  /** What its attempts reported to have used, or null. */
  usage: string | null;
}

const INSERT = `INSERT INTO job (num, id, ns, queue, lane, task, status, priority, rank, due_at, gate, gate_rank, gate_pos, execution, idx, item, session, created_at, ready_at, run_at, timeout_ms, deadline_at, expires_at,
  needs_open, needs_failed, gates, retry, needs, needs_when, name, payload) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

interface Place {
  readonly rank: number | null;
  readonly gate: string | null;
  readonly gateRank: number | null;
  /** Its rank once it is let go, where another order than that of ranks holds. */
  readonly queueRank: number | null;
  readonly gatePos: number;
}

/** What of a job says where it stands: at a gate, and later in its queue. */
export interface Placed {
  readonly lane: number;
  readonly rank: number;
  readonly readyAt: number;
  readonly priority: number;
  /** Its place at the gate where it waits, or null. */
  readonly standsAt?: number | null;
}

/** The jobs of one connection. */
export class JobRows {
  readonly #tx: Tx;
  readonly #executions: ExecutionRows;
  readonly ranks: QueueRanks;
  /** The rank of a step's job by the order of its run, or null; set by whoever knows runs. */
  rankInRun: (execution: number, step: number, priority: number) => number | null = () => null;
  readonly #resources: ResourceGate;
  readonly #pools: ResourcePools;
  /** Set by the plans: what a step asks for. */
  requestOf: (job: JobSql) => ResourceRequest | null = () => null;

  constructor(tx: Tx, executions: ExecutionRows, resources: ResourceGate, pools: ResourcePools) {
    this.#tx = tx;
    this.ranks = new QueueRanks(tx);
    this.#executions = executions;
    this.#resources = resources;
    this.#pools = pools;
    resources.moveJob = (num, gate) => this.#moveOn(gate, num) !== null;
    pools.onDefined = () => this.#findPools();
  }

  byId(id: string): JobSql | undefined {
    return this.#tx.sql('SELECT * FROM job WHERE id = ?').get(id) as JobSql | undefined;
  }

  byNum(num: number): JobSql | undefined {
    return this.#tx.sql('SELECT * FROM job WHERE num = ?').get(num) as JobSql | undefined;
  }

  /** Adds a standalone job; `needs` are row numbers of the jobs it depends on that have not completed. */
  insert(job: NewJob, needs: { readonly open: readonly number[]; readonly failed: number }): number {
    const tx = this.#tx;
    const ns = tx.namespace(job.namespace);
    const queue = tx.queue(ns, job.queue);
    const task = tx.task(job.task);
    const session = job.sessionId === null ? null : tx.sessionNum(job.sessionId);
    const gates = this.gatesFor(job, ns, queue, session);
    const future = job.runAt !== null && job.runAt > tx.now;
    const waits = future || needs.open.length > 0;
    const lane = tx.lane(queue, job.requires);
    const { priority, expectedMs = null, expiresAt } = job;
    const rank = waits ? 0 : this.ranks.rank({ queue, task, session, priority, readyAt: tx.now, expectedMs, dueAt: expiresAt });
    const num = tx.nextNum('job');
    const place = waits ? CLOSED : this.#place({ num, lane, rank, readyAt: tx.now, priority: job.priority }, gates, 0);
    const due = earliest(future ? job.runAt : null, job.expiresAt);
    tx.sql(INSERT).run(
      num,
      job.id,
      ns,
      queue,
      lane,
      task,
      job.priority,
      place.rank,
      due,
      place.gate,
      place.gateRank,
      place.gatePos,
      null,
      null,
      null,
      session,
      tx.now,
      waits ? null : tx.now,
      job.runAt,
      job.timeoutMs,
      null,
      job.expiresAt,
      needs.open.length,
      needs.failed,
      gates.length === 0 ? null : JSON.stringify(gates),
      job.retry === null ? null : JSON.stringify(job.retry),
      job.dependsOn.length === 0 ? null : JSON.stringify(job.dependsOn),
      job.when === 'all_done' ? 1 : 0,
      job.name,
      JSON.stringify(job.payload),
    );
    if (place.queueRank !== null) this.#keepRank(num, place.queueRank);
    if (expectedMs !== null) tx.sql('UPDATE job SET expected_ms = ? WHERE num = ?').run(expectedMs, num);
    if (job.outputSchema) tx.sql('UPDATE job SET output_schema = ? WHERE num = ?').run(JSON.stringify(job.outputSchema), num);
    if (job.trace) tx.sql('UPDATE job SET trace = ? WHERE num = ?').run(job.trace, num);
    for (const need of needs.open) tx.sql('INSERT OR IGNORE INTO job_need (need, job) VALUES (?, ?)').run(need, num);
    if (needs.open.length > 0) tx.changed('job_need', true);
    tx.count(queue, task, null, JOB.pending);
    tx.log({ ns, job: num, session }, { type: 'job_enqueued' });
    if (due !== null) tx.notice.timersChanged = true;
    return num;
  }

  /** The gates of a standalone job, in their order. */
  gatesFor(job: NewJob, ns: number, queue: number, session: number | null): GateList {
    const brought = job.concurrency || job.rate ? broughtGates(this.#tx, ns, queue, job) : NO_GATES;
    const gates = withQueueGates(this.#tx, queue, session === null ? brought : [...brought, ...this.#sessionGates(session)]);
    return job.resources ? [...gates, this.#resourceGate(ns, job.resources)] : gates;
  }

  /** Last of all gates. A pool that is not there (any more) keeps the job waiting until it is. */
  #resourceGate(ns: number, request: ResourceRequest): Gate {
    const resolved = this.#pools.resolve(ns, request, 'resources');
    return 'error' in resolved ? [NO_POOL, 0, 0, []] : [gateOf(resolved.parts), 0, 0, resolved.parts];
  }

  /** Pools were defined: jobs of workflows that waited for one look again, a bounded number at once. */
  #findPools(): void {
    const tx = this.#tx;
    const waiting = tx.sql('SELECT num FROM job WHERE gate = ? ORDER BY gate_rank, num LIMIT ?').all(NO_POOL, ADMITTED_AT_ONCE) as { num: number }[];
    let found = 0;
    for (const { num } of waiting) {
      const job = this.byNum(num) as JobSql;
      const request = this.requestOf(job);
      if (request === null) continue;
      const gates = [...gatesOf(job).filter(([key]) => key !== NO_POOL), this.#resourceGate(job.ns, request)];
      if (gates.at(-1)?.[0] === NO_POOL) continue;
      found++;
      tx.sql('UPDATE job SET gates = ? WHERE num = ?').run(JSON.stringify(gates), num);
      this.#put(num, this.#place(standing(job), gates, job.gate_pos));
    }
    if (found > 0 && waiting.length === ADMITTED_AT_ONCE) armGate(tx, NO_POOL, tx.now);
  }

  /** Adds the job of a step (or of one item); its payload is rendered by the worker. */
  insertForStep(record: ExecutionRecord, job: NewStepJob, maxParallel: number | undefined): number {
    const tx = this.#tx;
    const queue = tx.queue(record.ns, job.queue);
    const task = tx.task(job.task);
    const own: (readonly [string, number])[] = [];
    if (maxParallel !== undefined) own.push([gateKeys.execution(record.num), maxParallel]);
    if (record.session !== null) own.push(...(this.#sessionGates(record.session) as [string, number][]));
    const shared = withQueueGates(tx, queue, own);
    const gates = job.resources === undefined ? shared : [...shared, this.#resourceGate(record.ns, job.resources)];
    const lane = tx.lane(queue, job.requires);
    const rank = this.ranks.rank(
      { queue, task, session: record.session, priority: job.priority, readyAt: tx.now, expectedMs: null, dueAt: job.deadlineAt },
      this.rankInRun(record.num, job.step, job.priority),
    );
    const num = tx.nextNum('job');
    const place = this.#place({ num, lane, rank, readyAt: tx.now, priority: job.priority }, gates, 0);
    tx.sql(INSERT).run(
      num,
      job.id,
      record.ns,
      queue,
      lane,
      task,
      job.priority,
      place.rank,
      job.deadlineAt,
      place.gate,
      place.gateRank,
      place.gatePos,
      record.num,
      job.step,
      job.item,
      record.session,
      tx.now,
      tx.now,
      null,
      null,
      job.deadlineAt,
      null,
      0,
      0,
      gates.length === 0 ? null : JSON.stringify(gates),
      null,
      null,
      0,
      null,
      null,
    );
    if (place.queueRank !== null) this.#keepRank(num, place.queueRank);
    tx.count(queue, task, null, JOB.pending);
    if (job.deadlineAt !== null) tx.notice.timersChanged = true;
    return num;
  }

  #keepRank(num: number, rank: number): void {
    this.#tx.sql('UPDATE job SET queue_rank = ? WHERE num = ?').run(rank, num);
  }

  #sessionGates(session: number): GateList {
    const row = this.#tx.sql('SELECT max_tasks FROM session WHERE num = ?').get(session) as { max_tasks: number | null } | undefined;
    return row === undefined || row.max_tasks === null ? [] : [[gateKeys.sessionTasks(session), row.max_tasks]];
  }

  /** Where a job stands when it tries its gates from `pos` on; `from` is the gate that it waited at; `tried`: it was claimed and its pools had too little. */
  #place(who: Placed & Pick<JobSql, 'num'>, gates: GateList, pos: number, from: string | null = null, tried = false): Place {
    for (let at = pos; at < gates.length; at++) {
      const gate = gates[at] as Gate;
      const pools = gates[at + 1];
      if (pools !== undefined && isOfResources(pools[0]) && sessionModeAt(this.#tx, gate[0]) === 'resource_aware')
        return this.#placeWithPools(who, gate, pools, at, from, tried);
      if (!this.#passes(who, gate, from, tried)) return { rank: null, gate: gate[0], ...this.standingAt(gate[0], who), gatePos: at };
    }
    this.#tx.notice.jobsReady = true;
    return { rank: who.rank, gate: null, gateRank: null, queueRank: null, gatePos: gates.length };
  }

  /**
   * A session's limit and pools at once, or none of them: who waits at its pools holds no place in the session. Who had its turn at the pools and then finds
   * no place goes first at the limit; if the pools were taken meanwhile it keeps the place that it got so, so that the two cannot elude it for ever.
   */
  #placeWithPools(who: Placed & Pick<JobSql, 'num'>, limit: Gate, pools: Gate, at: number, from: string | null, tried: boolean): Place {
    const { levels } = this.#resources;
    const turn = { rank: who.rank, kind: 1, num: who.num } as const;
    const insists = from === limit[0] && isFirstInSession(who.standsAt ?? 0);
    const hadTurn = insists || levels.hasTurn(turn);
    const atPools = { rank: null, gate: pools[0], gateRank: who.rank, queueRank: null };
    if (!this.#passes(who, pools, from, tried || insists)) {
      const keepsPlace = insists && acquire(this.#tx, limit[0], limit[1]);
      return { ...atPools, gatePos: keepsPlace ? at + 1 : at };
    }
    if (acquire(this.#tx, limit[0], limit[1])) {
      this.#tx.notice.jobsReady = true;
      return { rank: who.rank, gate: null, gateRank: null, queueRank: null, gatePos: at + 2 };
    }
    this.#resources.forsake(partsOf(pools), who.lane);
    const standing = this.standingAt(limit[0], who);
    return { rank: null, gate: limit[0], ...standing, ...(hadTurn ? { gateRank: sessionFirst(who.readyAt) } : {}), gatePos: at };
  }

  #passes(who: Placed & Pick<JobSql, 'num'>, gate: Gate, from: string | null, tried: boolean): boolean {
    const [key, limit] = gate;
    if (isOfQueues(key)) return enter(this.#tx, gate, who.lane, from);
    if (!isOfResources(key)) return acquire(this.#tx, key, limit);
    return key !== NO_POOL && this.#resources.enter(partsOf(gate), who.lane, { rank: who.rank, kind: 1, num: who.num }, from, tried);
  }

  /** Place among those who wait at a gate: at the limit of a session its mode says who goes first, elsewhere the rank in the queue. */
  standingAt(gate: string, who: Placed): Pick<Place, 'gateRank' | 'queueRank'> {
    const mode = sessionModeAt(this.#tx, gate);
    if (mode === null) return { gateRank: who.rank, queueRank: null };
    return { gateRank: sessionOrder(mode, who.readyAt, who.priority), queueRank: who.rank };
  }

  /** Makes a pending or retrying job ready, or puts it at its first closed gate; what it still held is given back first. */
  admit(job: JobSql): void {
    const tx = this.#tx;
    if (job.gate_pos > 0) this.releaseGates(job);
    const gates = this.#withLimits(job);
    const { queue, task, session, priority, expected_ms: expectedMs } = job;
    const rank = this.ranks.rank(
      { queue, task, session, priority, readyAt: tx.now, expectedMs, dueAt: earliest(expiryOf(job), job.deadline_at) },
      job.execution === null ? null : this.rankInRun(job.execution, job.idx as number, priority),
    );
    const place = this.#place({ num: job.num, lane: job.lane, rank, readyAt: tx.now, priority: job.priority }, gates, 0);
    const due = earliest(expiryOf(job), job.deadline_at);
    tx.sql('UPDATE job SET rank = ?, gate = ?, gate_rank = ?, queue_rank = ?, gate_pos = ?, ready_at = ?, due_at = ?, run_at = NULL WHERE num = ?').run(
      place.rank,
      place.gate,
      place.gateRank,
      place.queueRank,
      place.gatePos,
      tx.now,
      due,
      job.num,
    );
  }

  /** A waiting job whose gates or lane were written anew: ready, or at its first closed gate. */
  placeAnew(num: number, who: Placed, gates: GateList): void {
    this.#put(num, this.#place({ ...who, num }, gates, 0));
  }

  /** The gates of a job; those of its queue's limits are added when they were set after it was made. */
  #withLimits(job: JobSql): GateList {
    const gates = gatesOf(job);
    const all = withQueueGates(this.#tx, job.queue, gates);
    if (all !== gates) this.#tx.sql('UPDATE job SET gates = ? WHERE num = ?').run(JSON.stringify(all), job.num);
    return all;
  }

  /** Right before a claim: takes what the gates of its queue give. False when one of them is closed meanwhile: it waits there. */
  mayStart(job: JobSql): boolean {
    const tx = this.#tx;
    if (tx.queueLimits(job.queue) === null && (job.gates === null || !/"[ajqr]:/.test(job.gates))) return true;
    const had = gatesOf(job);
    const gates = this.#withLimits(job);
    const shared = gates.filter(([key]) => isOfQueues(key));
    const resources = gates.find(([key]) => isOfResources(key));
    const turn = { rank: job.rank as number, kind: 1, num: job.num } as const;
    const tried = resources !== undefined && !this.#resources.levels.canTake(partsOf(resources), turn);
    if (tried || gates.length !== had.length || !shared.every((gate) => isOpen(tx, gate))) {
      this.releaseGates(job);
      const place = this.#place(standing(job), gates, 0, null, tried);
      this.#put(job.num, place);
      if (place.rank === null) return false;
      // Its turn may have come in the meantime, not its room.
      if (resources !== undefined && !this.#resources.levels.canTake(partsOf(resources), turn)) return false;
    }
    for (const gate of shared) take(tx, gate, job.lane);
    if (resources !== undefined) {
      this.#resources.take(partsOf(resources), job.lane, turn, job.ready_at ?? job.created_at);
      this.#logHold(job, 'resource_allocated', partsOf(resources));
    }
    return true;
  }

  #logHold(job: JobSql, type: 'resource_allocated' | 'resource_released', parts: readonly Part[]): void {
    const scope = { ns: job.ns, execution: job.execution, idx: job.idx, item: job.item, job: job.num, session: job.session };
    this.#tx.log(scope, { type, jobId: job.id, data: { resources: this.#pools.shown(parts) } });
  }

  #put(num: number, place: Place): void {
    this.#tx
      .sql('UPDATE job SET rank = ?, gate = ?, gate_rank = ?, queue_rank = ?, gate_pos = ? WHERE num = ?')
      .run(place.rank, place.gate, place.gateRank, place.queueRank, place.gatePos, num);
  }

  /** Gives back the gates a job has passed and admits who waits there. */
  releaseGates(job: JobSql): void {
    const held = heldBy(job);
    // Pools first: who waits for them comes to the limit of its session before the place there is given away.
    const last = held.at(-1);
    if (last !== undefined && isOfResources(last)) this.#release(job, held.pop() as string, true);
    for (const key of held) this.#release(job, key, true);
    const pools = job.gate === null ? undefined : isOfResources(job.gate) ? job.gate : this.#poolsBehind(job);
    if (pools !== undefined && this.#resources.levels.drop({ kind: 1, num: job.num })) this.#lookAgain(pools);
  }

  /** A job at the limit of a session may have the turn at its pools. */
  #poolsBehind({ gate, gates }: JobSql): string | undefined {
    return gate?.startsWith('s:') && gates?.includes('"a:') ? gatesOf({ gates }).at(-1)?.[0] : undefined;
  }

  /** It leaves the line; those behind it are looked at once its row says so. */
  #lookAgain(gate: string): void {
    for (const level of levelsOf(gate)) armGate(this.#tx, levelKey(level), this.#tx.now);
  }

  #releaseResources(job: JobSql): void {
    const parts = partsOf(gatesOf(job).find(([key]) => isOfResources(key)) as Gate);
    if (job.status === JOB.running) {
      this.#resources.levels.giveBack(parts, job.ready_at ?? job.created_at, job.started_at ?? this.#tx.now);
      this.#logHold(job, 'resource_released', parts);
    } else {
      this.#resources.forsake(parts, job.lane);
      this.#resources.levels.drop({ kind: 1, num: job.num });
    }
    this.#resources.admit(parts.map(([level]) => level));
  }

  #release(job: JobSql, key: string, admits: boolean): void {
    const tx = this.#tx;
    if (isOfResources(key)) this.#releaseResources(job);
    else if (!isOfQueues(key)) {
      release(tx, key);
      if (admits) this.admitNextAt(key);
    } else if (job.status === JOB.running) {
      leave(tx, key);
      this.#admitLanes(key);
    } else {
      forsake(tx, key, job.lane);
      this.#admitIn(key, job.lane);
    }
  }

  /** The best waiting job at a gate moves on, of a gate of queues the best of each lane, as far as capacity allows; how many did. */
  admitNextAt(key: string): number {
    if (isOfResources(key)) return this.#admitAtPools(key);
    if (isOfQueues(key)) return this.#admitLanes(key);
    for (let left = ADMITTED_AT_ONCE; left > 0; left--) {
      // By its number: with all columns it takes three times as long, see Claims.
      const best = this.#tx.sql('SELECT num FROM job WHERE gate = ? ORDER BY gate_rank, num LIMIT 1').get(key) as { num: number } | undefined;
      const passed = this.#moveOn(key, best?.num);
      if (passed === null) return 0;
      if (passed > 0) return 1;
    }
    armGate(this.#tx, key, this.#tx.now);
    return 0;
  }

  /** Of those who were put there from outside, such as after a pause. */
  #admitAtPools(key: string): number {
    const levels = levelsOf(key);
    this.#resources.watch(levels.map((level) => [level, 0]));
    return this.#resources.admit(levels);
  }

  #admitLanes(key: string): number {
    let moved = 0;
    for (let lane = laneAfter(this.#tx, key, -1); lane !== null; lane = laneAfter(this.#tx, key, lane)) {
      if (this.#admitIn(key, lane)) moved++;
      if (moved < ADMITTED_AT_ONCE) continue;
      armGate(this.#tx, key, this.#tx.now);
      break;
    }
    return moved;
  }

  #admitIn(key: string, lane: number): boolean {
    return this.#moveOn(key, bestWaiting(this.#tx, key, lane)) !== null;
  }

  /** How many gates it passed: none when it went to wait at another; null when nobody was there or it stays. */
  #moveOn(key: string, num: number | undefined): number | null {
    const next = num === undefined ? undefined : this.byNum(num);
    if (next === undefined) return null;
    const place = this.#place(standing(next), gatesOf(next), next.gate_pos, key);
    if (place.gate === key) return null;
    this.#put(next.num, place);
    return place.gatePos - next.gate_pos;
  }

  /** The moment of a gate has come: those who wait there move on, a bounded number at once. */
  fireGate(key: string): void {
    const tx = this.#tx;
    if (tx.sql('DELETE FROM gate_timer WHERE key = ? AND due_at <= ?').run(key, tx.now).changes === 0) return;
    if (key === NO_POOL) {
      this.#findPools();
      return;
    }
    if (key.startsWith('l:')) {
      this.#resources.admit([Number(key.slice(2))]);
      return;
    }
    for (let left = ADMITTED_AT_ONCE; left > 0; ) {
      const moved = this.admitNextAt(key);
      if (moved === 0) return;
      left -= moved;
    }
    armGate(tx, key, tx.now);
  }

  /** Takes a ready job of a paused run out of the queue; what it holds goes to those who can use it. */
  park(job: JobSql, execution: number): void {
    this.#tx.sql('UPDATE job SET rank = NULL, gate = ?, gate_rank = ?, gate_pos = 0 WHERE num = ?').run(gateKeys.paused(execution), job.rank, job.num);
    // Those who wait for a place in this run itself would only be parked, too.
    for (const key of heldBy(job)) this.#release(job, key, key !== gateKeys.execution(execution));
  }

  /** A resumed run's parked jobs are ready again, or wait at their first gate, at their old rank. */
  unpark(execution: number): void {
    const tx = this.#tx;
    const parked = gateKeys.paused(execution);
    const free = tx.sql('UPDATE job SET rank = gate_rank, gate = NULL, gate_rank = NULL WHERE gate = ? AND gates IS NULL').run(parked).changes;
    if (free > 0) tx.notice.jobsReady = true;
    const firsts = tx.sql("SELECT DISTINCT json_extract(gates, '$[0][0]') AS key FROM job WHERE gate = ?").all(parked) as { key: string }[];
    if (firsts.length > 0) tx.sql("UPDATE job SET gate = json_extract(gates, '$[0][0]') WHERE gate = ?").run(parked);
    // All are of one session; in its order they come where they came before.
    const limited = firsts.find((first) => sessionModeAt(tx, first.key) !== null);
    if (limited !== undefined) {
      const back = tx.sql('SELECT * FROM job WHERE gate = ? AND execution = ? AND queue_rank IS NULL').all(limited.key, execution) as JobSql[];
      for (const job of back) {
        const { gateRank, queueRank } = this.standingAt(limited.key, placedAs(job));
        tx.sql('UPDATE job SET gate_rank = ?, queue_rank = ? WHERE num = ?').run(gateRank, queueRank, job.num);
      }
    }
    const keys = new Set([gateKeys.execution(execution), ...firsts.map((first) => first.key)]);
    for (const key of keys) for (let left = UNPARKED; left > 0 && this.admitNextAt(key); ) left--;
  }

  /** Ends a job that is not running; the caller tells dependents or the step. */
  end(job: JobSql, status: 'failed' | 'cancelled', error: ErrorData, dead: boolean): void {
    const tx = this.#tx;
    this.releaseGates(job);
    tx.sql(
      'UPDATE job SET status = ?, rank = NULL, due_at = NULL, gate = NULL, gate_rank = NULL, gate_pos = 0, owner = NULL, ended_at = ?, error = ?, dead = ? WHERE num = ?',
    ).run(status === 'failed' ? JOB.failed : JOB.cancelled, tx.now, JSON.stringify(error), dead ? 1 : 0, job.num);
    tx.count(job.queue, job.task, job.status, status === 'failed' ? JOB.failed : JOB.cancelled);
    if (job.execution === null) {
      tx.log({ ns: job.ns, job: job.num, session: job.session }, { type: status === 'failed' ? 'job_failed' : 'job_cancelled', data: { code: error.code } });
    }
    tx.notice.ended.push(job.id);
  }

  #resourcesOf(sql: JobSql): JsonObject | null {
    const gate = sql.gates === null || !sql.gates.includes('"a:') ? undefined : gatesOf(sql).find(([key]) => isOfResources(key));
    if (gate === undefined) return null;
    return gate[0] === NO_POOL ? (this.requestOf(sql) as JsonObject | null) : this.#pools.shown(partsOf(gate));
  }

  toJob(sql: JobSql, plan?: { readonly stepId: (index: number) => string | null; readonly retry: (index: number) => RetryPolicy }): Job {
    const tx = this.#tx;
    const stored = fromColumns(sql.result_kind, sql.result, sql.result_bytes);
    return {
      id: sql.id,
      namespace: tx.namespaceName(sql.ns),
      queue: tx.queueName(sql.queue),
      task: tx.taskName(sql.task),
      name: sql.name,
      payload: sql.payload === null ? null : (JSON.parse(sql.payload) as Json),
      priority: sql.priority,
      status: jobCodes.name(sql.status),
      createdAt: sql.created_at,
      readyAt: sql.ready_at,
      startedAt: sql.started_at,
      completedAt: sql.ended_at,
      runAt: sql.run_at,
      result: stored === null || stored.kind === 'items' ? null : readStored(tx, stored),
      error: sql.error === null ? null : (JSON.parse(sql.error) as ErrorData),
      attempt: sql.attempt,
      crashes: sql.crashes,
      dead: sql.dead === 1,
      dependsOn: sql.needs === null ? [] : (JSON.parse(sql.needs) as string[]),
      when: sql.needs_when === 1 ? 'all_done' : 'all_success',
      retry: sql.retry !== null ? (JSON.parse(sql.retry) as RetryPolicy) : sql.idx !== null && plan !== undefined ? plan.retry(sql.idx) : DEFAULT_RETRY,
      timeoutMs: sql.timeout_ms,
      deadlineAt: sql.deadline_at,
      expiresAt: sql.expires_at,
      requires: tx.laneCaps(sql.lane),
      sessionId: sql.session === null ? null : tx.sessionId(sql.session),
      executionId: sql.execution === null ? null : this.#executions.idOf(sql.execution),
      stepId: sql.idx === null ? null : (plan?.stepId(sql.idx) ?? null),
      itemIndex: sql.item,
      cancelRequested: sql.cancel_requested === 1,
      progress: sql.progress === null ? null : (JSON.parse(sql.progress) as Job['progress']),
      attempts: sql.attempts === null ? [] : (JSON.parse(sql.attempts) as AttemptRecord[]),
      gate: sql.gate,
      ...broughtBy(sql.ns, gatesOf(sql)),
      expectedMs: sql.expected_ms,
      resources: this.#resourcesOf(sql),
      owner: sql.owner,
      worker: sql.worker === null || sql.status !== JOB.running ? null : holderOf(tx, sql.worker),
      checkpoint: sql.checkpoint === null ? null : (JSON.parse(sql.checkpoint) as Json),
      ...(sql.usage === null ? {} : { usage: (JSON.parse(sql.usage) as JobUsage).sum }),
    };
  }
}

/** Of the gate of resources. */
function partsOf(gate: Gate): readonly Part[] {
  return gate[3] ?? [];
}

function holderOf(tx: Tx, worker: number): Job['worker'] {
  return (tx.sql('SELECT id, name, lease_until AS leaseUntil FROM worker WHERE num = ?').get(worker) as Job['worker'] | undefined) ?? null;
}

// Each admission takes about 20 µs, in one transaction; the rest follows in the next.
const ADMITTED_AT_ONCE = 200;

// More than that only where a limit was taken away in the meantime: the end of each admits a further one.
const UNPARKED = 10_000;

const CLOSED: Place = { rank: null, gate: null, gateRank: null, queueRank: null, gatePos: 0 };

const NO_GATES: GateList = [];

export function gatesOf(job: Pick<JobSql, 'gates'>): GateList {
  return job.gates === null ? NO_GATES : (JSON.parse(job.gates) as GateList);
}

function placedAs(job: JobSql): Placed {
  const rank = job.rank ?? job.queue_rank ?? job.gate_rank ?? 0;
  return { lane: job.lane, rank, readyAt: job.ready_at ?? job.created_at, priority: job.priority };
}

function standing(job: JobSql): Placed & Pick<JobSql, 'num'> {
  return { ...placedAs(job), standsAt: job.gate_rank, num: job.num };
}

/** A job that runs has used up its rates. */
function heldBy(job: Pick<JobSql, 'gates' | 'gate_pos' | 'status'>): string[] {
  return gatesOf(job)
    .slice(0, job.gate_pos)
    .flatMap(([key]) => (job.status === JOB.running && isRate(key) ? [] : [key]));
}

/** When a job that has not started expires; one that has started may finish, and be tried again. */
export function expiryOf(job: Pick<JobSql, 'expires_at' | 'attempt'>): number | null {
  return job.attempt === 0 ? job.expires_at : null;
}

/** Its deadline or its expiry has passed. */
export function isOverdue(job: Pick<JobSql, 'expires_at' | 'attempt' | 'deadline_at'>, now: number): boolean {
  return isPast(job.deadline_at, now) || isPast(expiryOf(job), now);
}

export function isPast(time: number | null, now: number): boolean {
  return time !== null && time <= now;
}

export function earliest(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
