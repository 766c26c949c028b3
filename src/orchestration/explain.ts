// Owns the answer to "why is this not done?": the reasons of a job, step or execution, who holds what, and what is allowed next.
import { formatDuration } from '../domain/duration.ts';
import type { Job } from '../domain/job.ts';
import type { Plan } from '../domain/plan.ts';
import { changedVersions } from '../domain/task-versions.ts';
import { AGENT_CAPABILITY } from '../domain/worker-agent.ts';
import { isTerminal } from '../domain/workflow-execution.ts';
import type { Backend, ExecutionSummary, StepView } from '../store/backend.ts';
import { capabilityGap, whoCouldTakeIt } from './capability-gap.ts';
import { allocationReason, resourceReason } from './explain-resources.ts';

export interface Reason {
  readonly code: string;
  readonly message: string;
  /** Ids of what is waited for or holds it. */
  readonly blockedBy?: readonly string[];
  /** Epoch ms, when a moment is known. */
  readonly until?: number;
}

export interface Explanation {
  readonly id: string;
  readonly kind: 'job' | 'execution';
  readonly status: string;
  readonly reasons: readonly Reason[];
  /** Steps that hold the run up, with their reasons. */
  readonly steps: readonly { readonly stepId: string; readonly status: string; readonly reasons: readonly Reason[] }[];
  readonly allowedActions: readonly string[];
}

const MAX_STEPS = 20;
const SCAN_STEPS = 2_000;
const NOTE_CHARS = 120;

export function explainJob(backend: Backend, job: Job, now: number): Explanation {
  const allowed = isTerminal(job.status) ? (job.executionId === null && job.status !== 'completed' ? ['redrive'] : []) : ['cancel'];
  return { id: job.id, kind: 'job', status: job.status, reasons: jobReasons(backend, job, now), steps: [], allowedActions: allowed };
}

export function jobReasons(backend: Backend, job: Job, now: number): Reason[] {
  if (job.status === 'completed') return [{ code: 'completed', message: 'It completed.' }];
  if (job.status === 'failed' || job.status === 'cancelled') {
    return [{ code: job.error?.code ?? job.status, message: `${job.error?.message ?? job.status}${job.dead ? ' No attempt is left (dead letter).' : ''}` }];
  }
  if (job.status === 'running') {
    if (job.worker !== null) return [heldReason(job, job.worker, now)];
    const owner = backend.listProcesses().find((process) => process.epoch === job.owner);
    const where = owner === undefined ? 'a process' : `process ${owner.pid} on ${owner.host}`;
    return [
      {
        code: job.cancelRequested ? 'cancelling' : 'running',
        message: `${job.cancelRequested ? 'It was asked to stop' : 'It runs'} in ${where}, attempt ${job.attempt}.`,
      },
    ];
  }
  if (job.status === 'retry' && job.runAt !== null) {
    return [
      {
        code: 'retry',
        message: `Attempt ${job.attempt} failed (${job.error?.code ?? 'error'}: ${job.error?.message ?? ''}); the next one is due.`,
        until: job.runAt,
      },
    ];
  }
  const open = job.dependsOn.filter((id) => !isTerminal(backend.getJob(id)?.status ?? 'completed'));
  if (open.length > 0) return [{ code: 'needs', message: `It waits for ${open.length} job(s).`, blockedBy: open.slice(0, 10) }];
  if (job.runAt !== null && job.runAt > now) return [{ code: 'not_before', message: 'It is due later.', until: job.runAt }];
  if (isPaused(backend, job))
    return [{ code: 'queue_paused', message: `The queue ${job.queue} is paused; control id=queue:${job.queue} action=resume lets it run.` }];
  if (job.gate?.startsWith('a:')) return [resourceReason(backend, job)];
  if (job.gate !== null) return [gateReason(backend, job.gate)];
  const missing = capabilityGap(backend, job.namespace, job.requires, now);
  if (missing !== null) return [missing];
  if (job.requires.includes(AGENT_CAPABILITY)) return [{ code: 'queued', message: whoCouldTakeIt(backend, job.namespace, job.requires, now) }];
  return [{ code: 'queued', message: 'It is ready and waits for a free slot.' }];
}

function heldReason(job: Job, worker: NonNullable<Job['worker']>, now: number): Reason {
  const { progress, checkpoint, startedAt } = job;
  const since = startedAt === null ? '' : ` for ${formatDuration(Math.max(0, Math.round((now - startedAt) / 1_000) * 1_000))}`;
  const said = progress === null ? '' : ` It said: ${Math.round(progress.share * 100)} %${progress.message === null ? '' : `, ${progress.message}`}.`;
  const noted = checkpoint === null ? '' : ` Its last note: ${JSON.stringify(checkpoint).slice(0, NOTE_CHARS)}.`;
  return {
    code: job.cancelRequested ? 'cancelling' : 'running',
    message: `The worker agent ${worker.name} holds it${since}, attempt ${job.attempt}${job.cancelRequested ? '; it was asked to stop' : ''}; without a sign of it the lease ends.${said}${noted}`,
    blockedBy: [worker.id],
    until: worker.leaseUntil,
  };
}

function isPaused(backend: Backend, job: Job): boolean {
  return backend.queueSettings({ namespace: job.namespace, queue: job.queue }).some((queue) => queue.paused);
}

function gateReason(backend: Backend, gate: string): Reason {
  const names: Record<string, string> = {
    x: 'maxParallel of its workflow',
    s: 'the parallel tasks of its session',
    w: 'the parallel workflows of its session',
    k: 'the concurrency key',
    P: 'the runs of its project',
    p: 'a paused run',
    q: 'the concurrency of its queue',
    j: 'the concurrency key of its kind of jobs',
  };
  const what = names[gate[0] as string] ?? gate;
  if (gate.startsWith('p:')) return { code: 'paused', message: 'Its execution is paused.' };
  if (gate.startsWith('r:')) return { code: 'rate_limit', message: 'It waits for its rate limit; it starts when enough earlier starts are a period old.' };
  const { limit, used, holders } = backend.gateHolders({ gate, limit: 10 });
  if (gate.startsWith('P:') && limit === 0)
    return { code: 'project_paused', message: 'Its project is not active: manage_project action=resume or activate lets its runs start.' };
  const behind = used < limit ? '; those that are ready go first' : '';
  return { code: 'limit', message: `It waits for ${what} (${used} of ${limit} in use${behind}).`, blockedBy: holders };
}

/** `newestOf` gives the newest version of a user's task type in this process. */
export function explainExecution(
  backend: Backend,
  execution: ExecutionSummary,
  now: number,
  newestOf: (task: string) => number | undefined = () => undefined,
): Explanation {
  const plan = backend.planOf(execution.hash);
  const steps: { stepId: string; status: string; reasons: readonly Reason[] }[] = [];
  if (plan !== null) {
    for (const step of openSteps(backend, execution)) {
      steps.push({ stepId: step.id, status: step.status, reasons: stepReasons(backend, execution, plan, step, now) });
      if (steps.length >= MAX_STEPS) break;
    }
  }
  return {
    id: execution.id,
    kind: 'execution',
    status: execution.status,
    reasons: [...executionReasons(backend, execution), ...versionReasons(execution, newestOf)],
    steps,
    allowedActions: allowedActions(execution, steps),
  };
}

function versionReasons(execution: ExecutionSummary, newestOf: (task: string) => number | undefined): Reason[] {
  if (isTerminal(execution.status)) return [];
  return changedVersions(execution.taskVersions, newestOf).map((message) => ({ code: 'version_changed', message }));
}

function* openSteps(backend: Backend, execution: ExecutionSummary): Generator<StepView> {
  const ended = isTerminal(execution.status);
  for (let after = -1, seen = 0; seen < SCAN_STEPS; seen += 200) {
    const page = backend.getSteps({ executionId: execution.id, after, limit: 200 });
    for (const step of page) {
      const matters = ended ? step.status === 'failed' : step.status !== 'completed' && step.status !== 'skipped' && (step.status !== 'pending' || seen === 0);
      if (matters) yield step;
    }
    if (page.length < 200) return;
    after = page.at(-1)?.index ?? after;
  }
}

function executionReasons(backend: Backend, execution: ExecutionSummary): Reason[] {
  if (execution.error !== null) return [{ code: execution.error.code, message: execution.error.message }];
  if (isTerminal(execution.status))
    return [{ code: execution.status, message: `It ${execution.status === 'completed' ? 'completed' : `is ${execution.status}`}.` }];
  if (execution.stopping !== null) return [{ code: 'stopping', message: `It is being stopped: ${execution.stopping.message}` }];
  if (execution.paused) return [pausedReason(backend, execution)];
  if (execution.gate !== null) return [gateReason(backend, execution.gate)];
  if (execution.status === 'waiting') return [{ code: 'waiting', message: 'Every open step waits: for a moment, a signal, an approval, an event or a child.' }];
  return [{ code: execution.status, message: `${execution.stepsDone} of ${execution.totalSteps} steps are done, ${execution.stepsRunning} run.` }];
}

function pausedReason(backend: Backend, execution: ExecutionSummary): Reason {
  const held = backend.budgetHolding(execution.id);
  if (held === null) return { code: 'paused', message: 'It is paused; results are still recorded, nothing new starts.' };
  const whose = held.owner === 'run' && held.id === execution.id ? 'Its budget' : `The budget of the ${held.owner} ${held.id}`;
  return { code: 'budget', message: `${whose} is used up (${held.limit}), so it is paused; it goes on once the budget is raised.`, blockedBy: [held.id] };
}

function stepReasons(backend: Backend, execution: ExecutionSummary, plan: Plan, step: StepView, now: number): Reason[] {
  if (step.status === 'failed') return [{ code: step.error?.code ?? 'failed', message: step.error?.message ?? 'It failed.' }];
  if (step.wait !== null) return [waitReason(backend, step)];
  if (step.each !== null) {
    const { completed, failed, total, live } = step.each;
    const requires = plan.nodes[step.index]?.requires ?? [];
    const gap = live === 0 || requires.length === 0 ? null : capabilityGap(backend, execution.namespace, requires, now);
    const done = { code: 'for_each', message: `${completed + failed} of ${total} items are done (${failed} failed), ${live} are under way.` };
    return gap === null ? [done] : [done, gap];
  }
  if (step.status === 'pending') {
    const open = (plan.nodes[step.index]?.needs ?? []).filter(
      (need) => !isTerminal(backend.getStep({ executionId: execution.id, stepId: plan.nodes[need]?.id ?? '' })?.status ?? 'pending'),
    );
    if (open.length === 0 && execution.paused) return [{ code: 'paused', message: 'Its execution is paused; it is looked at with the resume.' }];
    return [{ code: 'needs', message: `It waits for ${open.length} step(s).`, blockedBy: open.slice(0, 10).map((need) => plan.nodes[need]?.id ?? '') }];
  }
  const job = step.jobId === null ? null : backend.getJob(step.jobId);
  return job === null ? [{ code: step.status, message: `It is ${step.status}.` }] : jobReasons(backend, job, now);
}

function waitReason(backend: Backend, step: StepView): Reason {
  const wait = step.wait as NonNullable<StepView['wait']>;
  switch (wait.kind) {
    case 'timer':
      return { code: 'sleeping', message: 'It sleeps.', until: wait.until };
    case 'signal':
      return { code: 'signal', message: `It waits for the signal "${wait.name}".`, ...(wait.until === null ? {} : { until: wait.until }) };
    case 'event':
      return { code: 'event', message: `It waits for the event "${wait.name}".`, ...(wait.until === null ? {} : { until: wait.until }) };
    case 'approval':
      return {
        code: 'approval',
        message: `It waits for ${wait.by === 'human' ? 'a person to approve' : 'an approval'}: ${wait.message} (digest ${wait.digest})`,
        until: wait.until,
      };
    case 'resource': {
      const reason = allocationReason(backend, wait.allocationId);
      return wait.until === null ? reason : { ...reason, until: wait.until };
    }
    case 'child':
      return { code: 'child', message: 'It waits for a child execution.', blockedBy: [wait.executionId] };
  }
}

function allowedActions(execution: ExecutionSummary, steps: readonly { readonly status: string }[]): string[] {
  if (isTerminal(execution.status)) return execution.status === 'completed' ? ['fork', 'restart'] : ['retry', 'fork', 'restart'];
  const waiting = steps.some((step) => step.status === 'waiting');
  return [execution.paused ? 'resume' : 'pause', 'cancel', 'signal', ...(waiting ? ['approve'] : []), 'fork', 'restart'];
}
