// Owns the chapter on what the server offers over MCP beside tools: resources, prompts, tasks, skills.
import { PROMPTS } from '../../src/mcp/prompts.ts';
import { MAX_RESOURCE_BYTES } from '../../src/mcp/resource-read.ts';
import { MAX_FOLLOWED } from '../../src/mcp/resource-updates.ts';
import { RESOURCE_TEMPLATES } from '../../src/mcp/resource-uri.ts';
import { TEMPLATES } from '../../src/mcp/resources.ts';
import { SKILL_URI } from '../../src/mcp/skills.ts';
import { code, table } from '../../tools/reference/markdown.ts';
import { REFERENCE_TOPICS } from '../../tools/reference/topics.ts';

export function mcpPart(): string {
  return [
    '## MCP resources, prompts, tasks',
    '### Resources',
    table(
      ['address', 'content'],
      [
        [code('logistics://status'), 'What `get_system_status` answers.'],
        ...TEMPLATES.map(([kind, , description]) => [code(RESOURCE_TEMPLATES[kind]), description]),
        [code(SKILL_URI), 'The skill on durable workflows, for hosts that load skills (`skills/list`, `skills/get`).'],
      ],
    ),
    `Reference topics: ${Object.entries(REFERENCE_TOPICS)
      .map(([name, about]) => `${code(name)} (${about.replace(/\.$/, '')})`)
      .join('; ')}.`,
    `A resource is read whole, up to ${MAX_RESOURCE_BYTES} bytes; larger ones are read in pieces with \`get\`. An unknown address is the error -32602 with near matches. \`completion/complete\` offers ids, names, steps and topics. \`resources/subscribe\`, since 2026-07-28 \`subscriptions/listen\`, tells of changes as \`notifications/resources/updated\`, for up to ${MAX_FOLLOWED} addresses per connection.`,
    '### Prompts',
    table(
      ['prompt', 'arguments', 'what it does'],
      PROMPTS.map(({ name, description, arguments: args }) => [
        code(name),
        (args ?? []).map((argument) => `${code(argument.name)}${argument.required === true ? '' : ', optional'}`).join('; '),
        description ?? '',
      ]),
    ),
    '### Tasks',
    'A client that declares the extension `io.modelcontextprotocol/tasks` (protocol 2026-07-28) gets a task where `execute_workflow`, `enqueue_job`, `wait` or a published workflow has not ended within the time that the call asked for; by default at once. The work was stored before. The task is a view of it: `taskId` is the id of the execution, job or batch, and of a wait all that it waits for, so it holds over restarts and for other clients.',
    table(
      ['status', 'meaning'],
      [
        [code('working'), '`statusMessage` says how far it is.'],
        [
          code('input_required'),
          'An approval is asked for: `inputRequests` holds the form, `tasks/update` takes the answer. Only for clients that declare elicitation.',
        ],
        [code('completed'), '`result` is what the tool would have answered; the status of the work itself, failed too, is in there.'],
        [code('failed'), 'A fault of the server.'],
        [code('cancelled'), 'The work was cancelled.'],
      ],
    ),
    '`tasks/cancel` asks the work to stop; of a wait it ends nothing but the wait. Other clients never get a task.',
  ].join('\n\n');
}
