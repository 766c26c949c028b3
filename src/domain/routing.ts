// Owns the strategies of routing by name, and how long work waits for the executor that one of them prefers.

export const ROUTING_STRATEGIES = [
  'least_loaded',
  'round_robin',
  'weighted',
  'power_of_two',
  'capability_score',
  'affinity',
  'latency_aware',
  'locality',
] as const;
export type RoutingStrategy = (typeof ROUTING_STRATEGIES)[number];

/** A strategy that only spreads load gives up soon, for a free executor is as good; one that wants a certain executor waits for it. */
const SPREAD_GRACE_MS = 1_000;
const STICKY_GRACE_MS = 30_000;

/** How long work waits for its preferred executor; then whoever is free takes it. */
export function graceOf(strategy: RoutingStrategy): number {
  return strategy === 'affinity' || strategy === 'locality' ? STICKY_GRACE_MS : SPREAD_GRACE_MS;
}
