// Owns steps that hold no worker: how each kind begins to wait, and how timers, signals and events end the wait.
import type { ErrorData } from '../errors.ts';
import type { Json } from '../json.ts';
import type { PlanNode } from '../plan.ts';
import type { ExecutionEvent } from '../transition.ts';
import type { StoredValue, WaitState } from '../workflow-execution.ts';
import type { WaitingTask } from '../workflow-step.ts';
import { startChild } from './child.ts';
import { digestOf } from './digest.ts';
import type { Draft } from './draft.ts';
import { evaluateFor } from './scope.ts';
import { completeStep, errorData, failStep, waitLimitMs } from './step-end.ts';
import { parseWaiting } from './waiting-input.ts';

type Started = { readonly wait: WaitState } | { readonly output: Json } | 'failed' | 'later';

export function inline(value: Json): StoredValue {
  return { kind: 'inline', json: JSON.stringify(value) };
}

/** Starts a waiting step: it waits, completes at once, or fails. */
export function startWaiting(draft: Draft, node: PlanNode): void {
  const started = node.kind === 'workflow.run' ? startRun(draft, node) : begin(draft, node);
  if (started === 'failed' || started === 'later') return;
  draft.events.push({ type: 'step_started', stepId: node.id, data: { task: node.kind } });
  if ('output' in started) {
    draft.put(node.index, { readyAt: draft.now, startedAt: draft.now });
    completeStep(draft, node.index, inline(started.output));
    return;
  }
  const { wait } = started;
  draft.put(node.index, { status: 'waiting', readyAt: draft.now, startedAt: draft.now, wait });
  if (wait.kind === 'timer') draft.setTimer('wake', node.index, wait.until);
  const until = waitUntil(draft, node, wait);
  if (until !== null) draft.setTimer('wait_timeout', node.index, until);
  if (wait.kind === 'signal') draft.setWaiter({ kind: 'signal', name: wait.name, step: node.index, match: null });
  if (wait.kind === 'event') draft.setWaiter({ kind: 'event', name: wait.name, step: node.index, match: wait.match });
  if (wait.kind !== 'approval') return;
  draft.setWaiter({ kind: 'approval', name: '', step: node.index, match: null });
  const data = { message: wait.message.slice(0, 1_000), by: wait.by, digest: wait.digest, until: wait.until };
  draft.events.push({ type: 'approval_requested', stepId: node.id, data });
}

function waitUntil(draft: Draft, node: PlanNode, wait: WaitState): number | null {
  if (wait.kind === 'approval') return wait.until;
  const limit = waitLimitMs(node);
  return limit === null ? null : draft.now + limit;
}

function startRun(draft: Draft, node: PlanNode): Started {
  const child = startChild(draft, node, null);
  if ('error' in child) {
    failStep(draft, node.index, child.error);
    return 'failed';
  }
  return { wait: { kind: 'child', executionId: child.id } };
}

function begin(draft: Draft, node: PlanNode): Started {
  const rendered = node.dynamicWith ? evaluateFor(draft, node, node.step.with) : ({ ok: true, value: node.step.with } as const);
  const started = rendered.ok ? read(draft, node, rendered.value) : rendered;
  if (typeof started === 'object' && 'error' in started) {
    failStep(draft, node.index, started.error);
    return 'failed';
  }
  return started;
}

function read(draft: Draft, node: PlanNode, value: Json): Started | { readonly error: ErrorData } {
  const limit = waitLimitMs(node);
  const until = limit === null ? null : draft.now + limit;
  switch (node.kind as Exclude<WaitingTask, 'workflow.run'>) {
    case 'sleep': {
      const parsed = parseWaiting('sleep', value);
      return parsed.ok ? { wait: { kind: 'timer', until: draft.now + parsed.input.duration } } : parsed;
    }
    case 'sleepUntil': {
      const parsed = parseWaiting('sleepUntil', value);
      if (!parsed.ok) return parsed;
      return parsed.input.until <= draft.now ? { output: null } : { wait: { kind: 'timer', until: parsed.input.until } };
    }
    case 'wait.signal': {
      const parsed = parseWaiting('wait.signal', value);
      if (!parsed.ok) return parsed;
      const signal = draft.takeSignal(parsed.input.name);
      if (signal === 'unknown') {
        draft.later.push({ k: 'activate', step: node.index });
        return 'later';
      }
      return signal === 'none' ? { wait: { kind: 'signal', name: parsed.input.name, until } } : { output: signal.payload };
    }
    case 'wait.event': {
      const parsed = parseWaiting('wait.event', value);
      return parsed.ok ? { wait: { kind: 'event', name: parsed.input.event, match: parsed.input.match ?? null, until } } : parsed;
    }
    case 'wait.approval': {
      const parsed = parseWaiting('wait.approval', value);
      if (!parsed.ok) return parsed;
      const { message, by, details } = parsed.input;
      const digest = digestOf({ message, details: details ?? null });
      return { wait: { kind: 'approval', message, by, digest, until: until ?? draft.now + draft.env.limits.approvalMs } };
    }
    case 'resource.acquire': {
      const parsed = parseWaiting('resource.acquire', value);
      if (!parsed.ok) return parsed;
      const id = draft.env.newId('allocation');
      draft.acquire({ id, step: node.index, request: parsed.input.resources, priority: parsed.input.priority ?? draft.execution.priority });
      return { wait: { kind: 'resource', allocationId: id, until } };
    }
    case 'resource.release': {
      const parsed = parseWaiting('resource.release', value);
      if (!parsed.ok) return parsed;
      const { allocation } = parsed.input;
      if (!draft.view.holdsAllocation(allocation))
        return {
          error: errorData('not_found', `This run holds no allocation ${allocation}.`, {
            path: 'with.allocation',
            expected: 'the output of a resource.acquire step',
          }),
        };
      draft.release(allocation);
      return { output: { released: allocation } };
    }
    case 'emit': {
      const parsed = parseWaiting('emit', value);
      if (!parsed.ok) return parsed;
      draft.broadcast(parsed.input.event, parsed.input.payload ?? null);
      return { output: { event: parsed.input.event } };
    }
  }
}

/** A sleep is over. A timer that was set for an earlier wait of the same step is ignored. */
export function wake(draft: Draft, step: number, dueAt: number): void {
  const row = draft.row(step);
  if (row.status === 'waiting' && row.wait?.kind === 'timer' && row.wait.until <= dueAt) completeStep(draft, step, inline(null));
}

export function eventMatched(draft: Draft, event: Extract<ExecutionEvent, { type: 'event_matched' }>): void {
  const row = draft.row(event.step);
  if (row.status === 'waiting' && row.wait?.kind === 'event' && row.wait.name === event.name) completeStep(draft, event.step, inline(event.payload));
}

/** The answer to a step that acquires; one for an earlier wait of the same step is ignored. */
export function resourceAnswered(draft: Draft, event: Extract<ExecutionEvent, { type: 'resource_granted' | 'resource_refused' }>): void {
  const row = draft.row(event.step);
  if (row.status !== 'waiting' || row.wait?.kind !== 'resource' || row.wait.allocationId !== event.allocationId) return;
  if (event.type === 'resource_refused') failStep(draft, event.step, event.error);
  else completeStep(draft, event.step, inline(event.allocationId), { data: { allocation_id: event.allocationId } });
}

/** A signal goes to the step that has waited longest for its name, or is kept until one asks; an id counts once. */
export function deliverSignal(draft: Draft, event: Extract<ExecutionEvent, { type: 'signal' }>): void {
  if (draft.hasSignal(event.signalId)) {
    draft.reply = { kind: 'replayed', message: 'already_signalled' };
    return;
  }
  const step = draft.waiting('signal', event.name).find((index) => draft.row(index).status === 'waiting');
  draft.putSignal({ signalId: event.signalId, name: event.name, payload: event.payload, consumed: step !== undefined });
  if (step !== undefined) completeStep(draft, step, inline(event.payload));
  draft.reply = { kind: 'applied', message: step === undefined ? 'buffered' : 'delivered' };
}

/** Fails the step when its wait took too long. */
export function timeOut(draft: Draft, step: number, dueAt: number): void {
  const node = draft.node(step);
  const row = draft.row(step);
  if (row.status !== 'waiting' || row.each !== null) return;
  const since = row.startedAt ?? draft.now;
  const until = row.wait?.kind === 'approval' ? row.wait.until : since + (waitLimitMs(node) ?? Number.POSITIVE_INFINITY);
  if (dueAt < until) return;
  if (row.wait?.kind === 'child') {
    draft.send(row.wait.executionId, { type: 'cancel', reason: `Step "${node.id}" of its parent timed out.`, code: 'timeout', by: draft.execution.id });
  }
  const what = row.wait?.kind === 'approval' ? 'Nobody decided' : 'What it waited for did not come';
  failStep(draft, step, errorData('timeout', `${what} within ${until - since} ms.`));
}
