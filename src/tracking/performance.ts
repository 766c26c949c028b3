// Owns how well it goes: work by the hour, failures that are alike, steps that are flaky or have become slow, runs that are late. Reads only.
import { estimateFrom } from '../domain/duration-history.ts';
import { type Flaky, flakyOf, type Slowed, slowedOf } from '../domain/insight.ts';
import type { Backend, ExecutionSummary } from '../store/backend.ts';
import type { Page } from '../store/port/common.ts';
import type { FailureCluster, HourOfWork } from '../store/port/tracking.ts';

interface OfStep {
  readonly workflow: string | null;
  readonly step: string;
}

export interface Performance {
  readonly since: number;
  readonly hours: readonly HourOfWork[];
  /** The most frequent kinds, without missed targets. */
  readonly failures: readonly FailureCluster[];
  readonly flaky: readonly (OfStep & Flaky)[];
  readonly slowed: readonly (OfStep & Slowed)[];
  /** Task types by the time that they took in all. */
  readonly tasks: readonly { readonly task: string; readonly samples: number; readonly p50Ms: number; readonly p95Ms: number; readonly failureRate: number }[];
  readonly sla: {
    /** By workflow: runs that ended late since then. */
    readonly missed: readonly FailureCluster[];
    /** Runs that go on and are late already. */
    readonly late: readonly { readonly executionId: string; readonly workflow: string; readonly slaMs: number; readonly lateMs: number }[];
  };
}

/** Steps that were run last; each costs about 3 µs to read. */
const LOOKED_AT = 1_000;
const CLUSTERS = 100;
const DAY_MS = 86_400_000;
/** Open runs of each status that are looked at, the newest first. */
const OPEN = 1_000;
const PAGE = 200;

export function performanceOf(
  backend: Pick<Backend, 'recentHistories' | 'failureClusters' | 'hoursOfWork' | 'listExecutions' | 'planOf'>,
  { namespace, now, windowMs }: { readonly namespace: string; readonly now: number; readonly windowMs: number },
): Performance {
  // Failures are counted by the day.
  const since = Math.floor((now - windowMs) / DAY_MS) * DAY_MS;
  const clusters = backend.failureClusters({ namespace, since, limit: CLUSTERS });
  const steps = backend.recentHistories({ namespace, limit: LOOKED_AT });
  const named = ({ workflow, step }: (typeof steps)[number]): OfStep => ({
    workflow: workflow === '' ? null : workflow,
    step: step === '' ? 'whole run' : step,
  });
  return {
    since,
    hours: backend.hoursOfWork({ namespace }).filter(({ hour }) => (hour + 1) * 3_600_000 > since),
    failures: clusters.filter(({ code }) => code !== 'sla_missed'),
    flaky: steps
      .flatMap((one) => {
        const flaky = one.workflow === '' ? null : flakyOf(one.history);
        return flaky === null ? [] : [{ ...named(one), ...flaky }];
      })
      .sort((a, b) => b.atLeast - a.atLeast),
    slowed: steps
      .flatMap((one) => {
        const slowed = one.workflow === '' ? null : slowedOf(one.history);
        return slowed === null ? [] : [{ ...named(one), ...slowed }];
      })
      .sort((a, b) => b.by - a.by),
    tasks: steps
      .flatMap((one) => {
        const estimate = one.workflow === '' ? estimateFrom(one.history, 'task') : null;
        return estimate === null ? [] : [{ task: one.step, ...estimate }];
      })
      .sort((a, b) => b.meanMs * b.samples - a.meanMs * a.samples)
      .map(({ task, samples, p50Ms, p95Ms, failureRate }) => ({ task, samples, p50Ms, p95Ms, failureRate })),
    sla: { missed: clusters.filter(({ code }) => code === 'sla_missed'), late: lateRuns(backend, namespace, now) },
  };
}

function lateRuns(backend: Pick<Backend, 'listExecutions' | 'planOf'>, namespace: string, now: number): Performance['sla']['late'] {
  return (['running', 'waiting', 'paused', 'pending'] as const)
    .flatMap((status) => openRuns(backend, namespace, status))
    .flatMap(({ id, hash, workflow, createdAt }) => {
      const slaMs = backend.planOf(hash)?.definition.slaMs;
      const lateMs = slaMs === undefined ? 0 : now - createdAt - slaMs;
      return slaMs === undefined || lateMs <= 0 ? [] : [{ executionId: id, workflow, slaMs, lateMs }];
    })
    .sort((a, b) => b.lateMs - a.lateMs);
}

function openRuns(backend: Pick<Backend, 'listExecutions'>, namespace: string, status: string): ExecutionSummary[] {
  const found: ExecutionSummary[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<ExecutionSummary> = backend.listExecutions({ filter: { namespace, status }, limit: PAGE, cursor });
    found.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && found.length < OPEN);
  return found;
}
