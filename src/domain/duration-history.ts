// Owns what is remembered of run times: the newest attempts count, older ones fade by number, never by the calendar.
import { confidenceOf, type DurationEstimate } from './duration-estimate.ts';
import { bucketOf, type Histogram, quantileOf } from './histogram.ts';

/**
 * Attempts in a window. The newest 200 to 400 count: enough for a p95 with ten samples above it, and few enough that what became slower shows within
 * 200 runs. By number and not by age, so that a step that runs each second forgets a bad hour and one that runs each month keeps a year.
 */
export const WINDOW = 200;

/** Flat groups of four: bucket of the run time, attempts completed, attempts failed, ms of the completed ones. */
export type Cells = readonly number[];

/** What was seen of one step, one task type or a whole run. */
export interface DurationSums {
  /** Jobs (or waits, or runs) that ended for good. */
  readonly ended: number;
  /** Those of them that completed after a failed attempt. */
  readonly recovered: number;
  /** Runs of a forEach, and their items altogether. */
  readonly eachRuns: number;
  readonly items: number;
  readonly cells: Cells;
}

/** `newest` fills up to WINDOW attempts, then it becomes `earlier`. */
export interface DurationHistory {
  readonly newest: DurationSums;
  readonly earlier: DurationSums;
}

export const NO_SUMS: DurationSums = { ended: 0, recovered: 0, eachRuns: 0, items: 0, cells: [] };
export const NO_HISTORY: DurationHistory = { newest: NO_SUMS, earlier: NO_SUMS };

/** Adds one ended attempt to cells that the caller owns. */
export function addAttempt(cells: number[], completed: boolean, ms: number): void {
  addCell(cells, bucketOf(ms), completed ? 1 : 0, completed ? 0 : 1, completed ? ms : 0);
}

function addCell(cells: number[], bucket: number, completed: number, failed: number, ms: number): void {
  let at = 0;
  while (at < cells.length && cells[at] !== bucket) at += 4;
  if (at === cells.length) cells.push(bucket, 0, 0, 0);
  cells[at + 1] = (cells[at + 1] as number) + completed;
  cells[at + 2] = (cells[at + 2] as number) + failed;
  cells[at + 3] = (cells[at + 3] as number) + ms;
}

export function addSums(a: DurationSums, b: DurationSums): DurationSums {
  const cells = [...a.cells];
  for (let at = 0; at < b.cells.length; at += 4)
    addCell(cells, b.cells[at] as number, b.cells[at + 1] as number, b.cells[at + 2] as number, b.cells[at + 3] as number);
  return { ended: a.ended + b.ended, recovered: a.recovered + b.recovered, eachRuns: a.eachRuns + b.eachRuns, items: a.items + b.items, cells };
}

/** The history with what was seen since; a full window moves back first, and the one before it is forgotten. */
export function foldIn(history: DurationHistory, seen: DurationSums): DurationHistory {
  const { newest, earlier } = attemptsOf(history.newest) >= WINDOW ? { newest: NO_SUMS, earlier: history.newest } : history;
  return { newest: addSums(newest, seen), earlier };
}

export function attemptsOf({ cells }: DurationSums): number {
  return completedOf(cells) + failedOf(cells);
}

function column(cells: Cells, offset: 1 | 2 | 3): number {
  let sum = 0;
  for (let at = offset; at < cells.length; at += 4) sum += cells[at] as number;
  return sum;
}

function completedOf(cells: Cells): number {
  return column(cells, 1);
}

function failedOf(cells: Cells): number {
  return column(cells, 2);
}

/** Run times of the completed attempts; of the failed ones only where none completed. */
export function histogramOf({ cells }: DurationSums): Histogram {
  const offset = completedOf(cells) > 0 ? 1 : 2;
  const histogram: [number, number][] = [];
  for (let at = 0; at < cells.length; at += 4) histogram.push([cells[at] as number, cells[at + offset] as number]);
  return histogram.filter(([, count]) => count > 0);
}

/** What is to be expected after this history; null when nothing was seen. */
export function estimateFrom(history: DurationHistory, source: 'step' | 'task'): DurationEstimate | null {
  const all = addSums(history.earlier, history.newest);
  const [completed, failed] = [completedOf(all.cells), failedOf(all.cells)];
  const samples = completed > 0 ? completed : failed;
  if (samples === 0) return null;
  const histogram = histogramOf(all);
  const quantile = (share: number): number => quantileOf(histogram, share) as number;
  const p50Ms = quantile(0.5);
  return {
    source,
    samples,
    confidence: confidenceOf(samples),
    meanMs: completed > 0 ? column(all.cells, 3) / completed : p50Ms,
    p10Ms: quantile(0.1),
    p50Ms,
    p90Ms: quantile(0.9),
    p95Ms: quantile(0.95),
    failureRate: failed / (completed + failed),
  };
}

/** Mean number of items in a run of a forEach; null when none was seen. */
export function itemsOf(history: DurationHistory): number | null {
  const { eachRuns, items } = addSums(history.earlier, history.newest);
  return eachRuns === 0 ? null : items / eachRuns;
}
