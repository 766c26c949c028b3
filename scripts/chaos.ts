// Owns `npm run chaos [-- --store sqlite|redis --kills N --seed S --json]`: strikes loaded processes again and again, and says whether anything was lost.
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
const { store } = values;
if (store !== 'sqlite' && store !== 'redis') fail(`--store ${store} is neither sqlite nor redis.`);

process.stderr.write(`chaos: ${kills} kills on ${store}, seed ${seed}\n`);
const shows = process.stderr.isTTY && !values.json;
const report = await runChaos({ store, kills, seed, onKill: (n) => shows && process.stderr.write(`\rkilled ${n} of ${kills}`) });
if (shows) process.stderr.write('\n');
if (!values.json) process.stdout.write(summary(report));
for (const violation of report.violations.slice(0, 50)) process.stderr.write(`VIOLATION (seed ${seed}) ${violation}\n`);
if (report.violations.length > 0) process.stderr.write(`${report.violations.length} violations, seed ${seed}; the files are kept in ${report.folder}\n`);
if (values.json) {
  const { acked, lost, stuck, reruns, integrity, violations, unequal, replicas, refused } = report;
  const line = {
    store,
    acked,
    lost,
    stuck,
    reruns,
    stale_writes: report.staleWrites,
    refused_writes: refused,
    repeats: report.repeatedRuns,
    unequal,
    replicas,
    integrity,
  };
  process.stdout.write(`${JSON.stringify({ ...line, kills: report.kills, kills_by: report.killsBy, seed, violations: violations.length })}\n`);
}
process.exitCode = report.violations.length === 0 ? 0 : 1;

function summary(r: ChaosReport): string {
  return [
    `${r.kills} kills on ${r.store} in ${r.seconds} s, seed ${r.seed}: ${Object.entries(r.killsBy)
      .filter(([, n]) => n > 0)
      .map(([fault, n]) => `${fault} ${n}`)
      .join(', ')}`,
    `acknowledged            ${r.acked} calls; ${r.jobs} jobs, ${r.executions} executions, ${r.events} events in the store`,
    `lost                    ${r.lost}`,
    `reruns after completion ${r.reruns} (${r.watched} completed rows watched; ${r.handlerRuns} handler runs, ${r.repeatedRuns} repeated because their holder was lost before their result was stored)`,
    `writes by stale holders ${r.staleWrites} (${r.refused} refused)`,
    `stuck                   ${r.stuck}`,
    `integrity               ${r.integrity}`,
    ...(r.replicas > 1 ? [`replicas                ${r.unequal === 0 ? `${r.replicas}, all equal` : `${r.unequal} differences among ${r.replicas}`}`] : []),
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
