// Owns the list of our metrics: name, kind, labels and meaning of each; a metric that is not in it cannot be exposed.

export interface MetricSpec {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

const OF_TASK = ['namespace', 'queue', 'task'] as const;

/** Of the whole store: each process of it exposes the same numbers. */
export const STORE_METRICS = {
  jobs: {
    name: 'logistics_store_jobs',
    type: 'gauge',
    labels: [...OF_TASK, 'status'],
    help: 'Jobs that are kept, by status; pending and retry are the depth of the queue.',
  },
  attempts: {
    name: 'logistics_store_attempts_total',
    type: 'counter',
    labels: [...OF_TASK, 'outcome'],
    help: 'Ended attempts by outcome: completed, failed (for good), retry.',
  },
  run: { name: 'logistics_store_run_seconds', type: 'histogram', labels: OF_TASK, help: 'How long attempts ran.' },
  wait: { name: 'logistics_store_wait_seconds', type: 'histogram', labels: OF_TASK, help: 'How long jobs were ready before an attempt began.' },
  oldestReady: {
    name: 'logistics_store_oldest_ready_age_seconds',
    type: 'gauge',
    labels: ['namespace', 'queue'],
    help: 'Since when the oldest job waits that could start but for a free worker or a limit of its queue; 0 when none does.',
  },
  paused: { name: 'logistics_store_queues_paused', type: 'gauge', labels: ['namespace', 'queue'], help: '1 while the queue is paused.' },
  executions: { name: 'logistics_store_executions', type: 'gauge', labels: ['namespace', 'status'], help: 'Executions that are kept, by status.' },
  approvals: { name: 'logistics_store_approvals_waiting', type: 'gauge', labels: ['namespace'], help: 'Steps that wait for an approval; counted up to 20000.' },
  schedules: { name: 'logistics_store_schedules', type: 'gauge', labels: ['namespace', 'status'], help: 'Schedules by status.' },
  plannedTimes: {
    name: 'logistics_store_planned_times_total',
    type: 'counter',
    labels: ['namespace', 'outcome'],
    help: 'Planned times of schedules by what became of them: fired, late, coalesced, missed, failed, skipped_overlap, skipped_paused, skipped_condition, skipped_limit.',
  },
  lateness: {
    name: 'logistics_store_schedule_lateness_seconds',
    type: 'histogram',
    labels: ['namespace'],
    help: 'From the planned time of a schedule, with its jitter, to the start of its run.',
  },
  workersOnline: { name: 'logistics_store_workers_online', type: 'gauge', labels: ['namespace'], help: 'Worker agents whose lease is valid.' },
  leasesHeld: { name: 'logistics_store_leases_held', type: 'gauge', labels: ['namespace'], help: 'Jobs in the hands of worker agents.' },
  leasesExpired: {
    name: 'logistics_store_leases_expired_total',
    type: 'counter',
    labels: ['namespace'],
    help: 'Jobs taken back from worker agents that were lost.',
  },
  processes: { name: 'logistics_store_processes', type: 'gauge', labels: ['namespace', 'role'], help: 'Live processes of the store, by role.' },
} as const satisfies Record<string, MetricSpec>;

/** Of the process that is asked. */
export const PROCESS_METRICS = {
  build: { name: 'logistics_build_info', type: 'gauge', labels: ['version', 'node', 'store'], help: 'Always 1; says what runs.' },
  running: { name: 'logistics_jobs_running', type: 'gauge', labels: [], help: 'Jobs that run in this process.' },
  writable: { name: 'logistics_writable', type: 'gauge', labels: [], help: '0 while this process cannot write to the store.' },
  commitSize: { name: 'logistics_commit_operations', type: 'histogram', labels: [], help: 'Operations that shared one commit.' },
  commitTime: { name: 'logistics_commit_seconds', type: 'histogram', labels: [], help: 'From the begin of a transaction until it was durable.' },
  commitFailures: { name: 'logistics_commit_failures_total', type: 'counter', labels: [], help: 'Commits that failed.' },
  busy: { name: 'logistics_write_lock_busy_total', type: 'counter', labels: [], help: 'Times that another process held the write lock (redis: was first).' },
  storeBytes: { name: 'logistics_store_file_bytes', type: 'gauge', labels: [], help: 'Size of the store file with its write-ahead log.' },
  httpTime: {
    name: 'logistics_http_request_seconds',
    type: 'histogram',
    labels: ['method', 'route', 'status'],
    help: 'HTTP requests until the answer had ended; an event stream counts when it ends.',
  },
  httpOpen: { name: 'logistics_http_requests_open', type: 'gauge', labels: [], help: 'HTTP requests that are under way, streams included.' },
  streams: { name: 'logistics_http_streams_open', type: 'gauge', labels: [], help: 'Event streams that are open.' },
  sessions: { name: 'logistics_mcp_sessions', type: 'gauge', labels: [], help: 'Open sessions of 2025-era clients over HTTP.' },
  calls: {
    name: 'logistics_mcp_calls_total',
    type: 'counter',
    labels: ['tool', 'outcome'],
    help: 'Tool calls; outcome is ok, asks_person, or the code of the error.',
  },
  hooks: {
    name: 'logistics_hook_deliveries_total',
    type: 'counter',
    labels: ['hook', 'outcome'],
    help: 'Requests to hooks; outcome is started, signalled, replayed, ignored, or the code of the error; hook is other for a name that is not configured.',
  },
  callTime: { name: 'logistics_mcp_call_seconds', type: 'histogram', labels: ['tool'], help: 'How long tool calls took.' },
} as const satisfies Record<string, MetricSpec>;

/** The label of what is not told apart any more: a scrape names so many namespaces, queues and task types, the oldest first. */
export const OTHER = 'other';
export const LABEL_LIMITS = { namespaces: 100, queues: 50, tasks: 50 } as const;
