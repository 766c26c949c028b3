// Owns which job delivers an event to an outlet, and that none does what the outlet did not ask for.
import type { LogisticsEvent } from '../domain/event.ts';
import type { NewJob } from '../domain/job.ts';
import { type EventSubject, eventBody, fits, isDelivery, type Outlet, type OutletFilter, outletCapability, queueOf, taskOf } from '../domain/outlet.ts';
import { DEFAULT_PRIORITY } from '../domain/priority.ts';
import { deliveryId } from '../runtime/delivery-id.ts';
import type { Backend } from '../store/backend.ts';

/** Says an event to a person; null when there is nothing to say any more. */
export type EventWords = (event: LogisticsEvent, backend: Backend) => string | null;

export interface DeliverySources {
  readonly backend: Backend;
  readonly namespace: string;
  readonly words: EventWords;
}

/** The delivery of an event, or null when the outlet is not to be told of it. */
export function deliveryOf(outlet: Outlet, event: LogisticsEvent, { backend, namespace, words }: DeliverySources): NewJob | null {
  const subject = subjectOf(event, outlet.filter, backend);
  if (subject === null || !fits(outlet.filter, subject)) return null;
  const text = outlet.says === 'text' ? words(event, backend) : null;
  if (outlet.says === 'text' && text === null) return null;
  const body = text === null ? eventBody(event) : { text, event: eventBody(event) };
  return {
    id: deliveryId({ namespace, outlet: outlet.name, cursor: event.cursor, at: event.at }),
    namespace,
    queue: queueOf(outlet),
    task: taskOf(outlet),
    name: `${outlet.name}: ${event.type}`,
    payload: { outlet: outlet.name, cursor: event.cursor, at: event.at, body },
    priority: DEFAULT_PRIORITY,
    runAt: null,
    dependsOn: [],
    when: 'all_success',
    retry: outlet.retry,
    timeoutMs: outlet.timeoutMs,
    expiresAt: null,
    requires: [outletCapability(outlet.name)],
    sessionId: null,
    // One at a time keeps the order; one that is tried again lets the others pass meanwhile.
    concurrency: { key: `outlet ${outlet.name}`, limit: 1 },
  };
}

/** What the event is about, as far as somebody asks; null for one of a delivery. */
function subjectOf({ type, executionId, jobId, data }: LogisticsEvent, { workflow, queue }: OutletFilter, backend: Backend): EventSubject | null {
  const standalone = executionId === undefined && jobId !== undefined && (type.startsWith('job_') || queue !== undefined);
  const job = standalone ? backend.getJob(jobId) : null;
  if (job !== null && isDelivery(job.task)) return null;
  const named = executionId === undefined || workflow === undefined ? data.workflow : backend.getExecution(executionId)?.workflow;
  return {
    workflow: typeof named === 'string' ? named : null,
    queue: job?.queue ?? null,
    schedule: typeof data.schedule_id === 'string' && typeof data.name === 'string' ? data.name : null,
  };
}
