// Owns the import floors: which folder may name which, and who alone may name a package. biome.json says the same for editors; lint-red.test.ts proves that.
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importSpecifiers, root, type SourceFile, sourceFiles } from './source-scan.ts';

/** A home imports itself and what lies on lower floors. */
const FLOORS: Readonly<Record<string, number>> = {
  'src/domain': 0,
  'src/expression': 1,
  'src/store': 1,
  // The services of a process drive the store through its port.
  'src/runtime': 1.5,
  'src/task': 2,
  'src/schedule': 2,
  'src/resources': 2,
  'src/routing': 2,
  'src/optimization': 2,
  'src/tracking': 2,
  'src/actions': 2,
  'src/outlets': 2,
  'src/orchestration': 3,
  // Beside the engine: it reads the store and knows no caller.
  'src/observe': 3,
  tools: 4,
  'src/logger.ts': 4,
  'src/config': 5,
  // Further files directly in src serve the transports.
  src: 5,
  'src/mcp': 6,
  'src/http': 6,
  'src/cli': 6,
  // Composition roots: everything comes together here, and nobody imports them.
  'src/index.ts': 7,
  'src/main.ts': 7,
};

/** Same floor, one way: config.ts fronts its folder; open-engine.ts joins the door to other MCP servers; the page server and the command line hand over to the protocol. */
const SIDEWAYS: ReadonlySet<string> = new Set(['src -> src/config', 'src -> src/mcp', 'src/http -> src/mcp', 'src/cli -> src/mcp', 'src/cli -> src/http']);

/** A package that only some homes may name; a package in no row is open to every home but src/domain. */
const PACKAGE_HOMES: readonly { readonly packages: RegExp; readonly homes: readonly string[] }[] = [
  { packages: /^@modelcontextprotocol\//, homes: ['src/mcp'] },
  { packages: /^@opentelemetry\//, homes: ['src/runtime'] },
  { packages: /^prom-client$/, homes: ['src/observe'] },
  { packages: /^(?:@marcbachmann\/cel-js|re2js)$/, homes: ['src/expression'] },
];
const DOMAIN_PACKAGES: readonly string[] = ['zod'];

const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const declared = new Set(
  ['dependencies', 'peerDependencies', 'optionalDependencies'].flatMap((key) => Object.keys((manifest as Record<string, Record<string, string>>)[key] ?? {})),
);

function homeOf(path: string): string {
  if (path in FLOORS) return path;
  const [top = '', folder = '', ...deeper] = path.split('/');
  if (top === 'tools') return 'tools';
  return top === 'src' && deeper.length > 0 ? `src/${folder}` : top;
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** What is wrong with one import, or undefined. */
function judge(file: string, specifier: string): string | undefined {
  const home = homeOf(file);
  const floor = FLOORS[home];
  if (floor === undefined) return `${home} has no floor; add it to the table`;
  if (specifier.startsWith('.')) {
    const target = posix.normalize(posix.join(posix.dirname(file), specifier));
    if (target === 'package.json') return floor >= 5 ? undefined : 'only the top floors read package.json';
    if (!/\.(?:ts|json)$/.test(target)) return 'an import inside the package ends in .ts';
    const targetHome = homeOf(target);
    const targetFloor = FLOORS[targetHome];
    if (targetFloor === undefined) return `${targetHome} has no floor; add it to the table`;
    if (targetHome === home || targetFloor < floor || SIDEWAYS.has(`${home} -> ${targetHome}`)) return undefined;
    return `${home} (floor ${floor}) must not import ${targetHome} (floor ${targetFloor})`;
  }
  if (home === 'src/domain') return DOMAIN_PACKAGES.includes(specifier) ? undefined : `src/domain imports ${DOMAIN_PACKAGES.join(', ')} only`;
  if (isBuiltin(specifier)) return specifier.startsWith('node:') ? undefined : 'a builtin is named with node:';
  const name = packageOf(specifier);
  const row = PACKAGE_HOMES.find((each) => each.packages.test(specifier) || each.packages.test(name));
  if (row !== undefined && !row.homes.includes(home)) return `only ${row.homes.join(', ')} imports ${name}`;
  return declared.has(name) ? undefined : `${name} is not in dependencies of package.json`;
}

function violations(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    importSpecifiers(text).flatMap(({ specifier, line }) => {
      const fault = judge(path, specifier);
      return fault === undefined ? [] : [`${path}:${line} imports '${specifier}': ${fault}`];
    }),
  );
}

describe('import floors', () => {
  const files = sourceFiles('src', 'tools');

  it('sees the sources at all', () => {
    expect(files.filter((file) => file.path.startsWith('src/domain/')).length).toBeGreaterThan(10);
    expect(files.flatMap((file) => importSpecifiers(file.text)).length).toBeGreaterThan(files.length / 2);
  });

  it('hold in src and tools', () => {
    expect(violations(files)).toEqual([]);
  });

  it.each([
    ['src/domain/a.ts', "import { readFileSync } from 'node:fs';"],
    ['src/domain/a.ts', "import type { Backend } from '../store/backend.ts';"],
    ['src/domain/a.ts', "import { parse } from 'yaml';"],
    ['src/domain/a.ts', "type B = import('../store/backend.ts').Backend;"],
    ['src/store/sqlite/a.ts', "import { Queue } from '../../task/queue.ts';"],
    ['src/store/sqlite/a.ts', "import { evaluate } from '../../expression/cel.ts';"],
    ['src/runtime/a.ts', "import type { Config } from '../config.ts';"],
    ['src/orchestration/a.ts', "import { logger } from '../logger.ts';"],
    ['src/config/a.ts', "import { run } from '../cli/run.ts';"],
    ['src/task/a.ts', "const engine = await import('../orchestration/engine.ts');"],
    ['src/actions/a.ts', "export { Queue } from '../task/queue.ts';"],
    ['src/orchestration/a.ts', "import { toolSpecs } from '../../tools/registry.ts';"],
    ['tools/a.ts', "import { serve } from '../src/mcp/serve.ts';"],
    ['tools/a.ts', "import { Server } from '@modelcontextprotocol/server';"],
    ['src/cli/a.ts', "await import('@modelcontextprotocol/server/stdio');"],
    ['src/mcp/a.ts', "import { run } from '../cli/run.ts';"],
    ['src/mcp/a.ts', "import { main } from '../main.ts';"],
    ['src/orchestration/a.ts', "import { evaluate } from '@marcbachmann/cel-js';"],
    ['src/actions/a.ts', "import { RE2JS } from 're2js';"],
    ['src/actions/a.ts', "import { join } from 'path';"],
    ['src/actions/a.ts', "import { expect } from 'vitest';"],
    ['src/actions/a.ts', "import { other } from './other.js';"],
    ['src/newcomer/a.ts', "import { z } from 'zod';"],
  ])('refuse, in %s: %s', (path, text) => {
    expect(violations([{ path, text }])).toHaveLength(1);
  });

  it.each([
    ['src/domain/a.ts', "import { z } from 'zod'; import type { Json } from './json.ts';"],
    [
      'src/store/sqlite/a.ts',
      "import Database from 'better-sqlite3'; import type { Backend } from '../backend.ts'; import type { Job } from '../../domain/job.ts';",
    ],
    ['src/expression/a.ts', "const cel = await import('@marcbachmann/cel-js'); import { RE2JS } from 're2js';"],
    ['src/task/a.ts', "import type { Backend } from '../store/backend.ts'; import { mapper } from '../runtime/mailbox.ts';"],
    ['tools/a.ts', "import { z } from 'zod'; import type { Engine } from '../src/orchestration/engine.ts';"],
    ['src/cli/a.ts', "import { toolSpecs } from '../../tools/registry.ts'; import { Config } from '../config.ts'; import { serve } from '../mcp/serve.ts';"],
    ['src/config/a.ts', "import { logLevels } from '../logger.ts'; import { redact } from '../runtime/redact.ts';"],
    ['src/main.ts', "import { run } from './cli/run.ts'; import manifest from '../package.json' with { type: 'json' };"],
  ])('allow, in %s: %s', (path, text) => {
    expect(violations([{ path, text }])).toEqual([]);
  });
});
