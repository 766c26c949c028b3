// Owns the Hook: a name under which another program may start a workflow or signal a run, how it signs what it sends, and what is read of that.
import type { Json, JsonObject } from './json.ts';

/** What a secret of a hook is bound to. */
export const HOOK_TASK = 'hook.verify';

export type HookSignature =
  /** webhook-id, webhook-timestamp and webhook-signature over all three: a delivery cannot be sent again later. */
  | { readonly kind: 'standard_webhooks' }
  /** X-Hub-Signature-256 over the body. */
  | { readonly kind: 'github' }
  /** HMAC-SHA256 of the body in a header of any name. */
  | { readonly kind: 'hmac'; readonly header: string; readonly encoding: 'hex' | 'base64'; readonly prefix: string };

export type HookAction =
  | { readonly kind: 'start'; readonly workflow: string; readonly input: JsonObject }
  | {
      readonly kind: 'signal';
      /** A run by its id, or the oldest open run of a workflow with this concurrency key. */
      readonly target: { readonly execution: string } | { readonly workflow: string; readonly key: string };
      readonly name: string;
      readonly payload: Json;
    };

/** Texts may hold expressions over `body`, `headers` and `delivery`. */
export interface Hook {
  readonly name: string;
  readonly namespace: string;
  /** Names of secrets, any of which may have signed. */
  readonly secrets: readonly string[];
  readonly signature: HookSignature;
  /** Header that names a delivery, in lower case; null = none does. */
  readonly deliveryHeader: string | null;
  readonly action: HookAction;
  /** A delivery for which it is false is taken and ignored; null = all are meant. */
  readonly when: string | null;
  /** What counts once; null = the id of the delivery. */
  readonly idempotency: string | null;
  readonly maxBodyBytes: number;
}

/** Headers that name a delivery, where the scheme of the signature says so. */
export const DELIVERY_HEADERS = { standard_webhooks: 'webhook-id', github: 'x-github-delivery', hmac: null } as const;

/** Names that expressions of a hook may use. */
export const HOOK_ROOTS = ['body', 'headers', 'delivery'] as const;

/** Whom receipts of a hook, and what it starts, belong to. */
export function hookPrincipal({ name, namespace }: Pick<Hook, 'name' | 'namespace'>): string {
  return `hook:${namespace}/${name}`;
}

/** The expressions of a hook by the place in the configuration where they are written. */
export function hookTemplates({ action, when, idempotency }: Hook): Readonly<Record<string, Json>> {
  const does: Record<string, Json> =
    action.kind === 'start'
      ? { 'start.input': action.input }
      : {
          ...('execution' in action.target ? { 'signal.execution': action.target.execution } : { 'signal.key': action.target.key }),
          'signal.name': action.name,
          'signal.payload': action.payload,
        };
  return { ...(when === null ? {} : { when }), ...(idempotency === null ? {} : { idempotency }), ...does };
}

export function hookWorkflow({ action }: Hook): string | null {
  if (action.kind === 'start') return action.workflow;
  return 'workflow' in action.target ? action.target.workflow : null;
}
