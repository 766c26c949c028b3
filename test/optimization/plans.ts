// Owns plans for tests: tasks from short words, random graphs, and a check of a schedule that shares nothing with what makes it.
import fc from 'fast-check';
import { NO_RETRY } from '../../src/domain/retry-policy.ts';
import type { PlanCapacity, PlanTask, Schedule } from '../../src/optimization/plan-model.ts';
import { givenEstimate } from '../../src/optimization/spread.ts';

export type TaskWords = Partial<Omit<PlanTask, 'estimate'>> & { readonly ms: number };

export function task({ ms, ...rest }: TaskWords, at = 0): PlanTask {
  return {
    id: `s${at}`,
    needs: [],
    kind: 'slot',
    estimate: givenEstimate(ms),
    given: true,
    count: 1,
    width: 1,
    pools: {},
    requires: [],
    retry: NO_RETRY,
    deadlineMs: null,
    continueOnError: false,
    toleratedItems: 0,
    ...rest,
  };
}

export function tasks(...all: readonly TaskWords[]): PlanTask[] {
  return all.map(task);
}

export function slots(count: number, pools: Readonly<Record<string, number>> = {}): PlanCapacity {
  return { slots: count, workers: null, pools };
}

export function workers(speeds: readonly number[], pools: Readonly<Record<string, number>> = {}, prices: readonly number[] = []): PlanCapacity {
  return {
    slots: speeds.length,
    workers: speeds.map((speed, at) => ({ name: `w${at}`, speed, price: prices[at] ?? 0, capabilities: [] })),
    pools,
  };
}

/** Graphs in layers: each step needs some of the layer before. */
export function layeredTasks(options: { readonly max?: number; readonly pools?: boolean; readonly groups?: boolean } = {}): fc.Arbitrary<PlanTask[]> {
  const { max = 40 } = options;
  const one = fc.record({
    ms: fc.integer({ min: 1, max: 1_000 }),
    layer: fc.integer({ min: 0, max: 5 }),
    picks: fc.array(fc.nat(), { maxLength: 3 }),
    cpu: fc.integer({ min: 0, max: options.pools === true ? 3 : 0 }),
    gpu: fc.integer({ min: 0, max: options.pools === true ? 2 : 0 }),
    count: fc.integer({ min: options.groups === true ? 0 : 1, max: options.groups === true ? 6 : 1 }),
    width: fc.integer({ min: 1, max: options.groups === true ? 4 : 1 }),
    waits: fc.boolean().map((waits) => options.groups === true && waits),
  });
  return fc.array(one, { minLength: 1, maxLength: max }).map((rows) => {
    const sorted = [...rows].sort((a, b) => a.layer - b.layer);
    return sorted.map((row, at) => {
      const above = sorted.findIndex((other) => other.layer === row.layer);
      const needs = above === 0 ? [] : [...new Set(row.picks.map((pick) => pick % above))];
      const pools = { ...(row.cpu > 0 ? { cpu: row.cpu } : {}), ...(row.gpu > 0 ? { gpu: row.gpu } : {}) };
      return task({ ms: row.ms, needs, pools: row.waits ? {} : pools, count: row.count, width: row.width, kind: row.waits ? 'wait' : 'slot' }, at);
    });
  });
}

/** Every rule that a schedule breaks, in words; empty when it is valid. */
export function breaches(all: readonly PlanTask[], capacity: PlanCapacity, schedule: Schedule): string[] {
  const faults: string[] = [];
  const of = (at: number): PlanTask => all[at] as PlanTask;
  const placed = new Map<number, number[]>();
  for (const { task: at, item } of schedule.placements) placed.set(at, [...(placed.get(at) ?? []), item]);
  for (const [at, { count }] of all.entries()) {
    const items = [...(placed.get(at) ?? [])].sort((a, b) => a - b);
    if (items.length !== count || items.some((item, i) => item !== i)) faults.push(`s${at} is placed as ${items.join()}`);
  }
  const ends = all.map((_, at) => endOf(schedule, at));
  for (const { task: at, startMs, endMs, slot } of schedule.placements) {
    const speed = capacity.workers === null || slot < 0 ? 1 : (capacity.workers[slot]?.speed ?? Number.NaN);
    if (Math.abs(endMs - startMs - of(at).estimate.p50Ms / speed) > 1e-6) faults.push(`s${at} takes ${endMs - startMs}`);
    for (const need of of(at).needs) if (startMs < neededEnd(all, ends, need) - 1e-6) faults.push(`s${at} starts before s${need} has ended`);
    if ((of(at).kind === 'wait') !== slot < 0) faults.push(`s${at} is on slot ${slot}`);
    if (slot >= (capacity.workers?.length ?? capacity.slots)) faults.push(`slot ${slot} does not exist`);
  }
  const points = schedule.placements.map(({ startMs }) => startMs);
  for (const moment of points) {
    const live = schedule.placements.filter(({ startMs, endMs }) => startMs <= moment + 1e-6 && endMs > moment + 1e-6);
    const held = live.filter(({ slot }) => slot >= 0);
    if (new Set(held.map(({ slot }) => slot)).size !== held.length) faults.push(`one slot does two things at ${moment}`);
    for (const [pool, size] of Object.entries(capacity.pools)) {
      const used = held.reduce((sum, { task: at }) => sum + (of(at).pools[pool] ?? 0), 0);
      if (used > size + 1e-6) faults.push(`${pool} holds ${used} of ${size} at ${moment}`);
    }
    for (const at of new Set(live.map((each) => each.task)))
      if (live.filter((each) => each.task === at).length > of(at).width) faults.push(`s${at} runs wider than ${of(at).width}`);
  }
  const last = Math.max(0, ...schedule.placements.map(({ endMs }) => endMs));
  if (Math.abs(last - schedule.makespanMs) > 1e-6) faults.push(`the makespan is ${schedule.makespanMs}, the last end ${last}`);
  return faults;
}

function endOf(schedule: Schedule, at: number): number {
  return Math.max(0, ...schedule.placements.flatMap((each) => (each.task === at ? [each.endMs] : [])));
}

/** A group without items ends with what it needs. */
function neededEnd(all: readonly PlanTask[], ends: readonly number[], at: number): number {
  const { count, needs } = all[at] as PlanTask;
  return count > 0 ? (ends[at] as number) : Math.max(0, ...needs.map((need) => neededEnd(all, ends, need)));
}
