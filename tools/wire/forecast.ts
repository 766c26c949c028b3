// Owns a forecast on the wire: what decides first, lists cut to what a reader takes in, everything where it is asked for.
import { formatDuration } from '../../src/domain/duration.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { Forecast, Variant } from '../../src/optimization/forecast.ts';
import { ganttMermaid, ganttRows, ganttText } from '../../src/optimization/gantt.ts';
import type { WorkPlan } from '../../src/optimization/make-plan.ts';
import type { PlanTask } from '../../src/optimization/plan-model.ts';
import { compact, round } from './compact.ts';

const PATH_SHOWN = 20;
const SLACK_SHOWN = 5;
const STEPS_SHOWN = 30;
const GANTT_ROWS = { concise: 25, detailed: 100 } as const;
const JSON_ROWS = { concise: 40, detailed: 500 } as const;
const MERMAID_ROWS = { concise: 60, detailed: 500 } as const;

export interface ForecastView {
  readonly format: 'text' | 'mermaid' | 'json';
  readonly detailed: boolean;
}

export function forecastToWire(forecast: Forecast, { format, detailed }: ForecastView): JsonObject {
  const { plan } = forecast;
  const { graph, tasks, capacity, goal } = plan;
  const path = graph.criticalPath.map((at) => idOf(plan, at));
  return compact({
    workflow: forecast.workflow,
    objective: goal.objective,
    slots: capacity.workers === null ? capacity.slots : undefined,
    workers: capacity.workers?.map((worker) => worker.name).slice(0, STEPS_SHOWN),
    ...outcome(forecast),
    lower_bound_ms: whole(plan.bounds[0]?.ms ?? 0),
    bounds: plan.bounds.slice(0, 10).map((bound) => compact({ kind: bound.kind, name: bound.name, ms: whole(bound.ms) })),
    bottleneck: bottleneck(plan),
    exact: exactToWire(forecast.exact),
    levels: Math.max(...graph.level) + 1,
    critical_path: cutPath(path, detailed ? 500 : PATH_SHOWN),
    critical_steps: path.length,
    top_slack: topSlack(plan, detailed ? STEPS_SHOWN : SLACK_SHOWN),
    durations: sourcesOf(tasks),
    steps: detailed ? tasks.slice(0, STEPS_SHOWN).map((task, at) => stepRow(plan, task, at)) : undefined,
    steps_total: tasks.length,
    ...(forecast.whatIf === null ? {} : { what_if: comparison(forecast, forecast.whatIf) }),
    ...picture(forecast, format, detailed),
    assumptions: forecast.assumptions.length === 0 ? undefined : [...forecast.assumptions],
    seed: forecast.seed,
    next: nextOf(forecast),
  });
}

function outcome({ plan, spread }: Variant): JsonObject {
  return compact({
    makespan_ms: whole(plan.schedule.makespanMs),
    makespan: formatDuration(plan.schedule.makespanMs),
    interval: spread.p10Ms === null || spread.p90Ms === null ? undefined : intervalOf(spread.p10Ms, spread.p90Ms, spread.samples),
    median_ms: spread.p50Ms === null ? undefined : whole(spread.p50Ms),
    failed_share: spread.failedShare === 0 ? undefined : round(spread.failedShare),
    deadline_ms: plan.goal.deadlineMs,
    in_time_share: round(spread.inTimeShare),
    in_time: plan.goal.deadlineMs === undefined ? undefined : plan.schedule.makespanMs <= plan.goal.deadlineMs,
    mean_latency_ms: plan.goal.objective === 'mean_latency' ? whole(plan.meanLatencyMs) : undefined,
    cost: plan.cost === null || plan.cost === 0 ? undefined : round(plan.cost),
    throughput:
      plan.throughput === null
        ? undefined
        : compact({ runs_per_hour: finite(plan.throughput.runsPerHour), at_most_per_hour: finite(plan.throughput.atMostPerHour) }),
  });
}

function exactToWire(exact: Forecast['exact']): JsonObject | undefined {
  if (exact === null) return undefined;
  return { makespan_ms: whole(exact.makespanMs), proven: exact.proven, plan_is_longer_by: Math.round((exact.ratio - 1) * 1_000) / 1_000 };
}

function intervalOf(p10: number, p90: number, samples: number): JsonObject {
  return { p10_ms: whole(p10), p90_ms: whole(p90), samples, text: `${formatDuration(p10)}–${formatDuration(p90)} in 8 of 10 runs` };
}

function bottleneck(plan: WorkPlan): JsonObject {
  const [largest] = plan.bounds;
  const share = plan.schedule.makespanMs === 0 ? 1 : (largest?.ms ?? 0) / plan.schedule.makespanMs;
  const kind = largest?.kind ?? 'critical_path';
  const told =
    kind === 'critical_path'
      ? 'More slots do not help; shorten a step of the critical path.'
      : kind === 'slots'
        ? 'More slots or faster workers shorten it.'
        : kind === 'barrier'
          ? `Slots cannot all be used before or after the step ${largest?.name}: much lies on one side of it. A shorter way to it, or more slots, help.`
          : `The pool ${largest?.name} decides; enlarge it or let steps hold less of it.`;
  return compact({ kind, name: largest?.name, ms: whole(largest?.ms ?? 0), share_of_makespan: round(share), message: told });
}

function topSlack(plan: WorkPlan, limit: number): JsonObject[] {
  const { slackMs } = plan.graph;
  return slackMs
    .map((ms, at) => ({ ms, at }))
    .filter(({ ms }) => ms > 0)
    .sort((a, b) => b.ms - a.ms || a.at - b.at)
    .slice(0, limit)
    .map(({ ms, at }) => ({ step: idOf(plan, at), slack_ms: whole(ms) }));
}

/** On what the durations rest, counted. */
function sourcesOf(tasks: readonly PlanTask[]): JsonObject {
  const counts: Record<string, number> = {};
  for (const task of tasks) {
    if (task.kind === 'wait') continue;
    const name = task.given ? 'given' : task.estimate.source === 'assumed' ? 'assumed' : `${task.estimate.source} (confidence ${task.estimate.confidence})`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function stepRow(plan: WorkPlan, task: PlanTask, at: number): JsonObject {
  const { estimate } = task;
  return compact({
    step: task.id,
    level: plan.graph.level[at],
    expected_ms: whole(estimate.p50Ms),
    p10_ms: estimate.p10Ms === estimate.p90Ms ? undefined : whole(estimate.p10Ms),
    p90_ms: estimate.p10Ms === estimate.p90Ms ? undefined : whole(estimate.p90Ms),
    source: task.given ? 'given' : estimate.source,
    samples: estimate.samples || undefined,
    failure_rate: estimate.failureRate === 0 ? undefined : round(estimate.failureRate),
    items: task.count === 1 ? undefined : task.count,
    earliest_ms: whole(plan.graph.earliestMs[at] as number),
    slack_ms: whole(plan.graph.slackMs[at] as number),
    upward_rank_ms: whole(plan.graph.upwardMs[at] as number),
  });
}

function comparison(base: Variant, changed: Variant): JsonObject {
  const gain = base.plan.schedule.makespanMs - changed.plan.schedule.makespanMs;
  return {
    ...(changed.plan.capacity.workers === null ? { slots: changed.plan.capacity.slots } : {}),
    ...outcome(changed),
    lower_bound_ms: whole(changed.plan.bounds[0]?.ms ?? 0),
    bottleneck: bottleneck(changed.plan),
    saves_ms: whole(gain),
    ratio: base.plan.schedule.makespanMs === 0 ? 1 : (round(changed.plan.schedule.makespanMs / base.plan.schedule.makespanMs) as number),
  };
}

function picture({ plan, workflow }: Forecast, format: ForecastView['format'], detailed: boolean): JsonObject {
  const size = detailed ? 'detailed' : 'concise';
  if (format === 'text') return { gantt: ganttText(plan, { maxRows: GANTT_ROWS[size], width: detailed ? 80 : 50 }) };
  if (format === 'mermaid') {
    const { text, truncated } = ganttMermaid(plan, workflow, MERMAID_ROWS[size]);
    return { gantt: text, ...(truncated ? { truncated } : {}) };
  }
  const rows = ganttRows(plan);
  const shown = rows
    .slice(0, JSON_ROWS[size])
    .map((row) =>
      compact({ step: row.step, item: row.item, on: row.on, start_ms: whole(row.startMs), end_ms: whole(row.endMs), critical: row.critical || undefined }),
    );
  return { gantt: shown, ...(rows.length > shown.length ? { truncated: true, rows_total: rows.length } : {}) };
}

function nextOf({ plan, assumptions, whatIf }: Forecast): string[] {
  const next: string[] = [];
  if (assumptions.some((text) => text.startsWith('Nothing is known'))) next.push('Give durations for the assumed steps, or run it once: history is used then.');
  if (whatIf === null && plan.bounds[0]?.kind === 'slots' && plan.capacity.workers === null)
    next.push(`Ask with what_if {"slots": ${plan.capacity.slots * 2}} what more slots would bring.`);
  next.push('execute_workflow starts it.');
  return next;
}

function cutPath(path: readonly string[], limit: number): string[] {
  if (path.length <= limit) return [...path];
  const half = Math.floor(limit / 2);
  return [...path.slice(0, half), '…', ...path.slice(-half)];
}

function idOf(plan: WorkPlan, at: number): string {
  return (plan.tasks[at] as PlanTask).id;
}

function whole(ms: number): number {
  return Math.round(ms);
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? round(value) : undefined;
}
