// The names that other programs rely on, frozen as literals: tools, parameters, annotations, error codes.
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../src/domain/errors.ts';
import { toolList } from '../../src/mcp/tool-list.ts';
import { toolSpecs, toolsOfSets } from '../../tools/registry.ts';

const PARAMETERS = {
  create_workflow: ['definition', 'mode', 'project', 'idempotency_key'],
  execute_workflow: ['name', 'version', 'definition', 'input', 'session_id', 'project', 'priority', 'wait_ms', 'dry_run', 'idempotency_key'],
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
    'expected_duration',
    'expires_at',
    'expires_in',
    'dedupe',
    'concurrency',
    'rate_limit',
    'requires',
    'resources',
    'output',
    'jobs',
    'session_id',
    'project',
    'wait_ms',
    'idempotency_key',
  ],
  schedule_cron: [
    'expression',
    'monday_zero',
    'timezone',
    'gap',
    'fold',
    'name',
    'project',
    'target',
    'overlap',
    'catchup',
    'jitter',
    'start_at',
    'end_at',
    'max_runs',
    'exclude',
    'pause_on_failure',
    'when',
    'budget',
    'session_id',
    'dry_run',
    'idempotency_key',
  ],
  schedule_recurring: [
    'every',
    'daily',
    'weekly',
    'monthly',
    'yearly',
    'rrule',
    'at',
    'delay',
    'on',
    'months',
    'short_month',
    'anchor',
    'timezone',
    'gap',
    'fold',
    'name',
    'project',
    'target',
    'overlap',
    'catchup',
    'jitter',
    'start_at',
    'end_at',
    'max_runs',
    'exclude',
    'pause_on_failure',
    'when',
    'budget',
    'session_id',
    'dry_run',
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
    'concurrency',
    'order',
    'rate_limit',
    'budget',
    'dry_run',
    'input',
    'from',
    'to',
    'limit',
    'change',
    'idempotency_key',
  ],
  create_session: ['name', 'context', 'metadata', 'max_parallel_tasks', 'max_parallel_workflows', 'timeout', 'mode', 'budget', 'idempotency_key'],
  close_session: ['session_id', 'policy', 'idempotency_key'],
  get_system_status: ['since', 'response_format'],
};

/** Of the tool set workers, after the others. */
const WORKER_PARAMETERS = {
  claim_job: ['worker', 'worker_id', 'capabilities', 'labels', 'capacity', 'lease', 'queue', 'max_jobs', 'wait_ms', 'nonce'],
  report_job: ['worker_id', 'job_id', 'lease_token', 'action', 'output', 'error', 'share', 'message', 'note', 'usage', 'logs'],
};

/** Of the tool set planning. */
const PLANNING_PARAMETERS = {
  simulate_schedule: [
    'schedule_id',
    'from',
    'to',
    'run_duration',
    'outage',
    'limit',
    'expression',
    'monday_zero',
    'every',
    'daily',
    'weekly',
    'monthly',
    'yearly',
    'rrule',
    'at',
    'delay',
    'on',
    'months',
    'short_month',
    'anchor',
    'timezone',
    'gap',
    'fold',
    'target',
    'overlap',
    'catchup',
    'jitter',
    'start_at',
    'end_at',
    'max_runs',
    'exclude',
    'pause_on_failure',
    'when',
  ],
  plan_workflow: [
    'name',
    'version',
    'definition',
    'input',
    'slots',
    'workers',
    'pools',
    'durations',
    'items',
    'objective',
    'deadline',
    'exact',
    'what_if',
    'format',
    'seed',
    'response_format',
  ],
};

/** Of the tool set projects. */
const PROJECT_PARAMETERS = {
  create_project: ['name', 'template', 'parameters', 'status', 'description', 'tags', 'quota', 'budget', 'plan', 'idempotency_key'],
  manage_project: [
    'project',
    'action',
    'description',
    'tags',
    'quota',
    'budget',
    'plan',
    'reason',
    'workflow',
    'input',
    'wait_ms',
    'session_id',
    'milestone',
    'due',
    'data',
    'metrics',
    'template',
    'content',
    'archive',
    'name',
    'force',
    'idempotency_key',
  ],
};

/** Of the tool set compat. */
const COMPAT_PARAMETERS = {
  execute_task: ['name', 'module', 'action', 'parameters', 'priority', 'dependencies', 'timeout', 'session_id', 'idempotency_key'],
  create_complex_workflow: ['name', 'workflow_definition', 'session_id', 'idempotency_key'],
  list_workflows: [],
  list_projects: [],
  get_health_status: [],
  logistics_queue_stats: ['backend'],
  logistics_list_scheduled: [],
  logistics_status: [],
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
  'rate_limited',
  'budget_exceeded',
  'breaker_open',
  'session_closed',
  'timeout',
  'cancelled',
  'expired',
  'dependency_failed',
  'concurrency',
  'crash_loop',
  'version_changed',
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
    expect(schemaOf('get').properties.view?.enum).toEqual(['summary', 'steps', 'events', 'output', 'logs', 'graph', 'timeline', 'explain', 'lineage']);
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
      'insights',
    ]);
    expect(Object.keys(schemaOf('list').properties.filter?.properties as object)).toEqual([
      'status',
      'queue',
      'workflow',
      'task',
      'project',
      'session_id',
      'execution_id',
      'batch',
      'dead',
      'error_code',
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
      'clear_cache',
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

  it('cost less than 38 kB of context, and are made once', () => {
    expect(JSON.stringify(toolList(toolSpecs)).length).toBeLessThan(38_000);
    expect(toolList(toolSpecs)).toBe(toolList(toolSpecs));
  });

  it('with the set workers are followed by its two, which cost less than 8 kB more', () => {
    const sets = toolsOfSets(['default', 'workers']);
    const all = toolList(sets);
    expect(toolsOfSets(['workers'])).toBe(sets);
    expect(toolsOfSets(['default'])).toBe(toolSpecs);
    const added = all.tools.slice(tools.length);
    expect(all.tools.slice(0, tools.length)).toEqual(tools);
    expect(Object.fromEntries(added.map((tool) => [tool.name, Object.keys(tool.inputSchema.properties ?? {})]))).toEqual(WORKER_PARAMETERS);
    expect((added[1]?.inputSchema.properties as Record<string, { enum?: string[] }> | undefined)?.action?.enum).toEqual([
      'heartbeat',
      'progress',
      'complete',
      'fail',
      'release',
    ]);
    for (const tool of added) {
      expect(tool.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: false, openWorldHint: false, title: tool.title });
      expect(JSON.stringify(tool)).not.toMatch(/\$schema|\$ref|9007199254740991/);
    }
    expect(JSON.stringify(added).length).toBeLessThan(8_000);
  });

  it('with the set planning are followed by its two, which read', () => {
    const added = toolList(toolsOfSets(['planning'])).tools.slice(tools.length);
    expect(Object.fromEntries(added.map((tool) => [tool.name, Object.keys(tool.inputSchema.properties ?? {})]))).toEqual(PLANNING_PARAMETERS);
    for (const tool of added) expect(tool.annotations).toMatchObject({ readOnlyHint: true, idempotentHint: true, openWorldHint: false });
    expect(JSON.stringify(added)).not.toMatch(/\$schema|\$ref|9007199254740991/);
    expect(JSON.stringify(added).length).toBeLessThan(8_000);
  });

  it('with the set projects are followed by its two', () => {
    const added = toolList(toolsOfSets(['projects'])).tools.slice(tools.length);
    expect(Object.fromEntries(added.map((tool) => [tool.name, Object.keys(tool.inputSchema.properties ?? {})]))).toEqual(PROJECT_PARAMETERS);
    expect(added.map((tool) => tool.annotations?.destructiveHint)).toEqual([false, true]);
    expect(JSON.stringify(added)).not.toMatch(/\$schema|\$ref|9007199254740991/);
    expect(JSON.stringify(added).length).toBeLessThan(7_000);
  });

  it('with the set compat are followed by the names of earlier programs; ours stay as they are', () => {
    const all = toolList(toolsOfSets(['compat'])).tools;
    expect(all.slice(0, tools.length)).toEqual(tools);
    const added = all.slice(tools.length);
    expect(Object.fromEntries(added.map((tool) => [tool.name, Object.keys(tool.inputSchema.properties ?? {})]))).toEqual(COMPAT_PARAMETERS);
    expect(added.filter((tool) => tool.annotations?.readOnlyHint).map((tool) => tool.name)).toEqual(Object.keys(COMPAT_PARAMETERS).slice(2));
    expect(JSON.stringify(added)).not.toMatch(/\$schema|\$ref|9007199254740991/);
  });

  it('resources, when that set is switched on', () => {
    const added = toolList(toolsOfSets(['default', 'resources'])).tools.slice(toolSpecs.length);
    expect(Object.fromEntries(added.map((tool) => [tool.name, Object.keys(tool.inputSchema.properties ?? {})]))).toEqual({
      define_pool: ['name', 'type', 'capacity', 'unit', 'refill', 'limits', 'description', 'detect', 'idempotency_key'],
      allocate_resources: ['resources', 'renew', 'lease', 'priority', 'session_id', 'wait_ms', 'idempotency_key'],
      release_resources: ['allocation_id', 'idempotency_key'],
    });
    expect(JSON.stringify(added)).not.toMatch(/\$schema|\$ref|9007199254740991/);
    expect(JSON.stringify(added).length).toBeLessThan(8_000);
  });

  it('mutating tools take an idempotency_key, reading ones do not', () => {
    for (const spec of toolSpecs) expect('idempotency_key' in schemaOf(spec.name).properties).toBe(spec.kind !== 'read');
  });
});

it('error codes are these', () => {
  expect(Object.keys(ERROR_TABLE)).toEqual(ERROR_CODES);
});
