// Owns how far work is, as a share and one line that names the step at work: the same for progress, tasks and people.
import { parseRange } from '../src/domain/job-range.ts';
import { isTerminal } from '../src/domain/workflow-execution.ts';
import type { OrchestrationEngine } from '../src/orchestration/orchestration-engine.ts';
import type { ExecutionSummary } from '../src/store/backend.ts';
import { shortText } from './wire/compact.ts';

export interface Progress {
  /** 0 to 1. */
  readonly share: number;
  readonly message: string;
}

interface Counted extends Progress {
  readonly done: number;
  readonly total: number;
}

/** What a step counts that has begun: enough that its start is told, less than its end. */
const BEGUN = 0.25;
/** Steps of a run whose progress is weighed by time: about 0.3 ms, five times a second at most. A larger one counts its steps. */
const WEIGHED = 200;

/** Of one id or of many together. */
export function progressOf(engine: OrchestrationEngine, ids: readonly string[]): Progress {
  const each = ids.map((id) => progressOfOne(engine, id));
  const [only] = each;
  if (only !== undefined && each.length === 1) return only;
  const sum = (of: (one: Counted) => number): number => each.reduce((total, one) => total + of(one), 0);
  const unit = ids[0]?.startsWith('exec_') ? 'steps' : 'jobs';
  // The first that is not done says what happens now.
  const now = each.find(({ share }) => share < 1)?.message;
  return {
    share: sum(({ share }) => share) / each.length,
    message: `${sum(({ done }) => done)} of ${sum(({ total }) => total)} ${unit} done${now === undefined ? '' : `; ${now}`}`,
  };
}

function progressOfOne(engine: OrchestrationEngine, id: string): Counted {
  const { backend } = engine;
  const range = parseRange(id);
  const counts = range === null ? null : backend.jobRange(range);
  if (counts !== null) {
    const { pending, retry, running, completed, failed, cancelled } = counts;
    const done = completed + failed + cancelled;
    const total = done + pending + retry + running;
    return { share: done / total, message: `${done} of ${total} jobs done`, done, total };
  }
  const execution = id.startsWith('exec_') ? backend.getExecution(id) : null;
  if (execution !== null) return { ...executionProgress(engine, execution), done: execution.stepsDone, total: execution.totalSteps };
  const job = backend.getJob(id);
  if (job === null) return { share: 1, message: 'removed', done: 1, total: 1 };
  const ended = isTerminal(job.status);
  const at = ended || job.progress === null ? '' : `; ${job.name ?? job.task}: ${Math.round(job.progress.share * 100)} %`;
  const said = at === '' || job.progress?.message == null ? '' : `, ${shortText(job.progress.message, 200)}`;
  const message = `${ended ? 1 : 0} of 1 jobs done${at}${said}`;
  return { share: ended ? 1 : (job.progress?.share ?? 0), message, done: ended ? 1 : 0, total: 1 };
}

export function executionProgress(engine: OrchestrationEngine, row: ExecutionSummary): Progress {
  const total = Math.max(1, row.totalSteps);
  const counted = `${row.stepsDone} of ${row.totalSteps} steps done`;
  if (isTerminal(row.status)) return { share: 1, message: `${row.status}; ${counted}` };
  if (row.status === 'paused' || row.status === 'pending') return { share: row.stepsDone / total, message: `${row.status}; ${counted}` };
  // By expected work where the durations are known; what has begun then counts by its own time.
  const weighed = row.totalSteps <= WEIGHED ? (engine.planner.outlook(row, { withEnd: false })?.share ?? null) : null;
  const counting = countedProgress(engine, row, { total, counted });
  return weighed === null ? counting : { share: Math.max(weighed, 0), message: counting.message };
}

function countedProgress(
  { backend }: OrchestrationEngine,
  row: ExecutionSummary,
  { total, counted }: { readonly total: number; readonly counted: string },
): Progress {
  const [last] = backend.readEvents({ after: 0, limit: 1, executionId: row.id, types: ['step_started'], newestFirst: true });
  const step = last?.stepId === undefined ? null : backend.getStep({ executionId: row.id, stepId: last.stepId });
  if (step === null) return { share: row.stepsDone / total, message: counted };
  const items = step.each;
  const itemsDone = items === null ? 0 : items.completed + items.failed;
  const ofItems = items === null ? '' : ` (${itemsDone} of ${items.total} items)`;
  if (isTerminal(step.status)) return { share: row.stepsDone / total, message: `${counted}; last: ${step.id}${ofItems}` };
  // What has only become ready does not count: its start is told when it comes.
  const begun = Math.max(BEGUN, items === null || items.total === 0 ? 0 : itemsDone / items.total);
  return { share: Math.min(1, (row.stepsDone + begun) / total), message: `${counted}; now: ${step.id}${ofItems}` };
}
