// Owns the choice of an executor: one entry per strategy, over the columns of a table; what it remembers is only whose turn it is.
import type { Random } from '../domain/clock.ts';
import type { ChooseExecutor, ExecutorTable, RouteChoice, RouteRequest } from '../domain/executor.ts';
import { capabilityScore } from './strategies/capability-score.ts';
import { latencyAware } from './strategies/latency-aware.ts';
import { locality } from './strategies/locality.ts';
import { powerOfTwo } from './strategies/power-of-two.ts';
import { rendezvous } from './strategies/rendezvous.ts';
import { RoundRobin } from './strategies/round-robin.ts';
import { weighted } from './strategies/weighted.ts';

type Strategy = (table: ExecutorTable, request: RouteRequest, random: Random) => RouteChoice | null;

/** `least_loaded` is not here: who has a free slot pulls the best job, which is just that, and needs no choice. */
export function createRouter(random: Random): ChooseExecutor {
  const circles = new RoundRobin();
  const strategies: Readonly<Record<RouteRequest['strategy'], Strategy>> = {
    round_robin: (table, request) => circles.next(table, request),
    weighted,
    power_of_two: powerOfTwo,
    capability_score: capabilityScore,
    affinity: rendezvous,
    latency_aware: latencyAware,
    locality,
  };
  return (table, request) => (table.size < 2 ? null : strategies[request.strategy](table, request, random));
}
