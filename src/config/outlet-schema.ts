// Owns how the configuration says who is told of events: webhooks for programs, notify for people; and the outlets that follow from it.
import { z } from 'zod';
import { EVENT_TYPES, type EventType } from '../domain/event.ts';
import { DELIVERY_RETRY, type Outlet, type OutletFilter, type WebhookTarget } from '../domain/outlet.ts';
import { choice } from './choice.ts';
import { duration, text } from './schema-parts.ts';

const OutletName = text(/^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$/, 'up to 50 letters, digits, dashes or underscores');
export const SecretName = text(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'the name of a secret');
const Url = text(/^https?:\/\/[^\s/@]+(\/[^\s]*)?$/, 'an http or https address without user and password');
const Name = z.string().min(1).max(200);
const Names = z.union([Name.transform((name) => [name]), z.array(Name).min(1).max(100)]);
const Events = z.array(choice(EVENT_TYPES)).min(1);
const WebhookEvents = z.union([z.literal('*'), z.array(choice([...EVENT_TYPES, '*'])).min(1)]);
/** Headers that the delivery sets itself, or that frame the message. */
const Headers = z.record(
  text(
    /^(?!(?:host|content-length|content-type|transfer-encoding|connection|webhook-[a-z-]+)$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$/i,
    'a header that the delivery does not set itself',
  ),
  text(/^[\t\x20-\x7e\x80-\xff]{0,16384}$/, 'a header value on one line'),
);
const Filter = z.strictObject({ workflow: Names.optional(), queue: Names.optional(), schedule: Names.optional() });
const Retry = z.strictObject({
  maxAttempts: z.int().min(1).max(1_000).optional(),
  initialInterval: duration(0).optional(),
  backoffCoefficient: z.number().min(1).max(100).optional(),
  maxInterval: duration(0).optional(),
});
/** Of a delivery; each try has `timeout`. */
const Delivery = { filter: Filter.optional(), headers: Headers.optional(), retry: Retry.optional(), timeout: duration(100).optional() };

export const WebhooksInput = z.array(z.strictObject({ name: OutletName, url: Url, events: WebhookEvents, secret: SecretName.optional(), ...Delivery })).max(50);

export const NotifyInput = z
  .array(
    z.strictObject({
      name: OutletName.optional(),
      on: Events.optional(),
      /** The name of a webhook, or an address. */
      webhook: z.string().min(1).max(2_048).optional(),
      command: z
        .array(text(/^[^\0]{1,65536}$/, 'a text that is not empty'))
        .min(1)
        .max(1_000)
        .optional(),
      passEnv: z.array(text(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable')).optional(),
      ...Delivery,
    }),
  )
  .max(50);

type Webhooks = z.output<typeof WebhooksInput>;
type Notify = z.output<typeof NotifyInput>;

export const DEFAULT_NOTIFY_ON: readonly EventType[] = ['approval_requested', 'schedule_missed', 'budget_exceeded'];
export const DEFAULT_NOTIFY_NAME = 'notify';
export const isAddress = (text: string): boolean => /^https?:\/\//.test(text);

const TIMEOUT_MS = 15_000;

/** The outlets of a configuration; names and references were checked before. */
export function outletForms(webhooks: Webhooks, notify: Notify, cwd: string): Outlet[] {
  const targets = new Map<string, WebhookTarget>(
    webhooks.map(({ name, url, headers, secret }) => [name, { kind: 'webhook', url, headers: headers ?? {}, secret: secret ?? null }]),
  );
  const shared = ({ filter, retry, timeout }: Webhooks[number] | Notify[number]): Pick<Outlet, 'filter' | 'retry' | 'timeoutMs'> => ({
    filter: (filter ?? {}) satisfies OutletFilter,
    retry: {
      ...DELIVERY_RETRY,
      maxAttempts: retry?.maxAttempts ?? DELIVERY_RETRY.maxAttempts,
      initialIntervalMs: retry?.initialInterval ?? DELIVERY_RETRY.initialIntervalMs,
      backoffCoefficient: retry?.backoffCoefficient ?? DELIVERY_RETRY.backoffCoefficient,
      maxIntervalMs: retry?.maxInterval ?? DELIVERY_RETRY.maxIntervalMs,
    },
    timeoutMs: timeout ?? TIMEOUT_MS,
  });
  return [
    ...webhooks.map((webhook): Outlet => {
      const events = webhook.events === '*' || webhook.events.includes('*') ? '*' : (webhook.events as EventType[]);
      return { name: webhook.name, says: 'event', events, target: targets.get(webhook.name) as WebhookTarget, ...shared(webhook) };
    }),
    ...notify.map((entry): Outlet => {
      const { name = DEFAULT_NOTIFY_NAME, on, webhook, command, passEnv } = entry;
      const target: Outlet['target'] =
        command !== undefined ? { kind: 'command', argv: command, cwd, passEnv: passEnv ?? [] } : webhookTarget(webhook as string, entry.headers, targets);
      return { name, says: 'text', events: on ?? DEFAULT_NOTIFY_ON, target, ...shared(entry) };
    }),
  ];
}

function webhookTarget(webhook: string, headers: Notify[number]['headers'], targets: ReadonlyMap<string, WebhookTarget>): WebhookTarget {
  if (isAddress(webhook)) return { kind: 'webhook', url: webhook, headers: headers ?? {}, secret: null };
  const named = targets.get(webhook) as WebhookTarget;
  return { ...named, headers: { ...named.headers, ...headers } };
}
