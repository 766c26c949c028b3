// Owns how the configuration says what other programs may set off here: hooks, each with its signature and what a delivery does.
import { z } from 'zod';
import { DELIVERY_HEADERS, type Hook, type HookSignature } from '../domain/hook.ts';
import { Json, JsonObject } from '../domain/json.ts';
import { choice } from './choice.ts';
import { SecretName } from './outlet-schema.ts';
import { text } from './schema-parts.ts';

const HookName = text(/^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$/, 'up to 50 letters, digits, dashes or underscores');
const HeaderName = text(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'the name of a header');
const WorkflowName = text(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'the name of a workflow');
const Template = text(/^[^\0]{1,10000}$/, 'a text with an expression such as ${{ body.id }}');
const Expression = text(/^\s*\$\{\{[^\0]{1,10000}\}\}\s*$/, "one expression such as ${{ body.action == 'opened' }}");

const Signature = z.union([
  choice(['standard_webhooks', 'github']),
  z.strictObject({
    header: HeaderName,
    algorithm: choice(['sha256']).optional(),
    encoding: choice(['hex', 'base64']).optional(),
    prefix: text(/^[\x20-\x7e]{0,50}$/, 'up to 50 characters').optional(),
  }),
]);

export const HooksInput = z
  .array(
    z.strictObject({
      name: HookName,
      secret: z.union([SecretName, z.array(SecretName).min(1).max(5)]),
      signature: Signature,
      deliveryId: HeaderName.optional(),
      start: z.strictObject({ workflow: WorkflowName, input: JsonObject.optional() }).optional(),
      signal: z
        .strictObject({
          execution: Template.optional(),
          workflow: WorkflowName.optional(),
          key: Template.optional(),
          name: Template,
          payload: Json.optional(),
        })
        .optional(),
      when: Expression.optional(),
      idempotency: Template.optional(),
      namespace: text(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'up to 100 letters, digits, dots, dashes or underscores').optional(),
      maxBody: z
        .int()
        .min(1_024)
        .max(64 * 1_048_576)
        .optional(),
    }),
  )
  .max(100);
type HookFields = z.output<typeof HooksInput>[number];

/** Bytes of a delivery, when the hook names no limit. */
export const DEFAULT_HOOK_BODY = 1_048_576;

/** The hooks of a configuration; what contradicts itself was refused before. */
export function hookForms(hooks: readonly HookFields[], namespace: string): Hook[] {
  return hooks.map((hook) => {
    const signature = signatureForm(hook.signature);
    return {
      name: hook.name,
      namespace: hook.namespace ?? namespace,
      secrets: typeof hook.secret === 'string' ? [hook.secret] : hook.secret,
      signature,
      deliveryHeader: hook.deliveryId?.toLowerCase() ?? DELIVERY_HEADERS[signature.kind],
      action: actionForm(hook),
      when: hook.when ?? null,
      idempotency: hook.idempotency ?? null,
      maxBodyBytes: hook.maxBody ?? DEFAULT_HOOK_BODY,
    };
  });
}

function signatureForm(signature: HookFields['signature']): HookSignature {
  if (typeof signature === 'string') return { kind: signature };
  return { kind: 'hmac', header: signature.header.toLowerCase(), encoding: signature.encoding ?? 'hex', prefix: signature.prefix ?? '' };
}

function actionForm({ start, signal }: HookFields): Hook['action'] {
  if (start !== undefined) return { kind: 'start', workflow: start.workflow, input: start.input ?? {} };
  const { execution, workflow = '', key = '', name, payload } = signal as NonNullable<typeof signal>;
  return { kind: 'signal', target: execution === undefined ? { workflow, key } : { execution }, name, payload: payload ?? null };
}
