// Owns the exact question: the least makespan as a mixed-integer program in LP text, times as shares of a makespan that is known to be possible.
import { canRun, type PlanCapacity, type PlanTask, runMs } from './plan-model.ts';

interface Unit {
  readonly task: number;
  readonly holdsSlot: boolean;
  /** Amount by resource: `slots`, pools, and the width of a group. */
  readonly amounts: ReadonlyMap<string, number>;
  /** Share of the makespan by worker, or one for all. */
  readonly times: readonly number[];
  readonly able: readonly number[];
}

/**
 * Who shares something that is scarce is ordered by binaries (y), scarce amounts flow from who held them to who holds them next
 * (f), and on workers each item is given to one (x). The optimum of C times `upperMs` is the least makespan.
 */
export function exactModel(tasks: readonly PlanTask[], capacity: PlanCapacity, upperMs: number): string {
  const units = unitsOf(tasks, capacity, upperMs);
  const before = reachable(tasks, units);
  const sizes = sizesOf(tasks, capacity, units);
  const rows: string[] = [];
  const binaries: string[] = [];
  const duration = (i: number): string[] => {
    const unit = units[i] as Unit;
    return unit.able.length === 0 ? [] : unit.able.map((k) => `${num(unit.times[k] as number)} x_${i}_${k}`);
  };
  const fixed = (i: number): number => ((units[i] as Unit).able.length === 0 ? ((units[i] as Unit).times[0] as number) : 0);
  /** s_j - s_i - d_i >= rest */
  const after = (i: number, j: number, more: string, rest: number): number =>
    rows.push(
      `s_${j} - s_${i}${duration(i)
        .map((term) => ` - ${term}`)
        .join('\n ')}${more} >= ${num(rest + fixed(i))}`,
    );

  for (const [i, unit] of units.entries()) {
    rows.push(
      `C - s_${i}${duration(i)
        .map((term) => ` - ${term}`)
        .join('\n ')} >= ${num(fixed(i))}`,
    );
    if (unit.able.length > 0) {
      rows.push(`${unit.able.map((k) => `x_${i}_${k}`).join('\n + ')} = 1`);
      binaries.push(...unit.able.map((k) => `x_${i}_${k}`));
    }
    for (const [j, other] of units.entries()) if ((tasks[other.task] as PlanTask).needs.includes(unit.task)) after(i, j, '', 0);
  }
  const ordered = (i: number, j: number): boolean => before(i, j) || before(j, i);
  const contend = (i: number, j: number): boolean => {
    const [a, b] = [units[i] as Unit, units[j] as Unit];
    if (capacity.workers !== null && a.able.some((k) => b.able.includes(k))) return true;
    return [...sizes.keys()].some((name) => a.amounts.has(name) && b.amounts.has(name));
  };
  for (const [i, a] of units.entries()) {
    for (const [j, b] of units.entries()) {
      if (i >= j || ordered(i, j) || !contend(i, j)) continue;
      binaries.push(`y_${i}_${j}`, `y_${j}_${i}`);
      rows.push(`y_${i}_${j} + y_${j}_${i} <= 1`);
      after(i, j, ` - ${BIG} y_${i}_${j}`, -BIG);
      after(j, i, ` - ${BIG} y_${j}_${i}`, -BIG);
      for (const k of a.able.filter((each) => b.able.includes(each))) rows.push(`y_${i}_${j} + y_${j}_${i} - x_${i}_${k} - x_${j}_${k} >= -1`);
    }
  }
  for (const [r, [name, size]] of [...sizes].entries()) {
    const users = units.flatMap((unit, i) => (unit.amounts.has(name) ? [i] : []));
    const amount = (i: number): number => (units[i] as Unit).amounts.get(name) as number;
    rows.push(`${users.map((i) => `f_${r}_s_${i}`).join('\n + ')} <= ${num(size)}`);
    for (const i of users) {
      const others = users.filter((j) => j !== i);
      const into = [`f_${r}_s_${i}`, ...others.filter((j) => !before(i, j)).map((j) => `f_${r}_${j}_${i}`)];
      const out = [`f_${r}_${i}_e`, ...others.filter((j) => !before(j, i)).map((j) => `f_${r}_${i}_${j}`)];
      rows.push(`${into.join('\n + ')} = ${num(amount(i))}`, `${out.join('\n + ')} = ${num(amount(i))}`);
      for (const j of others) if (!ordered(i, j)) rows.push(`f_${r}_${i}_${j} - ${num(Math.min(amount(i), amount(j)))} y_${i}_${j} <= 0`);
    }
  }
  return [
    'Minimize',
    ' obj: C',
    'Subject To',
    ...rows.map((row, at) => ` c${at}: ${row}`),
    'Bounds',
    ' 0 <= C <= 1',
    'Binary',
    ...binaries.map((name) => ` ${name}`),
    'End',
    '',
  ].join('\n');
}

/** Larger than any start can lie behind another one: all times are shares of a possible makespan. */
const BIG = 1;

function unitsOf(tasks: readonly PlanTask[], { workers }: PlanCapacity, upperMs: number): Unit[] {
  return tasks.flatMap((task, at) =>
    Array.from({ length: task.count }, (): Unit => {
      const holdsSlot = task.kind === 'slot';
      const amounts = new Map<string, number>(holdsSlot ? Object.entries(task.pools) : []);
      if (holdsSlot && workers === null) amounts.set(SLOTS, 1);
      if (task.count > task.width) amounts.set(widthOf(at), 1);
      const able = holdsSlot && workers !== null ? workers.flatMap((worker, k) => (canRun(task, worker) ? [k] : [])) : [];
      const times =
        workers === null || !holdsSlot ? [task.estimate.p50Ms / upperMs] : workers.map((worker) => runMs(task.estimate.p50Ms, worker.speed) / upperMs);
      return { task: at, holdsSlot, amounts, times, able };
    }),
  );
}

const SLOTS = ' slots';

function widthOf(task: number): string {
  return ` width of ${task}`;
}

/** Only what can run short. */
function sizesOf(tasks: readonly PlanTask[], capacity: PlanCapacity, units: readonly Unit[]): Map<string, number> {
  const all = new Map<string, number>([
    ...Object.entries(capacity.pools),
    [SLOTS, capacity.slots],
    ...tasks.map((task, at): [string, number] => [widthOf(at), task.width]),
  ]);
  const asked = (name: string): number => units.reduce((sum, unit) => sum + (unit.amounts.get(name) ?? 0), 0);
  return new Map([...all].filter(([name, size]) => asked(name) > size));
}

function reachable(tasks: readonly PlanTask[], units: readonly Unit[]): (i: number, j: number) => boolean {
  const ancestors = new Map<number, Set<number>>();
  const of = (at: number): Set<number> => {
    const known = ancestors.get(at);
    if (known !== undefined) return known;
    const found = new Set<number>();
    ancestors.set(at, found);
    for (const need of (tasks[at] as PlanTask).needs) {
      found.add(need);
      for (const further of of(need)) found.add(further);
    }
    return found;
  };
  return (i, j) => of((units[j] as Unit).task).has((units[i] as Unit).task);
}

function num(value: number): string {
  return Number(value.toPrecision(12)).toString();
}
