// Owns waiting inside a call: the work is committed before, progress is told on the way, and giving up ends the wait only.
import type { LogisticsEvent } from '../src/domain/event.ts';
import { mayBeIn, parseRange } from '../src/domain/job-range.ts';
import type { WaitRequest } from '../src/orchestration/orchestration-engine.ts';
import { progressOf } from './progress-of.ts';
import type { ToolContext } from './tool.ts';

const REPORT_EVERY_MS = 200;

/** Resolves to how the wait ended; 0 ms looks once. */
export async function awaitEnd(context: ToolContext, request: Omit<WaitRequest, 'signal'>): Promise<'met' | 'timeout' | 'aborted'> {
  const stop = request.timeoutMs === 0 ? () => {} : watch(context, request.ids);
  try {
    return await context.engine.wait({ ...request, signal: context.signal });
  } finally {
    stop();
  }
}

/** Tells progress of these ids after their events, at most five times a second. */
function watch(context: ToolContext, ids: readonly string[]): () => void {
  const { engine, progress } = context;
  if (progress === undefined) return () => {};
  const wanted = new Set(ids);
  const ranges = ids.flatMap((id) => parseRange(id) ?? []);
  const isWanted = ({ executionId = '', jobId = '' }: LogisticsEvent): boolean =>
    wanted.has(executionId) || wanted.has(jobId) || ranges.some((range) => mayBeIn(range, jobId));
  let timer: NodeJS.Timeout | undefined;
  const report = (): void => {
    timer = undefined;
    const { share, message } = progressOf(engine, ids);
    progress(share, message);
  };
  const onEvent = (event: LogisticsEvent): void => {
    if (timer === undefined && isWanted(event)) timer = setTimeout(report, REPORT_EVERY_MS);
  };
  const off = engine.on('*', onEvent);
  // The beginning is told as such, whatever was done before.
  progress(0, progressOf(engine, ids).message);
  return () => {
    off();
    clearTimeout(timer);
  };
}
