// Owns webhooks and notifications on the wire: where each goes and how it stands; never an address whole.
import type { JsonObject } from '../../src/domain/json.ts';
import type { OutletStatus } from '../../src/orchestration/outlet-status.ts';
import { compact, iso, shortText } from './compact.ts';

export function outletRow(outlet: OutletStatus): JsonObject {
  return compact({
    name: outlet.name,
    kind: outlet.says === 'event' ? 'webhook' : 'notify',
    to: outlet.to,
    queue: outlet.queue,
    events: outlet.events === '*' ? '*' : [...outlet.events],
    waiting: outlet.waiting,
    oldest_waiting_at: iso(outlet.oldestWaitingAt),
    delivered: outlet.delivered,
    last_delivered_at: iso(outlet.lastDeliveredAt),
    dead: outlet.dead,
    last_error: outlet.lastError === null ? undefined : shortText(outlet.lastError, 150),
    served_at: iso(outlet.servedAt),
  });
}
