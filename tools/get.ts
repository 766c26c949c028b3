// Owns the tool get: anything by its id, in the view asked for.
import { z } from 'zod';
import { LogisticsError } from '../src/domain/errors.ts';
import { ID_PREFIXES, type IdKind, kindOfId } from '../src/domain/id.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { nearMatches } from '../src/domain/near-match.ts';
import type { OrchestrationEngine } from '../src/orchestration/orchestration-engine.ts';
import { defineTool } from './tool.ts';
import { artifactView } from './views/artifact-view.ts';
import { executionView } from './views/execution-views.ts';
import { jobView } from './views/job-views.ts';
import { projectView } from './views/project-view.ts';
import { queueView } from './views/queue-view.ts';
import { allocationView, poolView } from './views/resource-views.ts';
import { scheduleView } from './views/schedule-views.ts';
import { sessionView } from './views/session-views.ts';
import { VIEWS, type ViewRequest } from './views/view.ts';
import { workerView } from './views/worker-views.ts';
import { workflowView } from './views/workflow-views.ts';
import { shortText } from './wire/compact.ts';
import { Cursor, Limit, Next, ResponseFormat } from './wire/fields.ts';
import { isPoolId } from './wire/pool-id.ts';
import { isQueueId } from './wire/queue-id.ts';

const SHOW: Partial<Record<IdKind, (request: ViewRequest) => JsonObject>> = {
  execution: executionView,
  job: jobView,
  session: sessionView,
  workflow: workflowView,
  artifact: artifactView,
  worker: workerView,
  schedule: scheduleView,
  project: projectView,
  allocation: allocationView,
};

const PROJECT_NAME = 'project:';

const Input = z.strictObject({
  id: z.string().min(1).max(200).describe('Full id, as another reply gave it, or queue:<name>, pool:<name>, project:<name>.'),
  view: z
    .enum(VIEWS)
    .optional()
    .describe(
      'Default summary. explain says why something is queued, blocked, late or failed, and what is allowed next; lineage who started what, above and below.',
    ),
  step: z.string().min(1).max(200).optional().describe('Step of an execution, for views steps, output and logs.'),
  cursor: Cursor,
  limit: Limit,
  response_format: ResponseFormat.describe('detailed adds the definition to the summary of a workflow.'),
});

export const getTool = defineTool({
  name: 'get',
  title: 'Get anything by id',
  description:
    'Read one execution, job, schedule, session, workflow, artifact or worker agent by its id: status, steps, events, output, logs, graph, timeline or the reason why it is not done. Ids start with exec_, job_, sched_, sess_, wf_, art_ or wrk_. ' +
    'Views: execution all; job summary, events, output, logs, explain, lineage; schedule summary (next fires), events (ledger), explain, lineage; session summary, events, lineage; workflow summary, steps, output (definition), graph; artifact summary (content in pieces); worker summary; project summary, steps, graph (its plan); queue:<name> summary with settings and statistics; pool:<name> summary, explain (advice on its size); alloc_… summary.',
  kind: 'read',
  idempotent: true,
  openWorld: false,
  input: Input,
  output: z.looseObject({
    status: z.string().optional(),
    steps: z.unknown().optional(),
    events: z.array(z.looseObject({})).optional(),
    output: z.unknown().optional(),
    error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
    next_cursor: z.string().optional(),
    truncated: z.boolean().optional(),
    next: Next,
  }),
  async handle({ engine }, args) {
    if (isQueueId(args.id)) return queueView(requestOf(engine, args));
    if (args.id.startsWith(PROJECT_NAME)) return projectView({ ...requestOf(engine, args), id: args.id.slice(PROJECT_NAME.length) });
    if (isPoolId(args.id)) return poolView(requestOf(engine, args));
    const kind = kindOfId(args.id);
    const show = kind === undefined ? undefined : SHOW[kind];
    if (kind === undefined || show === undefined) throw wrongId(args.id, kind, engine.workflows.names());
    if (args.step !== undefined && kind !== 'execution')
      throw new LogisticsError('invalid_input', 'Only an execution has steps with outputs and logs.', {
        path: 'step',
        expected: 'an id that starts with exec_',
      });
    return show(requestOf(engine, args));
  },
});

function requestOf(engine: OrchestrationEngine, args: z.output<typeof Input>): ViewRequest {
  return {
    engine,
    id: args.id,
    view: args.view ?? 'summary',
    step: args.step,
    cursor: args.cursor,
    limit: args.limit,
    detailed: args.response_format === 'detailed',
  };
}

/** The error for an id that names nothing readable. */
export function wrongId(id: string, kind: IdKind | undefined, workflowNames: readonly string[] = []): LogisticsError {
  if (kind !== undefined)
    return new LogisticsError('not_available', `Objects with ids like ${ID_PREFIXES[kind]}… are not built yet.`, {
      path: 'id',
      expected: 'an id that starts with exec_, job_, sched_, sess_, wf_, art_ or wrk_',
    });
  const names = nearMatches(id, workflowNames);
  return new LogisticsError('invalid_input', `"${shortText(id, 60)}" is not an id.`, {
    path: 'id',
    expected: 'a full id: exec_, job_, sched_, sess_, wf_, art_ or wrk_ and 26 characters; ids are never shortened',
    nextActions: [
      names[0] === undefined
        ? 'Use list to find the id.'
        : `"${names[0]}" is the name of a workflow: list kind=workflows gives its id, execute_workflow takes the name.`,
    ],
  });
}
