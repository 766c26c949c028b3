// Owns the control actions of a job: cancel, and a new start of one that failed or was cancelled.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { missing } from '../views/view.ts';
import type { ControlRequest } from './request.ts';

export async function controlJob(request: ControlRequest): Promise<JsonObject> {
  return request.action === 'cancel' ? cancel(request) : redrive(request);
}

async function cancel({ context: { engine }, id, reason, receipt }: ControlRequest): Promise<JsonObject> {
  const job = engine.backend.getJob(id);
  if (job !== null && job.executionId !== null) {
    throw new LogisticsError('invalid_transition', `The job is the step "${job.stepId}" of an execution; a step is not cancelled alone.`, {
      path: 'id',
      nextActions: [`control id=${job.executionId} action=cancel cancels the whole execution.`],
    });
  }
  const result = await engine.cancelJob(id, reason ?? 'Cancelled on request.', receipt);
  if (result.kind === 'not_found') throw missing('job', id, 'jobs');
  if (result.kind === 'already_ended' && result.status !== 'cancelled') {
    throw new LogisticsError('invalid_transition', `already_${result.status}`, { path: 'id', details: { job_id: id, status: result.status } });
  }
  const message = result.kind === 'requested' ? 'It runs and was asked to stop.' : result.kind === 'cancelled' ? 'Cancelled.' : 'It was cancelled before.';
  return {
    job_id: id,
    action: 'cancel',
    status: result.status,
    replayed: result.kind === 'already_ended',
    message,
    next: result.kind === 'requested' ? ['wait ids=[this id]'] : [],
  };
}

async function redrive({ context: { engine }, id, action, receipt }: ControlRequest): Promise<JsonObject> {
  const result = await engine.backend.redriveJob({ jobId: id, receipt });
  if (result.kind === 'not_found') throw missing('job', id, 'jobs');
  if (result.kind === 'taken') {
    throw new LogisticsError('conflict', `The job ${result.by} has the dedupe key of this one: together they would be two of one key.`, {
      path: 'id',
      details: { job_id: result.by },
      nextActions: [`wait ids=["${result.by}"], then redrive again.`],
    });
  }
  if (result.kind === 'refused') {
    const executionId = engine.backend.getJob(id)?.executionId;
    throw new LogisticsError(
      'invalid_transition',
      executionId ? 'The job is a step of an execution.' : `The job is ${result.status}; only a failed or cancelled one is redriven.`,
      {
        path: 'id',
        nextActions: executionId ? [`control id=${executionId} action=retry runs its failed steps again.`] : ['get view=explain says what is allowed now.'],
      },
    );
  }
  return { job_id: id, action, status: result.status, replayed: false, message: 'It starts anew on the same id.', next: ['wait ids=[this id]'] };
}
