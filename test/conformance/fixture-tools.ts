// Owns the tools that answer with what no tool of the product does: images, sound, embedded resources, and questions of every kind.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  CLIENT_CAPABILITIES_META_KEY,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server';

export type Reply = Record<string, unknown>;
export type FixtureTool = (args: Reply, context: ServerContext, server: Server) => Promise<Reply> | Reply;

export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const SOUND = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const SECRET = randomBytes(32);

export function text(said: string): Reply {
  return { content: [{ type: 'text', text: said }] };
}

export function form(message: string, properties: Reply): Reply {
  return {
    method: 'elicitation/create',
    params: { mode: 'form', message, requestedSchema: { type: 'object', properties, required: Object.keys(properties) } },
  };
}

function sampling(said: string): Reply {
  return { method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: { type: 'text', text: said } }], maxTokens: 100 } };
}

const ROOTS: Reply = { method: 'roots/list', params: {} };
const NAME = { name: { type: 'string' } };

export function ask(inputRequests: Reply, requestState?: string): Reply {
  return { resultType: 'input_required', inputRequests, ...(requestState === undefined ? {} : { requestState }) };
}

export function answered(context: ServerContext, key: string): Reply | undefined {
  const answer = (context.mcpReq.inputResponses as Reply | undefined)?.[key];
  return typeof answer === 'object' && answer !== null ? (answer as Reply) : undefined;
}

/** The content of an accepted form that holds the field. */
export function accepted(context: ServerContext, key: string, field: string): unknown {
  const answer = answered(context, key);
  const content = answer?.action === 'accept' ? (answer.content as Reply | undefined) : undefined;
  return content?.[field];
}

function sign(state: string): string {
  return `${state}.${createHmac('sha256', SECRET).update(state).digest('hex')}`;
}

/** What was signed; throws for anything else. */
function stateOf(context: ServerContext): string | undefined {
  const carried = context.mcpReq.requestState() as string | undefined;
  if (carried === undefined) return undefined;
  const state = carried.slice(0, carried.indexOf('.'));
  const expected = Buffer.from(sign(state));
  const given = Buffer.from(carried);
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The state was changed.');
  return state;
}

function clientHas(context: ServerContext, capability: string): boolean {
  const envelope = context.mcpReq.envelope as Reply | undefined;
  return (envelope?.[CLIENT_CAPABILITIES_META_KEY] as Reply | undefined)?.[capability] !== undefined;
}

/** Asks once and answers with what came. */
function asking(key: string, request: Reply, show: (answer: Reply) => string): FixtureTool {
  return (_, context) => {
    const answer = answered(context, key);
    return answer === undefined ? ask({ [key]: request }) : text(show(answer));
  };
}

const elicited = (answer: Reply): string => `action=${String(answer.action)}, content=${JSON.stringify(answer.content ?? {})}`;

async function log(context: ServerContext, said: string): Promise<void> {
  await context.mcpReq.log('info', said);
}

async function progress(context: ServerContext): Promise<Reply> {
  const progressToken = context.mcpReq._meta?.progressToken;
  for (const at of [0, 50, 100]) {
    if (progressToken !== undefined) await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: at, total: 100 } });
  }
  return text('done');
}

const enums: Reply = {
  untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
  titledSingle: {
    type: 'string',
    oneOf: [
      { const: 'value1', title: 'First Option' },
      { const: 'value2', title: 'Second Option' },
      { const: 'value3', title: 'Third Option' },
    ],
  },
  legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
  untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
  titledMulti: {
    type: 'array',
    items: {
      anyOf: [
        { const: 'value1', title: 'First Choice' },
        { const: 'value2', title: 'Second Choice' },
        { const: 'value3', title: 'Third Choice' },
      ],
    },
  },
};
const defaults: Reply = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
};

function optional(request: Reply): Reply {
  const params = request.params as Reply;
  return { ...request, params: { ...params, requestedSchema: { ...(params.requestedSchema as Reply), required: [] } } };
}

export const FIXTURE_TOOLS: Readonly<Record<string, FixtureTool>> = {
  greet: ({ name }) => text(`Hello, ${String(name)}!`),
  test_simple_text: () => text('This is a simple text response for testing.'),
  test_image_content: () => ({ content: [{ type: 'image', data: PIXEL, mimeType: 'image/png' }] }),
  test_audio_content: () => ({ content: [{ type: 'audio', data: SOUND, mimeType: 'audio/wav' }] }),
  test_embedded_resource: () => ({
    content: [{ type: 'resource', resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' } }],
  }),
  test_multiple_content_types: () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: PIXEL, mimeType: 'image/png' },
      { type: 'resource', resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data","value":123}' } },
    ],
  }),
  test_error_handling: () => ({ ...text('This tool intentionally returns an error for testing'), isError: true }),
  test_tool_with_logging: async (_, context) => {
    for (const said of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) await log(context, said);
    return text('done');
  },
  test_logging_tool: async (_, context) => {
    await log(context, 'logged');
    return text('done');
  },
  test_tool_with_progress: (_, context) => progress(context),
  test_sampling: ({ prompt }, context, server) =>
    asking('sample', sampling(String(prompt)), (answer) => `LLM response: ${JSON.stringify(answer.content)}`)({}, context, server),
  test_elicitation: ({ message }, context, server) => asking('user', form(String(message), { response: { type: 'string' } }), elicited)({}, context, server),
  test_elicitation_sep1034_defaults: asking('defaults', optional(form('Please review', defaults)), elicited),
  test_elicitation_sep1330_enums: asking('enums', optional(form('Please select', enums)), elicited),
  test_streaming_elicitation: asking('user', form('Please answer', NAME), elicited),
  json_schema_2020_12_tool: (args) => text(JSON.stringify(args)),
  test_missing_capability: (_, context) => {
    if (!clientHas(context, 'sampling')) throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } });
    return text('done');
  },
  test_input_required_result_elicitation: (_, context) => {
    const name = accepted(context, 'user_name', 'name');
    return typeof name === 'string' ? text(`Hello, ${name}!`) : ask({ user_name: form('What is your name?', NAME) });
  },
  test_input_required_result_sampling: asking('capital_question', sampling('What is the capital of France?'), (answer) => JSON.stringify(answer.content)),
  test_input_required_result_list_roots: asking('client_roots', ROOTS, (answer) => JSON.stringify(answer.roots)),
  test_input_required_result_request_state: (_, context) => {
    const state = stateOf(context);
    if (state === 'confirming' && answered(context, 'confirm') !== undefined) return text('state-ok');
    return ask({ confirm: form('Please confirm', { ok: { type: 'boolean' } }) }, sign('confirming'));
  },
  test_input_required_result_tampered_state: (_, context) => {
    if (stateOf(context) !== undefined) return text('state-ok');
    return ask({ confirm: form('Please confirm', { ok: { type: 'boolean' } }) }, sign('confirming'));
  },
  test_input_required_result_multiple_inputs: (_, context) => {
    const all = ['user_name', 'greeting', 'client_roots'].map((key) => answered(context, key));
    if (stateOf(context) === 'many' && !all.includes(undefined)) return text(JSON.stringify(all));
    return ask({ user_name: form('What is your name?', NAME), greeting: sampling('Generate a greeting'), client_roots: ROOTS }, sign('many'));
  },
  test_input_required_result_multi_round: (_, context) => {
    const state = stateOf(context);
    if (state === 'second') return text(`done ${JSON.stringify(answered(context, 'step2'))}`);
    if (state === 'first') return ask({ step2: form('Step 2: What is your favorite color?', { color: { type: 'string' } }) }, sign('second'));
    return ask({ step1: form('Step 1: What is your name?', NAME) }, sign('first'));
  },
  test_input_required_result_capabilities: (_, context) => {
    const requests = {
      ...(clientHas(context, 'sampling') ? { sample: sampling('Say something') } : {}),
      ...(clientHas(context, 'elicitation') ? { user: form('Please answer', NAME) } : {}),
    };
    return Object.keys(requests).length === 0 || context.mcpReq.inputResponses !== undefined ? text('done') : ask(requests);
  },
};
