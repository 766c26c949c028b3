// Owns `npm run conformance [-- --only suite|inspector|installed --no-install]`: the official suite against the product and against a server with its fixtures, the Inspector over every transport, and what is installed from the package and the bundle.
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { configFromCode } from '../src/config.ts';
import { startServer } from '../src/http/serve.ts';
import { silentLogger } from '../src/logger.ts';
import { startFixtureServer } from '../test/conformance/fixture-server.ts';
import { checkWithInspector, INSPECTOR_FOLDER } from './conformance/inspector.ts';
import { checkInstalled, PACKER_FOLDER } from './conformance/installed.ts';
import { install, runNode, tell } from './conformance/run-program.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const suite = join(root, 'test', 'conformance');
const program = join(suite, 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js');

/** Scenarios that any server can pass, by the revision of the protocol. */
const SCENARIOS = {
  '2025-11-25': [
    'server-initialize',
    'server-session-lifecycle',
    'ping',
    'tools-list',
    'resources-list',
    'prompts-list',
    'dns-rebinding-protection',
    'server-sse-multiple-streams',
  ],
  '2026-07-28': [
    'tools-list',
    'resources-list',
    'prompts-list',
    'dns-rebinding-protection',
    'server-sse-multiple-streams',
    'caching',
    'sep-2164-resource-not-found',
    'http-header-validation',
  ],
} as const;

/** Pending in the suite and no part of a revision: it wants a tool whose parameters are also sent as headers, and none of ours are. */
const NOT_OURS = new Set(['http-custom-header-server-validation']);
const LEAST_SCENARIOS = 30;

async function run(args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const { code, stdout, stderr } = await runNode([program, 'server', ...args]);
  return { code, output: stdout + stderr };
}

/** The product, as `serve` runs it: each scenario that needs no fixtures. */
async function checkProduct(folder: string): Promise<boolean> {
  const config = configFromCode({ store: 'in_memory', dataDir: folder, namespace: 'test', serve: { port: 0 } }, { env: {}, cwd: folder, homeDir: homedir() });
  const server = await startServer({ config, engine: { logger: silentLogger() }, platform: process.platform, now: Date.now });
  let passed = true;
  try {
    for (const [version, scenarios] of Object.entries(SCENARIOS)) {
      for (const scenario of scenarios) {
        const { code, output } = await run(['--url', `${server.url}/mcp`, '--scenario', scenario, '--spec-version', version, '-o', folder]);
        // A scenario that the suite skips would prove nothing.
        const summary = /Passed: .*/.exec(output)?.[0];
        passed = tell(code === 0 && summary !== undefined, `product ${version} ${scenario}`, summary ?? `exit ${code}`) && passed;
        if (code !== 0) process.stdout.write(`${output}\n`);
      }
    }
  } finally {
    await server.stop();
  }
  return passed;
}

/** Transport, registry and tasks with fixtures: everything that a revision requires, and the extension for tasks. */
async function checkRequirements(folder: string): Promise<boolean> {
  const server = await startFixtureServer(folder);
  let passed = true;
  try {
    for (const version of Object.keys(SCENARIOS)) {
      const { code, output } = await run(['--url', `${server.url}/mcp`, '--requirements', version, '-o', folder]);
      const lines = [...output.matchAll(/^([✓✗]) ([a-z0-9-]+): (\d+ passed, \d+ failed)$/gmu)];
      for (const [, mark, scenario = '', counts = ''] of lines) {
        if (NOT_OURS.has(scenario)) process.stdout.write(`unscored ${version} ${scenario}: ${counts}\n`);
        else passed = tell(mark === '✓', `fixtures ${version} ${scenario}`, counts) && passed;
      }
      passed = tell(code === 0 && lines.length >= LEAST_SCENARIOS, `fixtures ${version}`, `${lines.length} scenarios, exit ${code}`) && passed;
      if (!passed) process.stdout.write(`${output}\n`);
    }
  } finally {
    await server.stop();
  }
  return passed;
}

const PARTS = {
  suite: async (folder: string): Promise<boolean> => {
    const passed = await checkProduct(folder);
    return (await checkRequirements(folder)) && passed;
  },
  inspector: checkWithInspector,
  installed: checkInstalled,
} as const;
const FOLDERS = { suite, inspector: INSPECTOR_FOLDER, installed: PACKER_FOLDER } as const;

const { values } = parseArgs({ options: { only: { type: 'string' }, 'no-install': { type: 'boolean', default: false } } });
const names = (Object.keys(PARTS) as (keyof typeof PARTS)[]).filter((name) => values.only === undefined || values.only === name);
if (names.length === 0) throw new Error(`--only ${values.only}: there is ${Object.keys(PARTS).join(' and ')}`);
const folder = mkdtempSync(join(tmpdir(), 'logistics-conformance-'));
let passed = true;
try {
  for (const name of names) {
    if (!values['no-install']) install(FOLDERS[name]);
    passed = (await PARTS[name](folder)) && passed;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(passed ? 'conformance: all passed\n' : 'conformance: there are failures\n');
process.exitCode = passed ? 0 : 1;
