// Owns the order of advancement: whatever happens to an execution goes through one decision per commit, and a repeated result
// changes nothing.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { LogisticsError } from '../domain/errors.ts';
import { Json } from '../domain/json.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { Decide, ExecutionEvent } from '../domain/transition.ts';
import type { ExecutionStatus } from '../domain/workflow-execution.ts';
import type { Backend } from '../store/backend.ts';
import type { Receipt } from '../store/port/common.ts';
import { MAX_PAYLOAD_BYTES } from '../task/job-input.ts';
import { jsonBytes } from '../task/storable.ts';
import type { Caller } from './caller.ts';
import type { Started, WorkflowManager } from './workflow-manager.ts';

export interface ControlReply {
  readonly status: ExecutionStatus;
  readonly replayed: boolean;
  readonly message: string;
}

export interface ForkReply extends Started {
  readonly reused: readonly string[];
  readonly reexecuted: readonly string[];
}

const SignalFields = z.strictObject({
  name: z.string().min(1).max(200),
  payload: Json.optional(),
  /** Makes a repeated signal count once; made up when absent. */
  signalId: z.string().min(1).max(200).optional(),
});
export type SignalRequest = z.input<typeof SignalFields>;

const ApprovalFields = z.strictObject({
  /** May be left out when exactly one approval waits. */
  step: z.string().min(1).max(200).optional(),
  approved: z.boolean(),
  comment: z.string().max(10_000).optional(),
  /** Of what was shown; a decision on something else is refused. */
  digest: z.string().max(200).optional(),
});
export type ApprovalRequest = z.input<typeof ApprovalFields>;

export class TaskOrchestrator {
  readonly #backend: Backend;
  readonly #decide: Decide;
  readonly #workflows: WorkflowManager;

  constructor(p: { readonly backend: Backend; readonly decide: Decide; readonly workflows: WorkflowManager }) {
    this.#backend = p.backend;
    this.#decide = p.decide;
    this.#workflows = p.workflows;
  }

  /** Nothing new starts; what runs goes on and its results are recorded. Throws invalid_transition after the end. */
  pause(executionId: string, caller: Caller, receipt?: Receipt): Promise<ControlReply> {
    return this.send(executionId, { type: 'pause', by: caller.principal }, receipt);
  }

  /** Goes on where the pause held it back. */
  resume(executionId: string, caller: Caller, receipt?: Receipt): Promise<ControlReply> {
    return this.send(executionId, { type: 'resume', by: caller.principal }, receipt);
  }

  /** Waiting work ends at once, running work is asked to stop; then compensations run. Throws invalid_transition after the end. */
  cancel(executionId: string, reason: string, caller: Caller, receipt?: Receipt): Promise<ControlReply> {
    return this.send(executionId, { type: 'cancel', reason, code: 'cancelled', by: caller.principal }, receipt);
  }

  /** Failed steps run again; completed ones never do. */
  retry(executionId: string, caller: Caller, receipt?: Receipt): Promise<ControlReply> {
    return this.send(executionId, { type: 'retry', by: caller.principal }, receipt);
  }

  /** Delivers a signal to the step that waits for it, or keeps it until one asks; a signal id counts once. */
  async signal(executionId: string, request: SignalRequest, caller: Caller, receipt?: Receipt): Promise<ControlReply> {
    const { name, payload = null, signalId = randomUUID() } = parseInput(SignalFields, request, 'The signal is wrong');
    const bytes = jsonBytes(payload, 'payload');
    if (bytes > MAX_PAYLOAD_BYTES)
      throw new LogisticsError('limit_exceeded', `The payload has ${bytes} bytes.`, { path: 'payload', expected: `at most ${MAX_PAYLOAD_BYTES}` });
    return this.send(executionId, { type: 'signal', name, payload, signalId, by: caller.principal }, receipt);
  }

  /** Decides an approval; who decides follows from the caller, never from the request. */
  async approve(executionId: string, request: ApprovalRequest, caller: Caller, receipt?: Receipt): Promise<ControlReply> {
    const { step = null, approved, comment = null, digest = null } = parseInput(ApprovalFields, request, 'The decision is wrong');
    return this.send(executionId, { type: 'approve', stepId: step, approved, comment, digest, by: caller.principal, actor: caller.actor }, receipt);
  }

  /** One event, one decision. Throws not_found, or what the decision refused with. */
  async send(executionId: string, event: ExecutionEvent, receipt?: Receipt): Promise<ControlReply> {
    const result = await this.#backend.update({ executionId, events: [event], decide: this.#decide, receipt });
    if (result.kind === 'not_found') throw new LogisticsError('not_found', `There is no execution ${executionId}.`, { path: 'id' });
    const reply = result.reply;
    if (reply?.kind === 'refused')
      throw new LogisticsError(reply.code, reply.message, { nextActions: reply.nextActions, details: { execution_id: executionId, status: result.status } });
    return { status: result.status, replayed: reply?.kind === 'replayed', message: reply?.message ?? 'Done.' };
  }

  /** A new execution of the same pinned definition and input, from the start. */
  async restart(executionId: string, caller: Caller, receipt?: Receipt): Promise<Started> {
    const from = this.#require(executionId);
    return this.#workflows.start(
      {
        pinned: { hash: from.hash, workflow: from.workflow, version: from.version },
        input: from.input,
        priority: from.priority,
        sessionId: caller.sessionId ?? from.sessionId,
        receipt,
      },
      caller,
    );
  }

  /** A new execution that takes over the outputs of completed steps which do not follow from `stepId`, and runs the rest again. */
  async fork(executionId: string, stepId: string, caller: Caller, receipt?: Receipt): Promise<ForkReply> {
    const from = this.#require(executionId);
    const plan = this.#backend.planOf(from.hash);
    const stepIndex = plan?.indexOf.get(stepId);
    if (plan === null || stepIndex === undefined || stepIndex >= plan.mainCount) {
      const { nearMatches } = await import('../domain/near-match.ts');
      throw new LogisticsError('not_found', `The workflow ${from.workflow} has no step ${stepId}.`, {
        path: 'step',
        nearMatches: nearMatches(stepId, plan?.definition.steps.map((step) => step.id) ?? []),
      });
    }
    const started = await this.#workflows.start(
      {
        pinned: { hash: from.hash, workflow: from.workflow, version: from.version },
        input: from.input,
        priority: from.priority,
        sessionId: caller.sessionId ?? from.sessionId,
        forkedFrom: { executionId, stepIndex },
        receipt,
      },
      caller,
    );
    const again = new Set([stepIndex]);
    for (const index of plan.order) if (plan.nodes[index]?.needs.some((need) => again.has(need))) again.add(index);
    const reused: string[] = [];
    const reexecuted: string[] = [];
    for (const step of this.#allSteps(executionId)) {
      if (step.region !== 'main') continue;
      if (!again.has(step.index) && step.status === 'completed') reused.push(step.id);
      else reexecuted.push(step.id);
    }
    return { ...started, reused, reexecuted };
  }

  *#allSteps(executionId: string): Generator<ReturnType<Backend['getSteps']>[number]> {
    for (let after = -1; ; ) {
      const page = this.#backend.getSteps({ executionId, after, limit: 500 });
      yield* page;
      if (page.length < 500) return;
      after = page.at(-1)?.index ?? after;
    }
  }

  #require(executionId: string): NonNullable<ReturnType<Backend['getExecution']>> {
    const found = this.#backend.getExecution(executionId);
    if (found === null) throw new LogisticsError('not_found', `There is no execution ${executionId}.`, { path: 'id' });
    return found;
  }
}
