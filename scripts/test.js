// Owns `npm test`: builds the bundle, runs all tests with the coverage gates, and closes with a plain count.
// `npm test -- schedule store` runs test/schedule and test/store without gates; what follows the first option goes to vitest as it is.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildBundle } from './build.js';
import { leaveOldNode, nodeBinary } from './node-binary.js';

leaveOldNode();

const root = fileURLToPath(new URL('..', import.meta.url));

function fail(message) {
  console.error(`test: ${message}`);
  process.exit(1);
}

/** A word names a folder of test/, a file in it or the start of one; a path is taken as it is. */
function filterOf(word) {
  if (existsSync(join(root, 'test', word))) return /\.ts$/.test(word) ? `test/${word}` : `test/${word}/`;
  if (existsSync(join(root, word))) return word;
  const known = readdirSync(join(root, 'test'), { recursive: true }).map((name) => name.replaceAll('\\', '/'));
  if (known.some((name) => name.startsWith(word))) return `test/${word}`;
  const folders = known.filter((name) => !name.includes('/') && !name.endsWith('.ts')).sort();
  return fail(`there is no test/${word}; there is ${folders.join(', ')}`);
}

/** Counts from vitest's own report; a file that could not even be loaded has no tests, and counts as one failure. */
function countsOf(reportFile) {
  if (!existsSync(reportFile)) return { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(readFileSync(reportFile, 'utf8'));
  const broken = report.testResults.filter((file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')).length;
  return { passed: report.numPassedTests, failed: report.numFailedTests + broken, skipped: report.numPendingTests + report.numTodoTests };
}

const args = process.argv.slice(2);
const firstOption = args.findIndex((arg) => arg.startsWith('-'));
const words = firstOption === -1 ? args : args.slice(0, firstOption);
const options = firstOption === -1 ? [] : args.slice(firstOption);
const filters = words.map(filterOf);

console.log(`build: ${await buildBundle().catch((error) => fail(error.message))}`);

const folder = mkdtempSync(join(tmpdir(), 'logistics-test-'));
const reportFile = join(folder, 'report.json');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const flags = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
// A part of the tests covers a part of the code: gates hold for the whole only.
if (args.length === 0) flags.push('--coverage');
const child = spawn(nodeBinary(), [vitest, ...flags, ...filters, ...options], { cwd: root, stdio: 'inherit' });
// Ctrl-C reaches vitest too; the count is still wanted.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
const code = await new Promise((resolve) => {
  child.once('error', (error) => fail(error.message));
  child.once('exit', (exitCode) => resolve(exitCode ?? 1));
});

const { passed, failed, skipped } = countsOf(reportFile);
rmSync(folder, { recursive: true, force: true });
if (code !== 0 && failed === 0) console.log('test: no test failed, but the run did (see above: coverage gates, or an error outside the tests)');
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = code;
