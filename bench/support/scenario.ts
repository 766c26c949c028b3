// Owns the shape of a measurement: figures with units, what they are compared with in the same run, and the target they are held to.

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The same work done by something else in the same run. */
  readonly compared?: { readonly with: string; readonly value: number /** Ours divided by theirs. */; readonly ratio: number } | undefined;
  /** From the list of speeds to reach; none for figures that only explain. */
  readonly target?: { readonly text: string; readonly reached: boolean } | undefined;
}

export interface Context {
  /** An empty folder of its own on the disk that is measured. */
  folder(): string;
  readonly durability: 'full' | 'normal';
  /** A line for people, while it runs. */
  say(text: string): void;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Takes minutes: runs only when named, or with --all. */
  readonly long?: boolean | undefined;
  run(context: Context): Promise<readonly Figure[]>;
}

/** Thrown when a scenario cannot run here; the report says why instead of figures. */
export class Skipped extends Error {}

export function atLeast(value: number, limit: number, unit: string): NonNullable<Figure['target']> {
  return { text: `>= ${limit.toLocaleString('en')} ${unit}`, reached: value >= limit };
}

export function atMost(value: number, limit: number, unit: string): NonNullable<Figure['target']> {
  return { text: `<= ${Number(limit.toPrecision(3)).toLocaleString('en')} ${unit}`, reached: value <= limit };
}

export function against(name: string, theirs: number, ours: number): NonNullable<Figure['compared']> {
  return { with: name, value: theirs, ratio: ours / theirs };
}

/** The p-th part of the values in ascending order; 0.5 is the median. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] as number;
}

export interface Cost {
  /** Units a second. */
  readonly rate: number;
  /** Time of this process's threads per unit, user and system. It hardly depends on what else the machine and its disk do. */
  readonly cpuUs: number;
}

/** Does `units` of work and says what one costs. */
export async function costOf(units: number, work: () => Promise<unknown>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const took = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { rate: units / (took / 1_000), cpuUs: (user + system) / units };
}
