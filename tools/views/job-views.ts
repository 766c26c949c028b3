// Owns what can be read of a job.
import type { Job } from '../../src/domain/job.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { isTerminal } from '../../src/domain/workflow-execution.ts';
import { explainJob } from '../../src/orchestration/explain.ts';
import { jobToWire } from '../wire/job.ts';
import { explanationToWire } from '../wire/reason.ts';
import { eventsView } from './events-view.ts';
import { logLines } from './execution-views.ts';
import { lineageView } from './lineage-view.ts';
import { pieceOf } from './paged-text.ts';
import { missing, showView, type ViewRequest, type Views } from './view.ts';

/** The job is read once, whatever the view. */
const viewsOf = (job: Job): Views => ({
  summary: () => ({ ...jobToWire(job), next: nextForJob(job) }),
  events: (r) => ({ job_id: r.id, ...eventsView(r, { jobId: r.id }) }),
  output: (r) => output(r, job),
  logs: (r) => logLines(r, r.id),
  explain: (r) => explanationToWire(explainJob(r.engine.backend, job, r.engine.now)),
  lineage: (r) => lineageView(r),
});

export function jobView(request: ViewRequest): JsonObject {
  return showView('A job', viewsOf(require(request)), request);
}

function require(r: ViewRequest): Job {
  const found = r.engine.backend.getJob(r.id);
  if (found === null) throw missing('job', r.id, 'jobs');
  return found;
}

function output(r: ViewRequest, job: Job): JsonObject {
  if (job.status !== 'completed') return { job_id: r.id, status: job.status, output: null, next: nextForJob(job) };
  return { job_id: r.id, status: job.status, ...pieceOf('output', job.result, r.cursor) };
}

export function nextForJob(job: Job): string[] {
  if (job.status === 'completed') return ['get view=output'];
  if (job.status === 'failed' && job.executionId === null) return ['get view=explain', 'control action=redrive'];
  return isTerminal(job.status) ? [] : ['wait ids=[this id]', 'get view=explain'];
}
