// Owns `npm run chaos [-- --kills N --seed S --json]`: kills loaded processes again and again, and says whether anything was lost.
import { parseArgs } from 'node:util';
import { type ChaosReport, runChaos } from './chaos/harness.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string' },
    store: { type: 'string', default: 'sqlite' },
    json: { type: 'boolean', default: false },
  },
});
const kills = wholeNumber('kills', values.kills);
const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : wholeNumber('seed', values.seed);
if (values.store !== 'sqlite') fail(`--store ${values.store} is not built yet; the chaos run works on sqlite.`);

process.stderr.write(`chaos: ${kills} kills, seed ${seed}\n`);
const shows = process.stderr.isTTY && !values.json;
const report = await runChaos({ kills, seed, onKill: (n) => shows && process.stderr.write(`\rkilled ${n} of ${kills}`) });
if (shows) process.stderr.write('\n');
if (!values.json) process.stdout.write(summary(report));
for (const violation of report.violations.slice(0, 50)) process.stderr.write(`VIOLATION (seed ${seed}) ${violation}\n`);
if (report.violations.length > 0) process.stderr.write(`${report.violations.length} violations, seed ${seed}; the files are kept in ${report.folder}\n`);
if (values.json) {
  const { acked, lost, stuck, reruns, integrity, violations } = report;
  process.stdout.write(`${JSON.stringify({ acked, lost, stuck, reruns, integrity, kills: report.kills, seed, violations: violations.length })}\n`);
}
process.exitCode = report.violations.length === 0 ? 0 : 1;

function summary(r: ChaosReport): string {
  return [
    `${r.kills} kills in ${r.seconds} s, seed ${r.seed}`,
    `acknowledged            ${r.acked} calls; ${r.jobs} jobs, ${r.executions} executions, ${r.events} events in the store`,
    `lost                    ${r.lost}`,
    `reruns after completion ${r.reruns} (${r.watched} completed rows watched; ${r.handlerRuns} handler runs, ${r.repeatedRuns} repeated because a kill came before their result was stored)`,
    `stuck                   ${r.stuck}`,
    `integrity               ${r.integrity}`,
    r.violations.length === 0 ? 'all held' : `${r.violations.length} violations`,
    '',
  ].join('\n');
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : fail(`--${name} ${text} is not a whole number.`);
}

function fail(message: string): never {
  process.stderr.write(`chaos: ${message}\n`);
  process.exit(2);
}
