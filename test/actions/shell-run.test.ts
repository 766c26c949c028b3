import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowedProgram, type ShellPattern } from '../../src/actions/shell-allow.ts';
import { createShellRun, type ShellRunOptions, shellCapabilities } from '../../src/actions/shell-run.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { actionContext, failure, inputFaults, runTask } from '../support/action-context.ts';

const node = process.execPath;
let root: string;
let outside: string;

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'shell-root-')));
  outside = realpathSync(mkdtempSync(join(tmpdir(), 'shell-outside-')));
  mkdirSync(join(root, 'sub'));
  writeFileSync(join(root, 'file.txt'), 'x');
  symlinkSync(outside, join(root, 'leak'));
});

afterAll(() => {
  rmSync(root, { recursive: true });
  rmSync(outside, { recursive: true });
});

/** Runs one JavaScript text with exactly that text allow-listed. */
async function script(code: string, input: object = {}, options: Partial<ShellRunOptions> = {}, context = actionContext()): Promise<JsonObject> {
  const task = createShellRun({ root, allow: [{ argv: [node, '-e', code] }], ...options });
  return (await runTask(task, { command: node, args: ['-e', code], ...input }, context)) as JsonObject;
}

describe('shell.run: allow-list', () => {
  const fits = (allow: readonly ShellPattern[], command: string, args: readonly string[], profile = 'default'): boolean => {
    try {
      allowedProgram(allow, profile, command, args);
      return true;
    } catch {
      return false;
    }
  };

  it('is off without patterns, and says so', async () => {
    for (const task of [createShellRun(undefined), createShellRun({ root, allow: [] })]) {
      const error = await failure(runTask(task, { command: 'git', args: ['log'] }));
      expect(error).toMatchObject({ code: 'not_allowed', details: { argv: ['git', 'log'] } });
      expect(error.message).toContain('off');
    }
  });

  it.each([
    [['git', 'log'], ['git', 'log'], true],
    [['git', 'log'], ['git', 'log', '-p'], false],
    [['git', 'log'], ['git'], false],
    [['git', 'log'], ['git', '-c', 'core.pager=sh', 'log'], false],
    [['git', 'log'], ['/tmp/git', 'log'], false],
    [['git', 'log'], ['./git', 'log'], false],
    [['git', 'log'], ['../bin/git', 'log'], false],
    [['git', 'log'], ['git log'], false],
    [['git', 'show', '*'], ['git', 'show', 'HEAD'], true],
    [['git', 'show', '*'], ['git', 'show', '--output=x'], false],
    [['git', 'show', '*'], ['git', 'show', '-'], false],
    [['git', 'show', '*'], ['git', 'show', ''], true],
    [['git', 'show', '*'], ['git', 'show', 'a', 'b'], false],
    [['git', 'log', '-*'], ['git', 'log', '-p'], true],
    [['git', 'log', '-*'], ['git', 'log', 'p'], false],
    [['git', 'log', '--format=*'], ['git', 'log', '--format=%H %s'], true],
    [['git', 'log', '--format=*'], ['git', 'log', '--output=x'], false],
    [['git', 'log', '**'], ['git', 'log'], true],
    [['git', 'log', '**'], ['git', 'log', '-p', 'x'], true],
    [['git', 'log', '**'], ['git', 'push'], false],
    [['/usr/bin/git', 'log'], ['/usr/bin/git', 'log'], true],
    [['/usr/bin/git', 'log'], ['git', 'log'], true],
    [['/usr/bin/git', 'log'], ['/usr/local/bin/git', 'log'], false],
    [['git', 'log'], ['git', 'log\n'], false],
    [['git', 'log'], ['GIT', 'log'], false],
  ])('%j fits %j: %s', (argv, [command, ...args], expected) => {
    expect(fits([{ argv }], command as string, args)).toBe(expected);
  });

  it('keeps profiles apart', () => {
    const allow: ShellPattern[] = [{ argv: ['git', 'log'] }, { profile: 'build', argv: ['make', 'all'] }];
    expect(fits(allow, 'git', ['log'])).toBe(true);
    expect(fits(allow, 'git', ['log'], 'build')).toBe(false);
    expect(fits(allow, 'make', ['all'], 'build')).toBe(true);
    expect(fits(allow, 'make', ['all'], 'none')).toBe(false);
    expect(shellCapabilities({ allow })).toEqual(['shell@build', 'shell@default']);
    expect(shellCapabilities(undefined)).toEqual([]);
  });

  it('never lets an argument through that no token speaks of', () => {
    const word = fc.stringMatching(/^[a-z-]{0,4}$/);
    fc.assert(
      fc.property(fc.array(word, { maxLength: 4 }), fc.array(word, { maxLength: 5 }), (tokens, args) => {
        expect(fits([{ argv: ['p', ...tokens] }], 'p', args)).toBe(JSON.stringify(tokens) === JSON.stringify(args));
        expect(fits([{ argv: ['p', ...tokens.map(() => '*')] }], 'p', args)).toBe(args.length === tokens.length && args.every((arg) => !arg.startsWith('-')));
      }),
    );
  });

  it('names the nearest patterns with the refusal', async () => {
    const task = createShellRun({ root, allow: [{ argv: ['git', 'log', '*'] }, { argv: ['make', 'all'] }] });
    expect(await failure(runTask(task, { command: 'git', args: ['push'] }))).toMatchObject({
      code: 'not_allowed',
      retryable: false,
      nearMatches: ['git log *'],
      details: { argv: ['git', 'push'], profile: 'default' },
    });
    expect((await failure(runTask(task, { command: 'mak', args: ['al'] }))).nearMatches).toContain('make all');
    expect((await failure(runTask(task, { command: 'git', args: ['log', 'x'], profile: 'other' }))).nearMatches).toEqual(['default']);
  });

  it.each([[[]], [['']], [['*']], [['./x']], [['bin/x']], [['x', '**', 'y']], [['x', 'a*b']], [['x', '***']]])(
    'refuses the pattern %j at the start',
    (argv) => {
      expect(() => createShellRun({ root, allow: [{ argv }] })).toThrow(expect.objectContaining({ code: 'invalid_input', path: 'shell.allow[0]' }));
    },
  );

  it('asks for the capability of its profile', () => {
    const task = createShellRun(undefined);
    expect(task.capability?.({ command: 'x' })).toBe('shell@default');
    expect(task.capability?.({ command: 'x', profile: 'build' })).toBe('shell@build');
    expect(inputFaults(task, { command: 'x', profile: 'a b' })).toHaveLength(1);
    expect(inputFaults(task, { command: 'x', args: ['a\0b'] })).toHaveLength(1);
    expect(inputFaults(task, { command: 'x', timeout: 5 })).toHaveLength(1);
    expect(inputFaults(task, { command: 'x', maxOutputBytes: 9 * 1024 * 1024 })).toHaveLength(1);
  });
});

describe('shell.run: result', () => {
  it('runs a program found in the fixed folders, without a shell', async () => {
    execFileSync('git', ['init', '-q', root]);
    const task = createShellRun({ root, allow: [{ argv: ['git', 'rev-parse', '*'] }, { argv: ['git', 'rev-parse', '--show-toplevel'] }] });
    expect(await runTask(task, { command: 'git', args: ['rev-parse', '--show-toplevel'], parse: 'lines' })).toMatchObject({
      exitCode: 0,
      stdout: [root],
      stderr: '',
      truncated: false,
    });
    expect(await runTask(task, { command: 'git', args: ['rev-parse', '$(touch pwned); *'] })).toMatchObject({ stdout: '$(touch pwned); *\n' });
    expect(existsSync(join(root, 'pwned'))).toBe(false);
  });

  it('parses text, lines and JSON', async () => {
    const code = 'process.stdout.write("[1,\\n2]\\n")';
    expect((await script(code)).stdout).toBe('[1,\n2]\n');
    expect((await script(code, { parse: 'lines' })).stdout).toEqual(['[1,', '2]']);
    expect((await script(code, { parse: 'json' })).stdout).toEqual([1, 2]);
    expect((await script('', { parse: 'lines' })).stdout).toEqual([]);
    expect(await failure(script('', { parse: 'json' }))).toMatchObject({ code: 'output_invalid', path: 'parse' });
  });

  it('hands over standard input and closes it when there is none', async () => {
    const code = 'process.stdin.pipe(process.stdout)';
    expect((await script(code, { stdin: 'hällo' })).stdout).toBe('hällo');
    expect((await script(code)).stdout).toBe('');
    expect((await script('process.exit(0)', { stdin: 'x'.repeat(1_000_000) })).exitCode).toBe(0);
  });

  it('cuts stdout at the limit, at a whole character and a whole line, and keeps the end of stderr', async () => {
    const code = 'process.stdout.write("é".repeat(500000)); process.stderr.write("a".repeat(50000) + "end")';
    const result = await script(code, { maxOutputBytes: 101 });
    expect(result).toMatchObject({ exitCode: 0, truncated: true, stdout: 'é'.repeat(50) });
    expect(result.stderr).toMatch(/^a+end$/);
    expect(result.stderr).toHaveLength(16 * 1024);
    const lines = 'process.stdout.write("one\\ntwo\\nthree\\n")';
    expect(await script(lines, { maxOutputBytes: 10, parse: 'lines' })).toMatchObject({ truncated: true, stdout: ['one', 'two'] });
    expect(await failure(script(lines, { maxOutputBytes: 10, parse: 'json' }))).toMatchObject({ code: 'output_too_large' });
  });

  it('takes other exit codes as success when told so, and reports how a program ended', async () => {
    expect(await script('process.exit(3)', { okExitCodes: [0, 3] })).toMatchObject({ exitCode: 3 });
    expect(await failure(script('console.error("why"); process.exit(3)'))).toMatchObject({
      code: 'command_failed',
      details: { exitCode: 3, signal: null, stderr: 'why\n' },
    });
    expect(await failure(script('process.kill(process.pid, "SIGKILL")'))).toMatchObject({
      code: 'command_failed',
      details: { exitCode: null, signal: 'SIGKILL' },
    });
  });

  it('says when a program is missing or cannot start, and that trying again is no use', async () => {
    const missing = createShellRun({ root, allow: [{ argv: ['no-such-program'] }, { argv: [join(outside, 'none')] }] });
    expect(await failure(runTask(missing, { command: 'no-such-program' }))).toMatchObject({ code: 'command_failed', retryable: false });
    expect(await failure(runTask(missing, { command: join(outside, 'none') }))).toMatchObject({
      code: 'command_failed',
      retryable: false,
      details: { exitCode: null },
    });
  });
});

describe('shell.run: surroundings', () => {
  const dump = 'process.stdout.write(JSON.stringify({ env: process.env, cwd: process.cwd() }))';
  type Dump = { env: Record<string, string>; cwd: string };
  const look = async (input: object = {}, options: Partial<ShellRunOptions> = {}): Promise<Dump> =>
    (await script(dump, { parse: 'json', ...input }, options)).stdout as unknown as Dump;

  it('gives a scrubbed environment', async () => {
    const env = { LANG: 'C.UTF-8', TZ: 'UTC', SECRET: 's', WANTED: 'w', PATH: '/evil', HOME: '/evil' };
    const seen = await look({ env: { EXTRA: 'e' } }, { env, passEnv: ['WANTED', 'ABSENT'], path: `/usr/bin:relative:${outside}` });
    expect(seen.env).toEqual({ PATH: `/usr/bin:${outside}`, HOME: root, LANG: 'C.UTF-8', TZ: 'UTC', WANTED: 'w', EXTRA: 'e', LOGISTICS_PARENT: 'job_test' });
  });

  it.each([
    'PATH',
    'Path',
    'HOME',
    'LD_PRELOAD',
    'DYLD_INSERT_LIBRARIES',
    'NODE_OPTIONS',
    'GIT_SSH_COMMAND',
    'GIT_DIR',
    'BASH_ENV',
    'ENV',
    'PYTHONPATH',
    'PERL5LIB',
    'RUBYOPT',
    'JAVA_TOOL_OPTIONS',
    'PAGER',
    'npm_config_script_shell',
  ])('refuses a step that sets %s', async (name) => {
    expect(await failure(look({ env: { [name]: 'x' } }))).toMatchObject({ code: 'not_allowed', path: `env.${name}` });
  });

  it('runs in the root or below it, also through links', async () => {
    expect((await look()).cwd).toBe(root);
    expect((await look({ cwd: 'sub' })).cwd).toBe(join(root, 'sub'));
    expect((await look({ cwd: 'sub/../sub' })).cwd).toBe(join(root, 'sub'));
    for (const cwd of ['..', '../', outside, 'leak', 'sub/../..', 'none', 'file.txt', 'a\0b'])
      expect(await failure(look({ cwd })), cwd).toMatchObject({ code: 'invalid_input', path: 'cwd' });
    expect(await failure(look({}, { root: join(outside, 'gone') }))).toMatchObject({ code: 'invalid_input', path: 'shell.root' });
  });
});

describe('shell.run: ending', () => {
  /** False when the process is gone, or a zombie that nobody has collected. */
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return !existsSync('/proc/self/stat') || !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return false;
    }
  };
  const gone = (pid: number): Promise<void> => expect.poll(() => isAlive(pid), { timeout: 5_000, interval: 20 }).toBe(false) as Promise<void>;

  /** Resolves with the pids of the child and its own child once both run. */
  const pidsFrom = (file: string): Promise<number[]> =>
    new Promise((resolve) => {
      const look = (): void => {
        const pids = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').map(Number) : [];
        if (pids.length === 2) {
          watcher.close();
          resolve(pids);
        }
      };
      const watcher = watch(root, look);
      look();
    });

  const family = (name: string, onTerm: string): string => `
    const { spawn } = require('node:child_process');
    ${onTerm}
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(`${onTerm} setInterval(() => {}, 1000); process.send('up');`)}], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
child.once('message', () => {
      const fs = require('node:fs');
      fs.writeFileSync('${name}.new', process.pid + ' ' + child.pid);
      fs.renameSync('${name}.new', '${name}');
    });
    setInterval(() => {}, 1000);`;

  it.each([
    ['that ends on SIGTERM', ''],
    ['that ignores SIGTERM', "process.on('SIGTERM', () => {});"],
  ])('an abort kills a whole process tree %s', async (what, onTerm) => {
    const name = `pids-${what.replaceAll(' ', '-')}`;
    const controller = new AbortController();
    const reason = new LogisticsError('cancelled', 'enough');
    const work = failure(script(family(name, onTerm), {}, { killGraceMs: 200 }, actionContext({ signal: controller.signal })));
    const [child, grandchild] = (await pidsFrom(join(root, name))) as [number, number];
    expect([isAlive(child), isAlive(grandchild)]).toEqual([true, true]);
    controller.abort(reason);
    expect(await work).toBe(reason);
    await gone(child);
    await gone(grandchild);
  });

  it('does not start when it is aborted already', async () => {
    const reason = new LogisticsError('cancelled', 'enough');
    const code = `require('node:fs').writeFileSync('started', '')`;
    expect(await failure(script(code, {}, {}, actionContext({ signal: AbortSignal.abort(reason) })))).toBe(reason);
    expect(existsSync(join(root, 'started'))).toBe(false);
  });

  it('leaves no background process behind that holds its output', async () => {
    const code = `
      const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: ['ignore', 'inherit', 'inherit'] });
      process.stdout.write(String(child.pid), () => process.exit(0));`;
    const result = await script(code);
    expect(result.exitCode).toBe(0);
    await gone(Number(result.stdout));
  });
});
