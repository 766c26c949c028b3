// Owns the proof that the linter's floors are awake: forbidden samples in a throw-away copy of the folders must come back red.
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { root } from './source-scan.ts';

const Report = z.object({ diagnostics: z.array(z.object({ category: z.string(), severity: z.string(), location: z.object({ path: z.string() }) })) });

const FLOOR = 'lint/style/noRestrictedImports';

// file -> one line of content, the rule that must refuse it.
const RED: readonly (readonly [file: string, content: string, rule: string])[] = [
  ['src/domain/builtin.ts', "export { readFileSync } from 'node:fs';", FLOOR],
  ['src/domain/package.ts', "export { parse } from 'yaml';", FLOOR],
  ['src/domain/upward.ts', "export type { Backend } from '../store/backend.ts';", FLOOR],
  ['src/domain/lazy.ts', "export const lazy = await import('../task/queue.ts');", FLOOR],
  ['src/domain/advance/upward.ts', "export type { Backend } from '../../store/backend.ts';", FLOOR],
  ['src/domain/advance/root.ts', "export { main } from '../../main.ts';", FLOOR],
  ['src/domain/advance/builtin.ts', "export { join } from 'node:path';", FLOOR],
  ['src/expression/upward.ts', "export { Queue } from '../task/queue.ts';", FLOOR],
  ['src/expression/sideways.ts', "export { openBackend } from '../store/open-backend.ts';", FLOOR],
  ['src/store/upward.ts', "export { Queue } from '../task/queue.ts';", FLOOR],
  ['src/store/sqlite/upward.ts', "export type { Queue } from '../../task/queue.ts';", FLOOR],
  ['src/store/sdk.ts', "export { Server } from '@modelcontextprotocol/server';", FLOOR],
  ['src/runtime/tools.ts', "export { toolSpecs } from '../../tools/registry.ts';", FLOOR],
  ['src/runtime/config.ts', "export type { Config } from '../config.ts';", FLOOR],
  ['src/config/upward.ts', "export { run } from '../cli/run.ts';", FLOOR],
  ['src/task/upward.ts', "export { Engine } from '../orchestration/engine.ts';", FLOOR],
  ['src/schedule/sideways.ts', "export { Queue } from '../task/queue.ts';", FLOOR],
  ['src/actions/regex.ts', "export { RE2JS } from 're2js';", FLOOR],
  ['src/actions/sideways.ts', "export { Queue } from '../task/queue.ts';", FLOOR],
  ['src/orchestration/tools.ts', "export { toolSpecs } from '../../tools/registry.ts';", FLOOR],
  ['src/orchestration/cel.ts', "export { evaluate } from '@marcbachmann/cel-js';", FLOOR],
  ['tools/sdk.ts', "export { StdioServerTransport } from '@modelcontextprotocol/server/stdio';", FLOOR],
  ['tools/upward.ts', "export { serve } from '../src/mcp/serve.ts';", FLOOR],
  ['src/cli/sdk.ts', "export { Client } from '@modelcontextprotocol/client';", FLOOR],
  ['src/mcp/sideways.ts', "export { run } from '../cli/run.ts';", FLOOR],
  ['src/mcp/root.ts', "export { main } from '../main.ts';", FLOOR],
  ['src/logger.ts', "export { Server } from '@modelcontextprotocol/server';", FLOOR],
  ['src/store/environment.ts', 'export const home = process.env.HOME;', 'lint/style/noProcessEnv'],
  ['src/store/console.ts', "console.error('a');", 'lint/suspicious/noConsole'],
  ['tools/console.ts', "console.log('a');", 'lint/suspicious/noConsole'],
  ['src/store/default.ts', 'export default 1;', 'lint/style/noDefaultExport'],
  ['src/store/any.ts', 'export const a: any = 1;', 'lint/suspicious/noExplicitAny'],
  ['src/store/untyped.ts', 'export function one() {\n  return 1;\n}', 'lint/nursery/useExplicitReturnType'],
  ['src/store/floating.ts', 'async function one(): Promise<number> {\n  return 1;\n}\none();', 'lint/nursery/noFloatingPromises'],
  ['src/store/value-import.ts', "import { Json } from '../domain/json.ts';\nexport type A = Json;", 'lint/style/useImportType'],
  ['src/store/cycle-a.ts', "import type { B } from './cycle-b.ts';\nexport type A = B | 1;", 'lint/suspicious/noImportCycles'],
  ['src/store/cycle-b.ts', "import type { A } from './cycle-a.ts';\nexport type B = A | 2;", 'lint/suspicious/noImportCycles'],
];

const GREEN: readonly (readonly [file: string, content: string])[] = [
  ['src/domain/fine.ts', "export { z } from 'zod';\nexport type { Json } from './json.ts';"],
  [
    'src/domain/advance/fine.ts',
    "export type { Json } from '../json.ts';\nexport type { Phase } from './phase.ts';\nexport type { Other } from '../other/one.ts';",
  ],
  ['src/expression/fine.ts', "export { evaluate } from '@marcbachmann/cel-js';\nexport { RE2JS } from 're2js';"],
  ['src/store/sqlite/fine.ts', "export type { Backend } from '../backend.ts';\nexport type { Job } from '../../domain/job.ts';"],
  ['src/task/fine.ts', "export type { Backend } from '../store/backend.ts';\nexport type { Mailbox } from '../runtime/mailbox.ts';"],
  ['tools/fine.ts', "export type { Engine } from '../src/orchestration/engine.ts';"],
  ['src/mcp/fine.ts', "export { Server } from '@modelcontextprotocol/server';\nexport { toolSpecs } from '../../tools/registry.ts';"],
  ['src/config/fine.ts', "export { createLogger } from '../logger.ts';\nexport type { Json } from '../domain/json.ts';"],
  ['src/cli/fine.ts', "export { serve } from '../mcp/serve.ts';\nexport type { Config } from '../config.ts';"],
  ['src/config.ts', 'export const home = process.env.HOME;'],
  ['vitest.config.ts', 'export default {};'],
];

describe('the linter', () => {
  let folder = '';
  const found = new Map<string, string[]>();

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'logistics-lint-'));
    for (const file of ['biome.json', '.gitignore']) cpSync(join(root, file), join(folder, file));
    for (const [file, content] of [...RED, ...GREEN]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), `${content}\n`);
    }
    const { diagnostics } = Report.parse(JSON.parse(lint(folder)));
    for (const { severity, category, location } of diagnostics) {
      const file = location.path.replaceAll('\\', '/');
      if (severity === 'error') found.set(file, [...(found.get(file) ?? []), category]);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(RED)('refuses %s: %s', (file, _content, rule) => {
    expect(found.get(file)).toEqual([rule]);
  });

  it.each(GREEN)('accepts %s: %s', (file) => {
    expect(found.get(file)).toBeUndefined();
  });
});

/** The JSON report; the linter exits with 1 when it finds what it should. */
function lint(folder: string): string {
  const options: ExecFileSyncOptionsWithStringEncoding = { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  try {
    return execFileSync(process.execPath, [biome, 'lint', '--max-diagnostics=none', '--reporter=json'], options);
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
