// Owns dist/: the bundled command line (always) and the library as modules with declarations (--library).
// Plain JavaScript, because `npm ci` runs it before anything else is there. Says what it does on stderr: stdout may belong to somebody else.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { leaveOldNode, nodeBinary } from './node-binary.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

// Not bundled: native code, files found by path at run time (wasm), and what comes with the package anyway and starts fast by itself.
export const external = ['better-sqlite3', 'quickjs-emscripten-core', '@jitl/*', 'bullmq', 'ioredis', 'highs', '@opentelemetry/*'];

// CommonJS dependencies call require() and know __dirname; the names of our own cannot clash with those of a module.
const banner = [
  "import { createRequire as __logisticsCreateRequire } from 'node:module';",
  "import { dirname as __logisticsDirname } from 'node:path';",
  "import { fileURLToPath as __logisticsPath } from 'node:url';",
  'const require = __logisticsCreateRequire(import.meta.url), __filename = __logisticsPath(import.meta.url), __dirname = __logisticsDirname(__filename);',
].join('\n');

/**
 * `const { Ajv } = await import('ajv')` works in Node, but esbuild gives a lazily loaded CommonJS module a default export only.
 * Each such import goes through a shim that exports the names that Node sees.
 */
const namesOfLazyCommonJs = {
  name: 'names-of-lazy-commonjs',
  setup(build) {
    build.onResolve({ filter: /^[^.]/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (kind !== 'dynamic-import' || pluginData === 'resolved') return undefined;
      const found = await build.resolve(path, { kind, resolveDir, importer, pluginData: 'resolved' });
      return found.external || found.errors.length > 0 || !isCommonJs(found.path) ? found : { path: found.path, namespace: 'lazy-commonjs' };
    });
    build.onLoad({ filter: /./, namespace: 'lazy-commonjs' }, async ({ path }) => {
      const names = Object.keys(await import(pathToFileURL(path).href)).filter(
        (name) => name !== 'default' && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name),
      );
      // Renamed in the export list, since a name may be a reserved word.
      const locals = names.map((name, index) => `const n${index} = loaded.${name};`).join('\n');
      const list = names.map((name, index) => `n${index} as ${name}`).join(', ');
      return {
        contents: `const loaded = require(${JSON.stringify(path)});\n${locals}\nexport { loaded as default, ${list} };`,
        resolveDir: dirname(path),
        loader: 'js',
      };
    });
  },
};

/** As Node decides it: by the extension, else by the type in the nearest package.json. */
function isCommonJs(path) {
  if (!path.endsWith('.js')) return path.endsWith('.cjs');
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')).type !== 'module';
  }
  return true;
}

/** Entries of worker threads; they are found by path at run time, so each keeps its name. */
function workerEntries() {
  return ['src/expression', 'src/actions', 'src/optimization', 'src/store/redis'].flatMap((folder) => {
    const names = existsSync(join(root, folder)) ? readdirSync(join(root, folder)).sort() : [];
    return names.filter((name) => name.endsWith('-worker.ts')).map((name) => ({ in: join(root, folder, name), out: basename(name, '.ts') }));
  });
}

/** Bundles src/main.ts to dist/cli.mjs, each *-worker.ts to dist/<name>.js, shared and lazily loaded code to dist/chunks. */
export async function buildBundle() {
  const main = join(root, 'src/main.ts');
  if (!existsSync(main)) return 'nothing to bundle yet: src/main.ts is not there';
  const esbuild = await loadEsbuild();
  if (esbuild === undefined) return existsSync(join(dist, 'cli.mjs')) ? 'kept the bundle: esbuild is not installed' : 'no bundle: esbuild is not installed';
  const started = performance.now();
  const result = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [{ in: main, out: 'cli' }, ...workerEntries()],
    outdir: dist,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    minifyWhitespace: true,
    legalComments: 'none',
    sourcemap: 'linked',
    sourcesContent: false,
    banner: { js: banner },
    external,
    plugins: [namesOfLazyCommonJs],
    logLevel: 'warning',
    write: false,
  });
  // Code looks for a thread entry under the name it has in the library too: <name>-worker.js.
  writeChanged(result.outputFiles.map(({ path, contents }) => ({ path: path.replace(/-worker\.mjs$/, '-worker.js'), contents })));
  return `dist/cli.mjs, ${result.outputFiles.length} files in ${Math.round(performance.now() - started)} ms`;
}

/** Emits dist/src and dist/tools as modules with declarations. */
export async function buildLibrary() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  for (const folder of ['src', 'tools']) rmSync(join(dist, folder), { recursive: true, force: true });
  try {
    await promisify(execFile)(nodeBinary(), [tsc, '-p', 'tsconfig.build.json'], { cwd: root });
  } catch (error) {
    throw new Error(`the library does not compile:\n${error.stdout}${error.stderr}`, { cause: error });
  }
  return 'dist/src and dist/tools with declarations';
}

async function loadEsbuild() {
  try {
    return await import('esbuild');
  } catch (error) {
    // Installed without devDependencies: the published package brings dist along.
    if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Writes what differs, each file in one step, and removes left-over chunks last: a process that runs on the old bundle goes on as long as it can. */
function writeChanged(files) {
  const wanted = new Set(files.map((file) => file.path));
  for (const { path, contents } of files) {
    if (existsSync(path) && readFileSync(path).equals(contents)) continue;
    mkdirSync(dirname(path), { recursive: true });
    const draft = `${path}.${process.pid}.tmp`;
    writeFileSync(draft, contents);
    renameSync(draft, path);
  }
  for (const folder of [dist, join(dist, 'chunks')]) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (/(?:\.mjs(?:\.map)?|-worker\.js)$/.test(name) && !wanted.has(path)) rmSync(path, { force: true });
    }
  }
}

// Run as a program, not imported by scripts/test.js.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  leaveOldNode();
  try {
    console.error(`build: ${await buildBundle()}`);
    if (process.argv.includes('--library')) console.error(`build: ${await buildLibrary()}`);
  } catch (error) {
    console.error(`build: ${error.message}`);
    process.exitCode = 1;
  }
}
