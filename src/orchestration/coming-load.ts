// Owns how much of a pool the work that is known to come asks for: what waits for it now, and what schedules start in the coming day.
import { amountsOf, type ResourceRequest } from '../domain/resource.ts';
import { toBase } from '../domain/resource-unit.ts';
import type { Schedule, SchedulePlan } from '../domain/schedule.ts';
import type { PlannedTimes } from '../domain/schedule-view.ts';
import type { ComingLoad } from '../resources/capacity-plan.ts';
import type { Backend } from '../store/backend.ts';

const DAY_MS = 86_400_000;
const MAX_SCHEDULES = 500;
const MAX_WAITING = 10_000;

export interface ComingRequest {
  readonly backend: Backend;
  readonly namespace: string;
  readonly pool: string;
  readonly key: string;
  readonly unit: string;
  readonly isQuota: boolean;
  readonly now: number;
  readonly plannedTimes: (plan: SchedulePlan) => PlannedTimes;
}

interface Demand {
  readonly task: string;
  /** Base units. */
  readonly amount: number;
}

export function comingLoad(p: ComingRequest): { readonly queued: ComingLoad; readonly scheduled: ComingLoad } {
  const meanOf = meanRuns(p);
  const areaOf = ({ task, amount }: Demand): number => (p.isQuota ? amount : amount * meanOf(task));
  const sum = (demands: readonly Demand[], times = 1): ComingLoad => ({
    requests: demands.length * times,
    area: demands.reduce((total, one) => total + areaOf(one), 0) * times,
  });
  const waiting = p.backend
    .poolHolders({ namespace: p.namespace, name: p.pool, limit: MAX_WAITING })
    .waiting.filter((one) => one.key === p.key)
    .map((one): Demand => ({ task: p.backend.getJob(one.id)?.task ?? '', amount: one.amount }));
  const loads = p.backend.listSchedules({ filter: { namespace: p.namespace, status: 'active' }, limit: MAX_SCHEDULES, cursor: null }).items.map((schedule) => {
    const demands = demandsOf(p, schedule);
    return sum(demands, demands.length === 0 ? 0 : p.plannedTimes(schedule).countBetween(p.now, p.now + DAY_MS));
  });
  return {
    queued: sum(waiting),
    scheduled: { requests: loads.reduce((total, load) => total + load.requests, 0), area: loads.reduce((total, load) => total + load.area, 0) },
  };
}

/** What one run of a schedule asks of the pool: the steps of its workflow that declare it; each item of a forEach that is written out. */
function demandsOf(p: ComingRequest, { target }: Schedule): Demand[] {
  if (target.kind !== 'workflow') return [];
  const stored = p.backend.findDefinition({ namespace: p.namespace, name: target.name });
  return (stored?.definition.steps ?? []).flatMap((step) => {
    const amount = step.resources === undefined ? 0 : amountIn(p, step.resources);
    const times = Array.isArray(step.forEach) ? step.forEach.length : 1;
    return amount === 0 ? [] : Array.from({ length: times }, (): Demand => ({ task: step.task, amount }));
  });
}

function amountIn({ pool, key, unit }: ComingRequest, request: ResourceRequest): number {
  const asked = amountsOf(request).find((one) => one.pool === pool && one.key === key);
  const converted = asked === undefined ? undefined : toBase(asked.amount, unit);
  return converted !== undefined && 'base' in converted ? converted.base : 0;
}

function meanRuns({ backend, namespace }: ComingRequest): (task: string) => number {
  const sums = new Map<string, { ms: number; runs: number }>();
  for (const row of backend.queueStats({ namespace })) {
    const runs = row.completed + row.failed;
    const sum = sums.get(row.task) ?? { ms: 0, runs: 0 };
    sums.set(row.task, { ms: sum.ms + (row.meanRunMs ?? 0) * runs, runs: sum.runs + runs });
  }
  return (task) => {
    const sum = sums.get(task);
    return sum === undefined || sum.runs === 0 ? 0 : sum.ms / sum.runs;
  };
}
