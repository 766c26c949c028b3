// Owns the showing of a run until it ends: drawn over on a terminal, one line per event in a pipe, nothing with --json.
import { isTerminal } from '../domain/workflow-execution.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { ExecutionFollower } from './follow-execution.ts';
import type { CliIo } from './io.ts';
import type { LiveArea, Output } from './output.ts';
import { eventLine } from './render/event-line.ts';
import { progressLines, type RunView, type StepLine } from './render/progress.ts';
import { waitingHints } from './render/waiting-hints.ts';

const FRAME_MS = 100;
/** A forEach in a pipe tells of every tenth of its items. */
const SHARES = 10;

export interface Showing {
  /** Draws the last state; stays on the screen. */
  end(): void;
}

export async function showProgress(engine: OrchestrationEngine, id: string, io: CliIo, out: Output, notice: () => string = () => ''): Promise<Showing> {
  if (out.json) return { end: () => undefined };
  const follower = new ExecutionFollower(engine, id);
  return out.isTerminal ? drawn(follower, io, out, { area: await out.live(), notice }) : printed(engine, follower, out);
}

function drawn(follower: ExecutionFollower, io: CliIo, out: Output, { area, notice }: { readonly area: LiveArea; readonly notice: () => string }): Showing {
  let ended = false;
  const draw = (): void => {
    follower.newEvents();
    const run = follower.look();
    if (run === null) return;
    const lines = progressLines(run, { width: out.width, height: out.height, now: io.now(), colors: out.colors });
    const below = notice() === '' ? waitingHints(run, out.colors) : ['', `  ${out.colors.yellow(notice())}`];
    area.update([...lines, ...(isTerminal(run.status) ? [] : below)]);
  };
  const timer = setInterval(draw, FRAME_MS);
  timer.unref();
  draw();
  return {
    end: () => {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      draw();
      area.done();
    },
  };
}

function printed(engine: OrchestrationEngine, follower: ExecutionFollower, out: Output): Showing {
  const shares = new Map<string, number>();
  const hinted = new Set<string>();
  let scheduled = false;
  let since: number | null = null;
  const step = (): void => {
    scheduled = false;
    const events = follower.newEvents();
    const run = follower.look();
    if (run === null) return;
    since ??= run.createdAt;
    const lines = events.map((event) => eventLine(event, since as number, out.colors)).filter((line) => line !== null);
    out.print([...lines, ...itemLines(run, shares), ...newHints(run, hinted, out)]);
  };
  const stop = engine.on('*', (event) => {
    if (event.executionId !== follower.id || scheduled) return;
    scheduled = true;
    setImmediate(step);
  });
  step();
  return {
    end: () => {
      stop();
      step();
    },
  };
}

function itemLines(run: RunView, shares: Map<string, number>): string[] {
  return run.steps.flatMap((step: StepLine) => {
    if (step.each === null || step.each.total === 0 || isTerminal(step.status)) return [];
    const done = step.each.completed + step.each.failed;
    const share = Math.floor((done / step.each.total) * SHARES);
    if (share === (shares.get(step.id) ?? 0)) return [];
    shares.set(step.id, share);
    return [`${' '.repeat(10)}step items          ${step.id}  ${done}/${step.each.total}${step.each.failed === 0 ? '' : `  ${step.each.failed} failed`}`];
  });
}

function newHints(run: RunView, hinted: Set<string>, out: Output): string[] {
  const lines = waitingHints(run, out.colors).filter((line) => line !== '' && !hinted.has(line));
  for (const line of lines) hinted.add(line);
  return lines;
}
