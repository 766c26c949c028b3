// The log of a server: lines that belong together share their ids, from the request to the attempt that it led to, and no secret is in any of them.
import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config/config-schema.ts';
import { createLogger, type LogLevel } from '../../src/logger.ts';
import { createRedactor } from '../../src/runtime/redact.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { callMessage, connectHttp, httpPlace, post } from '../support/http-server.ts';

type Line = Readonly<Record<string, unknown>>;

const boom = defineTask({ type: 'boom', run: (input) => Promise.reject(new Error(`it broke with ${JSON.stringify(input)}`)) });

interface Logged extends Awaited<ReturnType<typeof httpPlace>> {
  readonly raw: string[];
  readonly lines: () => Line[];
  /** The first line that is like this, now or as soon as it is written. */
  readonly line: (like: (line: Line) => boolean) => Promise<Line>;
}

async function logged(level: LogLevel, config: ConfigInput = {}): Promise<Logged> {
  const raw: string[] = [];
  const waiting = new Set<() => void>();
  const write = (line: string): void => {
    raw.push(line);
    for (const look of waiting) look();
  };
  const logger = createLogger({ level, redactor: createRedactor(), destination: { write } });
  const place = await httpPlace(config, { options: { logger, tasks: [boom] } });
  const lines = (): Line[] => raw.map((line) => JSON.parse(line) as Line);
  const line: Logged['line'] = (like) =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = lines().find(like);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { ...place, raw, lines, line };
}

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const headers = { 'x-request-id': 'edge-42', traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` };

describe('the log', () => {
  it('gives every line of a request its id, who asked, and what for; those of its attempts what they belong to', async () => {
    const { url, lines, line } = await logged('debug');
    const definition = { name: 'w', steps: [{ id: 'say', task: 'boom', with: { n: 1 }, retry: 1 }] };
    const message = callMessage('execute_workflow', { definition, wait_ms: 10_000 });
    const response = await post(url, message.body, { ...message.headers, ...headers });
    expect(response.headers.get('x-request-id')).toBe('edge-42');
    await response.text();
    const call = lines().find(({ msg, tool }) => msg === 'call' && tool === 'execute_workflow') as Line;
    expect(call).toMatchObject({
      request_id: 'edge-42',
      principal: 'local',
      trace_id: TRACE_ID,
      namespace: 'test',
      outcome: 'ok',
      ids: [expect.stringMatching(/^exec_/)],
    });
    const [executionId] = call.ids as [string];
    const attempts = lines().filter(({ component, msg }) => component === 'worker' && /^attempt/.test(String(msg)));
    expect(attempts.map(({ msg }) => msg)).toEqual(['attempt started', 'attempt failed']);
    for (const each of attempts)
      expect(each).toMatchObject({
        execution_id: executionId,
        job_id: expect.stringMatching(/^job_/),
        step_id: 'say',
        attempt: 1,
        task: 'boom',
        trace_id: TRACE_ID,
      });
    expect(await line(({ msg }) => msg === 'request')).toMatchObject({ request_id: 'edge-42', route: '/mcp', status: 200, method: 'POST' });
    expect(await line(({ event }) => event === 'workflow_failed')).toMatchObject({ component: 'events', level: 'debug', execution_id: executionId });
  });

  it('makes an id where none came, or one that could write into the log', async () => {
    const { url, line } = await logged('debug');
    for (const given of [undefined, 'x'.repeat(200), 'a b', '{"level":"fatal"}']) {
      const response = await fetch(`${url}/healthz`, given === undefined ? {} : { headers: { 'x-request-id': given } });
      const made = response.headers.get('x-request-id');
      expect(made).toMatch(/^[0-9a-f-]{36}$/);
      await response.text();
      expect(await line(({ request_id }) => request_id === made)).toMatchObject({ msg: 'request' });
    }
  });

  it('tells each connection of an old client its session', async () => {
    const { url, lines } = await logged('info');
    const { call } = await connectHttp(url, '2025 http');
    await call('enqueue_job', { task: 'echo', payload: { value: 1 }, wait_ms: 10_000 });
    expect(lines().find(({ audit }) => audit === true)).toMatchObject({
      tool: 'enqueue_job',
      session_id: expect.stringMatching(/^sess_/),
      request_id: expect.any(String),
    });
  });

  it('holds no secret: in arguments, errors, addresses or headers, registered or only by its form', async () => {
    const { url, raw, token, lines } = await logged('trace', { http: { allowAddresses: ['127.0.0.1'] } });
    const secret = token('ci', ['read', 'write']);
    const argument = 'hunter2-very-secret';
    const { call, text } = await connectHttp(url, '2026', { token: secret });
    await call('enqueue_job', { task: 'boom', payload: { authorization: `Bearer ${argument}`, url: `https://me:${argument}@example.org/` }, wait_ms: 10_000 });
    await call('enqueue_job', {
      task: 'http.request',
      payload: { url: `http://127.0.0.1:1/x?api_key=${argument}`, headers: { authorization: `Bearer ${argument}` } },
      wait_ms: 10_000,
    });
    await text('enqueue_job', { task: 'nothing', payload: { password: argument } });
    await text('get', { id: secret });
    await fetch(`${url}/mcp?token=${secret}`, { headers: { authorization: `Bearer ${secret.slice(0, -2)}xx`, cookie: `s=${argument}` } });
    expect(lines().length).toBeGreaterThan(10);
    expect(raw.join('')).toContain('attempt failed');
    expect(raw.join('')).not.toContain(argument);
    expect(raw.join('')).not.toContain(secret);
    expect(raw.join('')).not.toContain(secret.slice(5, 30));
  });
});
