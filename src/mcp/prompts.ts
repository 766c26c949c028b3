// Owns the prompts: what an agent is to do, with all that it needs to begin already read and put in.
import { type GetPromptResult, type ListPromptsResult, ProtocolError, ProtocolErrorCode, type Server } from '@modelcontextprotocol/server';
import { executionView } from '../../tools/views/execution-views.ts';
import type { View } from '../../tools/views/view.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { EngineDoor } from '../tool-caller.ts';
import { PROMPT_ARGUMENTS } from './prompt-arguments.ts';
import { withEngine } from './protocol-fault.ts';
import { readResource } from './resource-read.ts';
import { resourceUri } from './resource-uri.ts';

type Message = GetPromptResult['messages'][number];
type Arguments = Readonly<Record<string, string>>;

const MAX_GOAL_CHARS = 20_000;
const SCHEDULES = 20;
const WEEK_MS = 7 * 86_400_000;

export const PROMPTS: ListPromptsResult['prompts'] = [
  {
    name: 'design_workflow',
    title: 'Design a workflow',
    description: 'Turns a goal into a checked workflow definition: steps, order, retries, approvals.',
    arguments: [
      { name: 'goal', description: 'What the workflow is to achieve.', required: true },
      { name: 'base', description: 'A stored workflow to begin from.', required: false },
    ],
  },
  {
    name: 'diagnose_failure',
    title: 'Find out why an execution failed',
    description: 'Reads a failed or stuck execution and says what to do: retry, fork, mend the definition, or ask a person.',
    arguments: [{ name: 'execution_id', description: 'exec_…', required: true }],
  },
  {
    name: 'review_schedules',
    title: 'Review schedules',
    description: 'Looks at what was planned, what ran, what was missed or failed, and what will fire next.',
    arguments: [{ name: 'schedule', description: 'Id of one schedule; without it, all of them.', required: false }],
  },
];

export function servePrompts(server: Server, door: EngineDoor): void {
  server.setRequestHandler('prompts/list', () => ({ prompts: PROMPTS }));
  server.setRequestHandler('prompts/get', ({ params: { name, arguments: args = {} } }) => {
    checkArguments(name, args);
    return withEngine(door, async (engine) => {
      if (name === 'design_workflow') return designWorkflow(engine, args);
      return name === 'diagnose_failure' ? diagnoseFailure(engine, args) : reviewSchedules(engine, args);
    });
  });
}

function checkArguments(name: string, args: Arguments): void {
  const prompt = PROMPTS.find((each) => each.name === name);
  const known = PROMPT_ARGUMENTS[name];
  if (prompt === undefined || known === undefined) throw fault(`There is no prompt ${name.slice(0, 100)}.`, name, Object.keys(PROMPT_ARGUMENTS));
  for (const given of Object.keys(args)) {
    if (!Object.hasOwn(known, given)) throw fault(`The prompt ${name} has no argument ${given.slice(0, 100)}.`, given, Object.keys(known));
  }
  for (const { name: argument, required } of prompt.arguments ?? []) {
    if (required === true && (args[argument] ?? '').trim() === '')
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `The prompt ${name} needs ${argument}.`);
  }
  if ((args.goal ?? '').length > MAX_GOAL_CHARS)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `The goal has more than ${MAX_GOAL_CHARS} characters.`);
}

function fault(message: string, name: string, known: readonly string[]): ProtocolError {
  const [near] = nearMatches(name.slice(0, 100), known);
  return new ProtocolError(ProtocolErrorCode.InvalidParams, `${message} ${near === undefined ? `There are ${known.join(', ')}.` : `Did you mean ${near}?`}`);
}

async function designWorkflow(engine: OrchestrationEngine, { goal = '', base = '' }: Arguments): Promise<GetPromptResult> {
  const types = engine.registry.names().join(', ');
  return {
    description: 'Design a workflow for a goal.',
    messages: [
      said(
        [
          `Design a durable workflow for this goal:\n\n${goal}`,
          'Go about it like this:',
          '1. Name the results that the goal needs, and one step per unit of work that can fail, be retried or be looked at by itself. What is done for each element of a list is one step with forEach.',
          '2. Give needs only where a step uses the result of another, or must not run before it; all else runs side by side.',
          '3. For each step: can it be repeated without harm? Then retry. Does it reach outside? Then timeout. Must it be undone when a later step fails? Then compensate.',
          '4. Put a wait.approval with by: human before what cannot be undone, and say in its message what the person decides on.',
          '5. Give the input a JSON Schema, and the workflow an output that answers the goal.',
          '6. Check it with create_workflow mode=preview, mend every fault it lists, and show me the definition before you store it with mode=apply. execute_workflow with dry_run shows the plan.',
          `Task types here: ${types}. Their inputs: resource ${resourceUri({ kind: 'reference', topic: 'task-types' })}.`,
        ].join('\n'),
      ),
      await embedded(engine, resourceUri({ kind: 'reference', topic: 'definition-syntax' })),
      ...(base === '' ? [] : [said('Begin from this stored definition:'), await embedded(engine, resourceUri({ kind: 'workflow', name: base }))]),
    ],
  };
}

async function diagnoseFailure(engine: OrchestrationEngine, { execution_id: id = '' }: Arguments): Promise<GetPromptResult> {
  const uri = resourceUri({ kind: 'execution', id });
  // Also refuses an unknown id, with the nearest known one.
  const summary = await embedded(engine, uri);
  const view = (name: View): JsonObject => executionView({ engine, id, view: name, step: undefined, cursor: undefined, limit: undefined, detailed: true });
  const newest = engine.backend.readEvents({ after: 0, limit: 25, executionId: id, newestFirst: true }).toReversed();
  const events = newest.map(({ at, type, stepId, data }) => [new Date(at).toISOString(), type, stepId ?? '', JSON.stringify(data).slice(0, 300)].join(' '));
  return {
    description: `Why ${id} is not done, and what to do.`,
    messages: [
      said(
        [
          `Find out why the execution ${id} failed or is stuck, and what is to be done. Its state now, the reasons that the system gives, and its last events follow.`,
          '1. Find the first fault: later failures, skips and cancellations are often only its consequences. error.code and error.message of the failed steps say what happened.',
          `2. If that is not enough: get id=${id} view=logs step=…, view=output step=… for what the step was given by others.`,
          '3. Say in one sentence what went wrong, and whether it was the input, the definition, the outside world, or a limit.',
          '4. Propose one action: control action=retry (only the failed steps, when the cause is gone), action=fork step=… (again from a step, upstream results are kept), a new version of the workflow and a new run, action=signal or approve when it waits, or cancel. Do not act before I agree.',
        ].join('\n'),
      ),
      summary,
      said(`What the system says of it:\n${JSON.stringify(view('explain'), null, 1)}`),
      said(`Its last events, oldest first:\n${events.join('\n')}`),
    ],
  };
}

async function reviewSchedules(engine: OrchestrationEngine, { schedule = '' }: Arguments): Promise<GetPromptResult> {
  const page = engine.schedules.list({}, SCHEDULES, null);
  const ids = schedule === '' ? page.items.map(({ id }) => id) : [engine.schedules.get(schedule)?.id ?? schedule];
  const about: Message[] = [];
  for (const id of ids) about.push(await embedded(engine, resourceUri({ kind: 'schedule', id })));
  const account = engine.schedules
    .accountSince(engine.now - WEEK_MS)
    .filter(({ scheduleId }) => ids.includes(scheduleId))
    .map(({ name, counts, failedRuns }): JsonObject => ({ name, not_as_planned: counts as Json, failed_runs: failedRuns }));
  return {
    description: 'What schedules did, and what they will do.',
    messages: [
      said(
        [
          ids.length === 0
            ? 'There are no schedules here yet. Ask me what is to run when, and propose schedule_cron or schedule_recurring with dry_run.'
            : `Review ${ids.length === 1 ? 'this schedule' : 'these schedules'}. Each follows with its next fires and the newest entries of its ledger: every planned time, and what became of it.`,
          '1. Say of each in plain words when it fires, in which zone, and what it starts.',
          '2. Find what did not go as planned: missed, late, coalesced, skipped, failed. get id=sched_… view=explain says why.',
          '3. Look for what will go wrong: two that fire at the same moment, runs longer than their period (overlap), times that a change of the clock skips or repeats, a catch-up that does not fit the work, a target that has failed repeatedly.',
          '4. Propose changes as calls (control action=update change={…}, pause, backfill), each with its reason. Do not act before I agree.',
          ...(page.nextCursor === null || schedule !== '' ? [] : [`Only the newest ${SCHEDULES} are here; list kind=schedules shows all.`]),
        ].join('\n'),
      ),
      ...(account.length === 0 ? [] : [said(`Not as planned in the last seven days:\n${JSON.stringify(account, null, 1)}`)]),
      ...about,
    ],
  };
}

function said(text: string): Message {
  return { role: 'user', content: { type: 'text', text } };
}

async function embedded(engine: OrchestrationEngine, uri: string): Promise<Message> {
  const [resource] = (await readResource(engine, uri)).contents;
  if (resource === undefined) throw new ProtocolError(ProtocolErrorCode.InternalError, `The resource ${uri} is empty.`);
  return { role: 'user', content: { type: 'resource', resource } };
}
