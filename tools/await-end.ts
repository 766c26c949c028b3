// Owns waiting inside a call: the work is committed before, progress is told on the way, and giving up ends the wait only.
import type { LogisticsEvent } from '../src/domain/event.ts';
import { isTerminal } from '../src/domain/workflow-execution.ts';
import type { WaitRequest } from '../src/orchestration/orchestration-engine.ts';
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
  let timer: NodeJS.Timeout | undefined;
  const report = (): void => {
    timer = undefined;
    const { share, message } = progressOf(context, ids);
    progress(share, message);
  };
  const onEvent = (event: LogisticsEvent): void => {
    if (timer === undefined && (wanted.has(event.executionId ?? '') || wanted.has(event.jobId ?? ''))) timer = setTimeout(report, REPORT_EVERY_MS);
  };
  const off = engine.on('*', onEvent);
  report();
  return () => {
    off();
    clearTimeout(timer);
  };
}

function progressOf({ engine: { backend } }: ToolContext, ids: readonly string[]): { readonly share: number; readonly message: string } {
  let share = 0;
  let done = 0;
  let total = 0;
  for (const id of ids) {
    const execution = id.startsWith('exec_') ? backend.getExecution(id) : null;
    const job = execution === null ? backend.getJob(id) : null;
    const ended = isTerminal(execution?.status ?? job?.status ?? 'pending');
    share += ended ? 1 : execution !== null ? execution.stepsDone / Math.max(1, execution.totalSteps) : (job?.progress?.share ?? 0);
    done += execution?.stepsDone ?? (ended ? 1 : 0);
    total += execution?.totalSteps ?? 1;
  }
  return { share: share / ids.length, message: `${done} of ${total} ${ids[0]?.startsWith('exec_') ? 'steps' : 'jobs'} done` };
}
