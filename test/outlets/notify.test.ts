// Notifications through the whole program: a person hears of an approval and of missed runs, by a chat program or a command of this machine.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config/config-schema.ts';
import type { LogisticsEvent } from '../../src/domain/event.ts';
import { notificationText } from '../../src/outlets/notification-text.ts';
import { AGENT, engineFor, nextEvent, tempFolder, until } from '../support/test-engine.ts';
import { webhookReceiver } from '../support/webhook-receiver.ts';

const http = { allowAddresses: ['127.0.0.0/8'] };
const ASKS = { name: 'release', steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Ship 1.2?\n<!channel> now', by: 'human' } }] };

/** A program that keeps what it is told. */
function notifier(dataDir: string, exit = 0): { readonly path: string; readonly told: () => string[] } {
  const [path, file] = [join(dataDir, 'tell.sh'), join(dataDir, 'told.txt')];
  writeFileSync(path, `#!/bin/sh\nread -r line\nprintf '%s|%s|%s|%s\\n' "$1" "$WHERE" "$SECRET_OF_MINE" "$line" >> '${file}'\nexit ${exit}\n`);
  chmodSync(path, 0o700);
  writeFileSync(file, '');
  return { path, told: () => readFileSync(file, 'utf8').split('\n').slice(0, -1) };
}

describe('a notification', () => {
  it('tells a chat program what waits, where, and how to decide', async () => {
    const receiver = await webhookReceiver();
    const engine = await engineFor({ http, notify: [{ webhook: receiver.url }] });
    const { executionId } = await engine.workflows.start({ definition: ASKS }, AGENT);
    await receiver.count(1);
    const [one] = receiver.received;
    const digest = engine.backend.getStep({ executionId, stepId: 'ok' })?.wait;
    const decide = `logistics-mcp control ${executionId} approve --step ok --digest ${digest?.kind === 'approval' ? digest.digest : ''}`;
    expect(String(one?.body.text).split('\n')).toEqual([
      'release/ok asks for an approval: Ship 1.2? ‹!channel› now',
      expect.stringMatching(/^Until \d{4}-.*Z\. Yes: /),
      `No: ${decide} --reject`,
    ]);
    expect(one?.body.text).toContain(`Yes: ${decide}\n`);
    expect(one?.body.event).toMatchObject({ type: 'approval_requested', execution_id: executionId, step: 'ok' });
    expect(one?.headers['webhook-signature']).toBeUndefined();
    await engine.tasks.approve(executionId, { step: 'ok', approved: true }, { ...AGENT, actor: 'human' });
    await until(engine, () => engine.backend.getExecution(executionId)?.status === 'completed');
    expect(receiver.received).toHaveLength(1);
  });

  it('goes to a configured webhook with its headers and secret, with its own retries', async () => {
    const receiver = await webhookReceiver();
    const config: ConfigInput = {
      http,
      secrets: { CHAT: { tasks: ['webhook.deliver'], hosts: ['127.0.0.1'] } },
      webhooks: [{ name: 'chat', url: receiver.url, events: ['session_closed'], secret: 'CHAT', headers: { 'x-room': 'ops' } }],
      notify: [{ name: 'people', webhook: 'chat', on: ['workflow_failed'], filter: { workflow: 'release' } }],
    };
    const engine = await engineFor(config, { env: { LOGISTICS_SECRET_CHAT: 'a-long-enough-secret' } });
    for (const name of ['other', 'release'])
      await engine.executeWorkflow(
        { definition: { name, steps: [{ id: 'a', task: 'code.run', with: { code: 'throw new Error("no")' }, retry: { maxAttempts: 1 } }] } },
        AGENT,
      );
    await receiver.count(1);
    expect(receiver.received[0]?.body.text).toMatch(/^Workflow failed: release\./);
    expect(receiver.received[0]?.headers).toMatchObject({ 'x-room': 'ops', 'webhook-signature': expect.stringMatching(/^v1,/) });
  });

  it('runs a command without a shell, with the sentence on standard input and only the variables that it may see', async () => {
    const dataDir = tempFolder();
    const { path, told } = notifier(dataDir);
    const engine = await engineFor(
      { dataDir, notify: [{ name: 'desk', command: [path, '$(id); "x"'], passEnv: ['WHERE'] }] },
      { env: { WHERE: 'here', SECRET_OF_MINE: 'hidden' } },
    );
    const { executionId } = await engine.workflows.start({ definition: ASKS }, AGENT);
    await nextEvent(engine, 'job_completed');
    expect(told()).toHaveLength(1);
    const [argument, where, hidden, ...line] = (told()[0] ?? '').split('|');
    expect([argument, where, hidden]).toEqual(['$(id); "x"', 'here', '']);
    expect(JSON.parse(line.join('|'))).toMatchObject({
      text: expect.stringContaining('release/ok asks for an approval'),
      event: { execution_id: executionId },
    });
    expect(engine.getSystemStatus().outlets).toMatchObject([{ name: 'desk', says: 'text', to: path, queue: 'notify.desk', delivered: 1, dead: 0 }]);
  });

  it('survives a stop between the event and the message, and is not told what somebody has decided meanwhile', async () => {
    const dataDir = tempFolder();
    const receiver = await webhookReceiver();
    const config: ConfigInput = { dataDir, http, notify: [{ webhook: receiver.url }] };
    await (await engineFor(config)).stop();
    const between = await engineFor({ dataDir });
    const open = await between.workflows.start({ definition: ASKS }, AGENT);
    const decided = await between.workflows.start({ definition: ASKS }, AGENT);
    await between.tasks.approve(decided.executionId, { step: 'ok', approved: true }, { ...AGENT, actor: 'human' });
    await between.stop();
    const engine = await engineFor(config);
    await receiver.count(1);
    await until(engine, () => engine.backend.queueSize({ namespace: 'test', queue: 'notify.notify' }) === 0);
    expect(receiver.received.map(({ body }) => (body.event as { execution_id: string }).execution_id)).toEqual([open.executionId]);
  });

  it('is a dead job when its command fails, and says so', async () => {
    const dataDir = tempFolder();
    const { path, told } = notifier(dataDir, 3);
    const engine = await engineFor({ dataDir, notify: [{ command: [path], retry: { maxAttempts: 2, initialInterval: 5 } }] });
    await engine.workflows.start({ definition: ASKS }, AGENT);
    await nextEvent(engine, 'job_failed');
    expect(told()).toHaveLength(2);
    expect(engine.getSystemStatus().warnings).toEqual([
      'Notification notify: 1 event could not be delivered (command_failed: The command of notify exited with 3.); they are dead jobs of the queue notify.notify, to be redriven.',
    ]);
  });
});

describe('the sentence', () => {
  const event = (more: Partial<LogisticsEvent>): LogisticsEvent => ({ cursor: 1, at: 0, type: 'schedule_missed', namespace: 'test', data: {}, ...more });

  it('says what did not run as planned, and what has used up its budget', async () => {
    const { backend } = await engineFor();
    const data = { schedule_id: 'sched_1', name: 'nightly', status: 'missed', planned_at: 0, count: 3, reason: 'nobody was there' };
    expect(notificationText(event({ data }), backend)).toBe(
      'Schedule nightly: 3 runs planned for 1970-01-01T00:00:00.000Z missed (nobody was there).\nLook: logistics-mcp get sched_1',
    );
    expect(notificationText(event({ type: 'budget_exceeded', executionId: 'exec_1', data: { workflow: 'big', message: 'over 5 USD' } }), backend)).toBe(
      'big has used up its budget. over 5 USD\nLook: logistics-mcp get exec_1',
    );
  });
});
