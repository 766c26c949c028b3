// Owns the list of reference topics: what an agent can read when it needs it; texts are made when first asked for.
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';

export const REFERENCE_TOPICS = {
  'definition-syntax': 'Workflow definitions: every field of workflow, step and retry, expressions, an example.',
  'task-types': 'Task types of steps and jobs with their inputs, and steps that wait.',
  'cron-syntax': 'Cron expressions, recurring rules, time zones, overlap and catch-up.',
  errors: 'Error codes: whether it may work later, and what to do.',
  'worker-agents': 'Taking jobs as a worker agent: claim, lease, report.',
} as const;
export type ReferenceTopic = keyof typeof REFERENCE_TOPICS;

export function isReferenceTopic(name: string): name is ReferenceTopic {
  return Object.hasOwn(REFERENCE_TOPICS, name);
}

/** Markdown. */
export async function referenceText(topic: ReferenceTopic, engine: OrchestrationEngine): Promise<string> {
  switch (topic) {
    case 'definition-syntax':
      return (await import('./definition-syntax.ts')).definitionSyntax();
    case 'task-types':
      // Handlers of this process too.
      return (await import('./task-types.ts')).taskTypes(engine.registry.list());
    case 'cron-syntax':
      return (await import('./cron-syntax.ts')).cronSyntax();
    case 'errors':
      return (await import('./errors.ts')).errorsTopic();
    case 'worker-agents':
      return (await import('./worker-agents.ts')).workerAgents();
  }
}
