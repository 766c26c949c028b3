// Owns what is still to come of a run under way: how far it is by expected work, and when it ends, with the interval that holds four ends of five.
import { CONFIDENCES, type DurationEstimate } from '../domain/duration-estimate.ts';
import type { NodeKind, Plan, PlanNode } from '../domain/plan.ts';
import { dispatchPlan, makePlan, type WorkPlan } from './make-plan.ts';
import type { PlanTask } from './plan-model.ts';
import { type StepKnowledge, tasksOfWorkflow } from './plan-of-workflow.ts';
import { seededRandom } from './seeded-random.ts';
import { simulatePlan } from './simulate-plan.ts';
import { givenEstimate, remainingEstimate } from './spread.ts';

/** Where a step of the run stands. */
export interface StepStanding {
  readonly state: 'ended' | 'open' | 'running' | 'waiting';
  /** Since its attempt began. */
  readonly elapsedMs: number;
  /** Until its next attempt, or until the time that it waits for; null: it waits for something that has no time. */
  readonly waitMs: number | null;
  /** Of a forEach whose list is known. */
  readonly items: { readonly total: number; readonly done: number } | null;
}

export interface RunOutlook {
  /** 0 to 1: work done of all expected work; by the number of steps where nothing is known of durations. */
  readonly share: number;
  /** Ms until the end, at the capacity given and nothing else on it; null when it cannot be known (`unknown` says why) or was not asked for. */
  readonly left: { readonly p10Ms: number; readonly p50Ms: number; readonly p90Ms: number } | null;
  readonly unknown: string | null;
  /** Of the least known step that is still to come. */
  readonly confidence: DurationEstimate['confidence'];
}

/** Items drawn in all, about 1 µs each: a graph of 200 steps is drawn 40 times in 8 ms. */
const DRAWN_ITEMS = 8_000;
const FEWEST = 20;
const MOST = 300;
/** Larger ones are dispatched three times instead, with all steps at their 10 %, 50 % and 90 %: an interval that is too wide rather than too narrow. */
const DRAWN_STEPS = 1_000;

export function outlookOf(
  workflow: Plan,
  standing: (node: number) => StepStanding,
  p: { readonly known: StepKnowledge; readonly slots: number; readonly withEnd: boolean; readonly seed?: number },
): RunOutlook {
  const { tasks } = tasksOfWorkflow(workflow, p.known);
  const stands = tasks.map((_, at) => standing(at));
  const share = shareDone(tasks, stands);
  const unclear = tasks.find((task, at) => isUnknown(task, stands[at] as StepStanding, (workflow.nodes[at] as PlanNode).kind));
  const open = tasks.filter((_, at) => stands[at]?.state !== 'ended');
  const confidence = open.reduce<DurationEstimate['confidence']>(
    (least, task) => (isTimed(task) && CONFIDENCES.indexOf(task.estimate.confidence) < CONFIDENCES.indexOf(least) ? task.estimate.confidence : least),
    'high',
  );
  if (unclear !== undefined) return { share, left: null, unknown: whyUnknown(unclear, stands[tasks.indexOf(unclear)] as StepStanding), confidence: 'none' };
  if (!p.withEnd) return { share, left: null, unknown: null, confidence };
  const left = tasks.map((task, at) => leftOf(task, stands[at] as StepStanding));
  const slots = Math.min(p.slots, workflow.definition.maxParallel ?? p.slots);
  const plan = makePlan(left, { slots, workers: null, pools: {} }, { objective: 'makespan' });
  return { share, left: endOf(plan, p.seed ?? 1), unknown: null, confidence };
}

function isTimed(task: PlanTask): boolean {
  return task.estimate.source !== 'assumed';
}

/** Waits that end by themselves at a known time are known, others only from history; an event is sent at once. */
function isUnknown(task: PlanTask, stand: StepStanding, kind: NodeKind): boolean {
  if (stand.state === 'ended' || task.count === 0 || kind === 'emit') return false;
  return !isTimed(task) && !(stand.state === 'waiting' && stand.waitMs !== null && task.kind === 'wait');
}

function whyUnknown({ id, kind }: PlanTask, stand: StepStanding): string {
  if (kind === 'wait') return stand.state === 'waiting' ? `${id} waits for something that has no time` : `how long ${id} will wait is not known`;
  return `nothing is known of how long ${id} takes`;
}

function leftOf(task: PlanTask, stand: StepStanding): PlanTask {
  if (stand.state === 'ended') return { ...task, kind: 'wait', count: 1, width: 1, pools: {}, requires: [], estimate: givenEstimate(0) };
  const count = stand.items === null ? task.count : Math.max(0, stand.items.total - stand.items.done);
  if (stand.state === 'waiting' && stand.waitMs !== null)
    return task.kind === 'wait' ? { ...task, estimate: givenEstimate(stand.waitMs) } : { ...task, count, estimate: later(task.estimate, stand.waitMs) };
  if (stand.state === 'running' && task.count <= 1 && stand.items === null) return { ...task, estimate: remainingEstimate(task.estimate, stand.elapsedMs) };
  if (stand.state === 'waiting' && task.kind === 'wait') return { ...task, estimate: remainingEstimate(task.estimate, stand.elapsedMs) };
  return { ...task, count };
}

/** A retry: the whole attempt after a pause. */
function later(estimate: DurationEstimate, ms: number): DurationEstimate {
  const { p10Ms, p50Ms, p90Ms, p95Ms, meanMs } = estimate;
  return { ...estimate, p10Ms: p10Ms + ms, p50Ms: p50Ms + ms, p90Ms: p90Ms + ms, p95Ms: p95Ms + ms, meanMs: meanMs + ms };
}

/** A step of which nothing is known weighs as the mean of the others; with none known all weigh the same. */
function shareDone(tasks: readonly PlanTask[], stands: readonly StepStanding[]): number {
  const counts = tasks.map((task, at) => stands[at]?.items?.total ?? task.count);
  const timed = tasks.flatMap((task, at) => (isTimed(task) ? [task.estimate.meanMs * (counts[at] as number)] : []));
  const mean = timed.length === 0 ? 1 : timed.reduce((sum, ms) => sum + ms, 0) / timed.length;
  let all = 0;
  let done = 0;
  for (const [at, task] of tasks.entries()) {
    const stand = stands[at] as StepStanding;
    const weight = isTimed(task) ? task.estimate.meanMs * (counts[at] as number) : mean;
    all += weight;
    done += weight * shareOf(task, stand);
  }
  const ended = stands.filter(({ state }) => state === 'ended').length;
  return all === 0 ? (stands.length === 0 ? 1 : ended / stands.length) : Math.min(1, done / all);
}

function shareOf(task: PlanTask, stand: StepStanding): number {
  if (stand.state === 'ended') return 1;
  if (stand.items !== null) return stand.items.total === 0 ? 0 : stand.items.done / stand.items.total;
  if (stand.state !== 'running' || !isTimed(task)) return 0;
  const left = remainingEstimate(task.estimate, stand.elapsedMs).p50Ms;
  return stand.elapsedMs + left === 0 ? 0 : stand.elapsedMs / (stand.elapsedMs + left);
}

function endOf(plan: WorkPlan, seed: number): RunOutlook['left'] {
  const items = plan.tasks.reduce((sum, task) => sum + task.count, 0);
  if (items > DRAWN_STEPS) {
    const at = (of: (estimate: DurationEstimate) => number): number =>
      dispatchPlan(plan, (task) => ({ runMs: of((plan.tasks[task] as PlanTask).estimate), failed: false, againMs: null })).makespanMs;
    return { p10Ms: at((e) => e.p10Ms), p50Ms: at((e) => e.p50Ms), p90Ms: at((e) => e.p90Ms) };
  }
  const samples = Math.max(FEWEST, Math.min(MOST, Math.floor(DRAWN_ITEMS / Math.max(1, items))));
  const { p10Ms, p50Ms, p90Ms } = simulatePlan(plan, { random: seededRandom(seed), samples });
  return p10Ms === null || p50Ms === null || p90Ms === null ? null : { p10Ms, p50Ms, p90Ms };
}
