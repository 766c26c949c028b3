// The HTTP interface: the tools by natural addresses, under the rules that they have over MCP, for programs that speak no MCP.
import { describe, expect, it } from 'vitest';
import { API_ROUTES } from '../../src/http/api/api-routes.ts';
import { api, connectHttp, httpPlace, type Reply } from '../support/http-server.ts';
import { heldTask } from '../support/test-engine.ts';

const greet = {
  name: 'greet',
  input: { type: 'object', properties: { who: { type: 'string' } }, required: ['who'] },
  steps: [{ id: 'hello', task: 'echo', with: { value: 'Hello ${{ input.who }}' } }],
  output: '${{ steps.hello.output }}',
};
const signal = { name: 'sig', steps: [{ id: 's', task: 'wait.signal', with: { name: 'go' } }] };

/** A step writes it; the id is told with the step. */
async function artifactOf(call: ReturnType<typeof api>, value: string, mediaType: string): Promise<string> {
  const definition = { name: 'writes', steps: [{ id: 'w', task: 'echo', with: { value }, artifact: { name: 'grün.txt', mediaType } }] };
  const { execution_id } = (await call('POST /executions', { definition, wait_ms: 10_000 })).body;
  return /art_[0-9a-z]{26}/.exec(JSON.stringify((await call(`GET /executions/${execution_id}/output`)).body))?.[0] as string;
}

describe('tools over HTTP', () => {
  it('store, run, read and wait for a workflow by natural addresses', async () => {
    const { url } = await httpPlace();
    const call = api(url);
    const stored = await call('POST /workflows', { definition: greet });
    expect(stored).toMatchObject({ status: 200, body: { valid: true, mode: 'apply', name: 'greet', version: 1 } });
    expect((await call('POST /workflows', { definition: greet, mode: 'preview' })).body).toMatchObject({ mode: 'preview' });
    const run = await call('POST /executions', { name: 'greet', input: { who: 'Ada' } });
    expect(run.status).toBe(200);
    const id = run.body.execution_id as string;
    expect((await call(`GET /executions/${id}/wait?timeout_ms=20000`)).body).toMatchObject({
      met: true,
      items: [{ status: 'completed', output: 'Hello Ada' }],
    });
    expect((await call(`GET /executions/${id}`)).body).toMatchObject({ status: 'completed' });
    expect((await call(`GET /executions/${id}/steps`)).body).toMatchObject({ steps: [{ step: 'hello', status: 'completed' }] });
    expect((await call(`GET /executions/${id}/output?step=hello`)).body).toMatchObject({ output: 'Hello Ada' });
    expect((await call('GET /executions?status=completed&workflow=greet&limit=5')).body).toMatchObject({ kind: 'executions', count: 1 });
    expect((await call(`GET /workflows/${stored.body.workflow_id}/output`)).status).toBe(200);
    expect((await call(`DELETE /workflows/${stored.body.workflow_id}`)).body).toMatchObject({ action: 'delete' });
    expect((await call('POST /executions', { name: 'greet', input: { who: 'Bo' } })).status).toBe(404);
    expect((await call('GET /status')).body).toMatchObject({ health: 'healthy' });
  });

  it('enqueue, page through, cancel and redrive jobs, and control queues', async () => {
    const { url } = await httpPlace();
    const call = api(url);
    const made = await call('POST /jobs', { jobs: [1, 2, 3].map((value) => ({ task: 'echo', payload: { value }, delay: '1h' })) });
    const [first] = made.body.job_ids as string[];
    const page = await call('GET /jobs?limit=2&status=pending');
    expect(page.body).toMatchObject({ count: 2, truncated: true });
    expect((await call(`GET /jobs?limit=2&status=pending&cursor=${page.body.next_cursor}`)).body).toMatchObject({ count: 1 });
    expect((await call(`GET /jobs?batch=${made.body.batch_id}&dead=false`)).body).toMatchObject({ count: 3 });
    expect((await call(`POST /jobs/${first}/cancel`, { reason: 'no longer' })).body).toMatchObject({ action: 'cancel', status: 'cancelled' });
    expect((await call(`POST /jobs/${first}/redrive`)).body).toMatchObject({ action: 'redrive' });
    expect((await call(`GET /jobs/${made.body.batch_id}/wait?timeout_ms=0`)).body).toMatchObject({ met: false });
    expect((await call('POST /queues/default/pause')).body).toMatchObject({ status: 'paused' });
    expect((await call('GET /queues/default')).body).toMatchObject({ status: 'paused' });
    expect((await call('POST /queues/default/update', { concurrency: 2 })).status).toBe(200);
    expect((await call('GET /queues')).body).toMatchObject({ kind: 'queues' });
    expect((await call('GET /workers')).body).toMatchObject({ kind: 'workers' });
  });

  it('make, change, trigger and delete schedules; open and close sessions', async () => {
    const { url } = await httpPlace();
    const call = api(url);
    const made = await call('POST /schedules/cron', { name: 'nightly', expression: '0 3 * * *', target: { task: 'echo', input: { value: 1 } } });
    const id = made.body.schedule_id as string;
    expect((await call(`PATCH /schedules/${id}`, { jitter: '5s' })).body).toMatchObject({ action: 'update' });
    expect((await call(`POST /schedules/${id}/trigger`)).body).toMatchObject({ action: 'trigger' });
    expect((await call(`GET /schedules/${id}/events`)).status).toBe(200);
    expect((await call('POST /schedules/recurring', { name: 'often', every: '1h', target: { task: 'echo', input: { value: 1 } } })).status).toBe(200);
    expect((await call('GET /schedules')).body).toMatchObject({ count: 2 });
    expect((await call(`DELETE /schedules/${id}`)).body).toMatchObject({ status: 'deleted' });
    const session = (await call('POST /sessions', { name: 'release', context: { a: 1 } })).body.session_id as string;
    await call('POST /jobs', { task: 'echo', payload: { value: 1 }, delay: '1h', session_id: session });
    expect((await call(`POST /sessions/${session}/update`, { context: { b: 2 } })).status).toBe(200);
    expect((await call(`GET /sessions/${session}/events`)).body).toMatchObject({ events: expect.any(Array) });
    expect((await call(`DELETE /sessions/${session}?policy=cancel`)).body).toMatchObject({ closed: true, cancelled: 1 });
  });

  it('make, read and run projects', async () => {
    const { url } = await httpPlace({ toolsets: ['projects'] });
    const call = api(url);
    const made = await call('POST /projects', { name: 'web' });
    expect(made.body).toMatchObject({ name: 'web', status: 'active' });
    expect((await call('GET /projects')).body).toMatchObject({ count: 1 });
    expect((await call('GET /projects/web')).body).toMatchObject({ project_id: made.body.project_id });
    expect((await call(`GET /projects/${made.body.project_id}/summary`)).body).toMatchObject({ name: 'web' });
    expect((await call('POST /projects/web/pause', { reason: 'later' })).body).toMatchObject({ status: 'paused' });
    expect((await call('POST /projects/nothing/pause')).status).toBe(404);
    expect((await call('POST /projects/web/list_templates')).status).toBe(400);
  });

  it('mirror every tool by its name, published workflows and aliases too', async () => {
    const { url } = await httpPlace({ published: [{ workflow: 'greet', as: 'say_hello' }] });
    const call = api(url);
    await call('POST /tools/create_workflow', { definition: greet, mode: 'apply' });
    const { items } = (await call('GET /tools')).body as { items: Reply[] };
    expect(items.map(({ name }) => name)).toEqual(expect.arrayContaining(['get', 'list', 'wait', 'control', 'say_hello']));
    expect((await call('POST /tools/say_hello', { who: 'Bo' })).body).toMatchObject({ status: 'completed', output: 'Hello Bo' });
    expect((await call('POST /tools/execute_workflow', { workflow_name: 'greet', parameters: { who: 'Cy' }, wait_ms: 10_000 })).body).toMatchObject({
      output: 'Hello Cy',
    });
    expect(await call('POST /tools/exekute_workflow', {})).toMatchObject({
      status: 404,
      body: { error: { code: 'not_found', path: 'tool_name', near_matches: expect.arrayContaining(['execute_workflow']) } },
    });
    expect(await call('POST /tools/claim_job', { worker: 'w' })).toMatchObject({ status: 501, body: { error: { code: 'not_available' } } });
    expect((await call('POST /workers/claim', { worker: 'w' })).status).toBe(501);
  });

  it('let a worker agent claim and report', async () => {
    const { url } = await httpPlace({ toolsets: ['workers'] });
    const call = api(url);
    const { job_id } = (await call('POST /jobs', { task: 'agent.task', payload: { prompt: 'do' } })).body;
    const claim = (await call('POST /workers/claim', { worker: 'ada', wait_ms: 10_000 })).body as { worker_id: string; leases: Reply[] };
    const lease = claim.leases[0] as Reply;
    expect(lease.job_id).toBe(job_id);
    expect((await call(`GET /workers/${claim.worker_id}`)).body).toMatchObject({ worker_id: claim.worker_id });
    const report = { worker_id: claim.worker_id, job_id, lease_token: lease.lease_token, action: 'complete', output: 7 };
    expect((await call('POST /workers/report', report)).body).toMatchObject({ status: 'completed' });
  });

  it('serve every view that is described, and refuse the others', async () => {
    const { url } = await httpPlace();
    const call = api(url);
    const execution = (await call('POST /executions', { definition: signal })).body.execution_id;
    const ids: Readonly<Record<string, unknown>> = {
      executions: execution,
      jobs: (await call('POST /jobs', { task: 'echo', payload: { value: 'x'.repeat(300_000) }, wait_ms: 10_000 })).body.job_id,
      workflows: (await call('POST /workflows', { definition: greet })).body.workflow_id,
      schedules: (await call('POST /schedules/cron', { name: 'n', expression: '@daily', target: { task: 'echo', input: { value: 1 } } })).body.schedule_id,
      sessions: (await call('POST /sessions', {})).body.session_id,
    };
    const views = ['summary', 'steps', 'events', 'output', 'logs', 'graph', 'timeline', 'explain', 'lineage'];
    for (const route of API_ROUTES) {
      const [, folder = ''] = route.path.split('/');
      if (!route.path.endsWith('/{view}') || ids[folder] === undefined) continue;
      for (const view of views) {
        const { status, body } = await call(`GET /${folder}/${ids[folder]}/${view}${folder === 'executions' && view === 'logs' ? '?step=s' : ''}`);
        expect
          .soft([folder, view, status, JSON.stringify(body).slice(0, 200)])
          .toEqual([folder, view, route.choices?.includes(view) ? 200 : 400, expect.anything()]);
      }
    }
  });

  it('give the content of an artifact as it is, whole or a range', async () => {
    const { url } = await httpPlace();
    const call = api(url);
    const content = 'äy'.repeat(300_000);
    const id = await artifactOf(call, content, 'text/html');
    const whole = await fetch(`${url}/api/v1/artifacts/${id}`);
    expect([whole.status, whole.headers.get('content-type'), whole.headers.get('x-content-type-options')]).toEqual([200, 'text/html', 'nosniff']);
    expect(whole.headers.get('content-disposition')).toMatch(/^attachment/);
    expect(await whole.text()).toBe(content);
    const part = await fetch(`${url}/api/v1/artifacts/${id}`, { headers: { range: 'bytes=2-4' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, `bytes 2-4/${Buffer.byteLength(content)}`, 'yä']);
    const tail = await fetch(`${url}/api/v1/artifacts/${id}`, { headers: { range: 'bytes=-1' } });
    expect(await tail.text()).toBe('y');
    const beyond = await fetch(`${url}/api/v1/artifacts/${id}`, { headers: { range: 'bytes=99999999-' } });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${Buffer.byteLength(content)}`]);
    const head = await fetch(`${url}/api/v1/artifacts/${id}`, { method: 'HEAD' });
    expect([head.status, Number(head.headers.get('content-length')), await head.text()]).toEqual([200, Buffer.byteLength(content), '']);
    expect((await call(`GET /artifacts/${id}/summary`)).body).toMatchObject({ artifact_id: id });
    expect((await call(`GET /artifacts/art_${'0'.repeat(26)}`)).status).toBe(404);
    // What a job called its type is no header of ours.
    const odd = await fetch(`${url}/api/v1/artifacts/${await artifactOf(call, 'x', 'text/html\r\nset-cookie: a=b')}`);
    expect([odd.status, odd.headers.get('content-type'), odd.headers.get('set-cookie')]).toEqual([200, 'application/octet-stream', null]);
  });
});

describe('a call over HTTP', () => {
  it('is told what is wrong with code, path, near matches and the status of the table', async () => {
    const { url } = await httpPlace();
    const call = api(url);
    const cases: readonly (readonly [string, unknown, number, object])[] = [
      ['POST /executions', { nam: 'x' }, 400, { code: 'invalid_input', path: 'nam', near_matches: ['name'] }],
      ['POST /executions', { name: 'nothing' }, 404, { code: 'not_found' }],
      ['GET /executions?stat=x', undefined, 400, { code: 'invalid_input', path: 'stat', near_matches: ['status'] }],
      ['GET /executions?status=runing', undefined, 400, { code: 'invalid_input', path: 'filter.status', near_matches: ['running'] }],
      ['GET /executions?limit=5&limit=6', undefined, 400, { code: 'invalid_input', path: 'limit' }],
      ['GET /executions?limit=abc', undefined, 400, { code: 'invalid_input', path: 'limit' }],
      ['GET /jobs?dead=maybe', undefined, 400, { code: 'invalid_input', path: 'filter.dead' }],
      [`GET /executions/job_${'0'.repeat(26)}`, undefined, 400, { code: 'invalid_input', path: 'id' }],
      [`GET /executions/exec_${'0'.repeat(26)}`, undefined, 404, { code: 'not_found' }],
      ['GET /executions/greet', undefined, 400, { code: 'invalid_input', path: 'id' }],
      [`POST /executions/exec_${'0'.repeat(26)}/explode`, {}, 400, { code: 'invalid_input', path: 'action' }],
      [`POST /executions/exec_${'0'.repeat(26)}/cancel`, { id: 'x' }, 400, { code: 'invalid_input', path: 'id' }],
      [`POST /executions/exec_${'0'.repeat(26)}/cancel`, { filter: { kind: 'jobs' } }, 400, { code: 'invalid_input', path: 'filter' }],
      ['POST /executions', { definition: { steps: [] } }, 400, { code: 'invalid_definition' }],
      ['GET /nothing', undefined, 404, { code: 'not_found' }],
      ['GET /status?x=1', undefined, 400, { code: 'invalid_input', path: 'x' }],
      ['GET /tools?x=1', undefined, 400, { code: 'invalid_input', path: 'x' }],
      ['POST /jobs', [], 400, { code: 'invalid_input' }],
    ];
    for (const [what, body, status, error] of cases) {
      const answer = await call(what, body);
      expect.soft(answer, what).toMatchObject({ status, body: { error } });
      expect.soft(answer.body.error, what).toMatchObject({ message: expect.any(String), retryable: expect.any(Boolean), next_actions: expect.any(Array) });
    }
    const other = await call('PUT /executions');
    expect([other.status, other.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
    expect((await call('DELETE /status')).status).toBe(405);
    expect((await fetch(`${url}/api/v1/status`, { method: 'HEAD' })).status).toBe(200);
  });

  it('with an Idempotency-Key happens once; the key is one of the tool, and reads take none', async () => {
    const { url } = await httpPlace();
    const call = api(url);
    const job = { task: 'echo', payload: { value: 1 }, delay: '1h' };
    const headers = { 'idempotency-key': 'one' };
    const first = await call('POST /jobs', job, { headers });
    expect((await call('POST /jobs', job, { headers })).body).toMatchObject({ job_id: first.body.job_id, replayed: true });
    expect((await call('POST /tools/enqueue_job', { ...job, idempotency_key: 'one' })).body).toMatchObject({ job_id: first.body.job_id, replayed: true });
    expect(await call('POST /jobs', { ...job, delay: '2h' }, { headers })).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } });
    expect((await call('POST /jobs', { ...job, idempotency_key: 'two' }, { headers })).status).toBe(400);
    expect((await call('GET /status', undefined, { headers })).body).toMatchObject({ error: { path: 'Idempotency-Key' } });
    const mcp = await connectHttp(url, '2026');
    expect(await mcp.call('enqueue_job', { ...job, idempotency_key: 'one' })).toMatchObject({ job_id: first.body.job_id, replayed: true });
  });

  it('that waits ends when the client leaves, and the work goes on', async () => {
    const held = heldTask();
    const { url, server } = await httpPlace({}, { options: { tasks: [held] } });
    const call = api(url);
    const leave = new AbortController();
    const waiting = call('POST /jobs', { task: 'held', wait_ms: 50_000 }, { signal: leave.signal });
    await held.reached(1);
    const { items } = (await call('GET /jobs?status=running')).body as { items: Reply[] };
    const id = items[0]?.job_id as string;
    const long = call(`GET /jobs/${id}/wait?timeout_ms=50000`);
    leave.abort();
    await expect(waiting).rejects.toThrow();
    expect((await call(`GET /jobs/${id}`)).body).toMatchObject({ status: 'running' });
    held.release('done');
    expect((await long).body).toMatchObject({ met: true, items: [{ result: 'done' }] });
    expect(server.sessions()).toBe(0);
  });

  it('whose reply is larger than the server sends is refused, over MCP too, with how to read it', async () => {
    const { url } = await httpPlace({ serve: { maxResult: 16_384 } });
    const call = api(url);
    for (let i = 0; i < 80; i++) await call('POST /jobs', { task: 'echo', payload: { value: 1 }, delay: '1h', queue: `q${i}-${'x'.repeat(80)}` });
    const refused = await call('GET /jobs?limit=100');
    expect(refused).toMatchObject({ status: 413, body: { error: { code: 'limit_exceeded', expected: expect.stringContaining('16384') } } });
    expect(JSON.stringify(refused.body)).toContain('cursor');
    expect((await call('GET /jobs?limit=20')).status).toBe(200);
    const mcp = await connectHttp(url, '2025 http');
    expect(await mcp.text('list', { kind: 'jobs', limit: 100 })).toMatch(/^limit_exceeded/);
    expect(await mcp.call('list', { kind: 'jobs', limit: 20 })).toMatchObject({ count: 20 });
    // The call itself was done.
    const ref = (i: number): string => `${i}-`.padEnd(100, 'r');
    const made = await call('POST /jobs', { jobs: Array.from({ length: 100 }, (_, i) => ({ task: 'log', payload: { message: 'x' }, ref: ref(i) })) });
    expect(made.status).toBe(413);
    expect(JSON.stringify(made.body)).toMatch(/job_.*was done/);
    expect((await call('GET /jobs?task=log&limit=1')).body).toMatchObject({ count: 1 });
    await mcp.call('create_workflow', {
      mode: 'apply',
      definition: { name: 'wide', steps: [{ id: 'a', task: 'echo', with: { value: 'z'.repeat(20_000) } }] },
    });
    await expect(mcp.client.readResource({ uri: 'logistics://workflows/wide' })).rejects.toThrow(/16384/);
  });
});

describe('tokens over HTTP', () => {
  it('may do by scope what they may do over MCP', async () => {
    const { url, secrets } = await httpPlace(
      { toolsets: ['workers'] },
      { tokens: { reader: ['read'], writer: ['write'], worker: ['worker'], approver: ['approve'], admin: ['admin'] } },
    );
    const as = (name: keyof typeof secrets): ReturnType<typeof api> => api(url, secrets[name]);
    expect((await api(url)('GET /status')).status).toBe(401);
    expect((await api(url, 'lmcp_wrong')('GET /status')).headers.get('www-authenticate')).toContain('invalid_token');
    const { execution_id } = (await as('writer')('POST /executions', { definition: signal })).body;
    const table: readonly (readonly [keyof typeof secrets, string, unknown, number])[] = [
      ['reader', 'GET /status', undefined, 200],
      ['reader', `GET /executions/${execution_id}`, undefined, 200],
      ['reader', 'POST /jobs', { task: 'echo', payload: { value: 1 } }, 403],
      ['reader', `POST /executions/${execution_id}/cancel`, {}, 403],
      ['reader', 'POST /tools/list', { kind: 'jobs' }, 200],
      ['reader', 'POST /workers/claim', { worker: 'w' }, 403],
      ['worker', 'GET /status', undefined, 403],
      ['worker', 'GET /events?after=0', undefined, 403],
      ['worker', `GET /artifacts/art_${'0'.repeat(26)}`, undefined, 403],
      ['worker', 'POST /workers/claim', { worker: 'w', wait_ms: 0 }, 200],
      ['writer', 'POST /workers/claim', { worker: 'w' }, 403],
      ['approver', `POST /executions/${execution_id}/cancel`, {}, 403],
      ['approver', `GET /executions/${execution_id}`, undefined, 200],
      ['admin', `POST /executions/${execution_id}/cancel`, {}, 200],
    ];
    for (const [who, what, body, status] of table) {
      const answer = await as(who)(what, body);
      expect.soft([who, what, answer.status]).toEqual([who, what, status]);
      if (status === 403) expect.soft(answer.headers.get('www-authenticate')).toContain('insufficient_scope');
    }
    expect((await as('worker')('GET /openapi.json')).status).toBe(200);
  });

  it('see nothing of another tenant, at any address', async () => {
    const { url, token } = await httpPlace({ toolsets: ['workers'] });
    const mine = api(url, token('me', ['read', 'write', 'worker']));
    const theirs = api(url, token('they', ['read', 'write', 'worker'], 'acme'));
    const made = async (what: string, body: object, field: string): Promise<string> => (await theirs(what, body)).body[field] as string;
    const ids: Readonly<Record<string, string>> = {
      workflows: await made('POST /workflows', { definition: signal }, 'workflow_id'),
      executions: await made('POST /executions', { definition: signal }, 'execution_id'),
      jobs: await made('POST /jobs', { task: 'echo', payload: { value: 1 }, delay: '1h' }, 'job_id'),
      schedules: await made('POST /schedules/cron', { name: 'n', expression: '@daily', target: { task: 'echo', input: { value: 1 } } }, 'schedule_id'),
      sessions: await made('POST /sessions', {}, 'session_id'),
      workers: await made('POST /workers/claim', { worker: 'w', wait_ms: 0 }, 'worker_id'),
      artifacts: await artifactOf(theirs, 'secret', 'text/plain'),
    };
    const bodies: Readonly<Record<string, unknown>> = {
      fork: { step: 's' },
      signal: { name: 'go' },
      approve: { approved: true },
      update: { context: { a: 1 } },
      backfill: { from: '2026-01-01', to: '2026-01-03' },
    };
    const updates: Readonly<Record<string, unknown>> = { schedules: { change: {} }, executions: { budget: { attempts: 5 } } };
    let tried = 0;
    for (const route of API_ROUTES) {
      const [, folder = ''] = route.path.split('/');
      if (!route.path.includes('{id}')) continue;
      for (const choice of route.choices ?? ['']) {
        const path = route.path.replace('{id}', ids[folder] as string).replace(/\{(view|action)\}/, choice);
        const body =
          route.method === 'GET' || route.method === 'DELETE'
            ? undefined
            : choice === 'update' && Object.hasOwn(updates, folder)
              ? updates[folder]
              : (bodies[choice] ?? {});
        const { status, body: answer } = await mine(`${route.method} ${path}`, body);
        expect.soft([`${route.method} ${path}`, status, JSON.stringify(answer)]).toEqual([`${route.method} ${path}`, 404, expect.not.stringMatching(/acme/)]);
        tried++;
      }
    }
    expect(tried).toBeGreaterThan(40);
    for (const [folder, id] of Object.entries(ids)) if (folder !== 'artifacts') expect(JSON.stringify((await mine(`GET /${folder}`)).body)).not.toContain(id);
    for (const [name, id] of [
      ['execution_id', ids.executions],
      ['job_id', ids.jobs],
      ['session_id', ids.sessions],
      ['schedule_id', ids.schedules],
    ])
      expect((await mine(`GET /events?${name}=${id}`)).status).toBe(404);
    expect((await mine('GET /jobs?namespace=acme')).status).toBe(403);
    expect((await theirs(`GET /executions/${ids.executions}`)).body).toMatchObject({ status: 'waiting' });
    expect((await theirs(`GET /jobs/${ids.jobs}`)).body).toMatchObject({ status: 'pending' });
    expect((await theirs(`GET /schedules/${ids.schedules}`)).body).toMatchObject({ status: 'active' });
  });
});
