// Owns the server that the suite wants to meet: our transport, registry and tasks, with the fixtures added to each server before it is connected.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { MissingRequiredClientCapabilityError, type Server, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { configFromCode } from '../../src/config.ts';
import { Authenticator } from '../../src/http/authenticator.ts';
import { HttpServer } from '../../src/http/http-server.ts';
import { TokenFile } from '../../src/http/token-file.ts';
import { silentLogger } from '../../src/logger.ts';
import { TASKS_EXTENSION, takesTasks } from '../../src/mcp/client-capabilities.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { openEngine } from '../../src/open-engine.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { FIXTURE_TASKS, ONLY_AS_TASK, TASK_TOOLS } from './fixture-tasks.ts';
import { accepted, ask, FIXTURE_TOOLS, form, PIXEL, type Reply, text } from './fixture-tools.ts';

type Handler = (request: object, context: ServerContext) => Promise<Reply>;

const CHANGING = 'fixture_published';
const TRIGGER = 'test_trigger_tool_change';

const SCHEMAS: Readonly<Record<string, Reply>> = {
  json_schema_2020_12_tool: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
    properties: {
      name: { type: 'string' },
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: { type: 'string' },
      email: { type: 'string' },
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  },
};

const RESOURCES: readonly Reply[] = [
  { uri: 'test://static-text', name: 'static-text', mimeType: 'text/plain' },
  { uri: 'test://static-binary', name: 'static-binary', mimeType: 'image/png' },
  { uri: 'test://watched-resource', name: 'watched-resource', mimeType: 'text/plain' },
];

const PROMPTS: readonly Reply[] = [
  { name: 'test_simple_prompt', description: 'Fixture.' },
  {
    name: 'test_prompt_with_arguments',
    description: 'Fixture.',
    arguments: [
      { name: 'arg1', required: true },
      { name: 'arg2', required: true },
    ],
  },
  { name: 'test_prompt_with_embedded_resource', description: 'Fixture.', arguments: [{ name: 'resourceUri', required: true }] },
  { name: 'test_prompt_with_image', description: 'Fixture.' },
  { name: 'test_input_required_result_prompt', description: 'Fixture.' },
];

function contentOf(uri: string): Reply | undefined {
  if (uri === 'test://static-text') return { uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' };
  if (uri === 'test://static-binary') return { uri, mimeType: 'image/png', blob: PIXEL };
  if (uri === 'test://watched-resource') return { uri, mimeType: 'text/plain', text: 'Watched resource content' };
  const [, id] = /^test:\/\/template\/([^/]+)\/data$/.exec(uri) ?? [];
  return id === undefined ? undefined : { uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) };
}

function promptOf(name: string, args: Reply, context: ServerContext): Reply | undefined {
  const said = (content: Reply): Reply => ({ role: 'user', content });
  const words = (value: string): Reply => said({ type: 'text', text: value });
  switch (name) {
    case 'test_simple_prompt':
      return { messages: [words('This is a simple prompt for testing.')] };
    case 'test_prompt_with_arguments':
      return { messages: [words(`Prompt with arguments: arg1='${String(args.arg1)}', arg2='${String(args.arg2)}'`)] };
    case 'test_prompt_with_embedded_resource':
      return {
        messages: [
          said({ type: 'resource', resource: { uri: String(args.resourceUri), mimeType: 'text/plain', text: 'Embedded resource content for testing.' } }),
          words('Please process the embedded resource above.'),
        ],
      };
    case 'test_prompt_with_image':
      return { messages: [said({ type: 'image', data: PIXEL, mimeType: 'image/png' }), words('Please analyze the image above.')] };
    case 'test_input_required_result_prompt': {
      const given = accepted(context, 'user_context', 'context');
      return typeof given === 'string'
        ? { messages: [words(`Context: ${given}`)] }
        : ask({ user_context: form('What context should the prompt use?', { context: { type: 'string' } }) });
    }
    default:
      return undefined;
  }
}

function confirmed({ mcpReq: { inputResponses } }: ServerContext): Reply {
  return Object.fromEntries(
    Object.entries((inputResponses ?? {}) as Record<string, Reply>).map(([key, answer]) => {
      const content = (answer.content ?? {}) as Reply;
      return [key, { ...answer, content: { ...content, approved: content.confirm } }];
    }),
  );
}

/** Puts the fixtures before what the server does by itself. */
function addFixtures(server: Server, engine: OrchestrationEngine): void {
  server.registerCapabilities({ logging: {} });
  const handlers = (server as unknown as { readonly _requestHandlers: ReadonlyMap<string, Handler> })._requestHandlers;
  const before = (method: string, fixture: (params: Reply, context: ServerContext, ours: () => Promise<Reply>) => Promise<Reply> | Reply): void => {
    const known = handlers.get(method);
    if (known === undefined) throw new Error(`the server has no ${method}`);
    server.setRequestHandler(
      method as 'tools/call',
      (async (request: { readonly params?: Reply }, context: ServerContext) =>
        fixture(request.params ?? {}, context, () => known({ jsonrpc: '2.0', id: context.mcpReq.id, ...request }, context))) as never,
    );
  };
  before('tools/list', async (_, __, ours) => {
    const list = await ours();
    const tools = [...Object.keys(FIXTURE_TOOLS), TRIGGER].map((name) => ({
      name,
      description: `Fixture ${name}.`,
      inputSchema: SCHEMAS[name] ?? { type: 'object', properties: {} },
    }));
    return { ...list, tools: [...(list.tools as Reply[]), ...tools] };
  });
  before('tools/call', async ({ name, arguments: args = {} }, context, ours) => {
    if (ONLY_AS_TASK.has(String(name)) && !takesTasks(context))
      throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } });
    if (name === TRIGGER) {
      const steps = [{ id: 'a', task: 'echo', with: { value: Date.now() } }];
      await engine.workflows.create({ name: CHANGING, steps } as never);
      return text('changed');
    }
    return (Object.hasOwn(FIXTURE_TOOLS, String(name)) ? await FIXTURE_TOOLS[String(name)]?.(args as Reply, context, server) : undefined) ?? ours();
  });
  // The suite answers with a field of its own, whatever the form asks for.
  const update = handlers.get('tasks/update');
  server.setRequestHandler('tasks/update', { params: z.looseObject({}), result: z.looseObject({}) }, async (params, context) => {
    const inputResponses = confirmed(context);
    const request = { jsonrpc: '2.0', id: context.mcpReq.id, method: 'tasks/update', params };
    return (await update?.(request, { ...context, mcpReq: { ...context.mcpReq, inputResponses } } as never)) ?? {};
  });
  before('resources/list', async (_, __, ours) => {
    const list = await ours();
    return { ...list, resources: [...RESOURCES, ...(list.resources as Reply[])] };
  });
  before('resources/templates/list', async (_, __, ours) => {
    const list = await ours();
    const own = { name: 'template', uriTemplate: 'test://template/{id}/data', mimeType: 'application/json' };
    return { ...list, resourceTemplates: [own, ...(list.resourceTemplates as Reply[])] };
  });
  before('resources/read', ({ uri }, _, ours) => {
    const content = contentOf(String(uri));
    return content === undefined ? ours() : { contents: [content] };
  });
  for (const method of ['resources/subscribe', 'resources/unsubscribe'])
    before(method, ({ uri }, _, ours) => (contentOf(String(uri)) === undefined ? ours() : {}));
  before('prompts/list', async (_, __, ours) => {
    const list = await ours();
    return { ...list, prompts: [...PROMPTS, ...(list.prompts as Reply[])] };
  });
  before('prompts/get', ({ name, arguments: args = {} }, context, ours) => promptOf(String(name), args as Reply, context) ?? ours());
  before('completion/complete', ({ ref }, _, ours) =>
    PROMPTS.some(({ name }) => name === (ref as Reply).name) ? { completion: { values: [], total: 0, hasMore: false } } : ours(),
  );
}

export async function startFixtureServer(folder: string): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const config = configFromCode({ store: 'in_memory', dataDir: folder, namespace: 'test', serve: { port: 0 } }, { env: {}, cwd: folder, homeDir: homedir() });
  const engine = await openEngine({ store: 'in_memory', namespace: 'test' }, { logger: silentLogger(), tasks: FIXTURE_TASKS });
  const now = Date.now;
  const server = new HttpServer({
    config: config.serve,
    authenticator: new Authenticator({
      tokens: new TokenFile(join(folder, 'tokens.json'), process.platform),
      jwt: null,
      required: false,
      namespace: 'test',
      now,
    }),
    engineOf: () => Promise.resolve(engine),
    engines: () => [engine],
    metrics: await Metrics.open(),
    readiness: () => engine.readiness(),
    tools: TASK_TOOLS,
    published: [{ workflow: CHANGING, tool: CHANGING, description: null }],
    onServer: (each) => addFixtures(each, engine),
    logger: silentLogger(),
    now,
    graceMs: 0,
  });
  const url = await server.listen();
  return {
    url,
    stop: async () => {
      await server.stop();
      await engine.stop();
    },
  };
}
