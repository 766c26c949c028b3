// Owns the checks of the machine: the Node that runs, the native module, the folder of the data and its disk.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bytesText } from '../render/text.ts';
import type { Check } from './check.ts';

const NODE_NEEDED: readonly [number, number] = [22, 19];
const DISK_LOW = 1024 ** 3;
const DISK_FULL = 64 * 1024 ** 2;

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor, needMinor] = NODE_NEEDED;
  const ok = major > needMajor || (major === needMajor && minor >= needMinor);
  return ok
    ? { name: 'node', state: 'ok', detail: version }
    : { name: 'node', state: 'fail', detail: `${version} is too old`, action: `Install Node ${NODE_NEEDED.join('.')} or newer from https://nodejs.org` };
}

export async function checkNative(): Promise<Check> {
  const { default: Database } = await import('better-sqlite3');
  const db = new Database(':memory:');
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  db.close();
  return { name: 'sqlite', state: 'ok', detail: `${version}, native module loads` };
}

/** The data folder, or the nearest folder above it when it is not made yet. */
export function checkFolder(folder: string, platform: NodeJS.Platform): Check {
  if (!existsSync(folder)) {
    const above = existing(folder);
    if (isWritable(above)) return { name: 'data folder', state: 'ok', detail: `${folder} is made at the first use` };
    return {
      name: 'data folder',
      state: 'fail',
      detail: `${folder} cannot be made: ${above} is not writable`,
      action: 'Choose another one with --data-dir or LOGISTICS_DATA_DIR.',
    };
  }
  const found = statSync(folder);
  if (!found.isDirectory())
    return { name: 'data folder', state: 'fail', detail: `${folder} is no folder`, action: 'Choose another one with --data-dir or LOGISTICS_DATA_DIR.' };
  if (!isWritable(folder)) return { name: 'data folder', state: 'fail', detail: `${folder} is not writable`, action: `Run: chmod u+rwx ${folder}` };
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  if (platform !== 'win32' && (found.mode & 0o077) !== 0) {
    return { name: 'data folder', state: 'warn', detail: `${folder} is open to other users (mode ${mode})`, action: `Run: chmod 700 ${folder}` };
  }
  return { name: 'data folder', state: 'ok', detail: platform === 'win32' ? folder : `${folder}, mode ${mode}` };
}

export async function checkDisk(folder: string): Promise<Check> {
  const { bavail, bsize, blocks } = await statfs(existing(folder));
  if (blocks === 0) return { name: 'disk', state: 'ok', detail: 'this file system does not tell' };
  const free = bavail * bsize;
  const detail = `${bytesText(free)} free`;
  if (free < DISK_FULL) return { name: 'disk', state: 'fail', detail, action: 'Free disk space, or choose another folder with --data-dir.' };
  return free < DISK_LOW
    ? { name: 'disk', state: 'warn', detail, action: 'Free disk space soon; writes fail when none is left.' }
    : { name: 'disk', state: 'ok', detail };
}

/** Times in the store are compared with this clock; one that went back delays what is due. */
export function checkClock(now: number, newestEntry: number | null): Check {
  const ahead = newestEntry === null ? 0 : newestEntry - now;
  if (ahead > 60_000) {
    return {
      name: 'clock',
      state: 'warn',
      detail: `the newest entry of the store lies ${Math.round(ahead / 60_000)} min in the future`,
      action: 'Set the clock of this machine; what is due waits until it catches up.',
    };
  }
  return now < Date.UTC(2025, 0)
    ? { name: 'clock', state: 'fail', detail: new Date(now).toISOString(), action: 'Set the clock of this machine.' }
    : { name: 'clock', state: 'ok', detail: new Date(now).toISOString() };
}

function existing(folder: string): string {
  let at = folder;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
