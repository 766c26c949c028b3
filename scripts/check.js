// Owns `npm run check`: every static check, each with one line, its output only when it fails; all run even if one is red.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeBinary } from './node-binary.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (path) => join(root, 'node_modules', path);

/** Runs a program on the pinned Node; resolves to its output when it failed, else to ''. */
function run(...args) {
  return new Promise((resolve) => {
    const child = spawn(nodeBinary(), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
      });
    }
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? '' : output || `ended with ${signal ?? code}`));
  });
}

/** The lock file names no host: each machine installs from the registry that it is set up for. */
function foreignLockEntries() {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages)
    .filter(([, entry]) => entry.resolved !== undefined && !entry.link && /^[a-z+]+:\/\//.test(entry.resolved))
    .map(([path, entry]) => `${path} is resolved to ${entry.resolved}`)
    .join('\n');
}

const checks = [
  ['lint and format', () => run(fileURLToPath(import.meta.resolve('@biomejs/biome/bin/biome')), 'check', '--error-on-warnings', '--max-diagnostics=50')],
  ['types', () => run(bin('typescript/bin/tsc'), '-p', '.')],
  ['dead code', () => run(bin('knip/bin/knip.js'), '--no-progress')],
  ['lock file', foreignLockEntries],
];
if (existsSync(join(root, 'scripts/generate-docs.ts'))) checks.push(['docs', () => run('scripts/generate-docs.ts', '--check')]);

const results = checks.map(async ([name, check]) => {
  const started = performance.now();
  // The empty await lets all start before one of them blocks.
  await null;
  const output = await check();
  return { name, output: output.trimEnd(), seconds: ((performance.now() - started) / 1000).toFixed(1) };
});
for (const result of results) {
  const { name, output, seconds } = await result;
  console.log(`${output === '' ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (output === '') continue;
  console.log(output.replace(/^/gm, '    '));
  process.exitCode = 1;
}
