// Owns how the outlets stand: what waits, what was delivered last, and what could not be.
import { type Outlet, queueOf } from '../domain/outlet.ts';
import type { Backend } from '../store/backend.ts';

export interface OutletStatus {
  readonly name: string;
  readonly says: Outlet['says'];
  /** Host of an address, whose path may be secret, or a program. */
  readonly to: string;
  readonly queue: string;
  readonly events: Outlet['events'];
  /** When a process last looked at the log for it, epoch ms; null = none did yet. */
  readonly servedAt: number | null;
  /** Deliveries that are made and not done. */
  readonly waiting: number;
  readonly oldestWaitingAt: number | null;
  readonly delivered: number;
  readonly lastDeliveredAt: number | null;
  /** Deliveries that were given up. */
  readonly dead: number;
  /** Of the newest of these. */
  readonly lastError: string | null;
}

export function outletStatus(backend: Backend, namespace: string, outlets: readonly Outlet[]): readonly OutletStatus[] {
  if (outlets.length === 0) return [];
  const positions = new Map(backend.outletPositions({ namespace }).map((position) => [position.name, position]));
  return outlets.map((outlet) => {
    const queue = queueOf(outlet);
    const counts = backend.queueStats({ namespace, queue }).map((row) => row.counts);
    const sum = (...names: readonly (keyof (typeof counts)[number])[]): number =>
      counts.reduce((total, row) => total + names.reduce((part, name) => part + row[name], 0), 0);
    const newest = (filter: { readonly status: string } | { readonly dead: true }): ReturnType<Backend['listJobs']>['items'][number] | undefined =>
      backend.listJobs({ filter: { namespace, queue, ...filter }, limit: 1, cursor: null }).items[0];
    const dead = sum('failed');
    const error = dead === 0 ? null : (newest({ dead: true })?.error ?? null);
    return {
      name: outlet.name,
      says: outlet.says,
      to: outlet.target.kind === 'webhook' ? new URL(outlet.target.url).host : (outlet.target.argv[0] ?? ''),
      queue,
      events: outlet.events,
      servedAt: positions.get(outlet.name)?.servedAt ?? null,
      waiting: sum('pending', 'running', 'retry'),
      oldestWaitingAt: backend.queueSettings({ namespace, queue })[0]?.oldestReadyAt ?? null,
      delivered: sum('completed'),
      lastDeliveredAt: newest({ status: 'completed' })?.completedAt ?? null,
      dead,
      lastError: error === null ? null : `${error.code}: ${error.message}`,
    };
  });
}

export function outletWarnings(outlets: readonly OutletStatus[]): string[] {
  return outlets
    .filter(({ dead }) => dead > 0)
    .map(
      ({ name, says, dead, queue, lastError }) =>
        `${says === 'event' ? 'Webhook' : 'Notification'} ${name}: ${dead} ${dead === 1 ? 'event' : 'events'} could not be delivered (${lastError ?? 'no error is kept'}); they are dead jobs of the queue ${queue}, to be redriven.`,
    );
}
