// Owns the order of advancement: whatever happens to an execution goes through one decision per commit, and a repeated result
// changes nothing.
import { LogisticsError } from '../domain/errors.ts';
import type { Decide, ExecutionEvent } from '../domain/transition.ts';
import type { ExecutionStatus } from '../domain/workflow-execution.ts';
import type { Backend, Receipt } from '../store/backend.ts';
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

export class TaskOrchestrator {
  readonly #backend: Backend;
  readonly #decide: Decide;
  readonly #workflows: WorkflowManager;

  constructor(p: { readonly backend: Backend; readonly decide: Decide; readonly workflows: WorkflowManager }) {
    this.#backend = p.backend;
    this.#decide = p.decide;
    this.#workflows = p.workflows;
  }

  pause(executionId: string, caller: Caller, receipt?: Receipt): Promise<ControlReply> {
    return this.send(executionId, { type: 'pause', by: caller.principal }, receipt);
  }

  resume(executionId: string, caller: Caller, receipt?: Receipt): Promise<ControlReply> {
    return this.send(executionId, { type: 'resume', by: caller.principal }, receipt);
  }

  cancel(executionId: string, reason: string, caller: Caller, receipt?: Receipt): Promise<ControlReply> {
    return this.send(executionId, { type: 'cancel', reason, code: 'cancelled', by: caller.principal }, receipt);
  }

  /** Failed steps run again; completed ones never do. */
  retry(executionId: string, caller: Caller, receipt?: Receipt): Promise<ControlReply> {
    return this.send(executionId, { type: 'retry', by: caller.principal }, receipt);
  }

  /** One event, one decision. Throws not_found, or what the decision refused with. */
  async send(executionId: string, event: ExecutionEvent, receipt?: Receipt): Promise<ControlReply> {
    const result = await this.#backend.update({ executionId, events: [event], decide: this.#decide, receipt });
    if (result.kind === 'not_found') throw new LogisticsError('not_found', `There is no execution ${executionId}.`, { path: 'id' });
    const reply = result.reply;
    if (reply?.kind === 'refused') throw new LogisticsError(reply.code, reply.message, { details: { execution_id: executionId, status: result.status } });
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
