// Owns the description of POST /hooks/{name}: beside the interface, signed instead of with a token.
import type { Hook } from '../../domain/hook.ts';

type Node = Readonly<Record<string, unknown>>;

export function hookOperation(hooks: readonly Hook[]): Node {
  return {
    operationId: 'post_hook',
    summary: 'Take a signed delivery',
    description: 'Starts or signals what the configuration says for this hook, once per delivery id. A signature takes the place of the token.',
    tags: ['hooks'],
    servers: [{ url: '/' }],
    security: [],
    parameters: [{ name: 'name', in: 'path', required: true, schema: { type: 'string', enum: hooks.map(({ name }) => name) } }],
    requestBody: { required: true, content: { 'application/json': { schema: {} } } },
    responses: {
      '200': reply('It came before: the same run.', DONE),
      '202': reply('Done and durable, or ignored because the condition of the hook is false.', { anyOf: [DONE, IGNORED] }),
      '401': { description: 'Not signed, wrongly, or too long ago.', ...ERROR },
      '503': { description: 'What it is for is not there now; send it again.', ...ERROR },
      '429': { $ref: '#/components/responses/TooMany' },
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

const ERROR = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } };
const DONE = {
  type: 'object',
  required: ['execution_id', 'status', 'replayed'],
  properties: { delivery_id: { type: 'string' }, execution_id: { type: 'string' }, status: { type: 'string' }, replayed: { type: 'boolean' } },
};
const IGNORED = {
  type: 'object',
  required: ['ignored', 'reason'],
  properties: { delivery_id: { type: 'string' }, ignored: { type: 'boolean', const: true }, reason: { type: 'string' } },
};

function reply(description: string, schema: Node): Node {
  return { description, content: { 'application/json': { schema } } };
}
