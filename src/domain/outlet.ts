// Owns the Outlet: a place outside this program that is told of chosen events, and which events those are.
import type { EventType, LogisticsEvent } from './event.ts';
import type { RetryPolicy } from './retry-policy.ts';

export const DELIVER_TASK = 'webhook.deliver';
export const COMMAND_TASK = 'notify.command';

/** Where something is sent. */
export interface WebhookTarget {
  readonly kind: 'webhook';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Name of the secret that signs; null = not signed. */
  readonly secret: string | null;
}

/** A program of this machine, started without a shell. */
export interface CommandTarget {
  readonly kind: 'command';
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Names of variables that it sees beside those of every command. */
  readonly passEnv: readonly string[];
}

/** An event must fit every field that is there; one that has no such thing does not fit. */
export interface OutletFilter {
  readonly workflow?: readonly string[] | undefined;
  readonly queue?: readonly string[] | undefined;
  readonly schedule?: readonly string[] | undefined;
}

export interface Outlet {
  readonly name: string;
  /** `webhook` sends the event itself to a program, `notify` a sentence to a person. */
  readonly says: 'event' | 'text';
  readonly events: readonly EventType[] | '*';
  readonly filter: OutletFilter;
  readonly target: WebhookTarget | CommandTarget;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
}

/** What an event is about, as far as filters ask. */
export interface EventSubject {
  readonly workflow: string | null;
  readonly queue: string | null;
  readonly schedule: string | null;
}

/** Standard Webhooks asks for days of patience: with these, the last try comes 22 hours after the first. */
export const DELIVERY_RETRY: RetryPolicy = {
  maxAttempts: 12,
  initialIntervalMs: 5_000,
  backoffCoefficient: 4,
  maxIntervalMs: 4 * 3_600_000,
  jitter: 'none',
  nonRetryable: [],
};

/** The queue of an outlet's deliveries: one each, so that one that is down holds up no other. */
export function queueOf({ name, says }: Pick<Outlet, 'name' | 'says'>): string {
  return `${says === 'event' ? 'webhooks' : 'notify'}.${name}`;
}

/** Offered by processes whose configuration has the outlet. */
export function outletCapability(name: string): string {
  return `outlet@${name}`;
}

export function taskOf({ target }: Pick<Outlet, 'target'>): string {
  return target.kind === 'webhook' ? DELIVER_TASK : COMMAND_TASK;
}

/** Events of deliveries are never delivered: each would make the next. */
export function isDelivery(task: string): boolean {
  return task === DELIVER_TASK || task === COMMAND_TASK;
}

export function fits(filter: OutletFilter, subject: EventSubject): boolean {
  const meets = (wanted: readonly string[] | undefined, actual: string | null): boolean => wanted === undefined || (actual !== null && wanted.includes(actual));
  return meets(filter.workflow, subject.workflow) && meets(filter.queue, subject.queue) && meets(filter.schedule, subject.schedule);
}

/** The event as a webhook carries it; its data whole. */
export function eventBody(event: LogisticsEvent): Record<string, string | number | LogisticsEvent['data']> {
  const { cursor, at, type, namespace, executionId, stepId, itemIndex, jobId, sessionId, data } = event;
  return {
    cursor,
    at: new Date(at).toISOString(),
    type,
    namespace,
    ...(executionId === undefined ? {} : { execution_id: executionId }),
    ...(stepId === undefined ? {} : { step: stepId }),
    ...(itemIndex === undefined ? {} : { item: itemIndex }),
    ...(jobId === undefined ? {} : { job_id: jobId }),
    ...(sessionId === undefined ? {} : { session_id: sessionId }),
    data,
  };
}
