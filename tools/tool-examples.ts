// Owns one example call per tool, for the documents and the description of the HTTP interface; each is accepted by the schema of its tool.
import type { JsonObject } from '../src/domain/json.ts';

const EXECUTION = 'exec_06d3v8q2k1h7m9p4r5s6t7v8w9';

export const TOOL_EXAMPLES: Readonly<Record<string, JsonObject>> = {
  create_workflow: {
    mode: 'apply',
    definition: {
      name: 'greet',
      input: { type: 'object', properties: { who: { type: 'string' } }, required: ['who'] },
      steps: [{ id: 'hello', task: 'echo', with: { value: 'Hello ${{ input.who }}' } }],
      output: '${{ steps.hello.output }}',
    },
  },
  execute_workflow: { name: 'greet', input: { who: 'Ada' }, wait_ms: 5_000, idempotency_key: 'greet-ada-1' },
  enqueue_job: {
    task: 'http.request',
    payload: { url: 'https://example.org/' },
    delay: '10m',
    priority: 'high',
    retry: { maxAttempts: 5, initialInterval: '2s' },
  },
  schedule_cron: {
    expression: '0 9 * * 1-5',
    timezone: 'Europe/Berlin',
    target: { workflow: 'greet', input: { who: 'Ada' } },
    catchup: { policy: 'one', window: '2h' },
    idempotency_key: 'greet-weekdays',
  },
  schedule_recurring: {
    name: 'month-end',
    monthly: { on: ['last workday'], at: '18:00' },
    timezone: 'Europe/Paris',
    target: { task: 'http.request', input: { url: 'https://example.org/close' } },
    overlap: 'buffer_one',
  },
  simulate_schedule: {
    expression: '0 * * * *',
    from: '2026-12-01T00:00:00Z',
    to: '2026-12-02T00:00:00Z',
    run_duration: '90m',
    outage: [{ from: '2026-12-01T05:10:00Z', to: '2026-12-01T09:10:00Z' }],
  },
  plan_workflow: {
    name: 'release',
    slots: 4,
    durations: { build: '5m', test: '12m' },
    pools: { gpu: { capacity: 1, steps: { train: 1 } } },
    what_if: { slots: 8, failure_rates: { test: 0.1 } },
  },
  get: { id: EXECUTION, view: 'explain' },
  list: { kind: 'executions', filter: { status: 'failed', since: '2026-11-21T09:00:00Z' }, limit: 10 },
  wait: { ids: [EXECUTION], timeout_ms: 30_000 },
  control: { id: EXECUTION, action: 'fork', step: 'hello' },
  create_session: { name: 'release', context: { repo: 'acme/site' }, max_parallel_tasks: 2 },
  close_session: { session_id: 'sess_06d3v8q2k1h7m9p4r5s6t7v8w9', policy: 'cancel' },
  claim_job: { worker: 'ada', capabilities: ['code-review'], lease: '10m', wait_ms: 50_000 },
  report_job: {
    worker_id: 'wrk_06d3v8q2k1h7m9p4r5s6t7v8w9',
    job_id: 'job_06d3v8q2k1h7m9p4r5s6t7v8w9',
    lease_token: 1,
    action: 'complete',
    output: { faults: [] },
  },
  create_project: { name: 'records', template: 'data_pipeline', parameters: { source: 'https://example.org/records.json' }, quota: { runs: 2 } },
  manage_project: { project: 'records', action: 'complete_milestone', milestone: 'first complete run', data: { records: 1200 } },
  define_pool: { name: 'llm', type: 'api_quota', capacity: { requests: 60, tokens: 90_000 }, refill: '1m', limits: { max: { tokens: 8_000 } } },
  allocate_resources: { resources: { llm: { requests: 1, tokens: 4_000 } }, lease: '30m', wait_ms: 20_000 },
  release_resources: { allocation_id: 'alloc_06d3v8q2k1h7m9p4r5s6t7v8w9' },
  execute_task: { name: 'say hello', module: 'logistics', action: 'echo', parameters: { value: 'hello' } },
  create_complex_workflow: {
    name: 'pair',
    workflow_definition: {
      steps: [
        { name: 'first', task: 'echo', parameters: { value: 1 } },
        { name: 'second', task: 'echo', parameters: { value: 2 } },
      ],
      dependencies: { second: ['first'] },
    },
  },
  list_workflows: {},
  list_projects: {},
  get_health_status: {},
  logistics_queue_stats: {},
  logistics_list_scheduled: {},
  logistics_status: {},
  get_system_status: { since: '2026-11-21T09:00:00Z' },
};

/** Calls before an example, where what it is about does not come of the examples of the tools before it. Ids need none: they are those that earlier replies told. */
export const EXAMPLE_NEEDS: Readonly<Record<string, readonly { readonly tool: string; readonly args: JsonObject }[]>> = {
  claim_job: [{ tool: 'enqueue_job', args: { task: 'agent.task', payload: { prompt: 'Review src/a.ts' }, requires: ['code-review'] } }],
  plan_workflow: [
    {
      tool: 'create_workflow',
      args: {
        mode: 'apply',
        definition: { name: 'release', steps: [step('build'), step('test', 'build'), step('train', 'build')] },
      },
    },
  ],
};

function step(id: string, ...needs: string[]): JsonObject {
  return { id, needs, task: 'echo', with: { value: id } };
}
