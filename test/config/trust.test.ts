// Holds found config files to harmless keys until a person trusts exactly their content.
import { chmodSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isTrusted, trustFile } from '../../src/config/trust.ts';
import { type ConfigFolder, configFolder, failure } from './config-folder.ts';

const FULL = `
concurrency: 3
workflowsDir: flows
taskAliases: {a.b: log}
handlers: tasks.mjs
shell: {allow: [{argv: [git, log]}]}
mcpServers: {x: {command: y}}
http: {allowAddresses: [127.0.0.1]}
secrets: {A: {from: file, tasks: [shell.run, hook.verify]}}
secretsFile: s.yaml
serve: {host: 0.0.0.0}
tokensFile: t.json
metrics: {port: 9464}
webhooks: [{name: erp, url: "https://erp.example.org/in", events: ['*']}]
notify: [{command: [./tell.sh]}]
hooks: [{name: push, secret: A, signature: github, start: {workflow: build}}]
`;
const GUARDED = ['mcpServers', 'handlers', 'shell', 'http', 'secrets', 'secretsFile', 'serve', 'tokensFile', 'metrics', 'webhooks', 'notify', 'hooks'];

function trust(folder: ConfigFolder, file: string): Promise<readonly string[]> {
  return trustFile(file, { ...folder.context(), now: () => 0 });
}

describe('a found file', () => {
  it('sets harmless keys only; the others are named with what to do', async () => {
    const folder = configFolder();
    const file = folder.write('work/My Project/logistics.config.yaml', FULL);
    const { config, untrusted, warnings } = await folder.load({ cwd: join(folder.work, 'deep') });
    expect(config).toMatchObject({ concurrency: 3, workflowsDir: join(folder.work, 'flows'), taskAliases: { 'a.b': 'log' } });
    expect(config).toMatchObject({
      handlers: null,
      shell: null,
      mcpServers: {},
      http: { allowAddresses: [] },
      secrets: {},
      secretsFile: null,
      outlets: [],
      hooks: [],
    });
    expect(untrusted).toEqual({ file, keys: GUARDED, changed: false });
    expect(warnings.map((warning) => warning.key)).toEqual([
      'mcpServers',
      'handlers',
      'shell',
      'http.allowAddresses',
      'secrets',
      'secretsFile',
      'serve',
      'tokensFile',
      'metrics',
      'webhooks',
      'notify',
      'hooks',
    ]);
    for (const warning of warnings) {
      expect(warning.code).toBe('untrusted_config');
      expect(warning.nextActions.join('\n')).toContain(`logistics-mcp trust ${JSON.stringify(file)}`);
    }
  });

  it('without guarded keys needs no trust', async () => {
    const folder = configFolder();
    folder.write('work/My Project/logistics.config.yaml', 'concurrency: 3\n');
    expect(await folder.load()).toMatchObject({ untrusted: null, warnings: [] });
  });

  it('acts whole when it is named, and when it is trusted', async () => {
    const folder = configFolder();
    const file = folder.write('work/My Project/logistics.config.yaml', FULL);
    folder.write('work/My Project/s.yaml', 'A: b\n', 0o600);
    const handlers = folder.write('work/My Project/tasks.mjs', 'export const tasks = [];');
    expect(await folder.load({ flags: { config: file } })).toMatchObject({ untrusted: null, warnings: [], config: { handlers } });
    expect([...(await trust(folder, 'logistics.config.yaml'))].sort()).toEqual([file, handlers].sort());
    const { config, untrusted, warnings } = await folder.load();
    expect({ untrusted, warnings }).toEqual({ untrusted: null, warnings: [] });
    expect(config).toMatchObject({ handlers, shell: { root: folder.work }, secretsFile: join(folder.work, 's.yaml') });
  });

  it('loses trust when it, or the handlers module, changes by one character', async () => {
    const folder = configFolder();
    const file = folder.write('work/My Project/logistics.config.yaml', 'handlers: tasks.mjs\nconcurrency: 3\n');
    const handlers = folder.write('work/My Project/tasks.mjs', 'export const tasks = [];');
    await trust(folder, file);
    writeFileSync(handlers, 'export const tasks = []; ');
    const afterHandlers = await folder.load();
    expect(afterHandlers).toMatchObject({ untrusted: { keys: ['handlers'], changed: true }, config: { handlers: null, concurrency: 3 } });
    expect(afterHandlers.warnings[0]?.message).toContain(`${handlers} has changed since it was trusted`);
    writeFileSync(handlers, 'export const tasks = [];');
    expect((await folder.load()).untrusted).toBeNull();
    writeFileSync(file, 'handlers: tasks.mjs\nconcurrency: 4\n');
    expect((await folder.load()).warnings[0]?.message).toContain(`${file} has changed`);
    await trust(folder, file);
    expect((await folder.load()).untrusted).toBeNull();
    rmSync(handlers);
    expect((await folder.load()).untrusted).toMatchObject({ changed: true });
  });

  it('that is a module is not run before it is trusted', async () => {
    const folder = configFolder();
    const marker = join(folder.root, 'ran');
    const file = folder.write(
      'work/My Project/logistics.config.mjs',
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(marker)}, ''); export default { concurrency: 6, shell: { allow: [{ argv: ['git', 'log'] }] } };`,
    );
    const before = await folder.load();
    expect(before).toMatchObject({ config: { concurrency: 16, shell: null }, untrusted: { file, keys: GUARDED } });
    expect(before.warnings[0]?.message).toContain('was not run');
    expect(() => statSync(marker)).toThrow();
    await trust(folder, file);
    expect(await folder.load()).toMatchObject({ config: { concurrency: 6, shell: {} }, untrusted: null });
  });

  it('cannot lead to a module that was not seen when it was trusted', async () => {
    const folder = configFolder();
    folder.write('work/My Project/one.mjs', 'export const tasks = [];');
    folder.write('work/My Project/two.mjs', 'export const tasks = [];');
    symlinkSync(join(folder.work, 'one.mjs'), join(folder.work, 'tasks.mjs'));
    const file = folder.write('work/My Project/logistics.config.yaml', 'handlers: tasks.mjs\n');
    await trust(folder, file);
    expect((await folder.load()).untrusted).toBeNull();
    rmSync(join(folder.work, 'tasks.mjs'));
    symlinkSync(join(folder.work, 'two.mjs'), join(folder.work, 'tasks.mjs'));
    expect((await folder.load()).untrusted).toMatchObject({ keys: ['handlers'] });
  });

  it('is not trusted by a copy of its content elsewhere', async () => {
    const folder = configFolder();
    await trust(folder, folder.write('other/logistics.config.yaml', FULL.replace(/handlers.*\n/, '')));
    folder.write('work/My Project/logistics.config.yaml', FULL.replace(/handlers.*\n/, ''));
    expect((await folder.load()).untrusted).not.toBeNull();
  });
});

describe('the record', () => {
  it('is private, keeps earlier entries, and leaves no draft behind', async () => {
    const folder = configFolder();
    const one = folder.write('a/logistics.config.yaml', 'concurrency: 1\n');
    const two = folder.write('b/logistics.config.yaml', 'concurrency: 2\n');
    await trust(folder, one);
    await trust(folder, two);
    const record = join(folder.userConfig, 'trusted.json');
    expect(statSync(record).mode & 0o777).toBe(0o600);
    expect(Object.keys((JSON.parse(readFileSync(record, 'utf8')) as { files: object }).files)).toEqual([one, two]);
    expect((await import('node:fs')).readdirSync(folder.userConfig)).toEqual(['trusted.json']);
    expect(await isTrusted(one, folder.context())).toMatchObject({ state: 'trusted' });
  });

  it('does not count when others can write it or it is damaged; harmless keys still act', async () => {
    const folder = configFolder();
    const file = folder.write('work/My Project/logistics.config.yaml', 'concurrency: 3\nshell: {allow: [{argv: [git, log]}]}\n');
    await trust(folder, file);
    const record = join(folder.userConfig, 'trusted.json');
    chmodSync(record, 0o666);
    const open = await folder.load();
    expect(open).toMatchObject({ config: { concurrency: 3, shell: null }, untrusted: { keys: ['shell'] } });
    expect(open.warnings[0]?.message).toContain('can be written by others');
    chmodSync(record, 0o600);
    writeFileSync(record, '{"version": 1');
    expect((await folder.load()).warnings[0]?.message).toContain('damaged');
    const error = await failure(trust(folder, file));
    expect(error).toMatchObject({ code: 'invalid_input', path: record });
    expect(readFileSync(record, 'utf8')).toBe('{"version": 1');
  });

  it('takes no missing or faulty file', async () => {
    const folder = configFolder();
    expect(await failure(trust(folder, 'nothing.yaml'))).toMatchObject({ code: 'not_found' });
    folder.write('work/My Project/logistics.config.yaml', 'concurency: 3\n');
    expect(await failure(trust(folder, 'logistics.config.yaml'))).toMatchObject({ code: 'invalid_input', path: 'concurency' });
    folder.write('work/My Project/logistics.config.yaml', 'handlers: gone.mjs\n');
    expect(await failure(trust(folder, 'logistics.config.yaml'))).toMatchObject({ code: 'not_found', path: 'handlers' });
    expect(() => statSync(join(folder.userConfig, 'trusted.json'))).toThrow();
  });
});
