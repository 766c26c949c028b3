import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCodeRun } from '../../src/actions/code-run.ts';
import { createSandbox, type Sandbox } from '../../src/actions/code-sandbox.ts';
import { CodeWorkerPool } from '../../src/actions/code-worker-pool.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { Json } from '../../src/domain/json.ts';
import { actionContext, failure, inputFaults, runTask } from '../support/action-context.ts';

const { task, close } = createCodeRun();
afterAll(close);

const run = (code: string, input: object = {}, context = actionContext()): Promise<Json> => runTask(task, { code, ...input }, context);

describe('code.run: values', () => {
  it('returns the JSON value of the code', async () => {
    expect(await run('return input.a.map((x) => x * 2)', { input: { a: [1, 2] } })).toEqual([2, 4]);
    expect(await run('return input')).toBe(null);
    expect(await run('const x = 1;')).toBe(null);
    expect(await run('return Promise.resolve(input).then((x) => x + 1)', { input: 1 })).toBe(2);
    expect(await run('return { a: undefined, b: NaN, c: new Date(0), d: "é\\u2028" } // end')).toEqual({
      b: null,
      c: '1970-01-01T00:00:00.000Z',
      d: 'é\u2028',
    });
  });

  it('gives any JSON input back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as Json;
        expect(await run('return input', { input: plain })).toEqual(plain);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses what is no JSON', async () => {
    expect(await failure(run('return () => 1'))).toMatchObject({ code: 'output_invalid', retryable: false });
    expect(await failure(run('return 1n'))).toMatchObject({ code: 'handler_failed', retryable: false });
    expect(await failure(run('const a = {}; a.a = a; return a'))).toMatchObject({ code: 'handler_failed' });
    expect(await failure(run('return new Promise(() => {})'))).toMatchObject({ code: 'handler_failed', message: expect.stringContaining('never settles') });
  });

  it.each([[{ timeout: 60_001 }], [{ timeout: 0 }], [{ memoryMb: 65 }], [{ memoryMb: 0 }], [{ code: '' }], [{ language: 'python' }]])(
    'refuses the input %j',
    (input) => {
      expect(inputFaults(task, { code: 'return 1', ...input })).toHaveLength(1);
    },
  );
});

describe('code.run: faults', () => {
  it.each([
    ['return 1;\nlet x = ;', 'SyntaxError', 2],
    ['\n\nreturn missing.x', "ReferenceError: 'missing' is not defined", 3],
    ['const a = 1;\nthrow new TypeError("bad " + a)', 'TypeError: bad 1', 2],
    ['throw "text"', 'text', null],
    ['throw { message: "like an error", name: "Mine" }', 'Mine: like an error', null],
    ['throw null', 'null', null],
    ['return Promise.reject(new Error("later"))', 'Error: later', 1],
    ['await 1', 'SyntaxError', 1],
  ])('%j fails with its message and line', async (code, message, line) => {
    const error = await failure(run(code));
    expect(error).toMatchObject({ code: 'handler_failed', retryable: false, path: 'code', details: { fault: 'thrown', line } });
    expect(error.message).toContain(message);
    if (line !== null) expect(error.message).toContain(`(line ${line})`);
    expect(error.message.length).toBeLessThan(200);
  });

  it('bounds long messages', async () => {
    expect((await failure(run('throw new Error("x".repeat(1e6))'))).message.length).toBeLessThan(2_100);
  });

  it('survives errors that fight back', async () => {
    for (const code of [
      'throw { get message() { throw 1 } }',
      'throw new Proxy({}, { get() { throw 1 } })',
      'JSON.stringify = () => "{"; String.prototype.slice = null; throw new Error("x")',
      'throw { toString() { while (true) {} }, name: { toString() { while (true) {} } } }',
    ]) {
      const error = await failure(run(code, { timeout: 200 }));
      expect(['handler_failed', 'timeout']).toContain(error.code);
    }
    expect(await run('JSON.stringify = () => "1"; JSON.parse = null; return [input]', { input: 2 })).toEqual([2]);
  });
});

describe('code.run: limits', () => {
  it.each([
    ['while (true) {}'],
    ['try { while (true) {} } finally { while (true) {} }'],
    ['return /(a+)+$/.test("a".repeat(40) + "b")'],
    ['return Array.from({ length: 3e7 }, (_, i) => -i).sort().length'],
    ['const f = () => Promise.resolve().then(f); return f()'],
    ['return { toJSON() { while (true) {} } }'],
  ])('stops %j in time', async (code) => {
    const started = performance.now();
    const error = await failure(run(code, { timeout: 200, memoryMb: 64 }));
    expect(error).toMatchObject({ code: 'timeout', retryable: false });
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('ends what does not listen to the sandbox (one long native call)', async () => {
    const code = 'const big = "a".repeat(3e6); let n = 0; for (let i = 0; i < 1e6; i++) n += big.split("").length; return n';
    const error = await failure(run(code, { timeout: 100, memoryMb: 64 }));
    expect(['timeout', 'handler_failed']).toContain(error.code);
    expect(await run('return 1')).toBe(1);
  });

  it.each([
    ['const a = []; while (true) a.push("x".repeat(1000) + a.length)'],
    ['return "x".repeat(1e9)'],
    ['return new Uint8Array(5e8).length'],
    ['return new ArrayBuffer(3e7).byteLength'],
  ])('bounds the memory of %j', async (code) => {
    const error = await failure(run(code, { memoryMb: 8, timeout: '20s' }));
    expect(error).toMatchObject({ code: 'handler_failed', retryable: false, details: { fault: 'memory' } });
    expect(error.message).toContain('8 MB');
  });

  it.each([
    ['const f = () => f() + 1; return f()'],
    ['return JSON.parse("[".repeat(2e5))'],
    ['let a = {}; for (let i = 0; i < 1e5; i++) a = { a }; return a'],
    ['return eval("(".repeat(1e5))'],
    ['return new RegExp("(".repeat(1e5) + ")".repeat(1e5))'],
    ['const p = new Proxy({}, { get(t, k, r) { return r[k] } }); return p.x'],
  ])('survives the depth of %j', async (code) => {
    expect(await failure(run(code, { timeout: '10s' }))).toMatchObject({ code: 'handler_failed', retryable: false });
    expect(await run('return 1')).toBe(1);
  });

  it('bounds the output', async () => {
    expect(await run('return "x".repeat(1e6)')).toHaveLength(1e6);
    expect(await failure(run('return "x".repeat(17 * 1024 * 1024)', { memoryMb: 64, timeout: '10s' }))).toMatchObject({ code: 'output_too_large' });
    expect(await failure(run('return "é".repeat(9 * 1024 * 1024)', { memoryMb: 64, timeout: '10s' }))).toMatchObject({
      code: expect.stringMatching('output_too_large'),
    });
  });

  it('has no door to the machine, and keeps nothing between runs', async () => {
    const names = [
      'process',
      'require',
      'module',
      'fetch',
      'XMLHttpRequest',
      'setTimeout',
      'queueMicrotask',
      'std',
      'os',
      'scriptArgs',
      'Worker',
      'WebAssembly',
      'Deno',
      'navigator',
      '__loadScript',
    ];
    expect(await run(`return [${names.map((name) => `typeof ${name}`).join(', ')}]`)).toEqual(names.map(() => 'undefined'));
    expect(await failure(run('return import("node:fs").then((fs) => fs.readdirSync("/"))'))).toMatchObject({ code: 'handler_failed' });
    expect(await run('return (() => {}).constructor("return typeof process")()')).toBe('undefined');
    await run('globalThis.left = 1; Object.prototype.polluted = 1; Array.prototype.map = null; return 1');
    expect(await run('return [typeof left, {}.polluted === undefined, [1].map((x) => x)]')).toEqual(['undefined', true, [1]]);
  });
});

describe('code.run: log', () => {
  it('writes console lines to the log of the job, bounded', async () => {
    const context = actionContext();
    await run('console.log("a", { b: 1 }, undefined); console.warn("w"); console.error("x".repeat(1e5)); return 1', {}, context);
    expect(context.lines.slice(0, 2)).toEqual([
      { level: 'info', message: 'a {"b":1} undefined', fields: undefined },
      { level: 'warn', message: 'w', fields: undefined },
    ]);
    expect(context.lines[2]).toMatchObject({ level: 'error', message: 'x'.repeat(2_000) });
    const chatty = actionContext();
    await run('for (let i = 0; i < 10000; i++) console.log(i); return 1', {}, chatty);
    expect(chatty.lines).toHaveLength(200);
    expect(chatty.lines.at(-1)).toMatchObject({ level: 'warn', message: expect.stringContaining('dropped') });
  });
});

describe('CodeWorkerPool', () => {
  const request = { code: 'return input', input: '1', timeoutMs: 30_000, memoryBytes: 32 << 20, maxOutputBytes: 1_000 };
  const never = new AbortController().signal;

  it('ends a run that is aborted, waiting ones too, and goes on', async () => {
    const pool = new CodeWorkerPool();
    const controllers = Array.from({ length: 3 }, () => new AbortController());
    const logged = controllers.map(() => Promise.withResolvers<void>());
    const works = controllers.map((controller, index) =>
      pool.run({ ...request, code: 'console.log("up"); while (true) {}' }, controller.signal, () => logged[index]?.resolve()),
    );
    await Promise.all([logged[0]?.promise, logged[1]?.promise]); // two run, the third waits
    const reasons = controllers.map((_, index) => new LogisticsError('cancelled', `stop ${index}`));
    for (const index of [2, 0, 1]) {
      const expected = failure(works[index] as Promise<unknown>);
      controllers[index]?.abort(reasons[index]);
      expect(await expected).toBe(reasons[index]);
    }
    expect(await Promise.all(Array.from({ length: 5 }, (_, n) => pool.run({ ...request, input: String(n) }, never, () => {})))).toEqual(
      [0, 1, 2, 3, 4].map((n) => ({ ok: true, output: String(n) })),
    );
    expect(await failure(pool.run(request, AbortSignal.abort(reasons[0]), () => {}))).toBe(reasons[0]);
    await pool.close();
    expect(await failure(pool.run(request, never, () => {}))).toMatchObject({ code: 'shutting_down' });
  });

  it('runs many in turn and replaces spent threads', async () => {
    const pool = new CodeWorkerPool();
    const replies = await Promise.all(Array.from({ length: 410 }, (_, n) => pool.run({ ...request, input: String(n) }, never, () => {})));
    expect(replies.map((reply) => reply.ok && Number(reply.output))).toEqual(Array.from({ length: 410 }, (_, n) => n));
    await pool.close();
  });

  it('answers a run in hand when it is closed', async () => {
    const pool = new CodeWorkerPool();
    const logged = Promise.withResolvers<void>();
    const work = pool.run({ ...request, code: 'console.log(1); while (true) {}' }, never, () => logged.resolve());
    await logged.promise;
    await pool.close();
    expect(await work).toMatchObject({ ok: false, fault: 'broken' });
  });
});

describe('createSandbox', () => {
  let sandbox: Sandbox;
  const request = { code: 'return input', input: '{"a":1}', timeoutMs: 500, memoryBytes: 32 << 20, maxOutputBytes: 100 };
  beforeAll(async () => {
    sandbox = await createSandbox();
  });

  it('replies with output, faults and limits, and stays usable', () => {
    const lines: string[] = [];
    const reply = (code: string): unknown => sandbox.run({ ...request, code }, (level, text) => lines.push(`${level} ${text}`));
    expect(reply('console.info(input); return input')).toEqual({ ok: true, output: '{"a":1}' });
    expect(lines).toEqual(['info {"a":1}']);
    expect(reply('throw new Error("no")')).toEqual({ ok: false, fault: 'thrown', message: 'Error: no', line: 1 });
    expect(reply('return "x".repeat(200)')).toMatchObject({ ok: false, fault: 'output_size' });
    expect(reply('return "é".repeat(60)')).toMatchObject({ ok: false, fault: 'output_size' });
    expect(reply('return () => 1')).toMatchObject({ ok: false, fault: 'output_kind' });
    expect(reply('while (true) {}')).toMatchObject({ ok: false, fault: 'timeout' });
    expect(reply('return "x".repeat(1e9)')).toMatchObject({ ok: false, fault: 'memory' });
    expect(reply('return Promise.reject(1)')).toMatchObject({ ok: false, fault: 'thrown', message: '1' });
    expect(sandbox.usable()).toBe(true);
  });

  it('wants to be replaced once its memory has grown', () => {
    for (let n = 0; n < 4 && sandbox.usable(); n++)
      sandbox.run(
        {
          ...request,
          memoryBytes: 256 << 20,
          timeoutMs: 5_000,
          code: 'const a = []; for (let i = 0; i < 150; i++) a.push(new ArrayBuffer(1e6)); return a.length',
        },
        () => {},
      );
    expect(sandbox.usable()).toBe(false);
  });
});

it('the entry of the thread lies beside the pool', () => {
  expect(readdirSync(new URL('../../src/actions/', import.meta.url))).toEqual(expect.arrayContaining(['code-worker-pool.ts', 'code-run-worker.ts']));
});
