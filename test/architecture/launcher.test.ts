// Owns the promises of bin/logistics-mcp.js: old Nodes hand over to the pinned one or say in one line what is missing.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from './source-scan.ts';

const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => existsSync(path) && majorOf(path) < 22);
const pinnedNode = join(root, 'node_modules/node/bin/node');

// Stands in for the bundle: tells where it runs, and does what its first argument says.
const FAKE_CLI = `
const [mode, value] = process.argv.slice(2);
if (mode === 'where') console.log(JSON.stringify({ version: process.version, args: process.argv.slice(2) }));
if (mode === 'exit') process.exit(Number(value));
if (mode === 'die') process.kill(process.pid, value);
if (mode === 'stdin') {
  let bytes = 0;
  for await (const chunk of process.stdin) bytes += chunk.length;
  console.log('eof after ' + bytes);
}
if (mode === 'signal') {
  const keep = setInterval(() => {}, 1000);
  process.on(value, () => { console.log('got ' + value); clearInterval(keep); process.exitCode = 7; });
  console.log('ready');
}
if (mode === 'throw') throw new Error('the bundle is broken');
`;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function majorOf(node: string): number {
  return Number(/^v(\d+)/.exec(execFileSync(node, ['--version'], { encoding: 'utf8' }))?.[1]);
}

/** A package folder like the installed one. */
function installed(folder: string, parts: { readonly dist: boolean; readonly node: 'pinned' | 'placeholder' | 'none' }): string {
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  if (parts.dist) {
    mkdirSync(join(folder, 'dist'));
    writeFileSync(join(folder, 'dist/cli.mjs'), FAKE_CLI);
  }
  if (parts.node === 'pinned') {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(join(root, 'node_modules/node'), join(folder, 'node_modules/node'), 'dir');
  }
  if (parts.node === 'placeholder') {
    mkdirSync(join(folder, 'node_modules/node/bin'), { recursive: true });
    cpSync(join(root, 'node_modules/node/package.json'), join(folder, 'node_modules/node/package.json'));
    writeFileSync(join(folder, 'node_modules/node/bin/node'), 'This file intentionally left blank', { mode: 0o755 });
  }
  return join(folder, 'bin/logistics-mcp.js');
}

function start(node: string, launcher: string, ...args: readonly string[]): ChildProcess {
  return spawn(node, [launcher, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
}

async function ended(child: ChildProcess): Promise<Ended> {
  if (child.stdout === null || child.stderr === null) throw new Error('the launcher was started without pipes');
  const [[code, signal], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return { code, signal, stdout, stderr };
}

describe('the launcher', () => {
  let folder = '';
  let complete = '';
  let withoutNode = '';
  let withPlaceholder = '';
  let withoutDist = '';

  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'logistics-launcher-')));
    complete = installed(join(folder, 'complete'), { dist: true, node: 'pinned' });
    withoutNode = installed(join(folder, 'without-node'), { dist: true, node: 'none' });
    withPlaceholder = installed(join(folder, 'with-placeholder'), { dist: true, node: 'placeholder' });
    withoutDist = installed(join(folder, 'without-dist'), { dist: false, node: 'none' });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('uses no syntax newer than Node 12 and no node: names', async () => {
    const source = readFileSync(join(root, 'bin/logistics-mcp.js'), 'utf8');
    const [old, now] = await Promise.all(['es2019', 'esnext'].map((target) => transform(source, { target })));
    expect(old?.code).toBe(now?.code);
    expect(source).not.toMatch(/['"]node:/);
  });

  describe('on a good Node', () => {
    it('runs the bundle in the same process, arguments untouched', async () => {
      const result = await ended(start(process.execPath, complete, 'where', '--flag', 'a b'));
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(result.stdout)).toEqual({ version: process.version, args: ['where', '--flag', 'a b'] });
    });

    it('says in one line what to do when the bundle is missing', async () => {
      const result = await ended(start(process.execPath, withoutDist));
      expect(result).toEqual({
        code: 1,
        signal: null,
        stdout: '',
        stderr: 'logistics-mcp: dist/cli.mjs is missing; in a checkout run: npm ci (or: npm run build)\n',
      });
    });

    it('ends with 1 and the reason when the bundle throws', async () => {
      const result = await ended(start(process.execPath, complete, 'throw'));
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toContain('the bundle is broken');
    });
  });

  describe.skipIf(oldNode === undefined)('on an old Node (skipped where none before 22 is installed)', () => {
    const old = oldNode ?? '';

    it('hands over to the pinned Node, arguments untouched', async () => {
      const result = await ended(start(old, complete, 'where', '--flag', 'a b'));
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(result.stdout)).toEqual({ version: `v${pinnedVersion()}`, args: ['where', '--flag', 'a b'] });
    });

    it('passes the exit code through', async () => {
      expect(await ended(start(old, complete, 'exit', '42'))).toMatchObject({ code: 42, signal: null });
    });

    it('dies by the signal that its child died of', async () => {
      expect(await ended(start(old, complete, 'die', 'SIGKILL'))).toMatchObject({ code: null, signal: 'SIGKILL' });
      expect(await ended(start(old, complete, 'die', 'SIGTERM'))).toMatchObject({ code: null, signal: 'SIGTERM' });
    });

    it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('forwards %s and waits for the end', async (signal) => {
      const child = start(old, complete, 'signal', signal);
      const result = ended(child);
      child.stdout?.once('data', () => child.kill(signal));
      expect(await result).toEqual({ code: 7, signal: null, stdout: `ready\ngot ${signal}\n`, stderr: '' });
    });

    it('lets the end of stdin reach the child', async () => {
      const child = start(old, complete, 'stdin');
      child.stdin?.end('12345');
      expect(await ended(child)).toMatchObject({ code: 0, stdout: 'eof after 5\n' });
    });

    it.each(['none', 'placeholder'])('says in one line which Node is needed, which runs and how to get it (node package: %s)', async (node) => {
      const result = await ended(start(old, node === 'none' ? withoutNode : withPlaceholder));
      expect(result).toMatchObject({ code: 1, signal: null, stdout: '' });
      expect(result.stderr).toMatch(/^logistics-mcp: needs Node >= 22\.19, this is \d+\.\d+\.\d+; [^\n]*nodejs\.org[^\n]*npx -y -p node@24[^\n]*\n$/);
    });
  });
});

function pinnedVersion(): string {
  return execFileSync(pinnedNode, ['--version'], { encoding: 'utf8' }).trim().slice(1);
}
