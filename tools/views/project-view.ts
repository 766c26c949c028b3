// Owns what can be read of a project: itself with its newest runs, its plan as a picture, and the log of what became of it.
import { kindOfId } from '../../src/domain/id.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { inProject } from '../../src/domain/project.ts';
import { PLAN_WORKFLOW } from '../../src/domain/project-plan.ts';
import { budgetToWire } from '../wire/budget.ts';
import { executionRow } from '../wire/execution.ts';
import { projectToWire } from '../wire/project.ts';
import { missing, showView, type ViewRequest, type Views } from './view.ts';
import { workflowView } from './workflow-views.ts';

const RUNS_SHOWN = 5;
const LOOKED_AT = 200;

const VIEWS: Views = {
  summary: (r) => summary(r),
  graph: (r) => plan(r, 'graph'),
  steps: (r) => plan(r, 'steps'),
};

/** `id` is a project's id, or `project:<name>`. */
export function projectView(request: ViewRequest): JsonObject {
  if (kindOfId(request.id) === 'project' && request.engine.projects.get(request.id) === null) throw missing('project', request.id, 'projects');
  return showView('A project', VIEWS, { ...request, id: request.engine.projects.require(request.id).id });
}

function summary(r: ViewRequest): JsonObject {
  const project = r.engine.projects.require(r.id);
  const runs = r.engine.backend
    .listExecutions({ filter: { namespace: project.namespace, project: project.name }, limit: LOOKED_AT, cursor: null })
    .items.filter((run) => run.parent === null);
  return {
    ...projectToWire(project, r.engine.projects.counts(project.id)),
    ...budgetToWire(r.engine.budgets.of('project', project.id)),
    recent_executions: runs.slice(0, r.limit ?? RUNS_SHOWN).map(executionRow),
    next: [
      project.plan === null
        ? `execute_workflow project=${project.name} name=<workflow> runs one of its workflows`
        : `manage_project project=${project.name} action=run runs its plan`,
      `list kind=workflows filter.project=${project.name} shows its workflows`,
    ],
  };
}

/** The plan is an ordinary workflow. */
function plan(r: ViewRequest, view: 'graph' | 'steps'): JsonObject {
  const project = r.engine.projects.require(r.id);
  const stored = r.engine.workflows.require(inProject(project.name, PLAN_WORKFLOW));
  return { project_id: project.id, ...workflowView({ ...r, id: stored.id, view }) };
}
