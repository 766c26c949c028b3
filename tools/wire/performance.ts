// Owns how well it goes, on the wire: rows of what is amiss, the worst first, and a section with a few of each kind.
import type { JsonObject } from '../../src/domain/json.ts';
import type { FailureCluster } from '../../src/store/port/tracking.ts';
import type { Performance } from '../../src/tracking/performance.ts';
import { compact, iso } from './compact.ts';

const SHOWN = 3;
const HOUR_MS = 3_600_000;
const percent = (share: number): number => Math.round(share * 1_000) / 10;

/** One row each; `insight` says what kind of row it is. */
export function insightRows({ failures, flaky, slowed, tasks, sla, hours }: Performance): JsonObject[] {
  return [
    ...sla.late.map(({ executionId, workflow, slaMs, lateMs }) => ({ insight: 'late', workflow, execution_id: executionId, sla_ms: slaMs, late_ms: lateMs })),
    ...failures.map((cluster) => ({ insight: 'failures', ...clusterToWire(cluster) })),
    ...sla.missed.map(({ workflow, count, lastAt, example }) => compact({ insight: 'sla_missed', workflow, count, last_at: iso(lastAt), example })),
    ...slowed.map(({ workflow, step, beforeMs, nowMs, by, samples }) =>
      compact({ insight: 'slow_step', workflow, step, before_p50_ms: beforeMs, p50_ms: nowMs, times: Math.round(by * 10) / 10, samples }),
    ),
    ...flaky.map(({ workflow, step, ended, recovered, rate, atLeast }) =>
      compact({ insight: 'flaky_step', workflow, step, ended, recovered, percent: percent(rate), at_least_percent: percent(atLeast) }),
    ),
    ...tasks.map(({ task, samples, p50Ms, p95Ms, failureRate }) => ({
      insight: 'task',
      task,
      samples,
      p50_ms: p50Ms,
      p95_ms: p95Ms,
      failed_percent: percent(failureRate),
    })),
    ...[...hours].reverse().map(({ hour, completed, failed, retries }) => ({ insight: 'hour', from: iso(hour * HOUR_MS), completed, failed, retries })),
  ];
}

/** Of the section `performance` of the status. */
export function performanceInShort(performance: Performance): JsonObject {
  const sum = (of: 'completed' | 'failed' | 'retries'): number => performance.hours.reduce((total, hour) => total + hour[of], 0);
  const top = (insight: string): JsonObject[] =>
    insightRows(performance)
      .filter((row) => row.insight === insight)
      .slice(0, SHOWN)
      .map(({ insight: _, ...row }) => row);
  return {
    since: iso(performance.since),
    attempts: { completed: sum('completed'), failed: sum('failed'), retried: sum('retries') },
    failure_clusters: top('failures'),
    flaky_steps: top('flaky_step'),
    slow_steps: top('slow_step'),
    sla_missed: top('sla_missed'),
    sla_late: top('late'),
  };
}

function clusterToWire({ workflow, step, code, worker, count, firstAt, lastAt, example }: FailureCluster): JsonObject {
  return compact({
    code,
    workflow: workflow ?? undefined,
    ...(workflow === null ? { task: step } : { step }),
    worker: worker ?? undefined,
    count,
    first_at: iso(firstAt),
    last_at: iso(lastAt),
    example,
  });
}
