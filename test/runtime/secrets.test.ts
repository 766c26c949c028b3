// Holds secrets to their bindings: the right value for the right task and place, and no value in any error.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import { createRedactor } from '../../src/runtime/redact.ts';
import { runSecretCommand } from '../../src/runtime/secret-command.ts';
import { createSecretStore, hostMatches, type SecretBinding, type SecretStore } from '../../src/runtime/secrets.ts';

const binding = (fields: Partial<SecretBinding>): SecretBinding => ({ from: 'env', tasks: ['log'], hosts: [], servers: [], ...fields });
const LOG = { task: 'log', targets: [] };

async function refusal(promise: Promise<unknown>): Promise<LogisticsError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LogisticsError);
  return error as LogisticsError;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'logistics-secrets-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('bindings', () => {
  const env = { LOGISTICS_SECRET_TOKEN: 'value-1', LOGISTICS_SECRET_FREE: 'value-2', LOGISTICS_SECRET_EMPTY: '', OTHER: 'x' };
  const store = createSecretStore(
    {
      secrets: {
        TOKEN: binding({ tasks: ['http.request', 'mcp.call', 'mail.send'], hosts: ['api.example.org', '*.cdn.example.org'], servers: ['github'] }),
        EMPTY: binding({}),
        NOWHERE: binding({ tasks: ['http.request', 'mcp.call'] }),
      },
      secretsFile: null,
    },
    env,
  );

  it('list configured names and those in the environment', () => {
    expect(store.names()).toEqual(['EMPTY', 'FREE', 'NOWHERE', 'TOKEN']);
  });

  it.each([
    ['http.request', ['api.example.org']],
    ['http.request', ['a.cdn.example.org']],
    ['http.request', ['API.example.org', 'API.example.org:8443']],
    ['mcp.call', ['github']],
    ['mail.send', []],
  ])('let %s to %j have it', async (task, targets) => {
    expect(await store.resolve('TOKEN', { task, targets })).toBe('value-1');
  });

  it.each([
    ['log', [], 'secrets.TOKEN.tasks', 'Add log to secrets.TOKEN.tasks'],
    ['http.request', ['example.org'], 'secrets.TOKEN.hosts', 'Add example.org to secrets.TOKEN.hosts'],
    ['http.request', ['cdn.example.org'], 'secrets.TOKEN.hosts', 'Add cdn.example.org'],
    ['http.request', ['api.example.org.evil.net'], 'secrets.TOKEN.hosts', 'Add'],
    ['http.request', ['github'], 'secrets.TOKEN.hosts', 'Add'],
    ['http.request', [], 'secrets.TOKEN.hosts', 'Name the host'],
    ['mcp.call', ['api.example.org'], 'secrets.TOKEN.servers', 'Add api.example.org to secrets.TOKEN.servers'],
    ['mcp.call', [], 'secrets.TOKEN.servers', 'Name the server'],
  ])('refuse %s to %j and name the binding', async (task, targets, path, action) => {
    const error = await refusal(store.resolve('TOKEN', { task, targets }));
    expect(error).toMatchObject({ code: 'not_allowed', path });
    expect(error.nextActions[0]).toContain(action);
    expect(JSON.stringify(error.toData())).not.toContain('value-1');
  });

  it('refuse a secret without places, and one without a binding, with what to add', async () => {
    expect(await refusal(store.resolve('NOWHERE', { task: 'http.request', targets: ['a.org'] }))).toMatchObject({
      code: 'not_allowed',
      path: 'secrets.NOWHERE.hosts',
    });
    const free = await refusal(store.resolve('FREE', { task: 'http.request', targets: ['a.org'] }));
    expect(free).toMatchObject({ code: 'not_allowed', path: 'secrets.FREE' });
    expect(free.nextActions[0]).toContain('{FREE: {from: env, tasks: [http.request], hosts: [a.org]}}');
  });

  it('name near matches of an unknown secret, and where a configured one has no value', async () => {
    expect(await refusal(store.resolve('TOKN', LOG))).toMatchObject({ code: 'not_found', nearMatches: ['TOKEN'] });
    expect(await refusal(store.resolve('constructor', LOG))).toMatchObject({ code: 'not_found' });
    const empty = await refusal(store.resolve('EMPTY', LOG));
    expect(empty).toMatchObject({ code: 'not_found', message: expect.stringContaining('LOGISTICS_SECRET_EMPTY') });
  });
});

describe('hostMatches', () => {
  it.each([
    ['example.org', 'example.org', true],
    ['Example.ORG.', 'example.org', true],
    ['example.org', 'a.example.org', false],
    ['*.example.org', 'a.example.org', true],
    ['*.example.org', 'a.b.example.org', true],
    ['*.example.org', 'example.org', false],
    ['*.example.org', '.example.org', false],
    ['*.example.org', 'evilexample.org', false],
    ['example.org:8443', 'example.org', false],
  ])('%s for %s is %s', (pattern, host, expected) => {
    expect(hostMatches(pattern, host)).toBe(expected);
  });
});

describe('a secrets file', () => {
  const open = (path: string, platform: NodeJS.Platform = 'linux'): SecretStore =>
    createSecretStore({ secrets: { A: binding({ from: 'file' }), B: binding({ from: 'file' }) }, secretsFile: path }, {}, { platform });

  it('gives values from YAML or JSON, read anew each time', async () => {
    const path = join(folder(), 's.yaml');
    writeFileSync(path, 'A: "one"\nOTHER: x\n', { mode: 0o600 });
    const store = open(path);
    expect(await store.resolve('A', LOG)).toBe('one');
    expect(await refusal(store.resolve('B', LOG))).toMatchObject({ code: 'not_found', message: expect.stringContaining(path) });
    writeFileSync(path, '{"A": "two", "B": "three"}');
    expect(await store.resolve('A', LOG)).toBe('two');
    expect(await store.resolve('B', LOG)).toBe('three');
  });

  it.each([0o640, 0o604, 0o644, 0o660, 0o666, 0o610])('of mode %i is refused with the chmod hint', async (mode) => {
    const path = join(folder(), 's.yaml');
    writeFileSync(path, 'A: hidden\n');
    (await import('node:fs')).chmodSync(path, mode);
    const error = await refusal(open(path).resolve('A', LOG));
    expect(error).toMatchObject({ code: 'not_allowed', expected: 'mode 0600', nextActions: [`Run: chmod 600 ${path}`] });
    expect(await open(path, 'win32').resolve('A', LOG)).toBe('hidden');
  });

  it.each([
    ['a list', '- hidden\n'],
    ['a number', 'A: 12345678\n'],
    ['a broken line', 'A: "hidden\n'],
    ['many aliases', `A: &a [hidden, hidden]\nB: [${Array(50).fill('*a').join(',')}]\n`],
    ['a second document', 'A: hidden\n---\nB: x\n'],
  ])('that holds %s is refused without repeating it', async (_, content) => {
    const path = join(folder(), 's.yaml');
    writeFileSync(path, content, { mode: 0o600 });
    const error = await refusal(open(path).resolve('A', LOG));
    expect(error.code).toBe('invalid_input');
    expect(`${JSON.stringify(error.toData())}${String(error.cause)}`).not.toMatch(/hidden|12345678/);
  });

  it('that is missing or a folder is refused', async () => {
    const path = folder();
    expect(await refusal(open(join(path, 'none')).resolve('A', LOG))).toMatchObject({ code: 'not_found' });
    mkdirSync(join(path, 'sub'));
    expect(await refusal(open(join(path, 'sub')).resolve('A', LOG))).toMatchObject({ code: 'invalid_input' });
  });
});

describe('a command', () => {
  const secrets = { A: binding({ from: 'command', command: ['pass', 'a'] }) };

  it('runs once for many uses, without our other secrets; a failure is forgotten', async () => {
    const calls: (readonly string[])[] = [];
    const envs: object[] = [];
    const answers: (() => Promise<string>)[] = [() => Promise.reject(new LogisticsError('command_failed', 'locked')), () => Promise.resolve('  value\n')];
    const store = createSecretStore(
      { secrets, secretsFile: null },
      { LOGISTICS_SECRET_X: 'other', HOME: '/h' },
      {
        runCommand: (argv, env) => {
          calls.push(argv);
          envs.push(env);
          return (answers.shift() as () => Promise<string>)();
        },
      },
    );
    expect(await refusal(store.resolve('A', LOG))).toMatchObject({ code: 'command_failed' });
    expect(await Promise.all([store.resolve('A', LOG), store.resolve('A', LOG)])).toEqual(['value', 'value']);
    expect(await store.resolve('A', LOG)).toBe('value');
    expect(calls).toEqual([
      ['pass', 'a'],
      ['pass', 'a'],
    ]);
    expect(envs).toEqual([{ HOME: '/h' }, { HOME: '/h' }]);
  });

  it('is not run for a task that may not have it', async () => {
    let runs = 0;
    const store = createSecretStore({ secrets, secretsFile: null }, {}, { runCommand: async () => String(++runs) });
    await refusal(store.resolve('A', { task: 'echo', targets: [] }));
    expect(runs).toBe(0);
  });

  it('is a program without a shell; its failure tells the exit code and nothing that it printed', async () => {
    const node = process.execPath;
    expect(await runSecretCommand([node, '-e', 'process.stdout.write(process.argv[1])', '$HOME; echo x'], {})).toBe('$HOME; echo x');
    const failed = await refusal(runSecretCommand([node, '-e', 'console.log("hidden"); console.error("hidden"); process.exit(3)'], {}));
    expect(failed).toMatchObject({ code: 'command_failed', message: expect.stringContaining('exit code 3') });
    expect(JSON.stringify(failed.toData())).not.toContain('hidden');
    expect(await refusal(runSecretCommand(['/no/such/program'], {}))).toMatchObject({ code: 'command_failed', message: expect.stringContaining('ENOENT') });
  });

  it('gets no input, and is ended at its limit and at too much output', async () => {
    const node = process.execPath;
    expect(await runSecretCommand([node, '-e', 'process.stdin.on("end", () => console.log("ended")).resume()'], {})).toBe('ended\n');
    expect(await refusal(runSecretCommand([node, '-e', 'setInterval(() => {}, 1000)'], {}, 50))).toMatchObject({ code: 'timeout' });
    expect(await refusal(runSecretCommand([node, '-e', 'console.log("x".repeat(1e6))'], {}))).toMatchObject({ code: 'command_failed' });
  });
});

describe('redaction', () => {
  it('knows every value before it is given out, also of the environment and of the whole file', async () => {
    const path = join(folder(), 's.yaml');
    writeFileSync(path, 'A: from-file\nOTHER: neighbour\n', { mode: 0o600 });
    const redactor = createRedactor();
    const store = createSecretStore({ secrets: { A: binding({ from: 'file' }) }, secretsFile: path }, { LOGISTICS_SECRET_E: 'from-env' }, { redactor });
    await store.resolve('A', LOG);
    expect(redactor.redactText('from-env from-file neighbour')).toBe('[secret:E] [secret:A] [secret:OTHER]');
  });
});
