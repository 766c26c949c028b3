// Owns `npm run bench [-- --json --only NAME --all --durability normal]`: scenarios side by side in one run, figures against targets.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { agents } from './scenarios/agents.ts';
import { coldStart } from './scenarios/cold-start.ts';
import { cron } from './scenarios/cron.ts';
import { dag } from './scenarios/dag.ts';
import { diamonds } from './scenarios/diamonds.ts';
import { enqueue } from './scenarios/enqueue.ts';
import { eventStreams } from './scenarios/event-streams.ts';
import { forEach } from './scenarios/for-each.ts';
import { http } from './scenarios/http.ts';
import { idle } from './scenarios/idle.ts';
import { latency } from './scenarios/latency.ts';
import { makespan } from './scenarios/makespan.ts';
import { million } from './scenarios/million.ts';
import { planning } from './scenarios/planning.ts';
import { processNoop } from './scenarios/process.ts';
import { processes } from './scenarios/processes.ts';
import { recovery } from './scenarios/recovery.ts';
import { redis } from './scenarios/redis.ts';
import { resources } from './scenarios/resources.ts';
import { routing } from './scenarios/routing.ts';
import { schedules } from './scenarios/schedules.ts';
import { stdio } from './scenarios/stdio.ts';
import { tracking } from './scenarios/tracking.ts';
import { describeMachine } from './support/machine.ts';
import { asJson, asTable, machineLine, type ScenarioReport } from './support/report.ts';
import { type Context, type Scenario, Skipped } from './support/scenario.ts';

const SCENARIOS: readonly Scenario[] = [
  enqueue,
  processNoop,
  latency,
  diamonds,
  dag,
  forEach,
  coldStart,
  stdio,
  http,
  eventStreams,
  agents,
  processes,
  schedules,
  recovery,
  redis,
  resources,
  idle,
  planning,
  routing,
  makespan,
  million,
  tracking,
  cron,
];

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    all: { type: 'boolean', default: false },
    durability: { type: 'string', default: 'full' },
    // Under which the folders are made: the disk that is measured.
    folder: { type: 'string', default: tmpdir() },
  },
});
const { durability } = values;
if (durability !== 'full' && durability !== 'normal') fail(`--durability ${durability}: expected full or normal`);
const only = values.only.flatMap((names) => names.split(','));
const unknown = only.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0) fail(`there is no scenario ${unknown.join(', ')}; there is ${SCENARIOS.map((scenario) => scenario.name).join(', ')}`);

const root = mkdtempSync(join(values.folder, 'logistics-bench-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const machine = describeMachine(root, durability);
if (!values.json) process.stdout.write(machineLine(machine));
const reports: ScenarioReport[] = [];
for (const scenario of SCENARIOS.filter(({ name, long }) => (only.length > 0 ? only.includes(name) : !long || values.all))) {
  const report = await measure(scenario);
  reports.push(report);
  if (!values.json) process.stdout.write(asTable(report));
}
if (values.json) process.stdout.write(`${asJson(machine, reports)}\n`);
process.exit(0);

async function measure({ name, title, run }: Scenario): Promise<ScenarioReport> {
  const folders: string[] = [];
  const context: Context = {
    folder: () => {
      const made = mkdtempSync(join(root, `${name}-`));
      folders.push(made);
      return made;
    },
    durability: durability as Context['durability'],
    say: (text) => process.stderr.isTTY && process.stderr.write(`${name}: ${text}\n`),
  };
  process.stderr.write(`bench: ${name}\n`);
  const started = performance.now();
  try {
    const figures = await run(context);
    return { name, title, seconds: (performance.now() - started) / 1_000, figures };
  } catch (error) {
    if (error instanceof Skipped) return { name, title, seconds: 0, figures: [], skipped: error.message };
    throw error;
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

function fail(message: string): never {
  process.stderr.write(`bench: ${message}\n`);
  process.exit(2);
}
