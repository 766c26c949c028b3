// Owns the proof that what is published works where nothing else is: the package in an empty folder, and the bundle as a desktop host starts it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { runNode, tell } from './run-program.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** It has a lock file of its own. */
export const PACKER_FOLDER = join(root, 'scripts', 'mcpb');
const PACKER = join(PACKER_FOLDER, 'node_modules', '@anthropic-ai', 'mcpb', 'dist', 'cli', 'cli.js');
const NPM_MS = 300_000;

/** What a user of the package needs, and what is none of theirs. */
const NEEDED = ['package/bin/logistics-mcp.js', 'package/dist/cli.mjs', 'package/dist/src/index.js', 'package/dist/src/index.d.ts', 'package/server.json'];
const FOREIGN = /^package\/(src|test|bench|scripts|node_modules|tools)\//;

/** The library as somebody writes it who has only the package and its types. */
const USE = `import { defineTask, openEngine } from 'logistics-mcp';

const double = defineTask({ type: 'double', run: ({ n }) => Number(n) * 2 });
const engine = await openEngine({ store: 'sqlite', dataDir: './data', background: 'off' }, { tasks: [double] });
const steps = [{ id: 'twice', task: 'double', with: { n: '\${{ input.n }}' } }];
const result = await engine.executeWorkflow({ definition: { name: 'sums', steps }, input: { n: 21 } });
console.log(result.status, JSON.stringify(result.output));
await engine.stop();
`;

/** Resolves to whether package and bundle work. */
export async function checkInstalled(folder: string): Promise<boolean> {
  const package_ = await checkPackage(folder);
  return (await checkBundle(folder)) && package_;
}

async function checkPackage(folder: string): Promise<boolean> {
  const home = join(folder, 'installed');
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), '{"private":true,"type":"module"}');
  npm(['pack', '--pack-destination', folder], root);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  const files = spawnSync('tar', ['-tzf', join(folder, tarball)], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n');
  const missing = NEEDED.filter((name) => !files.includes(name));
  const foreign = files.filter((name) => FOREIGN.test(name));
  let passed = tell(
    missing.length + foreign.length === 0,
    'package files',
    `${files.length} files${missing.map((name) => `, lacks ${name}`).join('')}${foreign.join()}`,
  );
  npm(['install', '--no-audit', '--no-fund', join(folder, tarball)], home);

  const help = npm(['exec', '--no', '--', 'logistics-mcp', '--help'], home);
  passed = tell(/Usage: logistics-mcp/.test(help), 'package npx', `--help, ${help.split('\n').length} lines`) && passed;

  writeFileSync(join(home, 'use.mts'), USE);
  // Types are stripped outside node_modules only, so what is run is also what is checked.
  const used = await runNode(['use.mts'], { cwd: home });
  passed = tell(used.code === 0 && used.stdout === 'completed {"twice":42}\n', 'package library', (used.stdout + used.stderr).trim()) && passed;
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const types = join(root, 'node_modules', '@types');
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024', '--typeRoots', types, '--types', 'node'];
  const typed = await runNode([compiler, ...flags, 'use.mts'], { cwd: home });
  passed = tell(typed.code === 0, 'package types', typed.code === 0 ? 'checked' : typed.stdout.trim()) && passed;

  return (await checkServe(home)) && passed;
}

async function checkServe(home: string): Promise<boolean> {
  const bin = join(home, 'node_modules', 'logistics-mcp', 'bin', 'logistics-mcp.js');
  const args = ['serve', '--port', '0', '--json', '--data-dir', join(home, 'data'), '--namespace', 'installed', '--log-level', 'error'];
  const child = spawn(process.execPath, [bin, ...args], { cwd: home, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  try {
    const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), exited.then(() => Promise.reject(new Error('serve ended')))]);
    const client = new Client({ name: 'installed', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL((JSON.parse(line as string) as { mcp: string }).mcp)));
    const done = await sandboxed(client);
    await client.close();
    return tell(done, 'package serve', 'a job with code in the sandbox, over HTTP');
  } finally {
    child.kill('SIGTERM');
    await exited;
  }
}

async function checkBundle(folder: string): Promise<boolean> {
  const file = join(folder, 'logistics-mcp.mcpb');
  const packed = await runNode([join(root, 'scripts', 'mcpb.ts'), '--no-install', '--out', file], { cwd: root });
  const home = join(folder, 'bundle');
  const unpacked = await runNode([PACKER, 'unpack', file, home], { cwd: folder });
  if (packed.code !== 0 || unpacked.code !== 0) return tell(false, 'bundle', packed.stderr + packed.stdout + unpacked.stderr + unpacked.stdout);
  const manifest = JSON.parse(readFileSync(join(home, 'manifest.json'), 'utf8')) as Manifest;
  const { args, env } = manifest.server.mcp_config;
  const filled = (text: string): string =>
    text.replace('${__dirname}', home).replace(/\$\{user_config\.(\w+)\}/g, (_, name: string) => String(manifest.user_config[name]?.default));
  const client = new Client({ name: 'desktop', version: '1' });
  await client.connect(
    new StdioClientTransport({
      // A host has a Node of its own for the command node.
      command: process.execPath,
      args: args.map(filled),
      env: {
        ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)])),
        LOGISTICS_DATA_DIR: join(folder, 'bundle-data'),
        LOGISTICS_BACKGROUND: 'off',
        LOGISTICS_LOG_LEVEL: 'error',
      },
      cwd: folder,
    }),
  );
  try {
    const { tools } = await client.listTools();
    const same = tools.length === manifest.tools.length && tools.every(({ name }) => manifest.tools.some((tool) => tool.name === name));
    const done = await sandboxed(client);
    return tell(same && done, 'bundle', `${packed.stdout.trim().replace(/^.*: /, '')}; ${tools.length} tools, a job with code in the sandbox, over stdio`);
  } finally {
    await client.close();
  }
}

interface Manifest {
  readonly server: { readonly mcp_config: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } };
  readonly tools: readonly { readonly name: string }[];
  readonly user_config: Readonly<Record<string, { readonly default: unknown }>>;
}

/** One job that needs the store, a worker thread and the sandbox: all that is no plain JavaScript. */
async function sandboxed(client: Client): Promise<boolean> {
  const args = { task: 'code.run', payload: { input: 20, code: 'return input + 22;' }, wait_ms: 30_000 };
  const reply = await client.callTool({ name: 'enqueue_job', arguments: args });
  return (reply.structuredContent as { result?: unknown } | undefined)?.result === 42;
}

function npm(args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync('npm', [...args], { cwd, encoding: 'utf8', timeout: NPM_MS, shell: process.platform === 'win32' });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}
