// Owns the chapter on the MCP tools: what clients are told in tools/list, as tables, with a checked example each.

import { toolList } from '../../src/mcp/tool-list.ts';
import { parseArguments } from '../../tools/call-tool.ts';
import { code, fenced, fieldRows, type SchemaNode, table } from '../../tools/reference/markdown.ts';
import { allToolSpecs, toolSetOf, toolSpecs } from '../../tools/registry.ts';
import type { ToolSpec } from '../../tools/tool.ts';
import { TOOL_EXAMPLES } from '../../tools/tool-examples.ts';

export function toolsPart(): string {
  const specs = allToolSpecs;
  const parts = toolList(specs).tools.map((tool) => {
    const spec = specs.find((each) => each.name === tool.name) as ToolSpec;
    return { set: toolSetOf(spec.name), text: onePart(spec, tool.inputSchema as SchemaNode, tool.outputSchema as SchemaNode) };
  });
  const of = (set: string | undefined): string[] => parts.filter((part) => part.set === set).map(({ text }) => text);
  if (of(undefined).length !== toolSpecs.length) throw new Error('a tool of the default set belongs to another set, too');
  return [
    ...['## MCP tools', INTRODUCTION, ...of(undefined)],
    ...['## MCP tools of the set workers', WORKERS, ...of('workers')],
    ...['## MCP tools of the set planning', PLANNING, ...of('planning')],
    ...['## MCP tools of the set projects', PROJECTS, ...of('projects')],
    ...['## MCP tools of the set compat', COMPAT, ...of('compat')],
  ].join('\n\n');
}

const PLANNING =
  'For looking ahead before anything runs. They are there when `toolsets` in the configuration, `LOGISTICS_TOOLSETS` or `--toolsets` names `planning`.';

const COMPAT =
  'Names and parameters of codomyrmex, for clients that call them. They are there when `toolsets` in the configuration, `LOGISTICS_TOOLSETS` or `--toolsets` names `compat`. Of the names that both have (`execute_workflow`, `create_workflow`, `create_project`, `get_system_status`, `allocate_resources`) ours take those parameters too, always.';

const PROJECTS =
  'For work that belongs together. They are there when `toolsets` in the configuration, `LOGISTICS_TOOLSETS` or `--toolsets` names `projects`. `execute_workflow`, `create_workflow`, `enqueue_job`, `schedule_cron` and `schedule_recurring` take `project`, and `list` filters by it, with or without the set.';

const WORKERS =
  'For agents that do jobs. They are there when `toolsets` in the configuration, `LOGISTICS_TOOLSETS` or `--toolsets` names `workers`. Work for agents are steps and jobs of the task `agent.task`, and any other that `requires` capabilities which the worker offers.';

const INTRODUCTION = [
  'Parameters are snake_case and strict: an unknown one is an error with the nearest known name. Every reply is `structuredContent` and the same JSON as text.',
  'The output tables list the fields that a client may rely on; replies hold more. A field that is not always there is not marked "always".',
  'Durations are written `30s`, `10m`, `1h30m`, `PT1M`, or as integer milliseconds.',
].join(' ');

function onePart(spec: ToolSpec, input: SchemaNode, output: SchemaNode): string {
  const example = TOOL_EXAMPLES[spec.name];
  if (example === undefined) throw new Error(`tools/tool-examples.ts has no example for ${spec.name}`);
  parseArguments(spec, example);
  return [
    `### ${spec.name}`,
    `**${spec.title}.** ${spec.description}`,
    `Read only: ${yes(spec.kind === 'read')}. Destructive: ${yes(spec.kind === 'destroy')}. Idempotent: ${yes(spec.idempotent)}. Reaches outside: ${yes(spec.openWorld)}.`,
    table(['parameter', 'type', 'needed, or default', 'meaning'], fieldRows(input)),
    ...notes(spec),
    'Output:',
    table(
      ['field', 'type', 'always'],
      fieldRows(output).map(([name, type, needed]) => [name as string, type as string, needed === 'yes' && name?.includes('.') !== true ? 'yes' : '']),
    ),
    fenced('json', JSON.stringify({ name: spec.name, arguments: example }, null, 2)),
  ].join('\n\n');
}

function yes(value: boolean): string {
  return value ? 'yes' : 'no';
}

function notes(spec: ToolSpec): string[] {
  const aliases = Object.entries(spec.aliases ?? {}).map(([old, ours]) => `${code(old)} for ${code(ours)}`);
  const refused = Object.entries(spec.notBuilt ?? {}).map(([name, instead]) => `${code(name)} (${instead.replace(/\.$/, '')})`);
  return [
    ...(aliases.length === 0 ? [] : [`Also accepted: ${aliases.join(', ')}.`]),
    ...(refused.length === 0 ? [] : [`Not built yet, refused with \`not_available\`: ${refused.join('; ')}.`]),
  ];
}
