// Owns what every contract test stands on: a fresh store, a clock and chance that only the test moves, and a small worker.
import { createHash } from 'node:crypto';
import { afterEach } from 'vitest';
import { createAdvance } from '../../src/domain/advance.ts';
import { createIdSource } from '../../src/domain/id.ts';
import type { NewJob } from '../../src/domain/job.ts';
import { canonicalJson, type Json, type JsonObject } from '../../src/domain/json.ts';
import { normaliseDefinition } from '../../src/domain/normalise-definition.ts';
import { compilePlan, type Plan } from '../../src/domain/plan.ts';
import { NO_RETRY } from '../../src/domain/retry-policy.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Decide, ExecutionEvent, TransitionReply } from '../../src/domain/transition.ts';
import { createEvaluator } from '../../src/expression/cel-evaluator.ts';
import { createScheduleSupport } from '../../src/schedule/schedule-support.ts';
import {
  type AttemptOutcome,
  type Backend,
  type BackendEnvironment,
  type ClaimedJob,
  type CommitNotice,
  DEFAULT_BACKEND_LIMITS,
} from '../../src/store/backend.ts';
import type { Receipt } from '../../src/store/port/common.ts';

/** A place where stores live: `open` may be called again for a second process on the same place, where that is possible. */
export interface Place {
  open(env: BackendEnvironment): Promise<Backend>;
  dispose(): Promise<void>;
}

export type MakeBackend = () => Promise<Place>;

export interface Capabilities {
  /** Several processes may share one place, and what is stored outlives the backend. */
  readonly shared: boolean;
  readonly textSearch: boolean;
}

export const evaluator = createEvaluator();
export const T0 = 1_700_000_000_000;

export const completed = (output: Json = null): AttemptOutcome => ({ status: 'completed', output });
export const failed = (code = 'handler_failed', retryable = true): AttemptOutcome => ({
  status: 'failed',
  error: { code, message: `It failed: ${code}.`, retryable, nextActions: [] },
});

export class Bench {
  readonly place: Place;
  readonly env: BackendEnvironment;
  readonly decide: Decide;
  readonly notices: CommitNotice[] = [];
  readonly #opened: Backend[] = [];
  now = T0;
  chance = 0.5;
  epoch = 0;
  backend!: Backend;
  #names = 0;

  constructor(place: Place) {
    this.place = place;
    let seed = 1;
    const newId = createIdSource(
      () => this.now,
      (bytes) => {
        for (let i = 0; i < bytes.length; i++) {
          seed = (seed * 48_271) % 2_147_483_647;
          bytes[i] = seed & 255;
        }
      },
    );
    const random = (): number => this.chance;
    this.env = {
      now: () => this.now,
      random,
      newId,
      compile: (definition, hash) => compilePlan(definition, hash, evaluator),
      concurrencyKey: (plan, input) => keyOf(plan, input),
      limits: DEFAULT_BACKEND_LIMITS,
      checkOutput: (schema, _key, value) => missingFrom(schema, value),
      schedules: createScheduleSupport(evaluator, {
        admitJob: (_task, payload) => ({ payload, requires: [] }),
        admitRun: (_hash, _plan, input) => input,
        needsOf: () => [],
        offers: (requires) => requires.length === 0,
      }),
    };
    this.decide = createAdvance({ evaluator, newId });
  }

  async open(): Promise<this> {
    this.backend = await this.another();
    this.backend.onCommit((notice) => this.notices.push(notice));
    this.epoch = await this.join();
    return this;
  }

  /** One more process on the same place. */
  async another(): Promise<Backend> {
    const backend = await this.place.open(this.env);
    this.#opened.push(backend);
    return backend;
  }

  /** Reads of every process see what the others committed; on a file they always do. */
  async settled(): Promise<void> {
    await Promise.all(this.#opened.map((backend) => backend.refresh?.()));
  }

  async reopen(): Promise<void> {
    await this.backend.close();
    this.backend = await this.another();
    this.epoch = await this.join();
  }

  async dispose(): Promise<void> {
    for (const backend of this.#opened) await backend.close();
    await this.place.dispose();
  }

  join(backend: Backend = this.backend, role = 'worker'): Promise<number> {
    return backend.join({ pid: 4242, host: 'here', role, namespace: 'default', capabilities: [], version: '1' });
  }

  job(more: Partial<NewJob> = {}): NewJob {
    return {
      id: this.env.newId('job'),
      namespace: 'default',
      queue: 'default',
      task: 'noop',
      name: null,
      payload: { n: 1 },
      priority: 50,
      runAt: null,
      dependsOn: [],
      when: 'all_success',
      retry: NO_RETRY,
      timeoutMs: null,
      expiresAt: null,
      requires: [],
      sessionId: null,
      ...more,
    };
  }

  async enqueue(more: Partial<NewJob> = {}, receipt?: Receipt): Promise<string> {
    const job = this.job(more);
    const result = await this.backend.enqueueJobs({ jobs: [job], receipt });
    if (result.kind === 'conflict') throw new Error(`${result.error.code}: ${result.error.message}`);
    return result.jobIds[0] as string;
  }

  claim(
    limit = 1,
    more: { queue?: string; capabilities?: readonly string[]; epoch?: number; backend?: Backend; namespace?: string } = {},
  ): Promise<readonly ClaimedJob[]> {
    const { backend = this.backend, epoch = this.epoch, capabilities = [], queue, namespace = 'default' } = more;
    return backend.claimJobs({ epoch, namespace, capabilities, limit, queue });
  }

  async claimOne(): Promise<ClaimedJob> {
    const [job] = await this.claim(1);
    if (job === undefined) throw new Error('nothing to claim');
    return job;
  }

  settle(job: { readonly jobId: string; readonly token: number }, outcome: AttemptOutcome = completed()): ReturnType<Backend['settleJob']> {
    return this.backend.settleJob({ jobId: job.jobId, token: job.token, outcome, logs: [], decide: this.decide });
  }

  cancel(jobId: string, receipt?: Receipt): ReturnType<Backend['cancelJob']> {
    return this.backend.cancelJob({ jobId, reason: 'not wanted', decide: this.decide, receipt });
  }

  due(): ReturnType<Backend['fireDue']> {
    return this.backend.fireDue({ decide: this.decide, limit: 500 });
  }

  /** Moves the clock, then does what became due. */
  async pass(ms: number): Promise<void> {
    this.now += ms;
    await this.due();
    await this.drain();
  }

  async define(raw: JsonObject): Promise<{ readonly workflow: string; readonly version: number; readonly hash: string }> {
    const { definition, faults } = normaliseDefinition({ name: `flow${++this.#names}`, ...raw });
    if (definition === null) throw new Error(JSON.stringify(faults));
    const hash = createHash('sha256')
      .update(canonicalJson(definition as Json))
      .digest('hex');
    const put = await this.backend.putDefinition({ id: this.env.newId('workflow'), namespace: 'default', definition, hash, listed: true });
    if (put.kind === 'conflict') throw new Error(put.error.message);
    return { workflow: definition.name, version: put.stored.version, hash };
  }

  async start(
    flow: { readonly workflow: string; readonly version: number; readonly hash: string },
    more: Partial<Omit<Parameters<Backend['startExecution']>[0], 'decide'>> = {},
  ): Promise<string> {
    const result = await this.backend.startExecution({
      id: this.env.newId('execution'),
      namespace: 'default',
      ...flow,
      input: {},
      priority: 50,
      sessionId: null,
      startedBy: 'test',
      forkedFrom: null,
      concurrency: null,
      ...more,
      decide: this.decide,
    });
    if (result.kind === 'conflict') throw new Error(`${result.error.code}: ${result.error.message}`);
    return result.executionId;
  }

  async send(executionId: string, ...events: ExecutionEvent[]): Promise<TransitionReply | null> {
    const result = await this.backend.update({ executionId, events, decide: this.decide });
    if (result.kind === 'not_found') throw new Error('no such execution');
    await this.drain();
    return result.reply;
  }

  /** Delivers inbox entries until none are left. */
  async drain(): Promise<void> {
    for (let ids = this.backend.pendingInbox({ limit: 100 }); ids.length > 0; ids = this.backend.pendingInbox({ limit: 100 })) {
      await Promise.all(ids.map((executionId) => this.backend.update({ executionId, events: [], decide: this.decide })));
    }
  }

  /** Runs everything that is ready; gives the names of what ran, in order. */
  async work(handler: (job: ClaimedJob) => AttemptOutcome = () => completed()): Promise<string[]> {
    const ran: string[] = [];
    await this.drain();
    for (let jobs = await this.claim(20); jobs.length > 0; jobs = await this.claim(20)) {
      for (const job of jobs) ran.push(this.nameOf(job));
      await Promise.all(jobs.map((job) => this.settle(job, handler(job))));
      await this.drain();
    }
    return ran;
  }

  nameOf(job: ClaimedJob): string {
    if (job.step === null) return job.name ?? job.jobId;
    const id = this.backend.planOf(job.step.hash)?.nodes[job.step.index]?.id ?? '?';
    return job.step.item === null ? id : `${id}[${job.step.item}]`;
  }

  status(id: string): string | undefined {
    return (id.startsWith('exec_') ? this.backend.getExecution(id)?.status : this.backend.getJob(id)?.status) ?? undefined;
  }

  step(executionId: string, stepId: string): string | undefined {
    return this.backend.getStep({ executionId, stepId })?.status;
  }

  session(more: Partial<Session> = {}): Session {
    return {
      id: this.env.newId('session'),
      namespace: 'default',
      name: null,
      status: 'active',
      implicit: false,
      principal: 'test',
      mode: 'parallel',
      context: {},
      contextVersion: 1,
      metadata: {},
      maxParallelTasks: null,
      maxParallelWorkflows: null,
      timeoutMs: null,
      expiresAt: null,
      createdAt: this.now,
      closedAt: null,
      ...more,
    };
  }

  async putSession(more: Partial<Session> = {}): Promise<string> {
    const session = this.session(more);
    await this.backend.putSession({ session });
    return session.id;
  }

  /** Counters as the store keeps them against a count over all jobs and executions. */
  recount(): { readonly counted: Record<string, number>; readonly kept: Record<string, number> } {
    const counted: Record<string, number> = {};
    const kept: Record<string, number> = {};
    for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
      const page = this.backend.listJobs({ filter: {}, limit: 500, cursor });
      for (const job of page.items) counted[`${job.queue}/${job.task}/${job.status}`] = (counted[`${job.queue}/${job.task}/${job.status}`] ?? 0) + 1;
      cursor = page.nextCursor;
    }
    for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
      const page = this.backend.listExecutions({ filter: {}, limit: 500, cursor });
      for (const execution of page.items) counted[execution.status] = (counted[execution.status] ?? 0) + 1;
      cursor = page.nextCursor;
    }
    for (const row of this.backend.queueStats({}))
      for (const [status, n] of Object.entries(row.counts)) if (n !== 0) kept[`${row.queue}/${row.task}/${status}`] = n;
    for (const [status, n] of Object.entries(this.backend.status().executions)) if (n !== 0) kept[status] = n;
    return { counted, kept };
  }
}

/** The part of JSON Schema that these tests need: `required`. */
function missingFrom(schema: JsonObject, value: Json): { readonly path: string; readonly message: string }[] {
  const has = (name: string): boolean => typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return (schema.required as string[]).filter((name) => !has(name)).map((name) => ({ path: name, message: 'is missing' }));
}

function keyOf(plan: Plan, input: JsonObject): string | null {
  const { concurrency } = plan.definition;
  return concurrency === undefined ? null : String(evaluator.render(concurrency.key, { values: { input } }, 'condition'));
}

/** `fresh()` in a test gives a bench of its own; all are closed after it. */
export function benches(make: MakeBackend): () => Promise<Bench> {
  const open: Bench[] = [];
  afterEach(async () => {
    for (const bench of open.splice(0)) await bench.dispose();
  });
  return async () => {
    const bench = new Bench(await make());
    open.push(bench);
    return bench.open();
  };
}

export function receipt(key: string, digest = 'd1'): Receipt {
  return { principal: 'p', tool: 't', key, digest };
}
