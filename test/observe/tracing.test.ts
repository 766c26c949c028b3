// Traces with a real SDK: what a caller sends reaches the attempt that runs later and elsewhere, and everybody whom that attempt calls.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { context, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { githubHeaders, postHook } from '../support/hook-sender.ts';
import { api, connectHttp, HTTP_CLIENT_KINDS, httpPlace } from '../support/http-server.ts';
import { atEnd, engineFor, HUMAN, nextEvent, tempFolder } from '../support/test-engine.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE_ID}-${PARENT}-01`;
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const SDK = pathToFileURL(fileURLToPath(new URL('../support/otel-sdk.ts', import.meta.url))).href;

const exporter = new InMemorySpanExporter();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
beforeEach(() => exporter.reset());

function spanNamed(name: string): ReadableSpan {
  const found = exporter.getFinishedSpans().filter((span) => span.name === name);
  expect(found.map((span) => span.name)).toEqual([name]);
  return found[0] as ReadableSpan;
}

/** A local server that remembers the headers of each request. */
async function listener(): Promise<{ readonly url: string; readonly port: number; readonly seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    response.end('ok');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook?key=hush`, port, seen };
}

const META = { _meta: { traceparent: TRACEPARENT, tracestate: 'vendor=1', baggage: 'team=blue' } };

describe('a call with a trace', () => {
  it.each(HTTP_CLIENT_KINDS)('of a %s client is the parent of its span, of the attempt, and of whom the attempt calls', async (kind) => {
    const { url: target, seen } = await listener();
    const { url } = await httpPlace({ http: { allowAddresses: ['127.0.0.1'] } });
    const { client } = await connectHttp(url, kind);
    const call = {
      name: 'execute_workflow',
      arguments: { definition: { name: 'w', steps: [{ id: 'ask', task: 'http.request', with: { url: target } }] }, wait_ms: 20_000 },
      ...META,
    };
    const result = (await client.callTool(call as never)) as { readonly structuredContent: JsonObject };
    expect(result.structuredContent).toMatchObject({ status: 'completed' });
    const [tool, attempt, http] = [spanNamed('tools/call execute_workflow'), spanNamed('run http.request'), spanNamed('GET')] as const;
    expect([tool, attempt, http].map((span) => span.spanContext().traceId)).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
    expect([tool, attempt, http].map((span) => span.parentSpanContext?.spanId)).toEqual([PARENT, tool.spanContext().spanId, attempt.spanContext().spanId]);
    expect([tool.kind, attempt.kind, http.kind]).toEqual([SpanKind.SERVER, SpanKind.CONSUMER, SpanKind.CLIENT]);
    expect(tool.attributes).toMatchObject({
      'mcp.method.name': 'tools/call',
      'gen_ai.tool.name': 'execute_workflow',
      'jsonrpc.request.id': expect.any(String),
    });
    expect(attempt.attributes).toMatchObject({
      'messaging.destination.name': 'default',
      'logistics.task': 'http.request',
      'logistics.attempt': 1,
      'logistics.step_id': 'ask',
      'logistics.execution_id': result.structuredContent.execution_id,
    });
    expect(JSON.stringify(exporter.getFinishedSpans().map(({ name, attributes }) => ({ name, attributes })))).not.toContain('hush');
    expect(seen).toMatchObject([{ traceparent: `00-${TRACE_ID}-${http.spanContext().spanId}-01`, tracestate: 'vendor=1', baggage: 'team=blue' }]);
  });

  it('in a header counts where the call itself names none; text that is no trace counts for nothing', async () => {
    const { url } = await httpPlace();
    const enqueue = async (headers: Record<string, string>): Promise<string | undefined> => {
      exporter.reset();
      const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
      const client = new Client({ name: 'c', version: '1' }, { versionNegotiation: { mode: 'auto' } });
      await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } }));
      await client.callTool({ name: 'enqueue_job', arguments: { task: 'echo', payload: { value: 1 }, wait_ms: 10_000 } });
      await client.close();
      const attempt = spanNamed('run echo').spanContext().traceId;
      expect(spanNamed('tools/call enqueue_job').spanContext().traceId).toBe(attempt);
      return attempt;
    };
    expect(await enqueue({ traceparent: TRACEPARENT })).toBe(TRACE_ID);
    expect(await enqueue({ traceparent: `00-${'0'.repeat(32)}-${PARENT}-01` })).not.toBe(TRACE_ID);
    expect(await enqueue({ traceparent: 'nonsense', tracestate: 'x' })).not.toBe(TRACE_ID);
  });

  it('goes on in another process, and after it in the request that it sends', async () => {
    const { url: target, seen } = await listener();
    const { url, dataDir } = await httpPlace();
    const { client } = await connectHttp(url, '2026');
    const job = { task: 'http.request', payload: { url: target }, requires: ['second'] };
    const { structuredContent } = (await client.callTool({ name: 'enqueue_job', arguments: job, ...META } as never)) as {
      readonly structuredContent: JsonObject;
    };
    const config = join(tempFolder(), 'second.json');
    writeFileSync(config, JSON.stringify({ http: { allowAddresses: ['127.0.0.1'] } }));
    const spans = join(tempFolder(), 'spans');
    const args = [MAIN, '--config', config, '--data-dir', dataDir, '--namespace', 'test', 'worker', '--capability', 'second', '--until-idle'];
    const env = { ...process.env, NODE_OPTIONS: `--import ${SDK}`, OTEL_TEST_SPANS: spans };
    const worker = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    atEnd(() => void worker.kill('SIGKILL'));
    const [code] = (await once(worker, 'exit')) as [number];
    expect(code).toBe(0);
    expect(seen).toHaveLength(1);
    expect(existsSync(spans)).toBe(true);
    const lines = readFileSync(spans, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; traceId: string; spanId: string; parentSpanId: string; attributes: Record<string, unknown> });
    const [attempt, http] = ['run http.request', 'GET'].map((name) => lines.find((line) => line.name === name));
    const tool = spanNamed('tools/call enqueue_job').spanContext();
    expect(attempt).toMatchObject({ traceId: TRACE_ID, parentSpanId: tool.spanId, attributes: { 'messaging.message.id': structuredContent.job_id } });
    expect(http).toMatchObject({ traceId: TRACE_ID, parentSpanId: attempt?.spanId });
    expect(seen.map((headers) => headers.traceparent)).toEqual([`00-${TRACE_ID}-${http?.spanId}-01`]);
  });

  it('of the HTTP interface is the parent of its span and of the attempts of the job that it asks for', async () => {
    const { url: target, seen } = await listener();
    const { url } = await httpPlace({ http: { allowAddresses: ['127.0.0.1'] } });
    const job = { task: 'http.request', payload: { url: target }, wait_ms: 20_000 };
    const { body } = await api(url)('POST /jobs', job, { headers: { traceparent: TRACEPARENT, tracestate: 'vendor=1' } });
    expect(body).toMatchObject({ status: 'completed' });
    const [tool, attempt] = [spanNamed('tools/call enqueue_job'), spanNamed('run http.request')] as const;
    expect([tool, attempt].map((span) => span.spanContext().traceId)).toEqual([TRACE_ID, TRACE_ID]);
    expect([tool, attempt].map((span) => span.parentSpanContext?.spanId)).toEqual([PARENT, tool.spanContext().spanId]);
    expect(seen).toMatchObject([{ traceparent: expect.stringContaining(TRACE_ID), tracestate: 'vendor=1' }]);
  });

  it('of a delivery to a hook is that of the run that it starts', async () => {
    const secret = 'a-secret-that-is-long-enough';
    const start = { workflow: 'flow', input: {} };
    const hooks = [{ name: 'push', secret: 'S', signature: 'github' as const, start }];
    const { url, server } = await httpPlace({ secrets: { S: { tasks: ['hook.verify'] } }, hooks }, { options: { env: { LOGISTICS_SECRET_S: secret } } });
    await server.engine.workflows.create({ name: 'flow', steps: [{ id: 'a', task: 'echo', with: { value: 1 } }] });
    const { body } = await postHook(url, 'push', '{}', { ...githubHeaders(secret, '{}', 'd-1'), traceparent: TRACEPARENT });
    await server.engine.wait({ ids: [body.execution_id as string], timeoutMs: 20_000 });
    expect(spanNamed('run echo').spanContext().traceId).toBe(TRACE_ID);
  });

  it('that fails says with which code, and not what was asked', async () => {
    const { url } = await httpPlace();
    const { client } = await connectHttp(url, '2026');
    await client.callTool({ name: 'get', arguments: { id: 'job_00000000000000000000000000' }, ...META } as never);
    const { attributes, status, events } = spanNamed('tools/call get');
    expect({ attributes, status, events }).toMatchObject({ attributes: { 'error.type': 'not_found' }, status: { code: 2 }, events: [] });
  });
});

describe('an attempt', () => {
  it('hands its trace on to other MCP servers, commands, and worker agents', async () => {
    const entry = fileURLToPath(new URL('../support/echo-mcp-server.ts', import.meta.url));
    const script = 'process.stdout.write(process.env.TRACEPARENT ?? "none")';
    const engine = await engineFor({
      mcpServers: { echo: { command: process.execPath, args: [entry, 'plain'] } },
      shell: { root: tempFolder(), allow: [{ argv: [process.execPath, '-e', script] }] },
    });
    const caller = { ...HUMAN, trace: { traceparent: TRACEPARENT } };
    const steps = [
      { id: 'call', task: 'mcp.call', with: { server: 'echo', tool: 'meta', arguments: {} } },
      { id: 'run', task: 'shell.run', with: { command: process.execPath, args: ['-e', script] } },
    ];
    const { output } = await engine.executeWorkflow(
      { definition: { name: 'on', steps, output: '${{ [steps.call.output, steps.run.output.stdout] }}' } },
      caller,
    );
    const client = spanNamed('tools/call meta').spanContext().spanId;
    const run = spanNamed('run shell.run').spanContext().spanId;
    expect(output).toEqual([
      { 'logistics-mcp/parent': expect.stringMatching(/^job_/), traceparent: `00-${TRACE_ID}-${client}-01` },
      `00-${TRACE_ID}-${run}-01`,
    ]);
    await engine.enqueue([{ task: 'agent.task', payload: { prompt: 'do' } }], caller);
    const worker = { id: null, name: 'w', principal: 'local', capabilities: [], labels: {}, capacity: 1, leaseMs: 60_000 };
    const { leases } = await engine.workerAgents.claim({ worker, limit: 1, waitMs: 5_000 });
    expect(leases[0]?.job.trace).toBe(TRACEPARENT);
  });

  it('is the active span of its handler, so that what the handler asks for belongs to the trace too', async () => {
    const active: (string | undefined)[] = [];
    const engine = await engineFor(
      {},
      {
        tasks: [
          defineTask({
            type: 'ask',
            run: async () => {
              active.push(trace.getActiveSpan()?.spanContext().spanId);
              await engine.enqueue([{ task: 'echo', payload: { value: 1 } }]);
              return null;
            },
          }),
        ],
      },
    );
    const done = nextEvent(engine, 'job_completed');
    await engine.enqueue([{ task: 'ask', payload: {} }], { ...HUMAN, trace: { traceparent: TRACEPARENT } });
    await done;
    while (exporter.getFinishedSpans().length < 2) await new Promise((resolve) => setImmediate(resolve));
    const ask = spanNamed('run ask').spanContext();
    expect(active).toEqual([ask.spanId]);
    expect(spanNamed('run echo')).toMatchObject({ parentSpanContext: { spanId: ask.spanId } });
  });

  it('of a schedule belongs to a trace that begins with its fire', async () => {
    let now = Date.parse('2030-01-01T00:00:30Z');
    const engine = await engineFor({}, { now: () => now });
    await engine.schedules.scheduleCron('* * * * *', { name: 'tick', timezone: 'UTC', target: { task: 'echo' }, input: { value: 1 } }, HUMAN);
    const done = nextEvent(engine, 'job_completed');
    now += 60_000;
    await engine.tick();
    await done;
    const fire = spanNamed('fire schedule');
    expect(fire.parentSpanContext).toBeUndefined();
    expect(fire.attributes).toMatchObject({ 'logistics.schedule': 'tick' });
    expect(spanNamed('run echo')).toMatchObject({ parentSpanContext: { spanId: fire.spanContext().spanId, traceId: fire.spanContext().traceId } });
  });
});
