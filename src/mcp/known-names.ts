// Owns which ids and names a client is offered: the newest of each kind, bounded; for lists, completions and near matches.

import { REFERENCE_TOPICS } from '../../tools/reference/topics.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';

const NEWEST = 100;

export const KNOWN_KINDS = ['execution', 'job', 'schedule', 'artifact', 'workflow', 'topic'] as const;
export type KnownKind = (typeof KNOWN_KINDS)[number];

/** Newest first. */
export function knownNames(engine: OrchestrationEngine, kind: KnownKind): string[] {
  const { backend, namespace } = engine;
  const page = { filter: { namespace }, limit: NEWEST, cursor: null };
  switch (kind) {
    case 'execution':
      return backend.listExecutions(page).items.map(({ id }) => id);
    case 'job':
      return backend.listJobs(page).items.map(({ id }) => id);
    case 'schedule':
      return backend.listSchedules(page).items.map(({ id }) => id);
    case 'artifact':
      return backend
        .listExecutions({ ...page, limit: 20 })
        .items.flatMap(({ id }) => backend.listArtifacts({ executionId: id }).map((info) => info.id))
        .slice(0, NEWEST);
    case 'workflow':
      return [...engine.workflows.names()];
    case 'topic':
      return Object.keys(REFERENCE_TOPICS);
  }
}

/** Steps of the definition of an execution; none for an unknown one. */
export function knownSteps({ backend }: OrchestrationEngine, executionId: string): string[] {
  const row = backend.getExecution(executionId);
  return row === null ? [] : (backend.planOf(row.hash)?.nodes.map((node) => node.id) ?? []);
}
