// Webhooks through the whole program: a real receiver, signatures, order, retries, dead letters, and a process that is killed while it delivers.
import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config/config-schema.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { clientOf, comesTrue, endRegistered, sharedFolder, startCommand } from '../support/processes.ts';
import { AGENT, engineFor, HUMAN, refusal, tempFolder, until } from '../support/test-engine.ts';
import { expectedSignature, type Receiver, webhookReceiver } from '../support/webhook-receiver.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const env = { LOGISTICS_SECRET_ERP: SECRET };
const QUICK = { maxAttempts: 4, initialInterval: 5, backoffCoefficient: 1 };

type Webhook = NonNullable<ConfigInput['webhooks']>[number];

function config(url: string, more: Partial<Webhook> = {}, rest: ConfigInput = {}): ConfigInput {
  return {
    http: { allowAddresses: ['127.0.0.0/8'] },
    secrets: { ERP: { tasks: ['webhook.deliver'], hosts: ['127.0.0.1'] } },
    webhooks: [{ name: 'erp', url, events: ['job_completed'], secret: 'ERP', retry: QUICK, ...more }],
    ...rest,
  };
}

async function jobs(engine: OrchestrationEngine, count: number, queue = 'default'): Promise<readonly string[]> {
  const { jobIds } = await engine.enqueue(
    Array.from({ length: count }, (_, n) => ({ task: 'echo', payload: { value: n }, queue })),
    HUMAN,
  );
  await engine.wait({ ids: [...jobIds], timeoutMs: 30_000 });
  return jobIds;
}

const dead = (engine: OrchestrationEngine, queue = 'webhooks.erp'): ReturnType<OrchestrationEngine['backend']['listJobs']>['items'] =>
  engine.backend.listJobs({ filter: { namespace: 'test', dead: true, queue }, limit: 50, cursor: null }).items;

const idle = (engine: OrchestrationEngine, receiver: Receiver): (() => boolean) => {
  const queue = 'webhooks.erp';
  return () =>
    receiver.received.length > 0 &&
    engine.backend.queueStats({ namespace: 'test', queue }).every(({ counts }) => counts.pending + counts.running + counts.retry === 0);
};

describe('a webhook', () => {
  it('gets each chosen event once, signed, in the order of the log, whole and with stable ids', async () => {
    const receiver = await webhookReceiver();
    const engine = await engineFor(config(receiver.url, { headers: { 'x-team': 'orders' } }), { env });
    const ids = await jobs(engine, 20);
    await receiver.count(20);
    await until(engine, idle(engine, receiver));
    expect(receiver.received).toHaveLength(20);
    const cursors = receiver.received.map(({ body }) => body.cursor as number);
    expect(cursors).toEqual([...cursors].sort((a, b) => a - b));
    expect(receiver.received.map(({ body }) => body.job_id).sort()).toEqual([...ids].sort());
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(20);
    for (const one of receiver.received) {
      expect(one.headers['webhook-signature']).toBe(expectedSignature(SECRET, one));
      expect(Math.abs(Number(one.headers['webhook-timestamp']) - Date.now() / 1_000)).toBeLessThan(60);
      expect(one.headers).toMatchObject({ 'content-type': 'application/json', 'x-team': 'orders' });
      const event = engine.events({ after: (one.body.cursor as number) - 1, limit: 1 })[0];
      expect(one.body).toEqual({
        cursor: event?.cursor,
        at: new Date(event?.at ?? 0).toISOString(),
        type: 'job_completed',
        namespace: 'test',
        job_id: event?.jobId,
        data: event?.data,
      });
    }
  });

  it('is tried again after an error with the same id and bytes, and given up as a dead job that can be redriven', async () => {
    let healthy = false;
    const receiver = await webhookReceiver((_, response) => void response.writeHead(healthy ? 200 : 500).end('no'));
    const engine = await engineFor(config(receiver.url), { env });
    await jobs(engine, 1);
    await until(engine, () => dead(engine).length === 1);
    expect(receiver.received).toHaveLength(4);
    expect(new Set(receiver.received.map(({ id, raw }) => `${id} ${raw}`)).size).toBe(1);
    const [job] = dead(engine);
    expect(job?.error).toMatchObject({ code: 'http_5xx', details: { status: 500, body: 'no' } });
    // Address and secret are of the configuration, not of the job.
    expect(JSON.stringify(job)).not.toMatch(/hidden|MfKQ|127\.0\.0\.1.*\/in/);
    expect(engine.getSystemStatus().warnings.join('\n')).toMatch(/webhook erp.*1 .*could not be delivered/i);
    healthy = true;
    await engine.backend.redriveJob({ jobId: job?.id ?? '' });
    await receiver.count(5);
    await until(engine, () => dead(engine).length === 0);
    expect(receiver.received[4]?.id).toBe(receiver.received[0]?.id);
  });

  it('goes on past a 404 and a redirect too, which is not followed, but not past 410', async () => {
    const answers = [404, 302, 410];
    const receiver = await webhookReceiver((_, response) => void response.writeHead(answers.shift() ?? 200, { location: 'http://127.0.0.1:1/' }).end());
    const engine = await engineFor(config(receiver.url), { env });
    await jobs(engine, 1);
    await until(engine, () => dead(engine).length === 1);
    expect([receiver.received.length, dead(engine)[0]?.attempt]).toEqual([3, 3]);
  });

  it('hears of all events but those of deliveries', async () => {
    const receiver = await webhookReceiver();
    const engine = await engineFor(config(receiver.url, { events: '*' }), { env });
    await jobs(engine, 3);
    await receiver.count(6);
    await until(engine, idle(engine, receiver));
    const end = engine.backend.lastCursor();
    // Two more rounds over its own events make nothing.
    await engine.tick();
    await engine.tick();
    expect(engine.backend.lastCursor()).toBe(end);
    const tasks = receiver.received.map(({ body }) => (body.job_id === undefined ? null : engine.backend.getJob(body.job_id as string)?.task));
    expect(tasks.filter((task) => task === 'echo')).toHaveLength(6);
    expect(tasks).not.toContain('webhook.deliver');
  });

  it('is told what its filter lets through', async () => {
    const [byQueue, byFlow] = [await webhookReceiver(), await webhookReceiver()];
    const base = { secret: 'ERP', retry: QUICK } as const;
    const engine = await engineFor(
      config(
        '',
        {},
        {
          webhooks: [
            { ...base, name: 'mail', url: byQueue.url, events: ['job_completed'], filter: { queue: 'mail' } },
            { ...base, name: 'ship', url: byFlow.url, events: ['workflow_completed', 'job_completed'], filter: { workflow: ['ship', 'pack'] } },
          ],
        },
      ),
      { env },
    );
    await jobs(engine, 2, 'other');
    const [mail] = await jobs(engine, 1, 'mail');
    for (const name of ['look', 'ship']) await engine.executeWorkflow({ definition: { name, steps: [{ id: 'a', task: 'echo', with: { value: 1 } }] } }, AGENT);
    await Promise.all([byQueue.count(1), byFlow.count(1)]);
    await until(engine, () => engine.backend.queueSize({ namespace: 'test', queue: 'webhooks.ship' }) === 0);
    expect(byQueue.received.map(({ body }) => body.job_id)).toEqual([mail]);
    expect(byFlow.received.map(({ body }) => body.type)).toEqual(['workflow_completed']);
  });

  it('begins with what comes after it was configured, keeps its place over a restart, and ends when it is taken away', async () => {
    const dataDir = tempFolder();
    const receiver = await webhookReceiver();
    const before = await engineFor({ dataDir });
    await jobs(before, 3);
    await before.stop();
    const first = await engineFor({ dataDir, ...config(receiver.url) }, { env });
    await jobs(first, 1);
    await receiver.count(1);
    await first.stop();
    // Done while nobody delivers: not lost.
    const between = await engineFor({ dataDir });
    await jobs(between, 2);
    await between.stop();
    const second = await engineFor({ dataDir, ...config(receiver.url) }, { env });
    await receiver.count(3);
    await second.stop();
    const other = await webhookReceiver();
    const third = await engineFor({ dataDir, ...config(other.url, { name: 'other' }) }, { env });
    await jobs(third, 1);
    await other.count(1);
    expect(third.backend.outletPositions({ namespace: 'test' }).map(({ name }) => name)).toEqual(['other']);
    expect(receiver.received).toHaveLength(3);
  });

  it('reaches no private address, and no secret goes to another host than its own', async () => {
    const receiver = await webhookReceiver();
    const guarded = await engineFor(config(receiver.url, {}, { http: {} }), { env });
    await jobs(guarded, 1);
    await until(guarded, () => dead(guarded).length === 1);
    expect(dead(guarded)[0]?.error?.code).toBe('address_refused');
    const bound = { secrets: { ERP: { tasks: ['webhook.deliver'], hosts: ['erp.example.org'] } } };
    const elsewhere = await engineFor(config(receiver.url, {}, bound), { env });
    await jobs(elsewhere, 1);
    await until(elsewhere, () => dead(elsewhere).length === 1);
    expect(dead(elsewhere)[0]?.error).toMatchObject({ code: 'not_allowed', path: 'secrets.ERP.hosts' });
    expect(receiver.received).toEqual([]);
  });

  it('cannot be made to sign what somebody enqueues', async () => {
    const receiver = await webhookReceiver();
    const engine = await engineFor(config(receiver.url), { env });
    const payload = { outlet: 'erp', cursor: 1, at: 1, body: { type: 'forged' } };
    expect((await refusal(engine.enqueue([{ task: 'webhook.deliver', payload }], AGENT))).code).toBe('unknown_task_type');
    // Past every check of input, as a job that another program wrote.
    const made = await engine.backend.enqueueJobs({
      jobs: [
        {
          id: 'job_00000000000000000000000000',
          namespace: 'test',
          queue: 'webhooks.erp',
          task: 'webhook.deliver',
          name: null,
          payload,
          priority: 50,
          runAt: null,
          dependsOn: [],
          when: 'all_success',
          retry: null,
          timeoutMs: null,
          expiresAt: null,
          requires: ['outlet@erp'],
          sessionId: null,
        },
      ],
    });
    expect(made.kind).toBe('enqueued');
    await until(engine, () => dead(engine).length === 1 || engine.backend.getJob('job_00000000000000000000000000')?.status === 'failed');
    expect(engine.backend.getJob('job_00000000000000000000000000')?.error?.code).toBe('not_allowed');
    expect(receiver.received).toEqual([]);
  });
});

describe('a process that is killed while it delivers', () => {
  it('loses no event: the next one delivers what was open, under the same ids', async () => {
    let hold = true;
    const receiver = await webhookReceiver((_, response) => {
      if (!hold || receiver.received.length < 5) response.writeHead(200).end();
    });
    const { webhooks, http, secrets } = config(receiver.url, { events: ['job_completed'] });
    const place = sharedFolder({ webhooks, http, secrets, limits: { processLease: '2s', heartbeat: '200ms', sweep: '200ms' } }, env);
    const client = await clientOf(place);
    endRegistered(client);
    const first = startCommand(place, ['worker']);
    await comesTrue(() => client.backend.outletPositions({ namespace: 'test' }).length === 1);
    const { jobIds } = await client.enqueue(
      Array.from({ length: 30 }, (_, n) => ({ task: 'echo', payload: { value: n } })),
      HUMAN,
    );
    await receiver.count(5);
    first.child.kill('SIGKILL');
    await first.exit();
    hold = false;
    startCommand(place, ['worker']);
    const told = (): Set<unknown> => new Set(receiver.received.map(({ body }) => body.job_id));
    await comesTrue(() => told().size === 30);
    expect([...told()].sort()).toEqual([...jobIds].sort());
    // Only the one that had not been answered came twice, and it says so by its id.
    const ids = receiver.received.map(({ id }) => id);
    expect(new Set(ids).size).toBe(30);
    expect(ids.length).toBeLessThanOrEqual(32);
  });
});
