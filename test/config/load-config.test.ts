// Holds the sources of configuration to their order, their names and their normal form.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configFromCode } from '../../src/config.ts';
import { configFolder, failure, faultsOf } from './config-folder.ts';

describe('defaults', () => {
  it('are the published ones', async () => {
    const folder = configFolder();
    const { config, file, untrusted, warnings } = await folder.load();
    const hash = createHash('sha256').update(folder.work).digest('hex').slice(0, 6);
    expect(config).toEqual({
      dataDir: join(folder.home, '.local/share/logistics-mcp'),
      store: 'sqlite',
      durability: 'full',
      namespace: `my-project-${hash}`,
      workspaceRoot: folder.work,
      concurrency: 16,
      toolsets: ['default'],
      outlets: [],
      hooks: [],
      published: [],
      logLevel: 'info',
      metrics: null,
      background: 'auto',
      tokensFile: null,
      serve: {
        host: '127.0.0.1',
        port: 8_787,
        publicUrl: null,
        allowedHosts: [],
        allowedOrigins: [],
        jwt: null,
        maxBodyBytes: 1_048_576,
        maxResultBytes: 4_194_304,
        rateLimit: { limit: 1_000, periodMs: 1_000 },
        maxConcurrent: 2_000,
        maxStreams: 1_000,
        maxSessions: 2_000,
        maxConnections: 12_000,
        sessionIdleMs: 1_800_000,
        requestTimeoutMs: 30_000,
      },
      workflowsDir: null,
      handlers: null,
      taskAliases: {},
      mcpServers: {},
      shell: null,
      http: { allowAddresses: [] },
      secrets: {},
      secretsFile: null,
      pools: {},
      queues: {},
      limits: {
        processLeaseMs: 30_000,
        heartbeatMs: 10_000,
        sweepMs: 5_000,
        shutdownGraceMs: 10_000,
        hostIdleMs: 30_000,
        approvalExpiryMs: 86_400_000,
        ageStepMs: 60_000,
        maxCrashes: 5,
        maxAttempts: 3,
        sessionParallelTasks: 4,
        sessionParallelWorkflows: 2,
        scheduleDepth: 3,
        claimBatch: 100,
      },
      retention: { days: 30, executions: 100_000 },
    });
    expect({ file, untrusted, warnings }).toEqual({ file: null, untrusted: null, warnings: [] });
  });

  it('give one namespace to all folders of a workspace and different ones to workspaces of one name', async () => {
    const folder = configFolder();
    const top = await folder.load();
    const deep = await folder.load({ cwd: join(folder.work, 'deep', 'er') });
    expect(deep.config.namespace).toBe(top.config.namespace);
    folder.write('other/My Project/.git', 'gitdir: elsewhere');
    const other = await folder.load({ cwd: join(folder.root, 'other/My Project') });
    expect(other.config.namespace).toMatch(/^my-project-[0-9a-f]{6}$/);
    expect(other.config.namespace).not.toBe(top.config.namespace);
  });
});

describe('precedence', () => {
  it('is defaults < file < environment < flags, key by key', async () => {
    const folder = configFolder();
    folder.write('work/My Project/logistics.config.yaml', 'concurrency: 2\ndurability: normal\nlogLevel: debug\nnamespace: file\n');
    const { config, file } = await folder.load({
      env: { LOGISTICS_CONCURRENCY: '3', LOGISTICS_LOG_LEVEL: 'warn', LOGISTICS_NAMESPACE: '' },
      flags: { concurrency: '4' },
    });
    expect(config).toMatchObject({ store: 'sqlite', durability: 'normal', logLevel: 'warn', concurrency: 4, namespace: 'file' });
    expect(file).toBe(join(folder.work, 'logistics.config.yaml'));
  });

  it('reads every variable by its published name', async () => {
    const folder = configFolder();
    const { config } = await folder.load({
      env: {
        LOGISTICS_DATA_DIR: 'data',
        LOGISTICS_STORE: 'in_memory',
        LOGISTICS_TOOLSETS: 'default',
        LOGISTICS_CONCURRENCY: '7',
        LOGISTICS_DURABILITY: 'normal',
        LOGISTICS_NAMESPACE: 'team',
        LOGISTICS_LOG_LEVEL: 'silent',
        LOGISTICS_BACKGROUND: 'off',
      },
    });
    expect(config).toMatchObject({
      dataDir: join(folder.work, 'data'),
      store: 'in_memory',
      toolsets: ['default'],
      concurrency: 7,
      durability: 'normal',
      namespace: 'team',
      logLevel: 'silent',
      background: 'off',
    });
  });

  it('warns of variables that look like ours, with the nearest known, and leaves secrets alone', async () => {
    const { warnings } = await configFolder().load({ env: { LOGISTICS_CONCURENCY: '4', LOGISTICS_SECRET_TOKEN: 'abc', PATH: '/bin' } });
    expect(warnings).toMatchObject([{ code: 'unknown_variable', key: 'LOGISTICS_CONCURENCY', nearMatches: ['LOGISTICS_CONCURRENCY'] }]);
  });
});

describe('the file', () => {
  it('is found upwards, the nearest one alone, in each of its forms', async () => {
    const folder = configFolder();
    folder.write('work/logistics.config.json', '{"concurrency": 3, "dataDir": "outer"}');
    expect((await folder.load()).config).toMatchObject({ concurrency: 3, dataDir: join(folder.root, 'work/outer') });
    folder.write('work/My Project/deep/logistics.config.yml', 'concurrency: 5');
    const deep = await folder.load({ cwd: join(folder.work, 'deep', 'er') });
    expect(deep.config).toMatchObject({ concurrency: 5, dataDir: join(folder.home, '.local/share/logistics-mcp'), workspaceRoot: join(folder.work, 'deep') });
  });

  it('resolves its relative paths against itself, ~ against home, and others against the working folder', async () => {
    const folder = configFolder();
    folder.write(
      'elsewhere/logistics.config.yaml',
      'dataDir: ./data\nworkflowsDir: ~/flows\nhandlers: ../tasks.mjs\nsecretsFile: /etc/s.yaml\nshell: {root: src, allow: [{argv: [git, log]}]}\nmcpServers: {a: {command: ./server, cwd: x}, b: {command: npx, args: [./y]}}\n',
    );
    const { config } = await folder.load({ flags: { config: '../../elsewhere/logistics.config.yaml' } });
    const at = join(folder.root, 'elsewhere');
    expect(config).toMatchObject({
      dataDir: join(at, 'data'),
      workflowsDir: join(folder.home, 'flows'),
      handlers: join(folder.root, 'tasks.mjs'),
      secretsFile: '/etc/s.yaml',
      shell: { root: join(at, 'src'), allow: [{ profile: 'default', argv: ['git', 'log'] }], passEnv: [] },
      mcpServers: {
        a: { transport: 'stdio', command: join(at, 'server'), args: [], env: {}, cwd: join(at, 'x') },
        b: { transport: 'stdio', command: 'npx', args: ['./y'], cwd: folder.work },
      },
    });
    expect((await folder.load({ flags: { dataDir: 'here' } })).config.dataDir).toBe(join(folder.work, 'here'));
  });

  it('normalises durations, secrets and both kinds of servers', async () => {
    const folder = configFolder();
    folder.write(
      'c.json',
      JSON.stringify({
        limits: { processLease: '1m', heartbeat: 'PT5S', sweep: 250, ageStep: '0s', approvalExpiry: '1h30m' },
        retention: { days: 7 },
        mcpServers: { web: { type: 'http', url: 'https://mcp.example.org/mcp', headers: { Authorization: 'Bearer x' } } },
        secrets: {
          A: { tasks: ['http.request'], hosts: ['*.example.org', 'localhost:8080', '[::1]'] },
          B: { from: 'command', command: ['pass', 'b'], tasks: ['mcp.call'], servers: ['web'] },
        },
        http: { allowAddresses: ['127.0.0.1', '10.0.0.0/8', '::1', 'localhost:8080'] },
        taskAliases: { 'data.fetch': 'http.request' },
      }),
    );
    const { config } = await folder.load({ flags: { config: join(folder.root, 'c.json') } });
    expect(config.limits).toMatchObject({
      processLeaseMs: 60_000,
      heartbeatMs: 5_000,
      sweepMs: 250,
      ageStepMs: 0,
      approvalExpiryMs: 5_400_000,
      maxAttempts: 3,
    });
    expect(config.retention).toEqual({ days: 7, executions: 100_000 });
    expect(config.mcpServers).toEqual({ web: { transport: 'http', url: 'https://mcp.example.org/mcp', headers: { Authorization: 'Bearer x' } } });
    expect(config.secrets).toEqual({
      A: { from: 'env', tasks: ['http.request'], hosts: ['*.example.org', 'localhost:8080', '[::1]'], servers: [] },
      B: { from: 'command', command: ['pass', 'b'], tasks: ['mcp.call'], hosts: [], servers: ['web'] },
    });
    expect(config.http.allowAddresses).toHaveLength(4);
    expect(config.taskAliases).toEqual({ 'data.fetch': 'http.request' });
  });

  it('of the user acts with all keys when none is nearer, and says when it does not act', async () => {
    const folder = configFolder();
    const own = folder.write('home/.config/logistics-mcp/logistics.config.yaml', 'concurrency: 9\nshell: {allow: [{argv: [git, status]}]}\n');
    const alone = await folder.load();
    expect(alone).toMatchObject({ file: own, untrusted: null, warnings: [], config: { concurrency: 9, shell: { root: folder.work } } });
    expect((await folder.load({ cwd: folder.userConfig })).config.shell).not.toBeNull();
    folder.write('work/My Project/logistics.config.yaml', 'concurrency: 2\n');
    const both = await folder.load();
    expect(both).toMatchObject({ config: { concurrency: 2, shell: null }, warnings: [{ code: 'config_not_used', key: own }] });
  });

  it('named with --config must exist and be a config file', async () => {
    const folder = configFolder();
    expect(await failure(folder.load({ flags: { config: 'missing.yaml' } }))).toMatchObject({ code: 'not_found', path: join(folder.work, 'missing.yaml') });
    folder.write('work/My Project/notes.txt', 'concurrency: 1');
    expect(await failure(folder.load({ flags: { config: 'notes.txt' } }))).toMatchObject({ code: 'invalid_input' });
    expect(await failure(folder.load({ flags: { config: 'deep' } }))).toMatchObject({ code: 'invalid_input' });
  });

  it('is refused when a folder holds two', async () => {
    const folder = configFolder();
    folder.write('work/My Project/logistics.config.yaml', '');
    folder.write('work/My Project/logistics.config.json', '{}');
    const error = await failure(folder.load());
    expect(error.message).toContain('logistics.config.yaml, logistics.config.json');
  });

  it('may be a module when it is named', async () => {
    const folder = configFolder();
    folder.write('c.mjs', 'export default { concurrency: 2 + 3 };');
    expect((await folder.load({ flags: { config: join(folder.root, 'c.mjs') } })).config.concurrency).toBe(5);
    folder.write('bad.mjs', 'export const concurrency = 5;');
    expect((await failure(folder.load({ flags: { config: join(folder.root, 'bad.mjs') } }))).message).toContain('no default export');
    folder.write('throws.mjs', 'throw new Error("boom");');
    expect((await failure(folder.load({ flags: { config: join(folder.root, 'throws.mjs') } }))).message).toContain('boom');
  });
});

describe('a secrets file', () => {
  it('that others can read is said at the start', async () => {
    const folder = configFolder();
    folder.write('s.yaml', 'A: value\n', 0o644);
    const config = folder.write('c.yaml', 'secretsFile: s.yaml\n');
    const { warnings } = await folder.load({ flags: { config } });
    expect(warnings).toMatchObject([{ code: 'secrets_file', nextActions: [`Run: chmod 600 ${join(folder.root, 's.yaml')}`] }]);
    expect(JSON.stringify(warnings)).not.toContain('value');
  });
});

describe('configFromCode', () => {
  it('takes the same keys, reads neither file nor variables, and reports all faults', async () => {
    const folder = configFolder();
    folder.write('work/My Project/logistics.config.yaml', 'concurrency: 2\n');
    const config = configFromCode({ store: 'in_memory', dataDir: 'd', limits: { sweep: '1s' } }, folder.context({ LOGISTICS_CONCURRENCY: '3' }));
    expect(config).toMatchObject({ store: 'in_memory', dataDir: join(folder.work, 'd'), concurrency: 16, limits: { sweepMs: 1_000 } });
    const error = await failure(Promise.resolve().then(() => configFromCode({ concurency: 1, namespace: '' } as never, folder.context())));
    expect([...faultsOf(error).keys()].sort()).toEqual(['concurency', 'namespace']);
  });
});
