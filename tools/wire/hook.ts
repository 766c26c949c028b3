// Owns hooks on the wire: what each does, and what came to it in the process that serves it.
import type { JsonObject } from '../../src/domain/json.ts';
import type { HookStatus } from '../../src/orchestration/hook-status.ts';
import { compact, iso } from './compact.ts';

export function hookRow({ name, does, workflow, signature, figures }: HookStatus): JsonObject {
  const head = { name, does, workflow: workflow ?? undefined, signature };
  if (figures === null) return compact({ ...head, served_here: false });
  const { accepted, replayed, ignored, refused, lastDelivery, lastRefusal } = figures;
  return compact({
    ...head,
    served_here: true,
    accepted,
    replayed,
    ignored,
    refused,
    last_delivery_at: iso(lastDelivery?.at ?? null),
    last_delivery: lastDelivery?.outcome,
    last_delivery_id: lastDelivery?.id ?? undefined,
    last_execution_id: lastDelivery?.executionId ?? undefined,
    last_refusal_at: iso(lastRefusal?.at ?? null),
    last_refusal: lastRefusal?.code,
  });
}
