// Owns the chaos run: children load one store and are struck at random, a last one ends what is left, and all is compared.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { audit } from './audit.ts';
import { type Child, Children } from './children.ts';
import { Faults } from './faults.ts';
import { readLines } from './journal.ts';
import { createChance } from './random.ts';
import { type Fault, type Site, type StoreKind, sqliteSite } from './site.ts';
import { readTrace } from './trace.ts';
import { Witness } from './witness.ts';

export interface ChaosOptions {
  readonly store?: StoreKind | undefined;
  readonly kills: number;
  readonly seed: number;
  /** Called after each fault with the number so far. */
  readonly onKill?: ((kills: number) => void) | undefined;
  /** Limit of the last child, ms. */
  readonly drainMs?: number | undefined;
}

export interface ChaosReport {
  readonly store: StoreKind;
  readonly acked: number;
  readonly lost: number;
  readonly stuck: number;
  readonly reruns: number;
  /** Results stored for somebody who did not hold the job. */
  readonly staleWrites: number;
  /** Results of former holders that were refused. */
  readonly refused: number;
  /** Tables that differ between replicas, of so many replicas. */
  readonly unequal: number;
  readonly replicas: number;
  readonly integrity: string;
  readonly kills: number;
  readonly killsBy: Readonly<Record<Fault, number>>;
  readonly seed: number;
  readonly seconds: number;
  readonly jobs: number;
  readonly executions: number;
  readonly events: number;
  /** Finished handler runs, and those of a job or step that ran again because its result was not stored before its holder was lost. */
  readonly handlerRuns: number;
  readonly repeatedRuns: number;
  /** Rows seen completed after some fault, each compared at the end. */
  readonly watched: number;
  /** Everything that is wrong, in words; empty when all held. */
  readonly violations: readonly string[];
  /** Kept when something is wrong, else removed. */
  readonly folder: string | null;
}

const MORE_CHILDREN = 0.35;
/** The thawed get this long to send what they had in hand. */
const THAWED_MS = 700;

/** Never throws for what the engine does wrong: that is in `violations`. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, store = 'sqlite', drainMs = 60_000 } = options;
  const started = performance.now();
  const chance = createChance(seed);
  const folder = mkdtempSync(join(tmpdir(), 'logistics-chaos-'));
  const files = { ackFile: join(folder, 'acks.jsonl'), doneFile: join(folder, 'done.tsv'), traceFile: join(folder, 'trace.tsv') };
  const witness = new Witness(files.doneFile);
  const violations: string[] = [];
  const children = new Children(join(folder, 'compiled'), (what) => violations.push(what));
  let site: Site | undefined;
  try {
    site = await siteOf(store, folder);
    const faults = new Faults(site, children, chance);
    let spawned = 0;
    const start = (mode: Child['mode'], dataDir: string): Child => {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      const many = { load: { lines: store === 'redis' ? 4 : 6, agents: 1 }, agent: { lines: 0, agents: 3 }, drain: { lines: 0, agents: 3 } }[mode];
      return children.start({ mode, store: (site as Site).store, dataDir, ...files, seed: seed * 1_000 + spawned++, ...many, drainMs });
    };
    while (faults.total < options.kills && violations.length === 0) {
      populate(site, children, start, (store === 'redis' ? 2 : 1) + (chance.next() < MORE_CHILDREN ? 1 : 0), () => chance.pick(site?.folders ?? []));
      await faults.next();
      options.onKill?.(faults.total);
      const views = site.views();
      if (views.length > 0) witness.look(chance.pick(views));
    }
    faults.thawAll();
    await sleep(THAWED_MS);
    await children.killAll();
    const last = start('drain', site.folders[0] as string);
    const { code } = await last.ended;
    if (code !== 0 && code !== 3) violations.push(`the last child ended with ${code}: ${last.stderr().slice(-2_000)}`);
    const { file, views, differences } = await site.settle();
    const trace = readTrace(files.traceFile);
    const result = audit(file, files.ackFile, trace);
    const reruns = witness.reruns(file, trace);
    const runs = readLines(files.doneFile).lines;
    violations.push(
      ...(result.integrity === 'ok' ? [] : [`integrity: ${result.integrity}`]),
      ...result.lost.map((what) => `lost: ${what}`),
      ...result.stuck.map((what) => `stuck: ${what}`),
      ...reruns.map((what) => `rerun: ${what}`),
      ...result.stale.map((what) => `stale write: ${what}`),
      ...differences.map((what) => `unequal: ${what}`),
      ...result.broken,
    );
    return {
      store,
      acked: result.acked,
      lost: result.lost.length,
      stuck: result.stuck.length,
      reruns: reruns.length,
      staleWrites: result.stale.length,
      refused: trace.refused,
      unequal: differences.length,
      replicas: views,
      integrity: result.integrity,
      kills: faults.total,
      killsBy: faults.counts,
      seed,
      seconds: Math.round(performance.now() - started) / 1_000,
      ...result.totals,
      handlerRuns: runs.length,
      repeatedRuns: runs.length - new Set(runs.map((line) => line.split('\t')[0])).size,
      watched: witness.seen,
      violations,
      folder: violations.length === 0 ? null : folder,
    };
  } finally {
    await children.killAll();
    await site?.close();
    if (violations.length === 0) rmSync(folder, { recursive: true, force: true });
  }
}

/** Keeps so many children working, and one that only has worker agents. */
function populate(site: Site, children: Children, start: (mode: Child['mode'], dataDir: string) => Child, wanted: number, anywhere: () => string): void {
  const awake = (mode: Child['mode']): readonly Child[] => children.live.filter((child) => child.mode === mode && !child.frozen);
  while (awake('load').length < wanted) {
    // On a machine of its own, if there is one.
    const free = site.folders.filter((folder) => !children.live.some((child) => child.dataDir === folder));
    start('load', free[0] ?? anywhere());
  }
  if (awake('agent').length === 0) start('agent', anywhere());
}

async function siteOf(store: StoreKind, folder: string): Promise<Site> {
  return store === 'redis' ? (await import('./redis-site.ts')).redisSite(folder) : sqliteSite(folder);
}
