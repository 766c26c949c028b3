// A skewed graph of 200 steps on three workers of differing speed and two pools: first come first served, then planned and run in the order of what was measured.
//
//   node examples/planned-and-real.ts
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineTask, type OrchestrationEngine, openEngine, type TaskType } from '../src/index.ts';

/** Work per time; each does one step at a time, in an engine of its own on one folder, as three processes would. */
const SPEEDS: Readonly<Record<string, number>> = { ada: 2, bob: 1, cleo: 0.5 };
/** Median ms at speed 1, and what a step holds meanwhile. */
const KINDS = {
  parse: { ms: 40, resources: undefined },
  index: { ms: 60, resources: undefined },
  load: { ms: 80, resources: { db: 1 } },
  train: { ms: 600, resources: { gpu: 1 } },
} as const;
type Kind = keyof typeof KINDS;
const SHORT: readonly Kind[] = ['parse', 'index', 'load'];
/** Steps by layer; the last of each is of the chain of trainings that decides how long it takes, behind all others that came first. */
const LAYERS = [90, 70, 30, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
const MEASURED = 150;
const COLUMNS = 40;

interface Bar {
  readonly kind: Kind;
  readonly worker: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** Seeded, so that every run of this program does the same work. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = createRandom(9);

/** Around the median of its kind, lognormal: how long it takes at speed 1. */
function workOf(kind: Kind): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.round(KINDS[kind].ms * Math.exp(0.45 * normal));
}

function stepsOf(layers: readonly number[]): { id: string; task: Kind; needs: string[]; with: { ms: number }; resources?: Record<string, number> }[] {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const steps: ReturnType<typeof stepsOf> = [];
  let above: string[] = [];
  for (const [layer, width] of layers.entries()) {
    const ids = Array.from({ length: width }, (_, at) => `${at === width - 1 ? 'train' : 's'}_${layer}_${at}`);
    for (const [at, id] of ids.entries()) {
      const isLast = at === width - 1;
      const task = isLast ? 'train' : pick(SHORT);
      const needs = layer === 0 ? [] : isLast ? [above.at(-1) as string] : [...new Set([pick(above.slice(0, -1)), pick(above.slice(0, -1))])];
      const { resources } = KINDS[task];
      steps.push({ id, task, needs, with: { ms: workOf(task) }, ...(resources === undefined ? {} : { resources }) });
    }
    above = ids;
  }
  return steps;
}

/** Timed work: what it should take at speed 1, divided by the speed. */
function tasksAt(speed: number, began: (stepId: string | null) => void = () => undefined): TaskType[] {
  return Object.keys(KINDS).map(
    (type) =>
      defineTask({
        type,
        run: async (input, { stepId, signal }) => {
          began(stepId);
          await sleep(Number(input.ms) / speed, undefined, { signal });
          return null;
        },
      }) as unknown as TaskType,
  );
}

const definition = { name: 'nightly', steps: stepsOf(LAYERS) };
const folder = mkdtempSync(join(tmpdir(), 'logistics-planned-'));

/** One run on the three workers, steps that the plan has placed on the worker of their place; what each step did, in ms from the start. */
async function run(dataDir: string, plan?: (engine: OrchestrationEngine) => Promise<ReadonlyMap<string, string>>): Promise<Map<string, Bar>> {
  const workerOf = new Map<string, string>();
  const engines: OrchestrationEngine[] = [];
  for (const [name, speed] of Object.entries(SPEEDS)) {
    const tasks = tasksAt(speed, (stepId) => workerOf.set(String(stepId), name));
    engines.push(await openEngine({ store: 'sqlite', dataDir, concurrency: 1 }, { tasks, host: name, capabilities: [`on:${name}`] }));
  }
  try {
    const [engine] = engines as [OrchestrationEngine];
    await engine.resources.definePool('gpu', { type: 'gpu', capacity: 1 });
    await engine.resources.definePool('db', { type: 'database', capacity: 2 });
    const placed = await plan?.(engine);
    const own = definition.steps.map((step) => (placed?.has(step.id) === true ? { ...step, requires: [`on:${placed.get(step.id)}`] } : step));
    const { executionId, success } = await engine.executeWorkflow({ definition: { ...definition, steps: own } });
    assert.ok(success);
    const startedAt = engine.backend.getExecution(executionId)?.startedAt ?? 0;
    const steps = engine.backend.getSteps({ executionId, after: -1, limit: definition.steps.length });
    return new Map(
      steps.map((step, at) => [
        step.id,
        {
          kind: definition.steps[at]?.task as Kind,
          worker: workerOf.get(step.id) as string,
          startMs: (step.startedAt ?? 0) - startedAt,
          endMs: (step.endedAt ?? 0) - startedAt,
        },
      ]),
    );
  } finally {
    for (const engine of engines) await engine.stop();
  }
}

/** 150 jobs of each kind at speed 1: the history that the plan and the order rest on. */
async function measure(dataDir: string): Promise<void> {
  const engine = await openEngine({ store: 'sqlite', dataDir, concurrency: 60 }, { tasks: tasksAt(1) });
  const jobs = (Object.keys(KINDS) as Kind[]).flatMap((task) => Array.from({ length: MEASURED }, () => ({ task, payload: { ms: workOf(task) } })));
  const { jobIds } = await engine.enqueue(jobs);
  await engine.wait({ ids: jobIds, timeoutMs: 30_000 });
  await engine.stop();
}

function makespan(bars: Iterable<Bar>): number {
  return Math.max(...[...bars].map((bar) => bar.endMs));
}

/** One worker's time in letters: the kind of most of each column, █ for trainings, · for nothing. */
function line(bars: readonly Bar[], totalMs: number): string {
  const letters = { parse: 'p', index: 'i', load: 'l', train: '█' };
  return Array.from({ length: COLUMNS }, (_, at) => {
    const [from, to] = [(at / COLUMNS) * totalMs, ((at + 1) / COLUMNS) * totalMs];
    const shares = bars.map((bar) => ({ kind: bar.kind, ms: Math.min(bar.endMs, to) - Math.max(bar.startMs, from) })).filter(({ ms }) => ms > 0);
    const most = shares.sort((a, b) => b.ms - a.ms)[0];
    return most === undefined ? '·' : letters[most.kind];
  }).join('');
}

function draw(title: string, left: readonly [string, readonly Bar[]], right: readonly [string, readonly Bar[]], totalMs: number): void {
  const seconds = (bars: readonly Bar[]): string => `${(makespan(bars) / 1_000).toFixed(1)} s`;
  console.log(`\n${title}\n      ${`${left[0]}, ${seconds(left[1])}`.padEnd(COLUMNS)}   ${right[0]}, ${seconds(right[1])}`);
  for (const name of Object.keys(SPEEDS)) {
    const own = (bars: readonly Bar[]): Bar[] => bars.filter((bar) => bar.worker === name);
    console.log(`${name.padEnd(4)}  ${line(own(left[1]), totalMs)}   ${line(own(right[1]), totalMs)}`);
  }
}

try {
  const [plain, known] = [join(folder, 'plain'), join(folder, 'known')];
  const unordered = await run(plain);

  await measure(known);
  const planned: Bar[] = [];
  const expected = new Map<string, { readonly low: number; readonly high: number }>();
  let interval = '';
  const ordered = await run(known, async (engine) => {
    const capabilities = Object.keys(KINDS).map((task) => `handler:${task}`);
    const workers = Object.entries(SPEEDS).map(([name, speed]) => ({ name, speed, price: 0, capabilities }));
    // Pools and what steps hold of them come from the store and the definition, durations from history.
    const { plan, spread } = await engine.planner.plan({ definition, workers });
    for (const { task, slot, startMs, endMs } of plan.schedule.placements)
      planned.push({ kind: definition.steps[task]?.task as Kind, worker: workers[slot]?.name as string, startMs, endMs });
    for (const { id, estimate } of plan.tasks) expected.set(id, { low: estimate.p10Ms, high: estimate.p90Ms });
    interval = `${((spread.p10Ms ?? 0) / 1_000).toFixed(1)}–${((spread.p90Ms ?? 0) / 1_000).toFixed(1)} s in 8 of 10 runs`;
    // What decides goes where the plan puts it; everything else is taken by whoever is free.
    const critical = new Set(plan.graph.criticalPath);
    return new Map(
      plan.schedule.placements.flatMap(({ task, slot }) =>
        critical.has(task) ? [[plan.tasks[task]?.id as string, workers[slot]?.name as string] as const] : [],
      ),
    );
  });

  const [first, second] = [[...unordered.values()], [...ordered.values()]];
  const total = Math.max(makespan(first), makespan(second), makespan(planned));
  console.log(
    `${definition.steps.length} steps, workers ${Object.entries(SPEEDS)
      .map(([name, speed]) => `${name} ×${speed}`)
      .join(', ')}; pools gpu 1, db 2`,
  );
  console.log('p parse  i index  l load (holds db)  █ train (holds gpu)');
  draw('Planned with what was measured, and how it went', ['planned', planned], ['real', second], total);
  draw('Without and with the order', ['first come first served', first], ['longest way to the end first', second], total);
  const held = [...ordered].filter(([id, { worker, startMs, endMs }]) => {
    const { low, high } = expected.get(id) as { low: number; high: number };
    const work = (endMs - startMs) * (SPEEDS[worker] as number);
    return work >= low && work <= high;
  });
  const share = Math.round((makespan(second) / makespan(first)) * 100);
  console.log(
    `\nmakespan: ${makespan(first)} ms without, ${makespan(second)} ms with the order: ${share} % of it; planned ${Math.round(makespan(planned))} ms, ${interval}`,
  );
  console.log(`real durations inside the predicted 80 % interval: ${Math.round((held.length / ordered.size) * 100)} % of ${ordered.size} steps`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
