// Owns what a verified delivery does: it starts or signals once per id, remembered in the commit that does it, so a repeated one hears of the same run.
import { createHash } from 'node:crypto';
import { LogisticsError } from '../domain/errors.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import { type Hook, type HookAction, hookPrincipal } from '../domain/hook.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import type { TraceContext } from '../domain/trace-context.ts';
import type { Receipt } from '../store/port/common.ts';
import { type Caller, digestOf } from './caller.ts';
import { type DeliveryScope, isMeant, render, textOf } from './hook-templates.ts';
import type { OrchestrationEngine } from './orchestration-engine.ts';

export interface HookDelivery {
  readonly scope: DeliveryScope;
  /** Of the bytes as they came. */
  readonly digest: string;
  readonly trace: TraceContext | null;
}

export type HookOutcome =
  | { readonly kind: 'started' | 'signalled'; readonly executionId: string; readonly status: string; readonly replayed: boolean }
  | { readonly kind: 'ignored'; readonly reason: string };

const MAX_KEY = 200;
/** More open runs of one key than a signal may be for: it goes to the oldest. */
const FIRST = 1;

/** Durable when it resolves. Throws invalid_input for a delivery that lacks what the hook asks for, and not_found where nothing is there to start or signal. */
export async function deliver(engine: OrchestrationEngine, evaluator: Evaluator, hook: Hook, delivery: HookDelivery): Promise<HookOutcome> {
  const { scope, trace } = delivery;
  if (!(await isMeant(hook, evaluator, scope))) return { kind: 'ignored', reason: 'The condition of the hook is false for this delivery.' };
  const key = await keyOf(hook, evaluator, scope);
  const principal = hookPrincipal(hook);
  // Under a key of its own choice the hook wants one run for deliveries that differ; under the id of a delivery they must not.
  const receipt: Receipt = { principal, tool: `hook ${hook.action.kind}`, key, digest: hook.idempotency === null ? delivery.digest : digestOf(key) };
  const caller: Caller = { principal, actor: 'agent', mayApprove: false, sessionId: null, ...(trace === null ? {} : { trace }) };
  await engine.backend.refresh?.();
  const known = engine.backend.recall(receipt);
  const kind = hook.action.kind === 'start' ? 'started' : 'signalled';
  if (isJsonObject(known) && typeof known.executionId === 'string') {
    const { executionId } = known;
    return { kind, executionId, status: engine.backend.getExecution(executionId)?.status ?? 'completed', replayed: true };
  }
  if (hook.action.kind === 'start') {
    const input = (await render(evaluator, hook.action.input, scope)) as JsonObject;
    const { executionId, status, replayed } = await engine.workflows.start({ name: hook.action.workflow, input, receipt }, caller);
    return { kind, executionId, status, replayed };
  }
  const { action } = hook;
  const executionId = await targetOf(engine, evaluator, action, scope);
  const name = textOf(await render(evaluator, action.name, scope), 'signal.name');
  const payload = await render(evaluator, action.payload, scope);
  // Two hooks that number their deliveries alike are two senders.
  const signalId = bounded(`${hook.name}/${key}`);
  const { status, replayed } = await engine.tasks.signal(executionId, { name, payload, signalId }, caller, receipt);
  return { kind, executionId, status, replayed };
}

async function keyOf(hook: Hook, evaluator: Evaluator, scope: DeliveryScope): Promise<string> {
  if (hook.idempotency !== null) return bounded(textOf(await render(evaluator, hook.idempotency, scope), 'idempotency'));
  const { id } = scope.delivery;
  if (id !== null && id.length > 0 && id.length <= MAX_KEY) return id;
  throw new LogisticsError('invalid_input', `The header ${hook.deliveryHeader ?? ''} does not name the delivery.`, {
    path: hook.deliveryHeader ?? 'deliveryId',
    expected: `1 to ${MAX_KEY} characters`,
  });
}

async function targetOf(
  engine: OrchestrationEngine,
  evaluator: Evaluator,
  { target }: Extract<HookAction, { kind: 'signal' }>,
  scope: DeliveryScope,
): Promise<string> {
  if ('execution' in target) return textOf(await render(evaluator, target.execution, scope), 'signal.execution');
  const key = textOf(await render(evaluator, target.key, scope), 'signal.key');
  const { workflow } = target;
  const [oldest] = engine.backend.openRunsOfKey({ namespace: engine.namespace, workflow, key, limit: FIRST });
  if (oldest !== undefined) return oldest;
  throw new LogisticsError('not_found', `No run of ${workflow} with this key is open.`, { path: 'signal.key' });
}

/** Long ones by their digest: a key has so many characters. */
function bounded(text: string): string {
  return text.length <= MAX_KEY ? text : createHash('sha256').update(text).digest('hex');
}
