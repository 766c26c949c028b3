// Owns how a run looks while it goes on: lines from a state, nothing else.
import { createColors } from 'picocolors';
import { describe, expect, it } from 'vitest';
import { jobLine } from '../../src/cli/render/job-line.ts';
import { itemRate, overallShare, progressLines, type RunView, type StepLine } from '../../src/cli/render/progress.ts';
import { widthOf } from '../../src/cli/render/text.ts';
import { waitingHints } from '../../src/cli/render/waiting-hints.ts';
import type { Job } from '../../src/domain/job.ts';

const NOW = 1_800_000_000_000;
const colors = createColors(false);
const screen = { width: 100, height: 30, now: NOW, colors };

const EACH = { total: 0, next: 0, live: 0, completed: 0, failed: 0, cancelled: 0, stopping: false, redo: null, first: null };

function step(id: string, more: Partial<StepLine> = {}): StepLine {
  return {
    index: 0,
    id,
    task: 'echo',
    region: 'main',
    status: 'pending',
    skipReason: null,
    reused: false,
    tolerated: false,
    startedAt: null,
    readyAt: null,
    endedAt: null,
    attempts: 0,
    nextAttemptAt: null,
    error: null,
    wait: null,
    each: null,
    progress: null,
    ...more,
  };
}

function run(steps: readonly StepLine[], more: Partial<RunView> = {}): RunView {
  const numbered = steps.map((each, index) => ({ ...each, index }));
  return {
    id: 'exec_1',
    workflow: 'notes',
    version: 2,
    status: 'running',
    stopping: false,
    gate: false,
    createdAt: NOW - 14_000,
    endedAt: null,
    stepsDone: steps.filter((each) => ['completed', 'failed', 'skipped', 'cancelled'].includes(each.status)).length,
    totalSteps: steps.length,
    error: null,
    steps: numbered,
    ...more,
  };
}

const error = (code: string, message: string): StepLine['error'] => ({ code, message, retryable: true, nextActions: [] });

describe('progress of a run', () => {
  it('one line per step with its sign, its time and what it does', () => {
    const lines = progressLines(
      run([
        step('fetch', { status: 'completed', startedAt: NOW - 14_000, endedAt: NOW - 12_800, attempts: 1 }),
        step('parse', { status: 'completed', startedAt: NOW - 12_800, endedAt: NOW - 12_460, attempts: 3 }),
        step('summarise', { status: 'running', readyAt: NOW - 10_000, each: { ...EACH, total: 1_000, next: 450, completed: 400, failed: 12 } }),
        step('build', { status: 'running', startedAt: NOW - 3_200, attempts: 1 }),
        step('upload', { status: 'running', startedAt: NOW - 3_200, attempts: 1, progress: { share: 0.5, message: 'half way' } }),
        step('approve', { status: 'waiting', wait: { kind: 'approval', message: 'Publish?', by: 'human', digest: 'd1', until: NOW + 60_000 } }),
        step('flaky', { status: 'retry', attempts: 2, error: error('network', 'reset'), nextAttemptAt: NOW + 5_000 }),
        step('broken', { status: 'failed', startedAt: NOW - 900, endedAt: NOW - 700, attempts: 1, error: error('http_4xx', 'The server said 404.') }),
        step('never', { status: 'skipped', skipReason: 'upstream_failed' }),
        step('report'),
      ]),
      screen,
    );
    expect(lines).toEqual([
      'notes v2  exec_1',
      '',
      '  ✓ fetch      1.2s',
      '  ✓ parse      340ms, attempt 3',
      '  ⠋ summarise  ━━━━━━━━────────────    412/1,000  12 failed  41/s  ~14s left',
      '  ⠋ build      3s',
      '  ⠋ upload     ━━━━━━━━━━──────────  50%  half way',
      '  ◷ approve    waits for approval: Publish?',
      '  ↻ flaky      attempt 2 failed (network), next in 5s',
      '  ✗ broken     200ms http_4xx: The server said 404.',
      '  – never      skipped: what it needs failed',
      '  · report',
      '',
      '  ━━━━━━━━━━━━━━──────────────  4/10 steps  14s',
    ]);
  });

  it('the last frame of a completed run is full, and says how many items it had', () => {
    const lines = progressLines(
      run(
        [
          step('each', {
            status: 'completed',
            readyAt: NOW - 2_000,
            startedAt: NOW - 2_000,
            endedAt: NOW,
            each: { ...EACH, total: 40, completed: 39, failed: 1 },
          }),
        ],
        { status: 'completed', endedAt: NOW },
      ),
      screen,
    );
    expect(lines.slice(2)).toEqual(['  ✓ each      2s, 40 items, 1 failed', '', `  ${'━'.repeat(28)}  1/1 steps  14s`]);
  });

  it('says that it waits, is paused or is being stopped', () => {
    const last = (view: RunView): string => progressLines(view, screen).at(-1) as string;
    expect(last(run([step('a')], { status: 'waiting' }))).toContain('waiting  0/1');
    expect(last(run([step('a')], { status: 'paused' }))).toContain('paused  0/1');
    expect(last(run([step('a')], { stopping: true }))).toContain('stopping  0/1');
  });

  it('each kind of wait says what ends it', () => {
    const text = (wait: StepLine['wait']): string => progressLines(run([step('w', { status: 'waiting', wait })]), screen)[2] as string;
    expect(text({ kind: 'timer', until: NOW + 3_000 })).toContain('sleeps, wakes in 3s');
    expect(text({ kind: 'signal', name: 'paid', until: null })).toContain('waits for the signal paid');
    expect(text({ kind: 'event', name: 'order', match: null, until: NOW + 60_000 })).toContain('waits for the event order, until in 1m');
    expect(text({ kind: 'child', executionId: 'exec_2' })).toContain('runs exec_2');
  });

  it('no line is wider than the screen, whatever the names and errors are', () => {
    const long = 'x'.repeat(500);
    const steps = [
      step(long.slice(0, 90), { status: 'failed', startedAt: NOW - 10, endedAt: NOW, error: error('handler_failed', `${long}\n\u001b[31mred`) }),
      step('items', { status: 'running', readyAt: NOW - 5_000, each: { ...EACH, total: 100_000, next: 50_050, completed: 50_000, failed: 3 } }),
      step('progress', { status: 'running', startedAt: NOW, progress: { share: 0.3, message: `日本語${long}` } }),
    ];
    for (const width of [40, 60, 80, 120]) {
      const lines = progressLines(run(steps), { ...screen, width });
      for (const line of lines.slice(2)) expect(widthOf(line)).toBeLessThanOrEqual(width);
      expect(lines.join('')).not.toContain('\u001b');
    }
  });

  it('of many steps it shows what failed and what goes on, and counts the others', () => {
    const steps = Array.from({ length: 500 }, (_, i) =>
      step(
        `s${i}`,
        i < 100 ? { status: 'completed', startedAt: NOW - 5, endedAt: NOW } : i === 100 ? { status: 'running', startedAt: NOW } : i === 7 ? {} : {},
      ),
    );
    steps[50] = step('s50', { status: 'failed', error: error('timeout', 'late') });
    const lines = progressLines(run(steps), screen);
    expect(lines.length).toBeLessThanOrEqual(screen.height);
    expect(lines.join('\n')).toMatch(/✗ s50[\s\S]*⠋ s100/);
    expect(lines.join('\n')).toMatch(/… 99 more steps done/);
    expect(lines.join('\n')).toMatch(/… \d+ more steps to come/);
  });

  it('the rate counts ended items over the time since the step was ready, and waits for a second of it', () => {
    const each = { ...EACH, total: 100, completed: 20 };
    expect(itemRate(step('a', { readyAt: NOW - 10_000, each }), NOW)).toBe(2);
    expect(itemRate(step('a', { readyAt: NOW - 500, each }), NOW)).toBeNull();
    expect(itemRate(step('a', { readyAt: NOW - 10_000, each: { ...each, completed: 0 } }), NOW)).toBeNull();
  });

  it('the overall bar counts parts of steps too', () => {
    const steps = [
      step('a', { status: 'completed' }),
      step('b', { status: 'running', each: { ...EACH, total: 10, completed: 5 } }),
      step('c', { status: 'running', progress: { share: 0.5, message: null } }),
      step('d'),
    ];
    expect(overallShare(run(steps))).toBe(0.5);
    expect(overallShare(run(steps, { status: 'completed' }))).toBe(1);
  });

  it('tells the command that answers an approval or a signal', () => {
    const view = run([
      step('approve', { status: 'waiting', wait: { kind: 'approval', message: 'Publish?', by: 'human', digest: 'd1', until: NOW } }),
      step('pay', { status: 'waiting', wait: { kind: 'signal', name: 'paid', until: null } }),
      step('nap', { status: 'waiting', wait: { kind: 'timer', until: NOW } }),
    ]);
    expect(waitingHints(view, colors)).toEqual([
      '',
      '  → approve with: logistics-mcp control exec_1 approve --step approve --digest d1',
      '  → signal with: logistics-mcp control exec_1 signal --signal "paid"',
    ]);
    expect(waitingHints(run([step('a')]), colors)).toEqual([]);
  });
});

describe('a job on one line', () => {
  const job = (more: Partial<Job>): string =>
    jobLine(
      {
        name: 'mail',
        task: 'http.request',
        status: 'pending',
        runAt: null,
        startedAt: null,
        completedAt: null,
        error: null,
        progress: null,
        attempt: 1,
        ...more,
      } as Job,
      screen,
    );

  it('says what matters in each state', () => {
    expect(job({})).toBe('· mail  pending');
    expect(job({ name: null, runAt: NOW + 600_000 })).toBe('· http.request  due in 10m');
    expect(job({ status: 'running', startedAt: NOW - 4_500 })).toBe('⠋ mail  4s');
    expect(job({ status: 'running', startedAt: NOW - 4_500, progress: { share: 0.5, message: 'half' } })).toBe('⠋ mail  ━━━━━━━━━━────────── 4s half');
    expect(job({ status: 'retry', error: { code: 'network', message: 'reset', retryable: true, nextActions: [] }, runAt: NOW + 2_000 })).toBe(
      '↻ mail  attempt 1 failed (network: reset), next in 2s',
    );
    expect(job({ status: 'completed', startedAt: NOW - 1_500, completedAt: NOW })).toBe('✓ mail  1.5s');
    expect(job({ status: 'failed', error: { code: 'timeout', message: 'It took too long.', retryable: true, nextActions: [] } })).toBe(
      '✗ mail  timeout: It took too long.',
    );
  });
});
