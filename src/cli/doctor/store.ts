// Owns the checks of the store: its file is sound, it opens, who works on it, and whether anything of dead processes is left.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { isSelf } from '../open.ts';
import { bytesText, count } from '../render/text.ts';
import type { Check } from './check.ts';

/** Reads the whole file; SQLite's own check. */
export async function checkIntegrity(file: string): Promise<Check> {
  if (!existsSync(file)) return { name: 'integrity', state: 'ok', detail: 'no store file yet' };
  const { default: Database } = await import('better-sqlite3');
  const db = new Database(file, { readonly: true, timeout: 2_000 });
  try {
    const lines = db.pragma('quick_check(5)') as readonly { readonly quick_check: string }[];
    const first = lines[0]?.quick_check ?? 'no answer';
    if (first === 'ok') return { name: 'integrity', state: 'ok', detail: `${bytesText(statSync(file).size)}, quick_check ok` };
    return {
      name: 'integrity',
      state: 'fail',
      detail: first,
      action: 'Stop all processes, copy the data folder, then move the file away or put a good copy back.',
    };
  } finally {
    db.close();
  }
}

export function checkDurability(engine: OrchestrationEngine): Check[] {
  const status = engine.backend.status();
  const opens: Check = { name: 'store', state: 'ok', detail: `${status.kind}, schema ${status.schemaVersion}, ${status.location}` };
  if (!engine.backend.capabilities.durable) {
    return [
      opens,
      { name: 'durability', state: 'warn', detail: 'in memory: everything is gone when the process ends', action: 'Use --store sqlite to keep work.' },
    ];
  }
  if (status.kind === 'redis') return [opens, redisDurability(status.durability)];
  const full = status.durability === 'full';
  const detail = full ? 'full: on disk before an id is returned' : 'normal: survives a killed process, not a power cut';
  return [
    opens,
    full
      ? { name: 'durability', state: 'ok', detail }
      : { name: 'durability', state: 'warn', detail, action: 'Set durability: full unless the speed matters more.' },
  ];
}

function redisDurability(durability: string): Check {
  if (durability === 'aof_always') return { name: 'durability', state: 'ok', detail: 'aof_always: on the disk of Redis before an id is returned' };
  if (durability === 'aof_everysec')
    return { name: 'durability', state: 'ok', detail: 'aof_everysec: survives a killed process; a power cut of Redis may take the last second' };
  return {
    name: 'durability',
    state: 'warn',
    detail: 'Redis does not tell of an append-only file',
    action: 'Make sure that it keeps its data: appendonly yes.',
  };
}

export function checkProcesses(engine: OrchestrationEngine, now: number, leaseMs: number): Check {
  const others = engine.backend.listProcesses().filter((info) => !isSelf(info));
  const silent = others.filter((process) => now - process.heartbeatAt > leaseMs);
  if (silent.length > 0) {
    const pids = silent.map((process) => process.pid).join(', ');
    return {
      name: 'processes',
      state: 'warn',
      detail: `${silent.length} of ${others.length} silent for longer than a lease (pid ${pids})`,
      action: 'Their work is taken back by the next running process; end them if they hang.',
    };
  }
  if (others.length === 0) return { name: 'processes', state: 'ok', detail: 'none besides this one; open work waits for one' };
  return {
    name: 'processes',
    state: 'ok',
    detail: `${count(others.length, 'process', 'processes')} alive: ${others.map((process) => `${process.role} ${process.pid}`).join(', ')}`,
  };
}

/** Lock files whose process is gone; their work is taken back at the next start. */
export function checkLocks(dataDir: string): Check {
  const folder = join(dataDir, 'locks');
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.lock')) : [];
  const dead = files.filter((name) => !isAlive(Number.parseInt(name, 10)));
  if (dead.length === 0)
    return { name: 'locks', state: 'ok', detail: files.length === 0 ? 'none' : `${count(files.length, 'lock')}, all held by live processes` };
  return {
    name: 'locks',
    state: 'warn',
    detail: `${count(dead.length, 'lock')} of dead processes`,
    action: 'Nothing: the next running process takes their work back at once.',
  };
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
