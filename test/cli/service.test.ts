// The service command: the text of both kinds of file with hard paths, and what happens with systemctl, without it, and elsewhere.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ServiceDefinition } from '../../src/cli/service/definition.ts';
import { launchdService } from '../../src/cli/service/launchd.ts';
import { shellText } from '../../src/cli/service/run-commands.ts';
import { systemdService } from '../../src/cli/service/systemd.ts';
import { tempFolder } from '../support/test-engine.ts';
import { type CliFolder, cliFolder } from './cli-folder.ts';

const HARD: ServiceDefinition = {
  name: 'logistics-mcp-shop',
  description: 'worker at 100%',
  argv: ['/opt/node 24/bin/node', '/opt/a "b" $HOME/50%/c\\d/cli.mjs', 'worker', '--data-dir', "/home/o'neil/data & <more>"],
  workingFolder: '/home/me/50% of it',
  variables: { PATH: '/usr/bin:/opt/my "bin"', LOGISTICS_STORE: 'redis://:p%w@host' },
  stopMs: 10_500,
};

describe('the systemd unit', () => {
  const { text, file, install, isActive } = systemdService(HARD, '/home/me/.config');

  it('escapes spaces, quotes, percent, dollar and backslash as systemd reads them', () => {
    expect(text).toContain(
      `ExecStart="/opt/node 24/bin/node" "/opt/a \\"b\\" $$HOME/50%%/c\\\\d/cli.mjs" "worker" "--data-dir" "/home/o'neil/data & <more>"\n`,
    );
    expect(text).toContain('WorkingDirectory=/home/me/50%% of it\n');
    expect(text).toContain('Environment="PATH=/usr/bin:/opt/my \\"bin\\""\n');
    expect(text).toContain('Environment="LOGISTICS_STORE=redis://:p%%w@host"\n');
    expect(text).toContain('Description=worker at 100%%\n');
    expect(text).toContain('TimeoutStopSec=21\n');
  });

  it('lies in the user folder and is asked about as a user unit', () => {
    expect(file).toBe('/home/me/.config/systemd/user/logistics-mcp-shop.service');
    expect(install.map(shellText)).toEqual(['systemctl --user daemon-reload', 'systemctl --user enable --now logistics-mcp-shop.service']);
    expect(isActive).toEqual(['systemctl', '--user', 'is-active', 'logistics-mcp-shop.service']);
  });

  it.skipIf(spawnSync('systemd-analyze', ['--version']).status !== 0)('is clean in the eyes of systemd', () => {
    const path = join(tempFolder(), 'logistics-mcp-shop.service');
    const real = { ...HARD, argv: [process.execPath, ...HARD.argv.slice(1)], workingFolder: '/' };
    writeFileSync(path, systemdService(real, '/c').text);
    const { status, stderr, stdout } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
  });

  it('takes no line breaks, which would be further settings', () => {
    expect(() => systemdService({ ...HARD, argv: ['/bin/node', 'a\nExecStart=/bin/evil'] }, '/c')).toThrow(/control character/);
    expect(() => systemdService({ ...HARD, workingFolder: '/a\r' }, '/c')).toThrow(/control character/);
  });
});

it('the property list escapes what XML needs', () => {
  const { text, file, install } = launchdService(HARD, { homeDir: '/Users/me', uid: 501, logFile: '/Users/me/d/logs/x.log' });
  expect(text).toContain('<string>/opt/a &quot;b&quot; $HOME/50%/c\\d/cli.mjs</string>');
  expect(text).toContain('<string>/home/o&apos;neil/data &amp; &lt;more&gt;</string>');
  expect(text).toContain('<key>ExitTimeOut</key>\n  <integer>21</integer>');
  expect(file).toBe('/Users/me/Library/LaunchAgents/logistics-mcp-shop.plist');
  expect(install.map(shellText)).toEqual(['launchctl bootstrap gui/501 /Users/me/Library/LaunchAgents/logistics-mcp-shop.plist']);
});

it('a command is shown as a shell takes it', () => {
  expect(shellText(['a b', "it's", 'plain-1.0/x'])).toBe(String.raw`'a b' 'it'\''s' plain-1.0/x`);
});

/** A systemctl that notes its arguments, and answers is-active with what a file says. */
function fakeSystemctl(folder: CliFolder, exit = 0): { readonly PATH: string; readonly calls: () => string[] } {
  const bin = join(folder.work, 'bin');
  const notes = join(folder.work, 'calls.txt');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'systemctl'), `#!/bin/sh\necho "$@" >> '${notes}'\n${exit === 0 ? '' : `echo 'no bus' >&2\n`}exit ${exit}\n`);
  chmodSync(join(bin, 'systemctl'), 0o755);
  return { PATH: `${bin}:/usr/bin:/bin`, calls: () => (existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n') : []) };
}

describe.runIf(process.platform === 'linux')('on Linux', () => {
  const unitOf = (folder: CliFolder): string => join(folder.data, '..', 'home', '.config', 'systemd', 'user', 'logistics-mcp-shop.service');

  it('is installed, asked about and removed through systemctl --user', async () => {
    const folder = cliFolder();
    const { PATH, calls } = fakeSystemctl(folder);
    const run = (...args: string[]): Promise<Record<string, unknown>> => folder.json(['service', ...args, '--namespace', 'shop'], { env: { PATH } });
    expect(await run('status')).toMatchObject({ kind: 'systemd', installed: false, active: false });
    expect(await run('install', '--concurrency', '4')).toEqual({ kind: 'systemd', file: unitOf(folder), installed: true, started: true });
    const text = readFileSync(unitOf(folder), 'utf8');
    expect(text).toContain(`"worker" "--data-dir" "${folder.data}" "--namespace" "shop"`);
    expect(text).toContain('"--concurrency" "4"');
    expect(text).toContain(`"/opt/it's 100%% \\"$$HOME\\"/cli.mjs"`);
    expect(text).toContain(`WorkingDirectory=${folder.work}\n`);
    // What was found by looking upwards is found again, with its trust; only a named file is named.
    expect(text).not.toMatch(/--config|LOGISTICS_STORE/);
    expect(await run('status')).toMatchObject({ installed: true, active: true });
    expect(await run('uninstall')).toMatchObject({ removed: true, stopped: true });
    expect(existsSync(unitOf(folder))).toBe(false);
    expect(await run('uninstall')).toMatchObject({ removed: false });
    expect(calls()).toEqual([
      '--user daemon-reload',
      '--user enable --now logistics-mcp-shop.service',
      '--user is-active logistics-mcp-shop.service',
      '--user disable --now logistics-mcp-shop.service',
      '--user daemon-reload',
    ]);
  });

  it('without systemctl, or without a user bus, the file is written and the commands are told', async () => {
    const folder = cliFolder();
    const none = await folder.cli(['service', 'install', '--namespace', 'shop'], { env: { PATH: join(folder.work, 'nothing') } });
    expect(none.code).toBe(0);
    expect(existsSync(unitOf(folder))).toBe(true);
    expect(none.stderr).toMatch(
      /could not be started[\s\S]*Run: systemctl --user daemon-reload[\s\S]*Run: systemctl --user enable --now logistics-mcp-shop\.service/,
    );
    const { PATH } = fakeSystemctl(folder, 1);
    expect(await folder.json(['service', 'install', '--namespace', 'shop'], { env: { PATH } })).toMatchObject({
      installed: true,
      started: false,
      reason: 'no bus',
    });
    const asked = await folder.cli(['service', 'status', '--namespace', 'shop'], { env: { PATH } });
    expect(asked).toMatchObject({ code: 1, stdout: expect.stringContaining('does not run') });
  });

  it('--dry-run prints the file and changes nothing', async () => {
    const folder = cliFolder();
    folder.write('vars.env', 'LOGISTICS_SECRET_X=1\n');
    const own = folder.write('own.yaml', 'concurrency: 3\n');
    const shown = await folder.cli(['service', 'install', '--dry-run', '--namespace', 'shop', '--env-file', 'vars.env', '--config', own]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain(`"/opt/node 24/bin/node" "--env-file=${join(folder.work, 'vars.env')}"`);
    expect(shown.stdout).toContain(`"worker" "--config" "${own}"`);
    expect(existsSync(unitOf(folder))).toBe(false);
    const missing = await folder.cli(['service', 'install', '--dry-run', '--env-file', 'gone.env']);
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no file gone.env') });
  });

  it('is refused for a store in memory', async () => {
    expect(await cliFolder().cli(['service', 'install', '--store', 'in_memory'])).toMatchObject({ code: 2, stderr: expect.stringContaining('in memory') });
  });
});

it('is refused by name elsewhere', async () => {
  const folder = cliFolder();
  const refused = await folder.json(['service', 'install'], { platform: 'win32' });
  expect(refused).toMatchObject({ error: { code: 'not_available', message: expect.stringContaining('not on win32') } });
});
