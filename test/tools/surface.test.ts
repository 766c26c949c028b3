// The names that other programs rely on, frozen as literals: tools, parameters, annotations, error codes.
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../src/domain/errors.ts';
import { toolList } from '../../src/mcp/tool-list.ts';
import { toolSpecs } from '../../tools/registry.ts';

const PARAMETERS = {
  create_workflow: ['definition', 'mode', 'idempotency_key'],
  execute_workflow: ['name', 'version', 'definition', 'input', 'session_id', 'priority', 'wait_ms', 'dry_run', 'idempotency_key'],
  enqueue_job: [
    'task',
    'payload',
    'name',
    'queue',
    'priority',
    'run_at',
    'delay',
    'depends_on',
    'when',
    'retry',
    'timeout',
    'expires_at',
    'requires',
    'jobs',
    'session_id',
    'wait_ms',
    'idempotency_key',
  ],
  get: ['id', 'view', 'step', 'cursor', 'limit', 'response_format'],
  list: ['kind', 'filter', 'limit', 'cursor'],
  wait: ['ids', 'mode', 'until', 'timeout_ms', 'cursor'],
  control: [
    'id',
    'filter',
    'action',
    'step',
    'name',
    'payload',
    'signal_id',
    'approved',
    'comment',
    'digest',
    'reason',
    'context',
    'context_version',
    'idempotency_key',
  ],
  create_session: ['name', 'context', 'metadata', 'max_parallel_tasks', 'max_parallel_workflows', 'timeout', 'mode', 'idempotency_key'],
  close_session: ['session_id', 'policy', 'idempotency_key'],
  get_system_status: ['since', 'response_format'],
};

const ERROR_CODES = [
  'invalid_input',
  'invalid_definition',
  'invalid_expression',
  'unresolved_reference',
  'expression_too_costly',
  'not_found',
  'unknown_task_type',
  'not_available',
  'conflict',
  'invalid_transition',
  'lease_lost',
  'unauthorized',
  'forbidden',
  'untrusted_config',
  'not_allowed',
  'limit_exceeded',
  'session_closed',
  'timeout',
  'cancelled',
  'expired',
  'dependency_failed',
  'concurrency',
  'crash_loop',
  'output_too_large',
  'output_invalid',
  'handler_failed',
  'http_4xx',
  'http_5xx',
  'network',
  'address_refused',
  'command_failed',
  'mcp_tool_failed',
  'child_failed',
  'cursor_expired',
  'store_unavailable',
  'store_busy',
  'store_corrupt',
  'store_newer',
  'store_read_only',
  'store_full',
  'outcome_unknown',
  'shutting_down',
  'missing_package',
  'internal',
];

const { tools } = toolList(toolSpecs);
const schemaOf = (name: string): { properties: Record<string, Record<string, unknown>>; [key: string]: unknown } =>
  tools.find((tool) => tool.name === name)?.inputSchema as never;

describe('the tools as a client sees them', () => {
  it('have these names, in this order, with these parameters', () => {
    expect(Object.fromEntries(tools.map((tool) => [tool.name, Object.keys(tool.inputSchema.properties ?? {})]))).toEqual(PARAMETERS);
    expect(tools.map((tool) => tool.name)).toEqual(Object.keys(PARAMETERS));
  });

  it('have these choices', () => {
    expect(schemaOf('create_workflow').properties.mode?.enum).toEqual(['preview', 'apply']);
    expect(schemaOf('get').properties.view?.enum).toEqual(['summary', 'steps', 'events', 'output', 'logs', 'graph', 'explain']);
    expect(schemaOf('list').properties.kind?.enum).toEqual([
      'workflows',
      'executions',
      'jobs',
      'schedules',
      'sessions',
      'workers',
      'resources',
      'projects',
      'queues',
      'events',
    ]);
    expect(Object.keys(schemaOf('list').properties.filter?.properties as object)).toEqual([
      'status',
      'queue',
      'workflow',
      'task',
      'session_id',
      'execution_id',
      'dead',
      'since',
      'until',
      'text',
      'namespace',
    ]);
    expect(schemaOf('wait').properties.mode?.enum).toEqual(['all', 'any']);
    expect(schemaOf('wait').properties.until?.enum).toEqual(['ended', 'waiting']);
    expect(schemaOf('control').properties.action?.enum).toEqual([
      'cancel',
      'pause',
      'resume',
      'retry',
      'restart',
      'fork',
      'signal',
      'approve',
      'redrive',
      'delete',
      'update',
      'trigger',
      'backfill',
    ]);
    expect(schemaOf('close_session').properties.policy?.enum).toEqual(['detach', 'cancel']);
  });

  it('carry title, all four annotations and both schemas', () => {
    for (const tool of tools) {
      expect(tool.title).toBeTruthy();
      expect(Object.keys(tool.annotations ?? {}).sort()).toEqual(['destructiveHint', 'idempotentHint', 'openWorldHint', 'readOnlyHint', 'title']);
      expect(tool.inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      expect(tool.outputSchema).toMatchObject({ type: 'object' });
      expect(JSON.stringify(tool)).not.toMatch(/\$schema|\$ref|9007199254740991/);
      expect(['anyOf', 'oneOf', 'allOf'].filter((key) => key in tool.inputSchema)).toEqual([]);
    }
    const hints = (hint: 'readOnlyHint' | 'destructiveHint'): string[] => tools.filter((tool) => tool.annotations?.[hint]).map((tool) => tool.name);
    expect(hints('readOnlyHint')).toEqual(['get', 'list', 'wait', 'get_system_status']);
    expect(hints('destructiveHint')).toEqual(['control', 'close_session']);
  });

  it('cost less than 28 kB of context, and are made once', () => {
    expect(JSON.stringify(toolList(toolSpecs)).length).toBeLessThan(28_000);
    expect(toolList(toolSpecs)).toBe(toolList(toolSpecs));
  });

  it('mutating tools take an idempotency_key, reading ones do not', () => {
    for (const spec of toolSpecs) expect('idempotency_key' in schemaOf(spec.name).properties).toBe(spec.kind !== 'read');
  });
});

it('error codes are these', () => {
  expect(Object.keys(ERROR_TABLE)).toEqual(ERROR_CODES);
});
