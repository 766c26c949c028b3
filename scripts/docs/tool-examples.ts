// Owns one example call per tool; each is parsed by the tool's own schema when the documents are made.
import type { JsonObject } from '../../src/domain/json.ts';

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
  get: { id: EXECUTION, view: 'explain' },
  list: { kind: 'executions', filter: { status: 'failed', since: '2026-11-21T09:00:00Z' }, limit: 10 },
  wait: { ids: [EXECUTION], timeout_ms: 30_000 },
  control: { id: EXECUTION, action: 'fork', step: 'summarise' },
  create_session: { name: 'release', context: { repo: 'acme/site' }, max_parallel_tasks: 2 },
  close_session: { session_id: 'sess_06d3v8q2k1h7m9p4r5s6t7v8w9', policy: 'cancel' },
  get_system_status: { since: '2026-11-21T09:00:00Z' },
};
