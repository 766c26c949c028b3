// Owns which project a call means: the one it names, else that of its session; and how names are meant inside it.
import { isJsonObject, type JsonObject } from '../src/domain/json.ts';
import { checkTakesWork, inProject } from '../src/domain/project.ts';
import { parseDefinitionText } from '../src/orchestration/definition-source.ts';
import type { OrchestrationEngine } from '../src/orchestration/orchestration-engine.ts';

/** Where a session is a member, work goes into its project unless the name is one outside it. */
export interface ProjectScope {
  readonly name: string;
  /** Named by the call itself; else it follows from the session. */
  readonly asked: boolean;
}

export function scopeOf(engine: OrchestrationEngine, project: string | undefined, sessionId: string | null | undefined): ProjectScope | null {
  const found = engine.projects.scope(project, sessionId);
  if (found === null) return null;
  checkTakesWork(found);
  return { name: found.name, asked: project !== undefined };
}

/** The full name of a workflow: that of the project when there is one, and for a member's call else the name as it is. */
export function workflowIn(engine: OrchestrationEngine, scope: ProjectScope | null, name: string): string {
  if (scope === null) return name;
  const own = inProject(scope.name, name);
  return scope.asked || engine.workflows.find(own) !== null ? own : name;
}

/** A definition under its name in the project. What cannot be read is left as it is: its faults are told where it is checked. */
export function definitionIn(scope: ProjectScope | null, definition: JsonObject | string): JsonObject | string {
  if (scope === null) return definition;
  const value: unknown = typeof definition === 'string' ? parseDefinitionText(definition).value : definition;
  return isJsonObject(value) && typeof value.name === 'string' ? { ...value, name: inProject(scope.name, value.name) } : definition;
}

export function queueIn(scope: ProjectScope | null, queue: string | undefined): string | undefined {
  return scope === null ? queue : inProject(scope.name, queue ?? 'default');
}
