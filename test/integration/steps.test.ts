import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { atEnd, engineFor, refusal, tempFolder } from '../support/test-engine.ts';

async function serve(
  answer: (url: string, headers: Record<string, unknown>) => { status?: number; body: unknown },
): Promise<{ url: string; host: string; asked: { url: string; headers: Record<string, unknown> }[] }> {
  const asked: { url: string; headers: Record<string, unknown> }[] = [];
  const server: Server = createServer((request, response) => {
    asked.push({ url: request.url ?? '', headers: request.headers });
    const { status = 200, body } = answer(request.url ?? '', request.headers);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: `http://${host}`, host, asked };
}

describe('steps that touch the world', () => {
  it('http, shell, code, transform, echo and log work together, and a report is kept as an artifact', async () => {
    const { url } = await serve(() => ({ body: { items: [{ n: 1 }, { n: 2 }, { n: 3 }] } }));
    const root = tempFolder();
    writeFileSync(join(root, 'file.txt'), 'one\ntwo\n');
    const engine = await engineFor({ http: { allowAddresses: ['127.0.0.0/8'] }, shell: { root, allow: [{ argv: ['cat', 'file.txt'] }] } });
    const result = await engine.executeWorkflow({
      definition: {
        name: 'all',
        input: { type: 'object', properties: { base: { type: 'string' } }, required: ['base'] },
        steps: [
          { id: 'fetch', task: 'http.request', with: { url: '${{ input.base }}/items' } },
          { id: 'read', task: 'shell.run', with: { command: 'cat', args: ['file.txt'] } },
          {
            id: 'count',
            task: 'code.run',
            needs: ['fetch', 'read'],
            with: {
              code: 'return input.items.length + input.text.trim().split("\\n").length',
              input: { items: '${{ steps.fetch.output.body.items }}', text: '${{ steps.read.output.stdout }}' },
            },
          },
          { id: 'report', task: 'transform', needs: ['count'], with: { value: '# Report\n\nFound ${{ steps.count.output }}.\n' }, artifact: 'report.md' },
          { id: 'tell', task: 'log', needs: ['report'], with: { message: 'kept ${{ steps.report.output.artifact.name }}' } },
          { id: 'say', task: 'echo', needs: ['tell'], with: { value: '${{ steps.tell.output.message }}' } },
        ],
        output: { said: '${{ steps.say.output }}', report: '${{ steps.report.output }}' },
      },
      input: { base: url },
    });
    expect(result.error).toBe(null);
    const { said, report } = result.output as { said: string; report: { artifact: { id: string; sha256: string } } };
    expect(said).toBe('kept report.md');
    const content = '# Report\n\nFound 5.\n';
    expect(report.artifact).toMatchObject({
      name: 'report.md',
      mediaType: 'text/markdown',
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
    const stored = engine.backend.getArtifact({ id: report.artifact.id, offset: 0, limit: 1_000 });
    expect(Buffer.from(stored?.content ?? []).toString()).toBe(content);
    expect(engine.backend.listArtifacts({ executionId: result.executionId })).toMatchObject([{ name: 'report.md' }]);
    const told = engine.backend.getStep({ executionId: result.executionId, stepId: 'tell' });
    expect(engine.backend.jobLogs({ jobId: told?.jobId as string })).toMatchObject([{ level: 'info', message: 'kept report.md' }]);
  });

  it('fails by name for what is not allowed', async () => {
    const { url } = await serve(() => ({ body: null }));
    const engine = await engineFor();
    const run = async (step: JsonObject): Promise<Json> =>
      (await engine.executeWorkflow({ definition: { name: 'w', steps: [{ id: 'a', retry: 1, ...step }] } })).error as unknown as Json;
    expect(await run({ task: 'http.request', with: { url } })).toMatchObject({ code: 'address_refused' });
    expect(await run({ task: 'code.run', with: { code: 'while (true) {}', timeout: 100 } })).toMatchObject({ code: 'timeout' });
    const checked = engine.workflows.check({ name: 'w', steps: [{ id: 'a', task: 'shell.run', with: { command: 'ls' } }] });
    expect(checked.warnings).toMatchObject([{ code: 'not_allowed' }]);
    expect((await engine.enqueue([{ task: 'shell.run', payload: { command: 'ls' } }])).warnings).toMatchObject([expect.stringContaining('shell')]);
  });

  it('an output past 256 KiB is passed on whole', async () => {
    const engine = await engineFor({ dataDir: tempFolder() });
    const result = await engine.executeWorkflow({
      definition: {
        name: 'big',
        steps: [
          { id: 'make', task: 'code.run', with: { code: 'return { text: "x".repeat(400000) }' } },
          { id: 'size', task: 'transform', needs: ['make'], with: { value: '${{ size(steps.make.output.text) }}' } },
        ],
        output: '${{ steps.size.output }}',
      },
    });
    expect(result).toMatchObject({ status: 'completed', output: 400_000 });
  });
});

describe('payloads at enqueue', () => {
  it('are checked against the task before anything exists', async () => {
    const engine = await engineFor();
    const wrong = await refusal(
      engine.enqueue([
        { task: 'echo', payload: { value: 1 } },
        { task: 'http.request', payload: { url: 'nowhere', methd: 'GET' } },
      ]),
    );
    expect(wrong).toMatchObject({
      code: 'invalid_input',
      path: expect.stringMatching(/^jobs\[1\]\.payload/),
      expected: expect.stringMatching(/^for example \{"/),
    });
    expect(wrong.message).toMatch(/methd/);
    expect((await refusal(engine.executeTask({ task: 'echo' }))).path).toBe('payload');
    expect((await refusal(engine.executeTask({ task: 'wait.signal' }))).code).toBe('invalid_input');
    expect((await refusal(engine.executeTask({ task: 'resource.acquire' }))).code).toBe('invalid_input');
    expect(engine.getSystemStatus().queues).toEqual([]);
  });
});

const SESAME = 'sesame-öffne-dich-4711';

describe('secrets', () => {
  it('reach an allowed host and nothing else: no output, log, event, error, or byte of the store', async () => {
    const { url, host, asked } = await serve((path, headers) =>
      path === '/fail'
        ? { status: 500, body: { said: headers.authorization } }
        : { body: { echoed: headers.authorization, in64: Buffer.from(SESAME).toString('base64') } },
    );
    const dataDir = tempFolder();
    const lines: string[] = [];
    const { createLogger } = await import('../../src/logger.ts');
    const { createRedactor } = await import('../../src/runtime/redact.ts');
    const redactor = createRedactor();
    redactor.add('TOKEN', SESAME);
    const logger = createLogger({ level: 'trace' as never, redactor, destination: { write: (line: string) => void lines.push(line) } });
    const engine = await engineFor(
      {
        dataDir,
        http: { allowAddresses: ['127.0.0.0/8'] },
        secrets: {
          TOKEN: { from: 'env', tasks: ['http.request', 'echo'], hosts: [host] },
          OTHER: { from: 'env', tasks: ['http.request'], hosts: ['api.example.org'] },
        },
      },
      { env: { LOGISTICS_SECRET_TOKEN: SESAME, LOGISTICS_SECRET_OTHER: 'other-value-0815' }, logger },
    );
    const events: string[] = [];
    engine.on('*', (event) => void events.push(JSON.stringify(event)));
    const step = (path: string, name = 'TOKEN'): JsonObject => ({
      id: 'a',
      task: 'http.request',
      retry: 1,
      with: { url: `${url}${path}`, headers: { authorization: `Bearer \${{ secrets.${name} }}` } },
    });
    // Header values are Latin-1, which the value fits.
    const good = await engine.executeWorkflow({ definition: { name: 'w', steps: [step('/ok')], output: '${{ steps.a.output }}' } });
    expect(good.status).toBe('completed');
    expect(Buffer.from(String(asked[0]?.headers.authorization), 'latin1').toString('latin1')).toContain(SESAME);
    expect(JSON.stringify(good.output)).toContain('[secret:TOKEN]');
    const failed = await engine.executeWorkflow({ definition: { name: 'w', steps: [step('/fail')] } });
    expect(failed.status).toBe('failed');
    const unbound = await engine.executeWorkflow({ definition: { name: 'w', steps: [step('/ok', 'OTHER')] } });
    expect(unbound.error).toMatchObject({ code: 'not_allowed', message: expect.stringContaining('may not go to') });
    const echoed = await engine.executeWorkflow({
      definition: {
        name: 'w',
        steps: [{ id: 'a', task: 'echo', with: { value: '${{ secrets.TOKEN }}' }, artifact: 'kept.txt' }],
        output: '${{ steps.a.output }}',
      },
    });
    expect(echoed.status).toBe('completed');
    const missing = await engine.executeWorkflow({ definition: { name: 'w', steps: [step('/ok', 'NONE')] } });
    expect(missing.error).toMatchObject({ code: 'not_found' });
    expect(asked).toHaveLength(2);
    const results = JSON.stringify([good, failed, unbound, echoed, missing, engine.getSystemStatus({ at: 0 })]);
    await engine.stop();
    const files = ['logistics.db', 'logistics.db-wal'].map((name) => join(dataDir, name)).filter((path) => existsSync(path));
    expect(files.length).toBeGreaterThan(0);
    const bytes = Buffer.concat(files.map((path) => readFileSync(path)));
    expect(bytes.includes('[secret:TOKEN]')).toBe(true);
    for (const form of [SESAME, Buffer.from(SESAME).toString('base64').slice(4, 20), encodeURIComponent(SESAME), 'other-value-0815']) {
      expect(bytes.includes(form)).toBe(false);
      for (const text of [results, lines.join('\n'), events.join('\n')]) expect(text).not.toContain(form);
    }
  });

  it('are refused at validation anywhere but in `with`', async () => {
    const engine = await engineFor();
    const { faults } = engine.workflows.check({
      name: 'w',
      concurrency: { key: '${{ secrets.TOKEN }}' },
      steps: [
        { id: 'a', task: 'log', if: '${{ secrets.TOKEN == "x" }}' },
        { id: 'b', task: 'echo', forEach: '${{ [secrets.TOKEN] }}', with: { value: 1 } },
        { id: 'c', task: 'wait.signal', with: { name: '${{ secrets.TOKEN }}' } },
      ],
      output: '${{ secrets.TOKEN }}',
    });
    expect(faults.map((fault) => fault.path).sort()).toEqual(['concurrency.key', 'output', 'steps[0].if', 'steps[1].forEach', 'steps[2].with.name']);
    expect(new Set(faults.map((fault) => fault.code))).toEqual(new Set(['unresolved_reference']));
  });
});
