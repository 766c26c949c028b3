// Owns the state charts: that of jobs from the transition table, that of steps from the closed list of their states.
import { JOB_STATUSES, type JobStatus } from '../../src/domain/job.ts';
import { JOB_TRANSITIONS } from '../../src/domain/job-lifecycle.ts';
import { PROJECT_STATUSES, PROJECT_TRANSITIONS, type ProjectStatus } from '../../src/domain/project.ts';
import { isTerminal, STEP_STATUSES, type StepStatus } from '../../src/domain/workflow-execution.ts';
import { fenced } from '../../tools/reference/markdown.ts';

const WHY: Partial<Record<`${JobStatus}>${JobStatus}`, string>> = {
  'pending>running': 'claimed',
  'pending>cancelled': 'cancelled, or a dependency failed',
  'pending>failed': 'expired, or past its deadline',
  'running>completed': 'result stored',
  'running>failed': 'no attempt left, or not retryable',
  'running>retry': 'failed, tried again later',
  'running>cancelled': 'asked to stop',
  'running>pending': 'given back, or its process or worker was lost',
  'retry>pending': 'its moment has come',
  'retry>cancelled': 'cancelled',
  'retry>failed': 'past its deadline',
  'failed>pending': 'redrive',
  'cancelled>pending': 'redrive',
};

export function jobChart(): string {
  const lines = JOB_STATUSES.flatMap((from) =>
    JOB_TRANSITIONS[from].map((to) => {
      const why = WHY[`${from}>${to}`];
      return `  ${from} --> ${to}${why === undefined ? '' : `: ${why}`}`;
    }),
  );
  const ends = JOB_STATUSES.filter((status) => isTerminal(status)).map((status) => `  ${status} --> [*]`);
  return fenced('mermaid', ['stateDiagram-v2', '  [*] --> pending', ...lines, ...ends].join('\n'));
}

const MOVES: Partial<Record<`${ProjectStatus}>${ProjectStatus}`, string>> = {
  'planning>active': 'activate',
  'paused>active': 'resume',
  'completed>active': 'activate',
  'failed>active': 'activate',
  'archived>active': 'restore',
};
const TO: Partial<Record<ProjectStatus, string>> = { paused: 'pause', completed: 'complete', failed: 'fail', archived: 'archive' };

export function projectChart(): string {
  const lines = PROJECT_STATUSES.flatMap((from) => PROJECT_TRANSITIONS[from].map((to) => `  ${from} --> ${to}: ${MOVES[`${from}>${to}`] ?? TO[to]}`));
  return fenced('mermaid', ['stateDiagram-v2', '  [*] --> planning', '  [*] --> active', ...lines].join('\n'));
}

/** From each state of a step, those that may follow. */
export const STEP_MOVES: Readonly<Record<StepStatus, readonly (readonly [to: StepStatus, why: string])[]>> = {
  pending: [
    ['ready', 'rule fires: its job is made'],
    ['waiting', 'rule fires: a step that waits'],
    ['completed', 'nothing to wait for, or taken over by a fork'],
    ['skipped', 'if is false, or the rule cannot fire'],
    ['failed', 'its condition or list cannot be evaluated'],
    ['cancelled', 'the run ended before it was reached'],
  ],
  ready: [
    ['running', 'its job is claimed'],
    ['failed', 'deadline'],
    ['cancelled', 'the run stops'],
    ['completed', 'an empty list'],
  ],
  running: [
    ['completed', 'result stored'],
    ['retry', 'failed, tried again later'],
    ['failed', 'no attempt left'],
    ['cancelled', 'the run stops'],
    ['ready', 'given back, or its process or worker was lost'],
  ],
  retry: [
    ['ready', 'its moment has come'],
    ['failed', 'deadline'],
    ['cancelled', 'the run stops'],
  ],
  waiting: [
    ['completed', 'what it waited for came'],
    ['failed', 'timeout, or the child failed'],
    ['cancelled', 'the run stops'],
  ],
  completed: [],
  failed: [['pending', 'control retry']],
  skipped: [['pending', 'control retry, when its need runs again']],
  cancelled: [['pending', 'control retry']],
};

export function stepChart(): string {
  const lines = STEP_STATUSES.flatMap((from) => STEP_MOVES[from].map(([to, why]) => `  ${from} --> ${to}: ${why}`));
  const ends = STEP_STATUSES.filter((status) => isTerminal(status)).map((status) => `  ${status} --> [*]`);
  return fenced('mermaid', ['stateDiagram-v2', '  [*] --> pending', ...lines, ...ends].join('\n'));
}
