// Owns which approvals a run waits for now, its children's too, and how each is put to a person.
import { LogisticsError } from '../src/domain/errors.ts';
import type { WaitState } from '../src/domain/workflow-execution.ts';
import { isTerminal } from '../src/domain/workflow-execution.ts';
import type { Caller } from '../src/orchestration/caller.ts';
import type { OrchestrationEngine } from '../src/orchestration/orchestration-engine.ts';
import type { PersonQuestion } from './tool.ts';
import { shortText } from './wire/compact.ts';

export interface OpenApproval {
  readonly executionId: string;
  readonly stepId: string;
  readonly wait: Extract<WaitState, { kind: 'approval' }>;
}

const SCAN = 500;
const MAX_RUNS = 50;
const MAX_APPROVALS = 20;
const CHILDREN = 50;

/** The approvals that one run waits for, in the order of its steps; stops once more than `enough` are found. */
export function approvalsOf({ backend }: OrchestrationEngine, executionId: string, enough: number): OpenApproval[] {
  const found: OpenApproval[] = [];
  for (let after = -1; ; ) {
    const page = backend.getSteps({ executionId, after, limit: SCAN });
    for (const step of page) if (step.wait?.kind === 'approval') found.push({ executionId, stepId: step.id, wait: step.wait });
    if (page.length < SCAN || found.length > enough) return found;
    after = page.at(-1)?.index ?? after;
  }
}

/** The same with the runs that it started and waits for, bounded in both. */
export function openApprovals(engine: OrchestrationEngine, executionId: string): OpenApproval[] {
  const found: OpenApproval[] = [];
  const runs = [executionId];
  for (let at = 0; at < runs.length && at < MAX_RUNS && found.length < MAX_APPROVALS; at++) {
    const id = runs[at] as string;
    const row = engine.backend.getExecution(id);
    if (row === null || isTerminal(row.status) || row.stepsWaiting === 0) continue;
    found.push(...approvalsOf(engine, id, MAX_APPROVALS));
    runs.push(...engine.backend.childrenOf({ executionId: id, limit: CHILDREN }).flatMap((child) => (isTerminal(child.status) ? [] : [child.id])));
  }
  return found.slice(0, MAX_APPROVALS);
}

/**
 * Why an answer of this caller is not that of a person, or null. The client of this machine asks whoever sits there. Over the network anybody can declare
 * that it asks a person and answer by itself, so there only the scope of the token says who decides, and never for a run that the same token started.
 */
export function answerRefusal({ backend }: OrchestrationEngine, caller: Caller, { executionId, stepId, wait }: OpenApproval): LogisticsError | null {
  if (wait.by === 'any' || caller.actor === 'human' || caller.mayApprove === undefined) return null;
  const isStarter = backend.getExecution(executionId)?.startedBy === caller.principal;
  if (caller.mayApprove && !isStarter) return null;
  const why = caller.mayApprove ? `${caller.principal} started this run, so another one has to decide` : `${caller.principal} has no scope approve`;
  return new LogisticsError('forbidden', `Step "${stepId}" is for a person to decide: ${why}. Nothing was changed.`, {
    expected: 'a token with the scope approve that did not start the run, or the command line of the server',
    nextActions: [
      'Let a person make a token for it, on the server: logistics-mcp token add <name> --scope approve',
      `Or let a person decide on the server: logistics-mcp control ${executionId} approve --step ${stepId}`,
    ],
    details: { execution_id: executionId, step: stepId },
  });
}

/** What the person reads, and what is to be filled in. */
export function approvalQuestion({ backend }: OrchestrationEngine, { executionId, stepId, wait }: OpenApproval): PersonQuestion {
  const workflow = backend.getExecution(executionId)?.workflow ?? '';
  return {
    // The digest ties the answer to what was shown; the end of the wait tells apart two waits of one step.
    key: `approve_${executionId}_${stepId}_${wait.until}_${wait.digest}`,
    message: `Workflow ${workflow}, step ${stepId} (${executionId}) asks for your approval:\n${shortText(wait.message, 2_000)}\n\nDigest ${wait.digest}`,
    fields: { approved: { type: 'boolean', title: 'Approve' }, comment: { type: 'string', title: 'Comment' } },
    required: ['approved'],
  };
}
