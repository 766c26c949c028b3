// claim_job and report_job: work goes to who can do it, comes back checked, and is never held by a caller that is gone.
import { describe, expect, it } from 'vitest';
import { AGENT, engineFor, HUMAN, until } from '../support/test-engine.ts';
import { type Reply, type RunTool, refusal, toolsOf } from '../support/tool-run.ts';

interface Lease extends Reply {
  readonly job_id: string;
  readonly lease_token: number;
}

async function claim(run: RunTool, args: object = {}): Promise<{ reply: Reply; worker: string; lease: Lease }> {
  const reply = await run('claim_job', { worker: 'ada', capabilities: ['review'], wait_ms: 0, ...args });
  return { reply, worker: reply.worker_id as string, lease: (reply.leases as Lease[])[0] as Lease };
}

const held = ({ worker, lease }: { readonly worker: string; readonly lease: Lease }): object => ({
  worker_id: worker,
  job_id: lease.job_id,
  lease_token: lease.lease_token,
});

const REVIEW = { task: 'agent.task', payload: { prompt: 'Review a.ts' }, requires: ['review'] };

describe('claim_job', () => {
  it('leases a job with all that is needed to do it, and report_job completes it', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const { job_id } = await run('enqueue_job', { ...REVIEW, name: 'a', output: { type: 'object', required: ['ok'] } });
    const claimed = await claim(run);
    expect(claimed.reply).toMatchObject({ replayed: false, held: [], worker_id: expect.stringMatching(/^wrk_/) });
    expect(claimed.lease).toMatchObject({
      job_id,
      lease_token: 1,
      lease_expires_at: expect.stringMatching(/Z$/),
      task: 'agent.task',
      name: 'a',
      queue: 'default',
      payload: { prompt: 'Review a.ts' },
      attempt: 1,
      max_attempts: 3,
      idempotency_key: job_id,
      output_schema: { required: ['ok'] },
      previous: null,
    });
    const done = { ...held(claimed), action: 'complete', output: { ok: true } };
    expect(await run('report_job', done)).toMatchObject({ job_id, status: 'completed', replayed: false });
    expect(await run('report_job', done)).toMatchObject({ status: 'completed', replayed: true });
    expect(await run('get', { id: job_id })).toMatchObject({ status: 'completed', result: { ok: true } });
  });

  it('gives the steps of a forEach, rendered, and the run ends with their outputs', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const { execution_id } = await run('execute_workflow', {
      definition: {
        name: 'reviews',
        steps: [
          {
            id: 'each',
            task: 'agent.task',
            requires: ['review'],
            forEach: '${{ input.files }}',
            with: { prompt: 'Review ${{ item }}', context: { at: '${{ index }}' } },
            output: { type: 'string' },
          },
        ],
        output: '${{ steps.each.output }}',
      },
      input: { files: ['a', 'b', 'c'] },
    });
    const reply = await run('claim_job', { worker: 'ada', capabilities: ['review'], capacity: 2, max_jobs: 5, wait_ms: 5_000 });
    const leases = reply.leases as Lease[];
    expect(leases).toMatchObject([
      { execution_id, step_id: 'each', item_index: 0, payload: { prompt: 'Review a', context: { at: 0 } }, output_schema: { type: 'string' } },
      { item_index: 1, payload: { prompt: 'Review b', context: { at: 1 } }, idempotency_key: `${execution_id}/each[1]` },
    ]);
    expect(await run('claim_job', { worker: 'ada', capabilities: ['review'], capacity: 2, wait_ms: 20_000 })).toMatchObject({
      leases: [],
      held: [{ job_id: leases[0]?.job_id }, { job_id: leases[1]?.job_id }],
      next: [expect.stringContaining('You hold 2 of 2')],
    });
    await reported(leases);
    const rest = await run('claim_job', { worker: 'ada', capabilities: ['review'], wait_ms: 5_000 });
    await reported(rest.leases as Lease[]);
    expect(await run('wait', { ids: [execution_id] })).toMatchObject({ met: true, items: [{ status: 'completed', output: ['done 0', 'done 1', 'done 2'] }] });

    async function reported(some: readonly Lease[]): Promise<void> {
      for (const { job_id, lease_token, item_index } of some)
        await run('report_job', { worker_id: reply.worker_id, job_id, lease_token, action: 'complete', output: `done ${item_index}` });
    }
  });

  it('waits for work, and never leases to a call that was given up', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const waiting = claim(run, { wait_ms: 20_000 });
    await until(engine, () => engine.backend.listWorkers({ filter: {}, limit: 1, cursor: null }).items.length === 1);
    await run('enqueue_job', REVIEW);
    const first = await waiting;
    expect(first.lease).toMatchObject({ payload: { prompt: 'Review a.ts' } });
    await run('report_job', { ...held(first), action: 'complete', output: 1 });

    const stop = new AbortController();
    const given = refusal(run('claim_job', { worker: 'ada', capabilities: ['review'], wait_ms: 20_000 }, { signal: stop.signal }));
    stop.abort();
    expect((await given).code).toBe('cancelled');
    const { job_id } = await run('enqueue_job', REVIEW);
    expect(await run('get', { id: job_id })).toMatchObject({ status: 'pending', attempt: 0 });
  });

  it('gives back what it claimed while the caller gave up', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const { job_id } = await run('enqueue_job', REVIEW);
    const stop = new AbortController();
    const call = refusal(run('claim_job', { worker: 'ada', capabilities: ['review'], wait_ms: 0 }, { signal: stop.signal }));
    // The claim is under way, its commit is not.
    stop.abort();
    expect((await call).code).toBe('cancelled');
    expect(await run('get', { id: job_id })).toMatchObject({ status: 'pending', attempt: 0 });
    expect((await claim(run)).lease).toMatchObject({ job_id, attempt: 1 });
  });

  it('the same nonce gives the same leases again', async () => {
    const run = toolsOf(await engineFor());
    await run('enqueue_job', { jobs: [REVIEW, REVIEW] });
    const first = await claim(run, { nonce: 'n', capacity: 2 });
    const again = await claim(run, { nonce: 'n', capacity: 2 });
    expect(again.reply).toMatchObject({ replayed: true, worker_id: first.worker });
    expect(again.lease).toEqual({ ...first.lease, lease_expires_at: again.lease.lease_expires_at });
    await run('report_job', { ...held(first), action: 'complete', output: 1 });
    expect(await claim(run, { nonce: 'n', capacity: 2 })).toMatchObject({
      lease: undefined,
      reply: { replayed: true, next: [expect.stringContaining('nonce')] },
    });
  });

  it('says what waits for capabilities that the worker did not name', async () => {
    const run = toolsOf(await engineFor());
    const { job_id } = await run('enqueue_job', { ...REVIEW, requires: ['review', 'rust'] });
    await run('enqueue_job', { task: 'echo', payload: { value: 1 }, delay: '1h' });
    expect((await claim(run)).reply).toMatchObject({
      leases: [],
      waiting: [{ requires: ['agent.task', 'review', 'rust'], missing: ['rust'], jobs: 1, example: job_id }],
      next: [expect.stringContaining('claim_job again'), expect.stringContaining('capabilities')],
    });
  });

  it('fails a job whose input cannot be made, and goes on to the next', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const step = { id: 's', task: 'agent.task', with: { prompt: '${{ input.text }}' }, retry: { maxAttempts: 1 } };
    const bad = await run('execute_workflow', { definition: { name: 'bad', steps: [step] }, input: { text: '' }, priority: 'high' });
    const { job_id } = await run('enqueue_job', REVIEW);
    const { lease } = await claim(run, { wait_ms: 5_000 });
    expect(lease.job_id).toBe(job_id);
    expect(await run('wait', { ids: [bad.execution_id] })).toMatchObject({ items: [{ status: 'failed', error: { code: 'invalid_input' } }] });
  });

  it('refuses a lease, a worker id and names that are wrong', async () => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('claim_job', { lease: '10ms' }))).toMatchObject({ code: 'invalid_input', path: 'lease' });
    expect(await refusal(run('claim_job', { lease: '25h' }))).toMatchObject({ code: 'invalid_input', path: 'lease' });
    expect(await refusal(run('claim_job', { capabilites: [] }))).toMatchObject({ nearMatches: ['capabilities'] });
    expect(await refusal(run('claim_job', { worker_id: 'wrk_01m80dxqpq0005y09cek8hyfh1', wait_ms: 0 }))).toMatchObject({
      code: 'not_found',
      path: 'worker_id',
    });
  });
});

describe('report_job', () => {
  it('keeps the lease when the output does not fit, and says why', async () => {
    const run = toolsOf(await engineFor());
    await run('enqueue_job', { ...REVIEW, output: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'], additionalProperties: false } });
    const claimed = await claim(run);
    const error = await refusal(run('report_job', { ...held(claimed), action: 'complete', output: { n: 'x', more: 1 } }));
    expect(error).toMatchObject({ code: 'output_invalid', nextActions: [expect.stringMatching(/kept until .*report complete again/)] });
    expect(error.message).toContain('output.n');
    expect((error.details as { faults: { path: string }[] }).faults.map((fault) => fault.path).sort()).toEqual(['output.more', 'output.n']);
    expect(await run('report_job', { ...held(claimed), action: 'complete', output: { n: 1 } })).toMatchObject({ status: 'completed' });
  });

  it('a note, the share and the attempt come back with the next lease', async () => {
    const run = toolsOf(await engineFor());
    await run('enqueue_job', { ...REVIEW, retry: { maxAttempts: 3, initialInterval: '1ms' } });
    const first = await claim(run);
    expect(await run('report_job', { ...held(first), action: 'progress', share: 0.5, message: 'half', note: { line: 40 }, logs: ['read a.ts'] })).toMatchObject(
      {
        status: 'running',
        cancel_requested: false,
        lease_expires_at: expect.any(String),
      },
    );
    expect(await run('get', { id: first.lease.job_id })).toMatchObject({
      checkpoint: { line: 40 },
      worker: { worker_id: first.worker, name: 'ada' },
      progress: { share: 0.5, message: 'half' },
    });
    await run('report_job', { ...held(first), action: 'fail', error: { message: 'out of tokens', code: 'tokens' } });
    const second = await claim(run, { worker: 'bob', wait_ms: 5_000 });
    expect(second.lease).toMatchObject({ attempt: 2, previous: { attempt: 1, note: { line: 40 } } });
    expect(await refusal(run('report_job', { ...held(first), action: 'complete', output: 1 }))).toMatchObject({
      code: 'lease_lost',
      message: expect.stringContaining('bob'),
      nextActions: [expect.stringContaining('Stop'), expect.stringContaining('claim_job')],
    });
    expect(await run('get', { id: first.lease.job_id, view: 'logs' })).toMatchObject({ lines: [{ message: 'read a.ts' }] });
  });

  it('release gives it back unharmed; what is not retryable fails for good', async () => {
    const run = toolsOf(await engineFor());
    await run('enqueue_job', REVIEW);
    const first = await claim(run);
    expect(await run('report_job', { ...held(first), action: 'release', note: 'began' })).toMatchObject({ status: 'pending' });
    const second = await claim(run);
    expect(second.lease).toMatchObject({ attempt: 1, previous: { note: 'began' } });
    expect(await run('report_job', { ...held(second), action: 'fail', error: { message: 'no such file', retryable: false } })).toMatchObject({
      status: 'failed',
    });
    expect(await run('get', { id: second.lease.job_id })).toMatchObject({ status: 'failed', error: { code: 'handler_failed', message: 'no such file' } });
  });

  it('tells that the job is to be cancelled', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    await run('enqueue_job', REVIEW);
    const claimed = await claim(run);
    await run('control', { id: claimed.lease.job_id, action: 'cancel' });
    expect(await run('report_job', { ...held(claimed), action: 'heartbeat' })).toMatchObject({
      cancel_requested: true,
      next: [expect.stringContaining('stop')],
    });
  });

  it('refuses fields that do not act, and what is missing', async () => {
    const run = toolsOf(await engineFor());
    const base = { worker_id: 'w', job_id: 'j', lease_token: 1 };
    expect(await refusal(run('report_job', { ...base, action: 'heartbeat', output: 1 }))).toMatchObject({ path: 'output', expected: 'action complete' });
    expect(await refusal(run('report_job', { ...base, action: 'complete', note: 1 }))).toMatchObject({ path: 'note' });
    expect(await refusal(run('report_job', { ...base, action: 'complete' }))).toMatchObject({ path: 'output' });
    expect(await refusal(run('report_job', { ...base, action: 'fail' }))).toMatchObject({ path: 'error' });
    expect(await refusal(run('report_job', { ...base, action: 'heartbeat' }))).toMatchObject({ code: 'not_found', path: 'worker_id' });
    expect(await refusal(run('report_job', { job_id: 'j', lease_token: 1, action: 'heartbeat' }))).toMatchObject({ code: 'invalid_input', path: 'worker_id' });
  });
});

describe('the schema of a result', () => {
  it('holds for what a process runs too', async () => {
    const run = toolsOf(await engineFor());
    const output = { type: 'string' };
    expect(await run('enqueue_job', { task: 'echo', payload: { value: 'a' }, output, wait_ms: 5_000 })).toMatchObject({ status: 'completed', result: 'a' });
    expect(await run('enqueue_job', { task: 'echo', payload: { value: 1 }, output, wait_ms: 5_000 })).toMatchObject({
      status: 'failed',
      error: { code: 'output_invalid', message: expect.stringContaining('output') },
    });
    const step = { id: 's', task: 'echo', with: { value: 1 }, output };
    expect(await run('execute_workflow', { definition: { name: 'w', steps: [step] }, wait_ms: 5_000 })).toMatchObject({ error: { code: 'output_invalid' } });
  });

  it('is checked when the job is made, in a batch with its place', async () => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('enqueue_job', { ...REVIEW, output: { type: 'objekt' } }))).toMatchObject({ code: 'invalid_input', path: 'output.type' });
    expect(await refusal(run('enqueue_job', { jobs: [REVIEW, { ...REVIEW, output: { summary: 'text' } }] }))).toMatchObject({ path: 'jobs[1].output' });
    expect(await refusal(run('enqueue_job', { ...REVIEW, payload: { promt: 'x' } }))).toMatchObject({ code: 'invalid_input', nearMatches: ['prompt'] });
  });

  it('an artifact of a step is made of what the agent gives', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const step = { id: 's', task: 'agent.task', with: { prompt: 'x' }, artifact: 'report.md' };
    const { execution_id } = await run('execute_workflow', { definition: { name: 'w', steps: [step], output: '${{ steps.s.output }}' } });
    const claimed = await claim(run, { wait_ms: 5_000 });
    const done = { ...held(claimed), action: 'complete', output: '# Report' };
    await run('report_job', done);
    expect(await run('report_job', done)).toMatchObject({ replayed: true });
    expect(await run('wait', { ids: [execution_id] })).toMatchObject({ items: [{ output: { artifact: { name: 'report.md', bytes: 8 } } }] });
    expect(engine.backend.listArtifacts({ executionId: execution_id as string })).toHaveLength(1);
  });
});

describe('who works and what waits for whom', () => {
  it('explain, status and list name the worker, or say that none is online', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const job = await run('enqueue_job', REVIEW);
    const message = expect.stringMatching(/waits for a worker agent with \[review\]; none is online.*claim_job.*worker --exec/);
    expect(job.warnings).toEqual([message]);
    expect(await run('get', { id: job.job_id, view: 'explain' })).toMatchObject({ reasons: [{ code: 'no_capable_worker', message }] });
    expect(await run('get_system_status')).toMatchObject({ health: 'degraded', warnings: [message] });
    const preview = await run('create_workflow', { definition: { name: 'x', steps: [{ id: 's', ...REVIEW, payload: undefined, with: REVIEW.payload }] } });
    expect(JSON.stringify(preview)).toContain('none is online');

    const claimed = await claim(run);
    await run('report_job', { ...held(claimed), action: 'progress', share: 0.25, note: 'line 4' });
    const explained = await run('get', { id: job.job_id, view: 'explain' });
    expect(explained).toMatchObject({ reasons: [{ code: 'running', blocked_by: [claimed.worker], until: expect.any(String) }], allowed_actions: ['cancel'] });
    expect(JSON.stringify(explained)).toMatch(/worker agent ada holds it.*25 %.*line 4/);
    expect(await run('get', { id: claimed.worker })).toMatchObject({
      name: 'ada',
      status: 'active',
      capacity: 1,
      held: 1,
      held_jobs: [{ job_id: job.job_id }],
    });
    expect(await run('list', { kind: 'workers' })).toMatchObject({
      items: [
        { kind: 'agent', name: 'ada', capabilities: ['agent.task', 'review'] },
        { kind: 'process', pid: process.pid },
      ],
    });
    expect(await run('list', { kind: 'workers', filter: { status: 'lost' } })).toMatchObject({ count: 0 });

    await run('enqueue_job', REVIEW);
    const second = await run('enqueue_job', REVIEW);
    expect(await run('get', { id: second.job_id, view: 'explain' })).toMatchObject({ reasons: [{ code: 'workers_busy', blocked_by: [claimed.worker] }] });
    await engine.workerAgents.leave(claimed.worker, AGENT.principal);
    expect(await run('get', { id: second.job_id, view: 'explain' })).toMatchObject({
      reasons: [{ message: expect.stringContaining('last seen: ada') }],
    });
    expect(await run('get_system_status')).not.toHaveProperty('workers');
    expect(engine.backend.listProcesses().length).toBe(1);
    expect([AGENT.principal, HUMAN.principal]).toContain(engine.backend.getWorker(claimed.worker)?.principal);
  });

  it('a forEach whose items nobody can do says so, and a plan says what it needs', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const definition = { name: 'w', steps: [{ id: 'each', forEach: [1, 2], ...REVIEW, payload: undefined, with: { prompt: 'Do ${{ item }}' } }] };
    expect(await run('execute_workflow', { definition, dry_run: true })).toMatchObject({ worker_agents: ['each needs a worker agent with [review]'] });
    const { execution_id } = await run('execute_workflow', { definition });
    expect(await run('get', { id: execution_id, view: 'explain' })).toMatchObject({
      steps: [{ step: 'each', reasons: [{ code: 'for_each' }, { code: 'no_capable_worker', message: expect.stringContaining('[review]; none is online') }] }],
    });
    await claim(run);
    const { items } = (await run('list', { kind: 'jobs' })) as { items: { job_id: string; status: string }[] };
    const [held, waiting] = ['running', 'pending'].map((status) => items.find((job) => job.status === status)?.job_id);
    expect(await run('get', { id: held, view: 'explain' })).toMatchObject({ reasons: [{ code: 'running' }] });
    expect(await run('get', { id: waiting, view: 'explain' })).toMatchObject({ reasons: [{ code: 'workers_busy' }] });
    await run('claim_job', { worker: 'bob', capabilities: ['review'], wait_ms: 0, capacity: 5, queue: 'other' });
    expect(await run('get', { id: waiting, view: 'explain' })).toMatchObject({
      reasons: [{ code: 'queued', message: expect.stringContaining('bob could take it') }],
    });
  });

  it('a secret that is not bound to agent.task never reaches an agent', async () => {
    const engine = await engineFor(
      { secrets: { TOKEN: { tasks: ['http.request'], hosts: ['example.org'] } } },
      { env: { LOGISTICS_SECRET_TOKEN: 'hunter22' } },
    );
    const run = toolsOf(engine);
    const step = { id: 's', task: 'agent.task', with: { prompt: 'Use ${{ secrets.TOKEN }}' } };
    const { execution_id } = await run('execute_workflow', { definition: { name: 'w', steps: [step] } });
    const { reply } = await claim(run, { wait_ms: 300 });
    expect(reply.leases).toEqual([]);
    expect(await run('wait', { ids: [execution_id] })).toMatchObject({ items: [{ status: 'failed', error: { code: 'not_allowed' } }] });
  });

  it('an empty list of workers teaches how to become one', async () => {
    const run = toolsOf(await engineFor());
    expect(await run('list', { kind: 'workers' })).toMatchObject({ count: 1, next: [expect.stringContaining('claim_job')] });
  });
});
