// Two tenants on one server: whatever id of the other one is given, to whatever tool, it does not exist; an admin sees both.
import { describe, expect, it } from 'vitest';
import { allToolSpecs } from '../../tools/registry.ts';
import { ALL_SETS, connectHttp, type HttpConnection, httpPlace, type Reply } from '../support/http-server.ts';

const signal = { name: 'sig', steps: [{ id: 's', task: 'wait.signal', with: { name: 'go' } }] };

/** Tools that only list. */
/** Lists that take no namespace: they show the caller's own. */
const NO_NAMESPACE: readonly string[] = ['schedules', 'insights'];
const READERS = ['list_workflows', 'list_projects', 'get_health_status', 'logistics_queue_stats', 'logistics_list_scheduled', 'logistics_status'];

interface Two {
  readonly mine: HttpConnection;
  readonly theirs: HttpConnection;
  readonly admin: HttpConnection;
  /** Of the other tenant. */
  readonly ids: Readonly<
    Record<'execution' | 'job' | 'project' | 'batch' | 'session' | 'schedule' | 'workflow' | 'worker' | 'artifact' | 'leased' | 'allocation', string>
  >;
  readonly lease: Reply;
}

async function two(): Promise<Two> {
  const { url, token } = await httpPlace({ toolsets: ALL_SETS }, { tokens: { mine: ['read', 'write', 'worker'] } });
  const mine = await connectHttp(url, '2026', { token: token('me', ['read', 'write', 'worker']) });
  const theirs = await connectHttp(url, '2025 http', { token: token('they', ['read', 'write', 'worker'], 'acme') });
  const admin = await connectHttp(url, '2026', { token: token('root', ['admin'], 'test') });
  const { call } = theirs;
  const { workflow_id } = await call('create_workflow', { definition: signal, mode: 'apply' });
  const { execution_id } = await call('execute_workflow', { name: 'sig' });
  const { session_id } = await call('create_session', { name: 'theirs' });
  const jobs = (await call('enqueue_job', { jobs: [1, 2].map(() => ({ task: 'echo', delay: '1h', payload: { value: 'x' } })) })) as {
    job_ids: string[];
    batch_id: string;
  };
  const { schedule_id } = await call('schedule_cron', { name: 'nightly', expression: '0 3 * * *', target: { task: 'echo', input: { value: 1 } } });
  const { project_id } = await call('create_project', { name: 'theirs' });
  await call('define_pool', { name: 'licence', type: 'lock' });
  const { allocation_id } = await call('allocate_resources', { resources: { licence: 1 } });
  const leased = (await call('enqueue_job', { task: 'agent.task', payload: { prompt: 'do' } })) as { job_id: string };
  const claim = (await call('claim_job', { worker: 'w', wait_ms: 5_000 })) as { worker_id: string; leases: Reply[] };
  const big = await call('enqueue_job', { task: 'echo', payload: { value: 'y'.repeat(300_000) }, wait_ms: 10_000 });
  const artifact = /art_[0-9a-z]{26}/.exec(JSON.stringify([big, await call('get', { id: big.job_id, view: 'output' })]))?.[0] ?? '';
  return {
    mine,
    theirs,
    admin,
    lease: claim.leases[0] as Reply,
    ids: {
      execution: execution_id as string,
      job: jobs.job_ids[0] as string,
      batch: jobs.batch_id,
      session: session_id as string,
      schedule: schedule_id as string,
      project: project_id as string,
      workflow: workflow_id as string,
      worker: claim.worker_id,
      artifact,
      leased: leased.job_id,
      allocation: allocation_id as string,
    },
  };
}

describe('ids of another tenant', () => {
  it('do not exist, whichever tool is given them', async () => {
    const { mine, theirs, ids, lease } = await two();
    const definition = { name: 'kid', steps: [{ id: 'k', task: 'echo', with: { value: 1 } }] };
    const tries: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
      get: [
        ...Object.entries(ids).flatMap(([kind, id]) => (id === '' || kind === 'batch' ? [] : [{ id }])),
        ...(['steps', 'events', 'output', 'logs', 'graph', 'timeline', 'explain', 'lineage'] as const).map((view) => ({ id: ids.execution, view })),
        ...(['events', 'output', 'logs', 'explain', 'lineage'] as const).map((view) => ({ id: ids.job, view })),
        { id: ids.schedule, view: 'events' },
        { id: ids.schedule, view: 'explain' },
        { id: ids.schedule, view: 'lineage' },
        { id: ids.session, view: 'lineage' },
        { id: ids.workflow, view: 'output' },
      ],
      wait: [{ ids: [ids.execution] }, { ids: [ids.job] }, { ids: [ids.batch] }],
      control: [
        ...(['cancel', 'pause', 'resume', 'retry', 'restart'] as const).map((action) => ({ id: ids.execution, action })),
        { id: ids.execution, action: 'fork', step: 's' },
        { id: ids.execution, action: 'signal', name: 'go' },
        { id: ids.execution, action: 'approve', approved: true },
        { id: ids.execution, action: 'update', budget: { attempts: 5 } },
        { id: ids.job, action: 'cancel' },
        { id: ids.job, action: 'redrive' },
        ...(['pause', 'resume', 'trigger', 'delete'] as const).map((action) => ({ id: ids.schedule, action })),
        { id: ids.schedule, action: 'update', change: { jitter: '1s' } },
        { id: ids.schedule, action: 'backfill', from: '2026-01-01', to: '2026-01-03' },
        { id: ids.session, action: 'update', context: { a: 1 } },
        { id: ids.session, action: 'update', budget: { tokens: 1 } },
        { id: ids.execution, action: 'update', budget: { tokens: 1 } },
        { id: ids.schedule, action: 'update', change: { budget: { tokens: 1 } } },
        { id: ids.workflow, action: 'resume' },
        { id: ids.workflow, action: 'delete' },
      ],
      execute_workflow: [{ name: 'sig' }, { name: ids.workflow }, { definition, session_id: ids.session }],
      enqueue_job: [
        { task: 'echo', payload: { value: 1 }, session_id: ids.session },
        { task: 'echo', payload: { value: 1 }, depends_on: [ids.job] },
      ],
      close_session: [{ session_id: ids.session, policy: 'cancel' }],
      claim_job: [{ worker_id: ids.worker, wait_ms: 0 }],
      report_job: [
        { worker_id: ids.worker, job_id: ids.leased, lease_token: lease.lease_token, action: 'complete', output: 1 },
        { worker_id: ids.worker, job_id: ids.leased, lease_token: lease.lease_token, action: 'heartbeat' },
      ],
      schedule_cron: [
        { name: 'x', expression: '0 3 * * *', target: { workflow: 'sig' } },
        { name: 'x', expression: '0 3 * * *', target: { workflow: ids.workflow } },
        { name: 'x', expression: '0 3 * * *', target: { task: 'echo', input: { value: 1 } }, session_id: ids.session },
      ],
      schedule_recurring: [{ name: 'x', every: '1h', target: { workflow: ids.workflow } }],
      simulate_schedule: [{ id: ids.schedule }],
      execute_task: [{ name: 'x', module: 'm', action: 'a', dependencies: [ids.job] }],
      allocate_resources: [{ resources: { licence: 1 } }, { renew: ids.allocation }],
      release_resources: [{ allocation_id: ids.allocation }],
      plan_workflow: [{ name: 'sig' }, { name: ids.workflow }],
      manage_project: (['get', 'pause', 'archive', 'delete', 'update'] as const).flatMap((action) =>
        [ids.project, 'theirs'].map((project) => ({ project, action, ...(action === 'update' ? { tags: ['x'] } : {}) })),
      ),
    };
    const untouched = async (): Promise<Reply> => {
      const { duration_ms: _, ...shown } = await theirs.call('get', { id: ids.execution });
      return shown;
    };
    const before = await untouched();
    for (const [tool, calls] of Object.entries(tries)) {
      for (const args of calls) {
        const text = await mine.text(tool, args);
        expect
          .soft(text, `${tool} ${JSON.stringify(args)}`)
          .toMatch(/^(not_found|lease_lost)|no (such )?(schedule|workflow|worker|execution|job|session|project)|unknown/i);
        expect.soft(text).not.toMatch(/acme/);
      }
    }
    // Nothing of it has happened.
    expect(await untouched()).toEqual(before);
    expect(await theirs.call('get', { id: ids.job })).toMatchObject({ status: 'pending' });
    expect(await theirs.call('get', { id: ids.session })).toMatchObject({ status: 'active' });
    expect(await theirs.call('get', { id: ids.schedule })).toMatchObject({ status: 'active' });
    expect(await theirs.call('get', { id: ids.workflow })).toMatchObject({ name: 'sig' });
    expect(
      await theirs.call('report_job', { worker_id: ids.worker, job_id: ids.leased, lease_token: lease.lease_token, action: 'complete', output: 1 }),
    ).toMatchObject({
      status: 'completed',
    });
    // A tool that is new here has to be thought of.
    const withoutIds = [
      'create_workflow',
      'create_complex_workflow',
      'list',
      'create_session',
      'create_project',
      'define_pool',
      'get_system_status',
      ...READERS,
    ];
    expect([...Object.keys(tries), ...withoutIds].sort()).toEqual(allToolSpecs.map((tool) => tool.name).sort());
  });

  it('are no resources either', async () => {
    const { mine, theirs, ids } = await two();
    const uris = [
      `logistics://executions/${ids.execution}`,
      `logistics://executions/${ids.execution}/steps/s/output`,
      `logistics://jobs/${ids.job}`,
      `logistics://schedules/${ids.schedule}`,
      `logistics://workflows/${ids.workflow}`,
      ...(ids.artifact === '' ? [] : [`logistics://artifacts/${ids.artifact}`]),
    ];
    for (const uri of uris) await expect.soft(mine.client.readResource({ uri }), uri).rejects.toThrow();
    expect(await theirs.client.readResource({ uri: uris[0] as string })).toMatchObject({ contents: [{ uri: uris[0] }] });
    const { resources } = (await mine.client.listResources()) as { resources: readonly object[] };
    expect(JSON.stringify(resources)).not.toMatch(
      new RegExp(
        Object.values(ids)
          .filter((id) => id !== '')
          .join('|')
          .replaceAll('.', '\\.'),
      ),
    );
  });

  it('are in no list, no event and no number', async () => {
    const { mine, theirs, ids } = await two();
    for (const kind of ['workflows', 'executions', 'jobs', 'schedules', 'sessions', 'workers', 'queues', 'events', 'insights']) {
      for (const filter of [
        {},
        ...(NO_NAMESPACE.includes(kind) ? [] : [{ namespace: '*' }]),
        ...(kind === 'jobs' || kind === 'events' ? [{ execution_id: ids.execution }] : []),
      ]) {
        const { items } = (await mine.call('list', { kind, filter })) as { items: Reply[] };
        expect(
          items.filter((item) => JSON.stringify(item).includes('acme') || Object.values(ids).some((id) => id !== '' && JSON.stringify(item).includes(id))),
        ).toEqual([]);
      }
      if (!NO_NAMESPACE.includes(kind)) expect(await mine.text('list', { kind, filter: { namespace: 'acme' } })).toMatch(/^forbidden/);
    }
    for (const filter of [
      { kind: 'executions', session_id: ids.session },
      { kind: 'jobs', batch: ids.batch },
    ])
      expect(await mine.call('control', { action: 'cancel', filter })).toMatchObject({ count: 0 });
    for (const reader of READERS) expect(await mine.text(reader), reader).not.toMatch(/acme|theirs|nightly|"sig"/);
    const status = await mine.call('get_system_status', { response_format: 'detailed' });
    expect(JSON.stringify(status)).not.toMatch(/acme|sig/);
    expect(status).toMatchObject({ executions: { running: 0, waiting: 0, pending: 0 }, active_sessions: 0, workflows: 0 });
    expect(await theirs.call('get_system_status')).toMatchObject({ namespace: 'acme', executions: { waiting: 1 }, workflows: 1 });
  });

  it('do not match names either: queues, workflows, schedules, receipts and workers are each their own', async () => {
    const { mine, theirs, ids } = await two();
    await mine.call('control', { id: 'queue:default', action: 'pause' });
    expect(await mine.call('get', { id: 'queue:default' })).toMatchObject({ status: 'paused' });
    expect(await theirs.call('get', { id: 'queue:default' })).toMatchObject({ status: 'active' });
    const run = { definition: { ...signal, name: 'other' }, idempotency_key: 'same' };
    const [a, b] = [await mine.call('execute_workflow', run), await theirs.call('execute_workflow', run)];
    expect(a.execution_id).not.toBe(b.execution_id);
    expect(b.replayed).toBe(false);
    await mine.call('schedule_cron', { name: 'nightly', expression: '0 4 * * *', target: { task: 'echo', input: { value: 1 } } });
    expect(await theirs.call('get', { id: ids.schedule })).toMatchObject({ rule: expect.anything() });
    const { leases } = await mine.call('claim_job', { worker: 'w', wait_ms: 0 });
    expect(leases).toEqual([]);
  });
});

describe('an admin', () => {
  it('sees and controls the objects of all tenants', async () => {
    const { admin, ids } = await two();
    expect(await admin.call('get', { id: ids.execution })).toMatchObject({ status: 'waiting' });
    expect(await admin.call('list', { kind: 'executions', filter: { namespace: 'acme' } })).toMatchObject({ count: 1 });
    await admin.call('control', { id: ids.execution, action: 'cancel' });
    expect(await admin.call('wait', { ids: [ids.execution] })).toMatchObject({ met: true, items: [{ status: 'cancelled' }] });
  });
});
