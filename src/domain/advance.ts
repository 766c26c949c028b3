// Owns the life of an execution: a pure decision from rows and events to a bounded delta. Everything that happens to an
// execution, whatever the store, happens here; the parts in advance/ each own one rule of it.
import { consider } from './advance/activate.ts';
import { admit } from './advance/admission.ts';
import { approve } from './advance/approval.ts';
import { keepInCache } from './advance/cache.ts';
import { childError, settleChild } from './advance/child.ts';
import { cancel, pause, refuseEnded, resume, retry } from './advance/control.ts';
import { isOpen } from './advance/counters.ts';
import { type AdvanceEnv, type AdvanceLimits, Draft, STEP_CHANGES } from './advance/draft.ts';
import { hears } from './advance/each-redo.ts';
import { expandEach, settleItem, timeOutEach } from './advance/for-each.ts';
import { isStoppingNow, mayStart } from './advance/phase.ts';
import { propagate, startRoots } from './advance/propagate.ts';
import { arm, recount } from './advance/retry.ts';
import { settle } from './advance/settle.ts';
import { cancelStep, completeStep, errorData, failStep } from './advance/step-end.ts';
import { beginStop, scanStop, stopStep } from './advance/stop.ts';
import { deliverSignal, eventMatched, resourceAnswered, timeOut, wake } from './advance/waiting.ts';
import { type Decide, type ExecutionEvent, MAX_CHANGES, type WorkItem } from './transition.ts';

export const DEFAULT_ADVANCE_LIMITS: AdvanceLimits = { maxChanges: MAX_CHANGES, graceMs: 10_000, approvalMs: 24 * 3_600_000 };

type JobSettled = Extract<ExecutionEvent, { type: 'job_settled' }>;
type ChildEnded = Extract<ExecutionEvent, { type: 'child_ended' }>;
type Timer = Extract<ExecutionEvent, { type: 'timer' }>;

/** Half of the room that a transition keeps back; enough for each control event, so that its caller is answered. */
const CONTROL_RESERVE = 6;
const CONTROL_CHANGES = 6;

/**
 * The decision over an execution: `(view, events) => Transition`. Pure but for ids; run again on the same view it decides the
 * same. Work per event is O(out-degree); past `maxChanges` row changes the rest follows as one `continue` event to itself.
 */
export function createAdvance(env: Omit<AdvanceEnv, 'limits'> & { readonly limits?: Partial<AdvanceLimits> | undefined }): Decide {
  const complete: AdvanceEnv = { ...env, limits: { ...DEFAULT_ADVANCE_LIMITS, ...env.limits } };
  return (view, events) => {
    const draft = new Draft(view, complete);
    for (const event of events) take(draft, event);
    do drain(draft);
    while (settleMore(draft));
    draft.carryOn();
    updateStatus(draft);
    return draft.finish();
  };
}

/** Handles an event, or keeps it for the next part when there is no room. Control events have room set aside, for their caller waits. */
function take(draft: Draft, event: ExecutionEvent): void {
  if (event.type === 'continue') {
    draft.execution.openWork--;
    draft.work.push(...event.work);
  } else if (isControl(event) ? draft.fits(CONTROL_CHANGES, CONTROL_RESERVE) : draft.fits(STEP_CHANGES)) {
    handle(draft, event);
  } else {
    draft.unheard.push(event);
  }
}

function isControl(event: ExecutionEvent): boolean {
  return (
    event.type === 'pause' ||
    event.type === 'resume' ||
    event.type === 'cancel' ||
    event.type === 'retry' ||
    event.type === 'approve' ||
    event.type === 'signal'
  );
}

function drain(draft: Draft): void {
  while (draft.fits(STEP_CHANGES)) {
    const work = draft.work.pop();
    if (work === undefined) return;
    perform(draft, work);
  }
}

/** Settles once all is quiet; true when that left work for which there is room. */
function settleMore(draft: Draft): boolean {
  settle(draft);
  return draft.work.length > 0 && draft.fits(STEP_CHANGES);
}

function handle(draft: Draft, event: Exclude<ExecutionEvent, { type: 'continue' }>): void {
  switch (event.type) {
    case 'admitted':
      admit(draft);
      return;
    case 'job_settled':
      if (event.item === null) settleJob(draft, event);
      else settleItem(draft, event.step, { ...event, item: event.item });
      return;
    case 'child_ended':
      if (event.item === null) settleChild(draft, event);
      else settleChildItem(draft, event, event.item);
      return;
    case 'timer':
      fire(draft, event);
      return;
    case 'resource_granted':
    case 'resource_refused':
      resourceAnswered(draft, event);
      return;
    case 'event_matched':
      eventMatched(draft, event);
      return;
    case 'signal': {
      const ended = refuseEnded(draft);
      if (ended === null) deliverSignal(draft, event);
      else draft.reply = ended;
      return;
    }
    case 'approve':
      approve(draft, event);
      return;
    case 'pause':
      draft.reply = pause(draft, event.by, event.reason);
      return;
    case 'resume':
      draft.reply = resume(draft, event.by);
      return;
    case 'cancel':
      draft.reply = cancel(draft, event.reason, event.code);
      return;
    case 'retry':
      draft.reply = retry(draft);
  }
}

function perform(draft: Draft, work: WorkItem): void {
  switch (work.k) {
    case 'activate':
      consider(draft, work.step);
      return;
    case 'propagate':
      propagate(draft, work.step, work.from);
      return;
    case 'roots':
      startRoots(draft, work.from);
      return;
    case 'expand':
      expandEach(draft, work.step);
      return;
    case 'stop':
      scanStop(draft, work.after, work.force);
      return;
    case 'stop_step':
      stopStep(draft, work);
      return;
    case 'recount':
      recount(draft, work.from);
      return;
    case 'arm':
      arm(draft, work.from);
      return;
    case 'event': {
      // Its caller got no answer and is gone; the one of this transition keeps his.
      const { reply } = draft;
      take(draft, work.event);
      draft.reply = reply;
      return;
    }
    case 'settle':
      // Nothing of its own: once all work is done, decide() settles anyway.
      return;
  }
}

function settleJob(draft: Draft, event: JobSettled): void {
  const row = draft.row(event.step);
  if (!isOpen(row.status) || row.status === 'waiting' || row.each !== null) return;
  if (event.status === 'completed') {
    const output = event.output ?? ({ kind: 'inline', json: 'null' } as const);
    completeStep(draft, event.step, output, event);
    keepInCache(draft, draft.node(event.step), output);
  } else if (event.status === 'cancelled' && !mayStart(draft, draft.node(event.step))) cancelStep(draft, event.step, event);
  // A job that somebody cancelled by itself leaves its step without a result: that is a failure of the step.
  else
    failStep(
      draft,
      event.step,
      event.error ?? errorData(event.status === 'cancelled' ? 'cancelled' : 'handler_failed', 'Its job ended without a result.'),
      event,
    );
}

function settleChildItem(draft: Draft, event: ChildEnded, item: number): void {
  if (!hears(draft, event)) return;
  const error = event.status === 'completed' ? null : childError(event);
  settleItem(draft, event.step, { item, status: event.status, error, attempts: 1, startedAt: null });
}

function fire(draft: Draft, event: Timer): void {
  const { execution } = draft;
  if (event.timer === 'execution_deadline') {
    const due = execution.deadlineAt !== null && event.dueAt >= execution.deadlineAt;
    if (due && execution.stopping === null && (execution.phase === 'main' || execution.phase === 'admission')) {
      beginStop(draft, { as: 'failed', code: 'timeout', message: 'The execution ran past its timeout.' });
    }
  } else if (event.step === null) {
    if (event.timer === 'force_stop' && isStoppingNow(draft)) draft.work.push({ k: 'stop', after: -1, force: true });
  } else if (event.timer === 'wake') {
    wake(draft, event.step, event.dueAt);
  } else if (event.timer === 'force_stop') {
    if (draft.row(event.step).each?.stopping === true) draft.work.push({ k: 'stop_step', step: event.step, after: '', force: true });
  } else if (draft.row(event.step).each === null) {
    timeOut(draft, event.step, event.dueAt);
  } else {
    timeOutEach(draft, event.step, event.dueAt);
  }
}

function updateStatus(draft: Draft): void {
  const { execution, view } = draft;
  if (execution.phase === 'done') return;
  if (execution.paused) execution.status = 'paused';
  else if (execution.phase === 'admission') execution.status = 'pending';
  else execution.status = execution.stepsRunning === 0 && execution.openWork === 0 && execution.stepsWaiting > 0 ? 'waiting' : 'running';
  if (execution.status === 'waiting' && view.execution.status !== 'waiting') {
    draft.events.push({ type: 'workflow_waiting', data: { steps_waiting: execution.stepsWaiting } });
  }
}
