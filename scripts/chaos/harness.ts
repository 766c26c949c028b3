// Owns the chaos run: children load one folder and are killed at random, a last one ends what is left, and all is compared.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { STORE_FILE } from '../../src/store/open-backend.ts';
import { audit } from './audit.ts';
import type { ChildOptions } from './child.ts';
import { readLines } from './journal.ts';
import { createChance } from './random.ts';
import { Witness } from './witness.ts';

export interface ChaosOptions {
  readonly kills: number;
  readonly seed: number;
  /** Called after each kill with the number so far. */
  readonly onKill?: ((kills: number) => void) | undefined;
  /** Limit of the last child, ms. */
  readonly drainMs?: number | undefined;
}

export interface ChaosReport {
  readonly acked: number;
  readonly lost: number;
  readonly stuck: number;
  readonly reruns: number;
  readonly integrity: string;
  readonly kills: number;
  readonly seed: number;
  readonly seconds: number;
  readonly jobs: number;
  readonly executions: number;
  readonly events: number;
  /** Finished handler runs, and those of a job or step that was under way when its process was killed. */
  readonly handlerRuns: number;
  readonly repeatedRuns: number;
  /** Rows seen completed after some kill, each compared at the end. */
  readonly watched: number;
  /** Everything that is wrong, in words; empty when all held. */
  readonly violations: readonly string[];
  /** Kept when something is wrong, else removed. */
  readonly folder: string | null;
}

interface Child {
  readonly process: ChildProcess;
  /** True once it is ready, false when it ended before. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly stderr: () => string;
  killed: boolean;
}

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
const TWO_CHILDREN = 0.35;
const KILL_WHILE_STARTING = 0.1;

/** Never throws for what the engine does wrong: that is in `violations`. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const started = performance.now();
  const chance = createChance(options.seed);
  const folder = mkdtempSync(join(tmpdir(), 'logistics-chaos-'));
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  const files = { dataDir, ackFile: join(folder, 'acks.jsonl'), doneFile: join(folder, 'done.tsv'), storeFile: join(dataDir, STORE_FILE) };
  const witness = new Witness(files);
  const violations: string[] = [];
  const live: Child[] = [];
  let spawned = 0;
  const start = (mode: 'load' | 'drain'): Child => {
    const child = spawnChild(
      { mode, ...files, seed: options.seed * 1_000 + spawned++, lines: 6, drainMs: options.drainMs ?? 60_000 },
      join(folder, 'compiled'),
    );
    live.push(child);
    void child.ended.then(({ code, signal }) => {
      live.splice(live.indexOf(child), 1);
      if (mode === 'load' && !child.killed) violations.push(`a child ended by itself (code ${code}, signal ${signal}): ${child.stderr().slice(-2_000)}`);
    });
    return child;
  };
  try {
    let kills = 0;
    while (kills < options.kills && violations.length === 0) {
      const wanted = chance.next() < TWO_CHILDREN ? 2 : 1;
      while (live.length < wanted) start('load');
      const victim = chance.pick(live);
      if (chance.next() < KILL_WHILE_STARTING) await sleep(chance.int(5, 300));
      else if (await victim.ready) await sleep(chance.int(50, 400));
      await kill(victim);
      kills++;
      options.onKill?.(kills);
      if (existsSync(files.storeFile)) witness.look();
    }
    await Promise.all(live.map(kill));
    const last = start('drain');
    const { code } = await last.ended;
    if (code !== 0 && code !== 3) violations.push(`the last child ended with ${code}: ${last.stderr().slice(-2_000)}`);
    const result = audit(files.storeFile, files.ackFile);
    const reruns = witness.reruns();
    const runs = readLines(files.doneFile).lines;
    violations.push(
      ...(result.integrity === 'ok' ? [] : [`integrity: ${result.integrity}`]),
      ...result.lost.map((what) => `lost: ${what}`),
      ...result.stuck.map((what) => `stuck: ${what}`),
      ...reruns.map((what) => `rerun: ${what}`),
      ...result.broken,
    );
    return {
      acked: result.acked,
      lost: result.lost.length,
      stuck: result.stuck.length,
      reruns: reruns.length,
      integrity: result.integrity,
      kills,
      seed: options.seed,
      seconds: Math.round(performance.now() - started) / 1_000,
      ...result.totals,
      handlerRuns: runs.length,
      repeatedRuns: runs.length - new Set(runs.map((line) => line.split('\t')[0])).size,
      watched: witness.seen,
      violations,
      folder: violations.length === 0 ? null : folder,
    };
  } finally {
    await Promise.all(live.map(kill));
    if (violations.length === 0) rmSync(folder, { recursive: true, force: true });
  }
}

async function kill(child: Child): Promise<void> {
  child.killed = true;
  child.process.kill('SIGKILL');
  await child.ended;
}

function spawnChild(options: ChildOptions, cacheDir: string): Child {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: cacheDir },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => {
      errors += error.message;
      resolve({ code: -1, signal: null });
    });
  });
  const ready = Promise.race([new Promise<boolean>((resolve) => child.stdout.once('data', () => resolve(true))), ended.then(() => false)]);
  return { process: child, ready, ended, stderr: () => errors, killed: false };
}
