// Owns how figures become samples: cumulative buckets in seconds, and one label for all that is not told apart.
import { cumulative, type Histogram } from '../domain/histogram.ts';
import type { BucketCounts, StoreMeasures, WriterState } from '../store/port/measures.ts';
import { type MetricSpec, OTHER, PROCESS_METRICS, STORE_METRICS } from './metric-table.ts';

export interface Sample {
  /** Default: that of the family. */
  readonly metricName?: string | undefined;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface Family extends MetricSpec {
  readonly values: readonly Sample[];
}

type Labelled = object;

/** Powers of two ms are borders of the store's own buckets, so these counts are exact to the ms: 1 ms … 12 days. */
const DURATION_BOUNDS_MS: readonly number[] = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 1_073_741_824];

export function storeFamilies(measures: StoreMeasures, now: number): Family[] {
  const { attempts, queues, workers } = measures;
  return [
    family(STORE_METRICS.jobs, measures.jobs, ({ count }) => count),
    {
      ...STORE_METRICS.attempts,
      values: attempts.flatMap((row) =>
        (['completed', 'failed', 'retries'] as const).map((name) => ({
          labels: { ...labelsOf(STORE_METRICS.run, row), outcome: name === 'retries' ? 'retry' : name },
          value: row[name],
        })),
      ),
    },
    durations(STORE_METRICS.run, attempts, (row) => row.runs),
    durations(STORE_METRICS.wait, attempts, (row) => row.waits),
    family(STORE_METRICS.oldestReady, queues, ({ oldestReadyAt }) => (oldestReadyAt === null ? 0 : Math.max(0, now - oldestReadyAt) / 1_000)),
    family(STORE_METRICS.paused, queues, ({ paused }) => paused),
    family(STORE_METRICS.executions, measures.executions, ({ count }) => count),
    family(STORE_METRICS.approvals, measures.approvals, ({ count }) => count),
    family(STORE_METRICS.schedules, measures.schedules, ({ count }) => count),
    family(
      STORE_METRICS.plannedTimes,
      measures.occurrences.map((row) => ({ ...row, outcome: row.status })),
      ({ count }) => count,
    ),
    durations(STORE_METRICS.lateness, measures.lateness, (row) => row),
    family(STORE_METRICS.workersOnline, workers, ({ online }) => online),
    family(STORE_METRICS.leasesHeld, workers, ({ held }) => held),
    family(STORE_METRICS.leasesExpired, workers, ({ expired }) => expired),
    family(STORE_METRICS.processes, measures.processes, ({ count }) => count),
  ];
}

export interface ProcessFigures {
  /** One for each store that the process has open. */
  readonly writers: readonly WriterState[];
  readonly running: number;
  readonly storeBytes: number;
  readonly version: string;
  readonly store: string;
}

export function processFamilies({ writers, running, storeBytes, version, store }: ProcessFigures): Family[] {
  return [
    { ...PROCESS_METRICS.build, values: [{ labels: { version, node: process.version, store }, value: 1 }] },
    single(PROCESS_METRICS.running, running),
    single(PROCESS_METRICS.writable, writers.every(({ fault }) => fault === null) ? 1 : 0),
    counts(PROCESS_METRICS.commitSize, sumOf(writers.map(({ batches }) => batches)), 1),
    counts(PROCESS_METRICS.commitTime, sumOf(writers.map(({ latencyMs }) => latencyMs)), 1_000),
    single(
      PROCESS_METRICS.commitFailures,
      total(writers, (writer) => writer.failures),
    ),
    single(
      PROCESS_METRICS.busy,
      total(writers, (writer) => writer.busyRetries),
    ),
    single(PROCESS_METRICS.storeBytes, storeBytes),
  ];
}

function total(writers: readonly WriterState[], read: (writer: WriterState) => number): number {
  return writers.reduce((sum, writer) => sum + read(writer), 0);
}

function sumOf(parts: readonly BucketCounts[]): BucketCounts {
  const [first, ...others] = parts;
  if (first === undefined) return { bounds: [], counts: [0], sum: 0 };
  return others.reduce<BucketCounts>(
    (so, { bounds, counts: more, sum }) => ({ bounds, counts: more.map((count, at) => count + (so.counts[at] as number)), sum: so.sum + sum }),
    first,
  );
}

function single(spec: MetricSpec, value: number): Family {
  return { ...spec, values: [{ labels: {}, value }] };
}

function family<T extends Labelled>(spec: MetricSpec, rows: readonly T[], read: (row: T) => number): Family {
  return { ...spec, values: rows.map((row) => ({ labels: labelsOf(spec, row), value: read(row) })) };
}

function labelsOf({ labels }: MetricSpec, row: Labelled): Record<string, string> {
  return Object.fromEntries(labels.map((label) => [label, ((row as Readonly<Record<string, unknown>>)[label] as string | null | undefined) ?? OTHER]));
}

function durations<T extends Labelled>(
  spec: MetricSpec,
  rows: readonly T[],
  read: (row: T) => { readonly buckets: Histogram; readonly sumMs: number },
): Family {
  return {
    ...spec,
    values: rows.flatMap((row) => {
      const { buckets, sumMs } = read(row);
      const total = buckets.reduce((sum, [, count]) => sum + count, 0);
      return histogram(spec.name, labelsOf(spec, row), {
        bounds: DURATION_BOUNDS_MS.map((ms) => ms / 1_000),
        below: cumulative(buckets, DURATION_BOUNDS_MS),
        total,
        sum: sumMs / 1_000,
      });
    }),
  };
}

function counts(spec: MetricSpec, { bounds, counts: perBucket, sum }: BucketCounts, unit: number): Family {
  let so = 0;
  const below = perBucket.map((count) => {
    so += count;
    return so;
  });
  const shown = { bounds: bounds.map((bound) => bound / unit), below: below.slice(0, -1), total: so, sum: sum / unit };
  return { ...spec, values: histogram(spec.name, {}, shown) };
}

function histogram(
  name: string,
  labels: Readonly<Record<string, string>>,
  p: { readonly bounds: readonly number[]; readonly below: readonly number[]; readonly total: number; readonly sum: number },
): Sample[] {
  return [
    ...p.bounds.map((bound, at) => ({ metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: p.below[at] as number })),
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: p.total },
    { metricName: `${name}_sum`, labels, value: p.sum },
    { metricName: `${name}_count`, labels, value: p.total },
  ];
}
