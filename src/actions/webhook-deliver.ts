// Owns the delivery of one event: a signed POST whose id and bytes are the same at each try, with an answer of 2xx as its only success.
import { z } from 'zod';
import type { ActionContext, TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import { type Json, JsonObject } from '../domain/json.ts';
import { DELIVER_TASK, type Outlet, type WebhookTarget } from '../domain/outlet.ts';
import { deliveryId } from '../runtime/delivery-id.ts';
import type { SecretStore } from '../runtime/secrets.ts';
import { webhookSignature } from '../runtime/webhook-signature.ts';
import { type GuardedAgent, networkError } from './guarded-agent.ts';
import { refuseFailure } from './http-response.ts';

/** What a delivery carries; where it goes, and with which secret, is looked up in the configuration when it goes. */
export const DeliveryInput = z.strictObject({ outlet: z.string(), cursor: z.int(), at: z.int(), body: JsonObject });
export type DeliveryInput = z.infer<typeof DeliveryInput>;

export interface DeliveryParts {
  readonly outlets: readonly Outlet[];
  readonly namespace: string;
  readonly secrets: SecretStore;
  readonly now: () => number;
}

const GONE = 410;

/** The outlet of a delivery. Throws not_allowed for a job that the log did not make, not_found when the configuration has no such outlet. */
export function outletOf(parts: DeliveryParts, input: DeliveryInput, context: ActionContext): Outlet {
  // Whoever may enqueue jobs must not be able to have something signed: the ids of jobs that are asked for are drawn.
  if (context.jobId !== deliveryId({ namespace: parts.namespace, outlet: input.outlet, cursor: input.cursor, at: input.at })) {
    throw new LogisticsError('not_allowed', 'Deliveries are made from the event log, not on request.', { path: 'task' });
  }
  const outlet = parts.outlets.find(({ name }) => name === input.outlet);
  if (outlet !== undefined) return outlet;
  throw new LogisticsError('not_found', `The configuration names no outlet ${input.outlet} any more.`, { path: 'outlet' });
}

export function createWebhookDeliver(parts: DeliveryParts, agent: GuardedAgent): TaskType {
  return {
    type: DELIVER_TASK,
    version: 1,
    internal: true,
    description: 'Delivers one event of the log to a configured webhook.',
    input: DeliveryInput,
    example: { outlet: 'erp', cursor: 17, at: 1_790_000_000_000, body: { type: 'workflow_completed' } },
    run: async (input: DeliveryInput, context: ActionContext): Promise<Json> => {
      const { target } = outletOf(parts, input, context);
      if (target.kind !== 'webhook') throw new LogisticsError('not_found', `The outlet ${input.outlet} has no address any more.`, { path: 'outlet' });
      const body = JSON.stringify(input.body);
      const headers = { ...target.headers, ...(await ownHeaders(parts, target, context.jobId, body)) };
      return { status: await post(target, headers, body, context, agent) };
    },
  };
}

async function ownHeaders({ secrets, now }: DeliveryParts, { url, secret }: WebhookTarget, id: string, body: string): Promise<Record<string, string>> {
  const seconds = Math.floor(now() / 1_000);
  const headers = { 'content-type': 'application/json', 'user-agent': 'logistics-mcp', 'webhook-id': id, 'webhook-timestamp': String(seconds) };
  if (secret === null) return headers;
  const { hostname, host } = new URL(url);
  const value = await secrets.resolve(secret, { task: DELIVER_TASK, targets: [...new Set([hostname, host])] });
  return { ...headers, 'webhook-signature': webhookSignature(value, id, seconds, body) };
}

async function post(target: WebhookTarget, headers: Record<string, string>, body: string, context: ActionContext, agent: GuardedAgent): Promise<number> {
  // The path may hold a token, as in the addresses of chat programs.
  const name = `POST ${new URL(target.url).origin}`;
  const { fetch } = await import('undici');
  try {
    const response = await fetch(target.url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: context.signal,
      dispatcher: await agent.dispatcher(),
    });
    if (response.status < 200 || response.status > 299) await refuseFailure(response, name, (status) => status !== GONE);
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    throw error instanceof LogisticsError ? error : networkError(name, error);
  }
}
