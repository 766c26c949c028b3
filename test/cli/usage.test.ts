// Owns the promise that wrong use of the command line is told with a code, a near match and exit 2, and that help shows what there is.
import { describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { cliFolder, hasStore } from './cli-folder.ts';

const NOT_BUILT = ['backup', 'restore', 'export'];
const COMMANDS = [
  'stdio',
  'serve',
  'worker',
  'service',
  'run',
  'validate',
  'plan',
  'project',
  'enqueue',
  'schedule',
  'simulate',
  'list',
  'get',
  'wait',
  'watch',
  'control',
  'status',
  'token',
  'trust',
  'doctor',
  'import',
];

describe('help', () => {
  it('lists every command that works, and none that does not', async () => {
    const { code, stdout } = await cliFolder().cli(['--help']);
    expect(code).toBe(0);
    const listed = stdout.split('\n').flatMap((line) => /^ {2}([a-z]+)(?: |$)/.exec(line)?.[1] ?? []);
    expect(listed.sort()).toEqual([...COMMANDS].sort());
  });

  it('is what an empty command line gives', async () => {
    const folder = cliFolder();
    expect((await folder.cli([])).stdout).toBe((await folder.cli(['--help'])).stdout);
  });

  it.each(COMMANDS)('%s has an example and the flags of every command', async (command) => {
    const { code, stdout } = await cliFolder().cli([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}\$ (logistics-mcp|claude)/);
    for (const flag of ['--json', '--data-dir', '--store', '--config', '--namespace', '--log-level', '--help']) expect(stdout).toContain(flag);
  });

  it('gives the version', async () => {
    expect(await cliFolder().cli(['--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
  });

  it('has colour on a terminal, and none in a pipe or with NO_COLOR', async () => {
    const folder = cliFolder();
    expect((await folder.cli(['--help'], { columns: 100 })).stdout).toContain('\u001b[36m');
    expect((await folder.cli(['--help'], { columns: 100, env: { NO_COLOR: '1' } })).stdout).not.toContain('\u001b');
    expect((await folder.cli(['--help'])).stdout).not.toContain('\u001b');
  });
});

describe('wrong use', () => {
  it.each(NOT_BUILT)('%s is refused by name, whatever its flags', async (command) => {
    const { code, stderr } = await cliFolder().cli([command, '--port', '80']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^not_available: /);
  });

  it.each([
    [['lst'], 'There is no command lst.', 'list'],
    [['list', 'jobs', '--statu', 'x'], 'logistics-mcp list has no flag --statu.', '--status'],
    [['run', 'a', '--inputfile=b'], 'logistics-mcp run has no flag --inputfile.', '--input-file'],
    [['list', 'jobs', '--status', 'fialed'], 'jobs have no status "fialed".', 'failed'],
    [['enqueue', 'ech'], 'There is no task type ech.', 'echo'],
  ])('%j gets a near match', async (args, message, near) => {
    const folder = cliFolder();
    const { code, stderr, stdout } = await folder.cli(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(new RegExp(`did you mean .*${near}`));
    expect(stdout).toBe('');
    const { error } = await folder.json(args);
    expect(error).toMatchObject({ message, nearMatches: expect.arrayContaining([near]) });
  });

  it.each([
    [['run']],
    [['list', 'jobs', 'more']],
    [['list']],
    [['list', 'jobs', '--limit', 'many']],
    [['list', 'jobs', '--limit', '0']],
    [['list', 'gadgets']],
    [['list', 'jobs', '--since', 'yesterday']],
    [['wait', 'job_1', '--timeout', '1x']],
    [['get', 'nothing']],
    [['get', 'exec_00000000000000000000000000']],
    [['watch', 'nothing']],
    [['watch', 'job_00000000000000000000000000']],
    [['enqueue', 'echo', '{bad']],
    [['enqueue', 'echo', '{}', '--priority', 'urgent']],
    [['enqueue', 'echo', '{}', '--delay', 'soon']],
    [['control', 'exec_00000000000000000000000000', 'explode']],
    [['control', 'exec_00000000000000000000000000', 'approve', '--approve', '--reject']],
    [['validate', 'nowhere.yaml']],
    [['validate', '.']],
    [['plan']],
    [['plan', 'unknown']],
    [['trust', 'nowhere.yaml']],
    [['run', 'unknown']],
    [['list', 'jobs', '--store', 'redis://localhost/none']],
    [['list', 'jobs', '--log-level', 'loud']],
    [['--json']],
    [['stdio']],
  ])('%j ends with 2 and one error', async (args) => {
    const { code, stderr, stdout } = await cliFolder().cli(args);
    expect(code).toBe(2);
    expect(`${stdout}${stderr}`).toMatch(/invalid_input|not_found|not_available/);
    expect(`${stdout}${stderr}`).not.toMatch(/internal|undefined|\[object/);
  });

  it('with --json the error is the result', async () => {
    const { code, stdout, stderr } = await cliFolder().cli(['get', 'nothing', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'invalid_input', path: '<id>', retryable: false } });
    expect(stderr).toBe('');
  });

  it('checks before it makes a store', async () => {
    const folder = cliFolder();
    await folder.cli(['run', 'nowhere.yaml']);
    await folder.cli(['enqueue', 'echo', '{bad']);
    await folder.cli(['wait', 'job_1', '--timeout', '1x']);
    expect(hasStore(folder)).toBe(false);
  });
});
