// Owns the description of the HTTP interface: OpenAPI 3.1 made of the same routes and schemas that serve it, once per list of tools.
import { inputSchemaOf, jsonSchema } from '../../../tools/json-schema.ts';
import { scopesOf, type ToolSpec } from '../../../tools/tool.ts';
import { TOOL_EXAMPLES } from '../../../tools/tool-examples.ts';
import { ERROR_TABLE } from '../../domain/errors.ts';
import type { Hook } from '../../domain/hook.ts';
import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import { VERSION } from '../../version.ts';
import { API_ROUTES, type ApiRoute, type ToolRoute } from './api-routes.ts';
import { EVENT_PARAMETERS } from './event-filter.ts';
import { hookOperation } from './openapi-hooks.ts';
import { nodeAt } from './query.ts';

type Node = Readonly<Record<string, unknown>>;

const made = new WeakMap<readonly ToolSpec[], { readonly hooks: readonly Hook[]; readonly text: string }>();
const NO_HOOKS: readonly Hook[] = [];

/** As it is served: JSON text. */
export function openApiText(tools: readonly ToolSpec[], hooks: readonly Hook[] = NO_HOOKS): string {
  const known = made.get(tools);
  if (known?.hooks === hooks) return known.text;
  const text = JSON.stringify(openApi(tools, hooks));
  made.set(tools, { hooks, text });
  return text;
}

/** Routes of tools that are switched off are not there, and not described. */
export function servedRoutes(tools: readonly ToolSpec[]): readonly ApiRoute[] {
  return API_ROUTES.filter((route) => 'own' in route || tools.includes(route.tool));
}

function openApi(tools: readonly ToolSpec[], hooks: readonly Hook[]): Node {
  const paths: Record<string, Record<string, Node>> = {};
  const add = (path: string, method: string, operation: Node): void => {
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
  };
  for (const route of servedRoutes(tools)) add(route.path, route.method, operationOf(route));
  for (const tool of tools) add(`/tools/${tool.name}`, 'POST', toolOperation(tool));
  if (hooks.length > 0) add('/hooks/{name}', 'POST', hookOperation(hooks));
  return {
    openapi: '3.1.0',
    info: {
      title: 'logistics-mcp',
      version: VERSION,
      summary: 'Durable workflows, a job queue and schedules.',
      description:
        'The tools of the MCP server for programs without MCP. Every reply is the structured data of the tool. Errors have the code of one table, which says the status. What waits is answered when it ends or its time is over; a client that leaves ends the wait, never the work.',
    },
    servers: [{ url: '/api/v1' }],
    security: [{ bearer: [] }, {}],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'Needed where the server has tokens.' } },
      headers: { 'Retry-After': { description: 'Seconds until the next try.', schema: { type: 'integer' } } },
      parameters: {
        IdempotencyKey: {
          name: 'Idempotency-Key',
          in: 'header',
          description: 'Same key and arguments again: the first handle, replayed true.',
          schema: { type: 'string', minLength: 1, maxLength: 200 },
        },
      },
      schemas: {
        Error: {
          type: 'object',
          required: ['error'],
          properties: {
            error: {
              type: 'object',
              required: ['code', 'message', 'retryable', 'next_actions'],
              properties: {
                code: { type: 'string', examples: Object.keys(ERROR_TABLE).slice(0, 3) },
                message: { type: 'string' },
                path: { type: 'string', description: 'The argument that is wrong.' },
                expected: { type: 'string' },
                near_matches: { type: 'array', items: { type: 'string' } },
                retryable: { type: 'boolean', description: 'The same call may succeed later.' },
                next_actions: { type: 'array', items: { type: 'string' } },
                details: {},
              },
            },
          },
        },
      },
      responses: {
        Error: { description: 'What is wrong, and what to do.', content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
        TooMany: {
          description: 'Too much at once, or in a time.',
          headers: { 'Retry-After': { $ref: '#/components/headers/Retry-After' } },
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    },
  };
}

function operationOf(route: ApiRoute): Node {
  const head = { operationId: operationId(route), summary: route.summary, tags: [route.path.split('/')[1]] };
  const path = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({ name, in: 'path', required: true, schema: partSchema(route, name) }));
  if (!('own' in route)) return { ...head, ...toolRoute(route, path) };
  const parameters = [...path, ...(OWN_PARAMETERS[route.own] ?? [])];
  return {
    ...head,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.own === 'call_tool' ? { requestBody: jsonBody({ type: 'object' }, undefined, false) } : {}),
    responses: { '200': OWN_RESPONSES[route.own], ...REFUSALS },
  };
}

function operationId({ method, path }: ApiRoute): string {
  const words = path
    .split('/')
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('{') ? `by_${part.slice(1, -1)}` : part.replace(/\W/g, '_')));
  return [method.toLowerCase(), ...words].join('_');
}

function partSchema(route: ApiRoute, name: string): Node {
  if (name === 'view' || name === 'action') return { type: 'string', enum: route.choices ?? [] };
  return { type: 'string', minLength: 1 };
}

function toolRoute(route: ToolRoute, path: readonly Node[]): Node {
  const { tool, query = {}, body } = route;
  const parameters = [
    ...path,
    ...Object.entries(query).map(([name, place]) => ({
      name,
      in: 'query',
      schema: withoutDescription(nodeAt(tool, place.split('.')) as Node),
      ...described(tool, place),
    })),
    ...(tool.kind === 'read' ? [] : [KEY]),
  ];
  const input = inputSchemaOf(tool);
  return {
    description: toldOf(tool),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: jsonBody(bodySchema(route, input), bodyExample(route), needsBody(route, input)) }),
    responses: { '200': reply(tool), ...REFUSALS },
  };
}

function toolOperation(tool: ToolSpec): Node {
  const input = inputSchemaOf(tool);
  return {
    operationId: `call_${tool.name}`,
    summary: tool.title,
    description: toldOf(tool),
    tags: ['tools'],
    ...(tool.kind === 'read' ? {} : { parameters: [KEY] }),
    requestBody: jsonBody(input, TOOL_EXAMPLES[tool.name], Array.isArray(input.required)),
    responses: { '200': reply(tool), ...REFUSALS },
  };
}

function toldOf(tool: ToolSpec): string {
  return `${tool.description}\n\nTool \`${tool.name}\`; scope ${scopesOf(tool, {}).join(' or ')}.`;
}

/** What of the arguments is left for the body. */
function bodySchema({ body, args, tool }: ToolRoute, input: Node): Node {
  if (body === undefined) return {};
  if (body.under !== null) return nodeAt(tool, [body.under]) as Node;
  const decided = [...Object.keys(args({})), ...body.without];
  const { properties, required, ...rest } = input;
  const left = Array.isArray(required) ? required.filter((name) => !decided.includes(String(name))) : [];
  return {
    ...rest,
    properties: Object.fromEntries(Object.entries(isJsonObject(properties) ? properties : {}).filter(([name]) => !decided.includes(name))),
    ...(left.length === 0 ? {} : { required: left }),
  };
}

function needsBody(route: ToolRoute, input: Node): boolean {
  return Array.isArray(bodySchema(route, input).required);
}

/** The example of the tool, where the address decides nothing of it. */
function bodyExample({ args, tool, body }: ToolRoute): JsonObject | undefined {
  return body?.under === null && Object.keys(args({})).length === 0 ? TOOL_EXAMPLES[tool.name] : undefined;
}

function described(tool: ToolSpec, place: string): Node {
  const { description } = nodeAt(tool, place.split('.'));
  return description === undefined ? {} : { description };
}

function withoutDescription({ description: _, ...rest }: Node): Node {
  return rest;
}

const KEY = { $ref: '#/components/parameters/IdempotencyKey' };

function jsonBody(schema: Node, example: JsonObject | undefined, required: boolean): Node {
  return { required, content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } } };
}

function reply(tool: ToolSpec): Node {
  return { description: 'The structured data of the tool.', content: { 'application/json': { schema: jsonSchema(tool.output, 'output') } } };
}

const REFUSALS = { '429': { $ref: '#/components/responses/TooMany' }, default: { $ref: '#/components/responses/Error' } };

const OWN_PARAMETERS: Partial<Readonly<Record<string, readonly Node[]>>> = {
  events: [
    ...Object.entries(EVENT_PARAMETERS).map(([name, description]) => ({
      name,
      in: 'query',
      description,
      schema: { type: name === 'after' ? 'integer' : 'string' },
    })),
    { name: 'Last-Event-ID', in: 'header', description: 'Cursor of the last event that was seen; goes before after.', schema: { type: 'integer' } },
  ],
  artifact: [{ name: 'Range', in: 'header', description: 'bytes=a-b: a piece, answered with 206.', schema: { type: 'string' } }],
};

const OWN_RESPONSES: Readonly<Record<string, Node>> = {
  openapi: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
  tools: {
    description: 'The tools.',
    content: {
      'application/json': {
        schema: { type: 'object', required: ['items'], properties: { items: { type: 'array', items: { type: 'object', required: ['name'] } } } },
      },
    },
  },
  call_tool: { description: 'The structured data of the tool.', content: { 'application/json': { schema: { type: 'object' } } } },
  artifact: { description: 'The content.', content: { '*/*': {} } },
  events: {
    description:
      'Events, each with its cursor as id and its type as event; comments keep the connection open. 410 cursor_expired names the first cursor that misses nothing.',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  },
};
