// Owns `npm run mcpb [-- --out FILE --platform linux-x64 --no-install]`: a bundle that desktop hosts install with one click, with all that it needs beside a Node.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { toolSpecs } from '../tools/registry.ts';

/** Plain JavaScript, since it runs before anything is installed. */
const { buildBundle, external } = (await import(new URL('./build.js', import.meta.url).href)) as {
  readonly buildBundle: () => Promise<string>;
  readonly external: readonly string[];
};
const root = fileURLToPath(new URL('..', import.meta.url));
const packer = join(root, 'scripts', 'mcpb');
const program = join(packer, 'node_modules', '@anthropic-ai', 'mcpb', 'dist', 'cli', 'cli.js');
const NATIVE = 'better-sqlite3';
const PREBUILDS = join('node_modules', NATIVE, 'prebuilds');

interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly keywords: readonly string[];
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
}

function manifestOf(folder: string): Partial<Manifest> {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Partial<Manifest>;
}

/** What the bundle dist/ leaves outside itself and a plain installation has, with what that needs in turn. */
function packages(dependencies: Readonly<Record<string, string>>): string[] {
  const isExternal = (name: string): boolean => external.some((pattern) => (pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
  const found = Object.keys(dependencies).filter(isExternal);
  // The headers that a native package is compiled with are no part of what runs.
  for (const name of found)
    for (const next of Object.keys(manifestOf(join(root, 'node_modules', name)).dependencies ?? {}))
      if (name !== NATIVE && !found.includes(next)) found.push(next);
  return found;
}

/** `linux-x64` and its like, as the prebuilt binaries are named. */
function platforms(): string[] {
  return readdirSync(join(root, PREBUILDS)).map((name) => name.replace(/\.node$/, ''));
}

function stage(folder: string, { dependencies = {}, ...about }: Partial<Manifest>, kept: readonly string[]): void {
  for (const name of ['bin', 'dist/chunks', 'package.json', 'README.md', 'LICENSE'])
    cpSync(join(root, name), join(folder, name), { recursive: true, filter: (path) => !path.endsWith('.map') });
  for (const name of readdirSync(join(root, 'dist'))) if (/\.(mjs|js)$/.test(name)) cpSync(join(root, 'dist', name), join(folder, 'dist', name));
  for (const name of packages(dependencies)) {
    const leftOut = name === NATIVE ? ['build', 'deps', 'src', 'node_modules'].map((part) => join(root, 'node_modules', name, part)) : [];
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), {
      recursive: true,
      dereference: true,
      filter: (path) => !leftOut.includes(path),
    });
  }
  for (const name of platforms()) if (!kept.includes(name)) rmSync(join(folder, PREBUILDS, `${name}.node`));
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(bundleManifest(about, kept), null, 2)}\n`);
}

function bundleManifest({ version, description, license, keywords, engines }: Partial<Manifest>, kept: readonly string[]): object {
  const systems = ['darwin', 'linux', 'win32'].filter((system) => kept.some((name) => name.startsWith(system)));
  return {
    manifest_version: '0.3',
    name: 'logistics-mcp',
    display_name: 'Logistics',
    version,
    description,
    author: { name: 'The logistics-mcp authors' },
    license,
    keywords,
    server: {
      type: 'node',
      entry_point: 'bin/logistics-mcp.js',
      mcp_config: {
        command: 'node',
        // The host fills in what stands in braces.
        args: ['${__dirname}/bin/logistics-mcp.js'],
        env: { LOGISTICS_NAMESPACE: '${user_config.namespace}', LOGISTICS_TOOLSETS: '${user_config.toolsets}' },
      },
    },
    tools: toolSpecs.map((tool) => ({ name: tool.name, description: tool.description.split('. ')[0] })),
    tools_generated: true,
    prompts_generated: true,
    compatibility: { platforms: systems, runtimes: { node: engines?.node } },
    user_config: {
      namespace: {
        type: 'string',
        title: 'Namespace',
        description: 'Programs that use the same namespace share their work.',
        required: true,
        default: 'desktop',
      },
      toolsets: {
        type: 'string',
        title: 'Tool sets',
        description: 'default, or further sets separated by commas: workers, planning.',
        required: true,
        default: 'default',
      },
    },
  };
}

function run(args: readonly string[], command = process.execPath, cwd = root): void {
  const { status, stdout, stderr } = spawnSync(command, [...args], { cwd, encoding: 'utf8', shell: process.platform === 'win32' && command === 'npm' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
}

const { values } = parseArgs({
  options: { out: { type: 'string' }, platform: { type: 'string', multiple: true, default: [] }, 'no-install': { type: 'boolean', default: false } },
});
const about = manifestOf(root);
const unknown = values.platform.filter((name) => !platforms().includes(name));
if (unknown.length > 0) throw new Error(`--platform ${unknown.join(', ')}: there is ${platforms().join(', ')}`);
const kept = values.platform.length > 0 ? values.platform : platforms();
if (!values['no-install'] || !existsSync(program)) run(['ci', '--no-audit', '--no-fund', '--ignore-scripts'], 'npm', packer);
process.stderr.write(`mcpb: ${await buildBundle()}\n`);
const folder = mkdtempSync(join(tmpdir(), 'logistics-mcpb-'));
try {
  stage(folder, about, kept);
  const out = resolve(values.out ?? `logistics-mcp-${about.version}.mcpb`);
  mkdirSync(dirname(out), { recursive: true });
  run([program, 'pack', folder, out]);
  process.stdout.write(`${out}: ${(statSync(out).size / 1e6).toFixed(1)} MB, for ${kept.join(', ')}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
