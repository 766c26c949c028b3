// Owns whether the pools that a workflow names can give what its steps ask for; what is rendered is only known when it runs.
import type { ErrorData } from '../domain/errors.ts';
import { ResourceRequest } from '../domain/resource.ts';
import type { DefinitionFault, WorkflowDefinition } from '../domain/workflow-definition.ts';
import type { Backend } from '../store/backend.ts';

/** What can never be had as pools are now, one per step. */
export function poolFaults(backend: Backend, namespace: string, definition: WorkflowDefinition): DefinitionFault[] {
  const faults: DefinitionFault[] = [];
  const steps = [
    ...definition.steps.map((step, at) => ({ step, path: `steps[${at}]` })),
    ...definition.onFailure.map((step, at) => ({ step, path: `onFailure[${at}]` })),
  ];
  for (const { step, path } of steps) {
    const acquired = step.task === 'resource.acquire' ? ResourceRequest.safeParse(step.with.resources) : undefined;
    const request = step.resources ?? (acquired?.success === true ? acquired.data : undefined);
    if (request === undefined) continue;
    const fault = backend.requestFault({ namespace, request, path: step.resources === undefined ? `${path}.with.resources` : `${path}.resources` });
    if (fault !== null) faults.push(toFault(fault));
  }
  return faults;
}

function toFault(error: ErrorData): DefinitionFault {
  return { path: error.path ?? '', code: error.code, message: error.message, expected: error.expected, nearMatches: error.nearMatches };
}
