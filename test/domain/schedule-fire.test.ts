// The decision about due times: whatever the clock, outages and policies do, each planned time is covered exactly once, in order, and never too often.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OVERLAP_POLICIES } from '../../src/domain/schedule.ts';
import { decideFires, type FireStep, placeAsked } from '../../src/domain/schedule-fire.ts';
import { entriesOf } from '../../src/domain/schedule-missed.ts';
import { type FireView, LATE_MS, MAX_ENTRIES, type PlannedTimes, RANGE_FROM } from '../../src/domain/schedule-view.ts';

const STEP = 1_000;
const HOUR = 3_600_000;

/** Every `step` ms from 0 on, up to `last`. */
function every(step: number, last = Number.POSITIVE_INFINITY): PlannedTimes {
  const within = (at: number): number | null => (at >= 0 && at <= last ? at : null);
  return {
    next: (after) => within(Math.max(0, Math.floor(after / step) + 1) * step),
    prev: (before) => within(Math.min(Math.ceil(before / step) - 1, Math.floor(last / step)) * step),
    countBetween: (from, to) => Math.max(0, Math.floor(Math.min(to, last) / step) - Math.ceil(Math.max(0, from) / step) + 1),
  };
}

function view(more: Partial<FireView> = {}): FireView {
  return {
    paused: false,
    overlap: 'skip',
    catchup: { mode: 'one', windowMs: HOUR, cap: 100 },
    maxRuns: null,
    runs: 0,
    watermark: 0,
    times: every(60_000),
    jitterMs: 0,
    delayOf: () => 0,
    running: 0,
    waiting: [],
    ...more,
  };
}

const short = (steps: readonly FireStep[]): string[] =>
  steps.map((step) => `${step.plannedAt / 60_000}${step.count > 1 ? `-${step.until / 60_000}` : ''} ${step.status}`);

describe('a due time', () => {
  it('fires when it is due and says when the next one is, from the planned time', () => {
    const decision = decideFires(view(), 60_000 + 300);
    expect(short(decision.steps)).toEqual(['1 fired']);
    expect(decision).toMatchObject({ watermark: 60_000, nextAt: 120_000, dueAt: 120_000, runs: 1, completed: false });
  });

  it('is not due before its jitter has passed, and jitter never changes the order', () => {
    const delays: Record<number, number> = { 60000: 90_000, 120000: 0 };
    const jittered = view({ jitterMs: 90_000, delayOf: (at) => delays[at] ?? 0, overlap: 'allow' });
    expect(decideFires(jittered, 130_000)).toMatchObject({ steps: [], dueAt: 150_000 });
    expect(short(decideFires(jittered, 150_000).steps)).toEqual(['1 fired', '2 fired']);
  });

  it('is late beyond five seconds', () => {
    expect(short(decideFires(view(), 60_000 + LATE_MS).steps)).toEqual(['1 fired']);
    expect(short(decideFires(view(), 60_000 + LATE_MS + 1).steps)).toEqual(['1 late']);
  });

  it('fires nothing again when the clock was moved back', () => {
    expect(decideFires(view({ watermark: 600_000 }), 120_000)).toMatchObject({ steps: [], watermark: 600_000, dueAt: 660_000 });
  });
});

describe('catch-up', () => {
  it('one: the newest in the window fires late, those before it stand for nothing', () => {
    const catchup = { mode: 'one', windowMs: 150_000, cap: 100 } as const;
    expect(short(decideFires(view({ catchup }), 330_000).steps)).toEqual(['1 missed', '2 missed', '3 coalesced', '4 coalesced', '5 late']);
    expect(short(decideFires(view({ catchup: { ...catchup, windowMs: 10_000 } }), 330_000).steps)).toEqual([
      '1 missed',
      '2 missed',
      '3 missed',
      '4 missed',
      '5 missed',
    ]);
  });

  it('one: a fire on time stands for the missed ones', () => {
    expect(short(decideFires(view(), 180_500).steps)).toEqual(['1 coalesced', '2 coalesced', '3 fired']);
  });

  it('skip fires none, all fires those in the window up to the cap, the newest', () => {
    expect(short(decideFires(view({ catchup: { mode: 'skip', windowMs: HOUR, cap: 100 } }), 190_000).steps)).toEqual(['1 missed', '2 missed', '3 missed']);
    const all = view({ overlap: 'allow', catchup: { mode: 'all', windowMs: HOUR, cap: 2 } });
    expect(short(decideFires(all, 190_000).steps)).toEqual(['1 missed', '2 late', '3 late']);
  });

  it('makes one entry of more than a thousand, and rows of fewer, in bounded pieces', () => {
    const long = decideFires(view({ times: every(STEP) }), 30 * 86_400_000);
    expect(long.steps.map((step) => step.status)).toEqual(['missed', 'coalesced', 'fired', ...Array(LATE_MS / STEP).fill('skipped_overlap')]);
    expect(long.steps.reduce((sum, step) => sum + step.count, 0)).toBe(30 * 86_400);
    expect(decideFires(view({ times: every(STEP) }), RANGE_FROM * STEP).steps).toHaveLength(MAX_ENTRIES);
  });
});

describe('overlap', () => {
  const due = (overlap: FireView['overlap'], more: Partial<FireView> = {}): FireView => view({ overlap, running: 1, ...more });

  it('decides on each due time while a run goes on', () => {
    expect(short(decideFires(due('skip'), 60_000).steps)).toEqual(['1 skipped_overlap']);
    expect(short(decideFires(due('allow'), 60_000).steps)).toEqual(['1 fired']);
    expect(short(decideFires(due('buffer_one'), 60_000).steps)).toEqual(['1 buffered']);
    expect(decideFires(due('cancel_running'), 60_000)).toMatchObject({ cancelRunning: true, steps: [{ status: 'fired' }] });
  });

  it('buffer_one keeps the newest', () => {
    const waiting = [{ origin: 'plan', plannedAt: 60_000 }] as const;
    expect(short(decideFires(due('buffer_one', { waiting, watermark: 60_000 }), 120_000).steps)).toEqual(['1 skipped_overlap', '2 buffered']);
  });

  it('starts the oldest that waits once nothing runs', () => {
    const waiting = [60_000, 120_000].map((plannedAt) => ({ origin: 'plan', plannedAt }) as const);
    const decision = decideFires(view({ overlap: 'buffer_all', waiting, watermark: 120_000 }), 150_000);
    expect(decision.steps).toMatchObject([{ plannedAt: 60_000, status: 'late', waited: true, starts: true }]);
  });

  it('places a run that somebody asks for', () => {
    expect(OVERLAP_POLICIES.map((overlap) => placeAsked(overlap, 1, 0).status)).toEqual(['skipped_overlap', 'buffered', 'buffered', 'fired', 'fired']);
    expect(OVERLAP_POLICIES.map((overlap) => placeAsked(overlap, 0, 0).status)).toEqual(Array(5).fill('fired'));
  });
});

describe('the end', () => {
  it('completes with its last planned time, or its last run', () => {
    expect(decideFires(view({ times: every(60_000, 60_000) }), 60_000)).toMatchObject({ completed: true, nextAt: null, dueAt: null });
    const last = decideFires(view({ maxRuns: 2, runs: 1, overlap: 'allow' }), 60_000);
    expect(last).toMatchObject({ completed: true, nextAt: null, runs: 2 });
  });

  it('counts what waits among the runs that are allowed', () => {
    const decision = decideFires(view({ maxRuns: 1, running: 1, overlap: 'buffer_all' }), 60_000);
    expect(decision).toMatchObject({ completed: false, nextAt: null, dueAt: null, runs: 0 });
    expect(short(decision.steps)).toEqual(['1 buffered']);
  });
});

/** Runs a schedule through clock moves, outages, pauses and ends of runs; gives its ledger. */
function play(start: FireView, moves: readonly (readonly [string, number])[]): { covered: number[]; view: FireView; most: number } {
  const ledger = new Map<number, { until: number; count: number; status: string }>();
  let state = start;
  let now = 0;
  let most = 0;
  const decide = (): void => {
    for (let rounds = 0; rounds < 1_000; rounds++) {
      const decision = decideFires(state, now, 7);
      let running = decision.cancelRunning ? 0 : state.running;
      let { waiting } = state;
      let before = Number.NEGATIVE_INFINITY;
      for (const step of decision.steps) {
        expect(ledger.has(step.plannedAt)).toBe(step.waited);
        if (!step.waited) {
          expect(step.plannedAt).toBeGreaterThan(before);
          before = step.until;
        }
        ledger.set(step.plannedAt, step);
        waiting = waiting.filter((other) => other.plannedAt !== step.plannedAt);
        if (step.status === 'buffered') waiting = [...waiting, { origin: 'plan', plannedAt: step.plannedAt }];
        if (step.starts) running++;
      }
      expect(decision.watermark).toBeGreaterThanOrEqual(state.watermark);
      state = { ...state, running, waiting, watermark: decision.watermark, runs: decision.runs };
      most = Math.max(most, running);
      if (decision.dueAt === null || decision.dueAt > now) return;
    }
    throw new Error('it never comes to an end');
  };
  for (const [kind, amount] of moves) {
    if (kind === 'end') state = { ...state, running: Math.max(0, state.running - 1) };
    else if (kind === 'pause') state = { ...state, paused: true };
    else if (kind === 'resume' && state.paused) {
      const { entries } = entriesOf(state.times, { from: state.watermark + 1, to: now }, Number.POSITIVE_INFINITY, () => ({
        status: 'skipped_paused',
        reason: null,
      }));
      for (const entry of entries) ledger.set(entry.plannedAt, entry);
      state = { ...state, paused: false, watermark: Math.max(state.watermark, now) };
    } else if (kind === 'forward') now += amount;
    else if (kind === 'back') now -= amount;
    decide();
  }
  const covered: number[] = [];
  for (const [plannedAt, entry] of [...ledger].sort((a, b) => a[0] - b[0])) {
    const inside = state.times.countBetween(plannedAt, entry.until);
    expect(entry.count).toBe(inside);
    for (let at: number | null = plannedAt; at !== null && at <= entry.until; at = state.times.next(at)) covered.push(at);
  }
  return { covered, view: state, most };
}

describe('any sequence of clock moves, outages, pauses and ends', () => {
  const move = fc.oneof(
    fc.tuple(fc.constant('forward'), fc.integer({ min: 0, max: 20_000 })),
    fc.tuple(fc.constant('forward'), fc.integer({ min: 0, max: 2_500_000 })),
    fc.tuple(fc.constant('back'), fc.integer({ min: 0, max: 50_000 })),
    fc.tuple(fc.constantFrom('end', 'pause', 'resume'), fc.constant(0)),
  );
  const policies = fc.record({
    overlap: fc.constantFrom(...OVERLAP_POLICIES),
    catchup: fc.record({ mode: fc.constantFrom('one', 'skip', 'all'), windowMs: fc.integer({ min: 0, max: 100_000 }), cap: fc.integer({ min: 1, max: 30 }) }),
    step: fc.constantFrom(1_000, 1_700, 60_000),
    jitterMs: fc.constantFrom(0, 3_000),
  });

  it('covers each planned time up to the watermark exactly once, in order, and never runs two with skip', () => {
    fc.assert(
      fc.property(policies, fc.array(move, { maxLength: 25 }), ({ step, ...chosen }, moves) => {
        const times = every(step);
        const delayOf = (at: number): number => (chosen.jitterMs === 0 ? 0 : (at * 7) % (chosen.jitterMs + 1));
        const { covered, view: end, most } = play(view({ ...chosen, times, delayOf }), moves);
        const planned: number[] = [];
        for (let at = times.next(0); at !== null && at <= end.watermark; at = times.next(at)) planned.push(at);
        expect(covered).toEqual(planned);
        if (chosen.overlap !== 'allow') expect(most).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });
});
