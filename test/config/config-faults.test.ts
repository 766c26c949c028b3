// Holds wrong configuration to its promise: every fault at once, each named, none silent, no value repeated.

import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configFromCode } from '../../src/config.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import { configFolder, failure, faultsOf } from './config-folder.ts';

describe('webhooks and notifications', () => {
  const read = (input: object): unknown => configFromCode(input as never, { env: {}, cwd: '/', homeDir: '/' });

  it('that cannot act are refused, each by its place', async () => {
    const error = await failure(
      Promise.resolve().then(() =>
        read({
          webhooks: [
            { name: 'erp', url: 'https://a:b@x.example/in', events: ['job_complete'] },
            { name: 'a b', url: 'ftp://x.example', events: [] },
            { name: 'erp', url: 'https://x.example/', events: '*', secret: 'no good', headers: { 'webhook-id': 'mine' }, filter: { job: 'x' } },
          ],
          notify: [
            {},
            { webhook: 'erq', command: ['a'] },
            { name: 'both', webhook: 'erq' },
            { name: 'cmd', command: ['./x'], headers: { a: 'b' }, on: ['*'] },
            { name: 'url', webhook: 'https://x.example/', passEnv: ['A'] },
          ],
          secrets: { S: { tasks: ['webhook.deliver'] } },
        }),
      ),
    );
    expect([...faultsOf(error).keys()].sort()).toEqual([
      'notify[0]',
      'notify[1]',
      'notify[1].name',
      'notify[1].webhook',
      'notify[2].webhook',
      'notify[3].headers',
      'notify[3].on[0]',
      'notify[4].passEnv',
      'secrets.S.hosts',
      'webhooks[0].events[0]',
      'webhooks[0].url',
      'webhooks[1].events',
      'webhooks[1].name',
      'webhooks[1].url',
      'webhooks[2].filter.job',
      'webhooks[2].headers.webhook-id',
      'webhooks[2].name',
      'webhooks[2].secret',
    ]);
  });

  it('become outlets with all filled in', () => {
    expect(
      read({
        webhooks: [{ name: 'erp', url: 'https://x.example/in', events: '*', filter: { queue: 'mail' } }],
        notify: [
          { webhook: 'erp', retry: { maxAttempts: 2 } },
          { name: 'desk', command: ['./tell.sh', './x'], timeout: '5s', on: ['workflow_failed'] },
        ],
      }),
    ).toMatchObject({
      outlets: [
        {
          name: 'erp',
          says: 'event',
          events: '*',
          filter: { queue: ['mail'] },
          target: { kind: 'webhook', url: 'https://x.example/in', headers: {}, secret: null },
        },
        { name: 'notify', events: ['approval_requested', 'schedule_missed', 'budget_exceeded'], retry: { maxAttempts: 2, initialIntervalMs: 5_000 } },
        { name: 'desk', says: 'text', events: ['workflow_failed'], timeoutMs: 5_000, target: { kind: 'command', argv: ['/tell.sh', './x'], passEnv: [] } },
      ],
    });
  });
});

describe('faults', () => {
  it('of all sources come in one error, each with its path and near match', async () => {
    const folder = configFolder();
    const file = folder.write(
      'c.yaml',
      `
concurency: 4
concurrency: 0
logLevel: inof
limits: {hartbeat: 3s, sweep: soon, maxAttempts: 1.5}
shell: {allow: [{argv: []}, {argv: [git], profil: x}, {argv: ["./tool"]}, {argv: [git, "a*b"]}], passEnv: [A=B]}
mcpServers: {both: {command: a, url: "https://x.example"}, none: {}, mixed: {command: a, headers: {A: b}}, old: {type: sse, url: "https://x.example"}, far: {url: "ftp://x"}, "a b": {command: x}}
secrets: {T-1: {tasks: [log]}, A: {from: command, task: [x]}, B: {tasks: [http.request]}, C: {from: file, tasks: [shell.run]}, D: {tasks: [mcp.call], servers: [], command: [x]}}
http: {allowAddresses: [127.0.0.1, 10.0.0.0/64, "http://x"]}
taskAliases: {plain: http.request, a.b: "Not Valid"}
retention: {days: -1}
`,
    );
    const error = await failure(folder.load({ flags: { config: file, concurrency: 'many', store: 'sqllite' }, env: { LOGISTICS_DURABILITY: 'ful' } }));
    expect(error.code).toBe('invalid_input');
    const faults = faultsOf(error);
    expect([...faults.keys()].sort()).toEqual(
      [
        '--concurrency',
        '--store',
        'LOGISTICS_DURABILITY',
        'concurency',
        'concurrency',
        'http.allowAddresses[1]',
        'http.allowAddresses[2]',
        'limits.hartbeat',
        'limits.maxAttempts',
        'limits.sweep',
        'logLevel',
        'mcpServers.both',
        'mcpServers.far.url',
        'mcpServers.mixed.headers',
        'mcpServers.none',
        'mcpServers.old.type',
        'mcpServers["a b"]',
        'retention.days',
        'secrets.A.command',
        'secrets.A.task',
        'secrets.A.tasks',
        'secrets.B.hosts',
        'secrets.C.from',
        'secrets.D.command',
        'secrets.D.servers',
        'secrets.T-1',
        'shell.allow[0].argv',
        'shell.allow[1].profil',
        'shell.allow[2]',
        'shell.allow[3]',
        'shell.passEnv[0]',
        'taskAliases.a.b',
        'taskAliases.plain',
      ]
        .map((path) => (path === 'taskAliases.a.b' ? 'taskAliases["a.b"]' : path))
        .sort(),
    );
    expect(faults.get('concurency')).toMatchObject({ nearMatches: ['concurrency'] });
    expect(faults.get('limits.hartbeat')).toMatchObject({ nearMatches: ['heartbeat'] });
    expect(faults.get('shell.allow[1].profil')).toMatchObject({ nearMatches: ['profile'] });
    expect(faults.get('logLevel')).toMatchObject({ nearMatches: ['info'] });
    expect(faults.get('--store')).toMatchObject({ nearMatches: ['sqlite'] });
    expect(faults.get('secrets.A.task')).toMatchObject({ nearMatches: ['tasks'] });
    for (const path of faults.keys()) expect(error.message).toContain(path);
  });

  it('say which value is not supported, and which lies near a tool set that is none', async () => {
    const folder = configFolder();
    const refused = async (content: string): Promise<LogisticsError> => failure(folder.load({ flags: { config: folder.write('c.yaml', content) } }));
    expect(await refused('mcpServers: {old: {type: sse, url: "https://x.example"}}')).toMatchObject({ code: 'not_available', path: 'mcpServers.old.type' });
    expect(await refused('mcpServers: {old: {type: sse, url: "https://x.example"}}\nconcurrency: 0')).toMatchObject({ code: 'invalid_input' });
    expect(await refused('toolsets: [default, resource]')).toMatchObject({ code: 'invalid_input', path: 'toolsets[1]', nearMatches: ['resources'] });
    expect(await failure(folder.load({ env: { LOGISTICS_TOOLSETS: 'default, project' } }))).toMatchObject({
      code: 'invalid_input',
      path: 'LOGISTICS_TOOLSETS',
    });
    expect(await refused('pools: {gpu: {type: gpu, capacity: -1}}')).toMatchObject({ code: 'invalid_input', path: expect.stringContaining('pools.gpu') });
  });

  it('the HTTP server listens where its keys can be checked', async () => {
    const folder = configFolder();
    const { config } = await folder.load({
      flags: {
        config: folder.write(
          'c.yaml',
          'tokensFile: t.json\nserve: {port: 9000, rateLimit: {limit: 5, period: 1s}, jwt: {issuer: "https://id.example/", audience: a}}',
        ),
      },
    });
    expect(config.tokensFile).toMatch(/\/t\.json$/);
    expect(config.serve).toMatchObject({
      host: '127.0.0.1',
      port: 9_000,
      rateLimit: { limit: 5, periodMs: 1_000 },
      jwt: { jwksUrl: 'https://id.example/.well-known/jwks.json', namespaceClaim: null },
      maxBodyBytes: 1_048_576,
      maxResultBytes: 4_194_304,
    });
    for (const [serve, path] of [
      ['{port: 70000}', 'serve.port'],
      ['{host: "a b"}', 'serve.host'],
      ['{allowedOrigins: ["*"]}', 'serve.allowedOrigins[0]'],
      ['{allowedHosts: ["a:80"]}', 'serve.allowedHosts[0]'],
      ['{jwt: {issuer: "https://id.example"}}', 'serve.jwt.audience'],
      ['{maxBdy: 5000}', 'serve.maxBdy'],
    ] as const)
      expect(await failure(folder.load({ flags: { config: folder.write('d.yaml', `serve: ${serve}`) } }))).toMatchObject({ path });
  });

  it('a Redis is named by its address, which is checked before anybody connects', async () => {
    const folder = configFolder();
    const store = 'rediss://user:hunter22@host:6390/2?prefix=team';
    expect((await folder.load({ env: { LOGISTICS_STORE: store } })).config.store).toBe(store);
    for (const wrong of ['redis://', 'redis://:hunter22@host/x', 'redis://host?prefx=a', 'redis://host?prefix={a}']) {
      const error = await failure(folder.load({ flags: { store: wrong } }));
      expect(error).toMatchObject({ code: 'invalid_input', path: '--store', expected: expect.stringContaining('redis://') });
      expect(JSON.stringify(error.toData())).not.toContain('hunter22');
    }
    expect(await failure(folder.load({ flags: { store: 'redis' } }))).toMatchObject({ nearMatches: ['redis://localhost:6379'] });
  });

  it('never repeat a value', async () => {
    const folder = configFolder();
    const error = await failure(folder.load({ env: { LOGISTICS_STORE: 'redis://user:hunter22@host/nowhere', LOGISTICS_DURABILITY: 'hunter22' } }));
    expect(JSON.stringify(error.toData())).not.toContain('hunter22');
    folder.write('work/My Project/logistics.config.json', '{"mcpServers": {"x": {"env": {"TOKEN": "hunter22", }}}}');
    expect(JSON.stringify((await failure(folder.load())).toData())).not.toContain('hunter22');
  });

  it('include limits that contradict each other, defaults counted', async () => {
    const folder = configFolder();
    const paths = async (limits: string): Promise<string[]> => [
      ...faultsOf(await failure(folder.load({ flags: { config: folder.write('c.yaml', `limits: ${limits}`) } }))).keys(),
    ];
    expect(await paths('{processLease: 10s}')).toEqual(['limits.heartbeat']);
    expect(await paths('{heartbeat: 20s}')).toEqual(['limits.heartbeat']);
  });
});

describe('hostile files', () => {
  it.each([
    [
      'a billion laughs',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
        .split('')
        .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghij'[i]}`).join(',')}]`)
        .join('\n')}\n`,
    ],
    ['a duplicate key', 'concurrency: 1\nconcurrency: 2\n'],
    ['two documents', 'concurrency: 1\n---\nconcurrency: 2\n'],
    ['a code tag', 'concurrency: !!js/function "() => 1"\n'],
    ['a list', '- 1\n- 2\n'],
    ['a text', 'hello'],
    ['a broken flow', 'limits: {sweep: 1s'],
    ['a merge key', 'base: &b {sweep: 1s}\nlimits: {<<: *b}\n'],
    ['a prototype key', '__proto__: {concurrency: 5}\n'],
    ['a prototype key inside', 'mcpServers: {__proto__: {command: x}}\n'],
    ['a key that is a map', '? {a: 1}\n: 2\n'],
    ['a tab', 'limits:\n\tsweep: 1s\n'],
  ])('with %s are refused in plain words', async (_, content) => {
    const folder = configFolder();
    const file = folder.write('work/My Project/logistics.config.yaml', content);
    const error = await failure(folder.load());
    expect(error.code).toBe('invalid_input');
    expect(error.message).toContain(file);
    expect(({} as Record<string, unknown>).concurrency).toBeUndefined();
  });

  it('that are too large or no text are refused', async () => {
    const folder = configFolder();
    const file = join(folder.work, 'logistics.config.json');
    folder.write('work/My Project/logistics.config.json', `{"x": "${'y'.repeat(1_100_000)}"}`);
    expect(await failure(folder.load())).toMatchObject({ code: 'limit_exceeded', path: file });
    folder.write('work/My Project/logistics.config.json', '{"concurrency": 1');
    expect((await failure(folder.load())).message).toContain('not valid JSON');
    const { writeFileSync } = await import('node:fs');
    writeFileSync(file, Buffer.from([0x7b, 0xff, 0xfe]));
    expect((await failure(folder.load())).message).toContain('not UTF-8');
  });

  it('accepts an empty file and a byte order mark', async () => {
    const folder = configFolder();
    folder.write('work/My Project/logistics.config.yaml', '# nothing yet\n');
    expect((await folder.load()).config.concurrency).toBe(16);
    folder.write('a.json', '\ufeff{"concurrency": 2}');
    expect((await folder.load({ flags: { config: join(folder.root, 'a.json') } })).config.concurrency).toBe(2);
  });

  it('of any JSON shape give a LogisticsError or a config, never anything else', () => {
    const context = { env: {}, cwd: '/nowhere/at/all', homeDir: '/nowhere', platform: 'linux' } as const;
    const keys = ['mcpServers', 'secrets', 'shell', 'limits', 'http', 'taskAliases', 'toolsets', 'store', 'x', '__proto__', 'constructor'];
    const nested = fc.jsonValue({ maxDepth: 4 });
    const shape = fc.oneof(nested, fc.dictionary(fc.constantFrom(...keys), fc.oneof(nested, fc.dictionary(fc.string(), nested))));
    fc.assert(
      fc.property(shape, (value) => {
        try {
          configFromCode(value as never, context);
        } catch (error) {
          expect(error).toBeInstanceOf(LogisticsError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
