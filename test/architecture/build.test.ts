// Owns the promises of scripts/build.js, on a small package of its own: lazy parts stay lazy and keep their names, workers are found, nothing fails without esbuild.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from './source-scan.ts';

const MAIN = `// Sample.
import { Worker } from 'node:worker_threads';
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const { parse } = await import('yaml');
const { Ajv } = await import('ajv');
const Database = (await import('better-sqlite3')).default;
const { double } = await import('./lazy.ts');
const worker = new Worker(new URL('./sum-worker.js', import.meta.url));
const fromWorker = await new Promise((resolve) => worker.once('message', resolve));
const row = new Database(':memory:').prepare('select 3 as c').get();
console.log(JSON.stringify([parse('a: 1'), new Ajv().validate({ type: 'number' }, 2), row, double(2), fromWorker, typeof require('node:fs').statSync]));
`;

describe('the build', () => {
  let folder = '';
  const build = (): { status: number | null; stderr: string } => spawnSync(process.execPath, [join(folder, 'scripts/build.js')], { encoding: 'utf8' });
  const chunks = (): string[] => readdirSync(join(folder, 'dist/chunks')).filter((name) => name.startsWith('lazy-') && name.endsWith('.mjs'));

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'logistics-build-'));
    cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true });
    cpSync(join(root, 'package.json'), join(folder, 'package.json'));
    mkdirSync(join(folder, 'src/expression'), { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('ends well where there is nothing to bundle', () => {
    expect(build()).toMatchObject({ status: 0, stderr: 'build: nothing to bundle yet: src/main.ts is not there\n' });
  });

  it('ends well where esbuild is not installed', () => {
    writeFileSync(join(folder, 'src/main.ts'), MAIN);
    expect(build()).toMatchObject({ status: 0, stderr: 'build: no bundle: esbuild is not installed\n' });
  });

  it('bundles what runs like the sources', () => {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
    writeFileSync(join(folder, 'src/lazy.ts'), 'export const double = (value: number): number => value * 2;\n');
    writeFileSync(join(folder, 'src/expression/sum-worker.ts'), "import { parentPort } from 'node:worker_threads';\nparentPort?.postMessage(1 + 4);\n");
    expect(build()).toMatchObject({ status: 0 });
    expect(chunks()).toHaveLength(1);
    const output = execFileSync(process.execPath, [join(folder, 'dist/cli.mjs')], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual([{ a: 1 }, true, { c: 3 }, 4, 5, 'function']);
  });

  it('replaces left-over chunks, and names the fault of a source that does not compile', () => {
    const [before] = chunks();
    writeFileSync(join(folder, 'src/lazy.ts'), 'export const double = (value: number): number => value + value;\n');
    expect(build()).toMatchObject({ status: 0 });
    expect(chunks()).toHaveLength(1);
    expect(chunks()).not.toContain(before);
    const bundle = readFileSync(join(folder, 'dist/cli.mjs'), 'utf8');
    writeFileSync(join(folder, 'src/lazy.ts'), 'export const twice = 2;\n');
    writeFileSync(join(folder, 'src/main.ts'), "import { double } from './lazy.ts';\ndouble();\n");
    const failed = build();
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain('src/main.ts');
    expect(readFileSync(join(folder, 'dist/cli.mjs'), 'utf8')).toBe(bundle);
  });
});
