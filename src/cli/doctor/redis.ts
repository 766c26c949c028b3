// Owns the checks of a Redis server: what it must be set to so that nothing acknowledged is lost.
import type { inspectRedis } from '../../store/open-backend.ts';
import type { Check } from './check.ts';

type RedisFacts = Awaited<ReturnType<typeof inspectRedis>>;

const NEEDED: readonly [number, number] = [6, 2];
const MAX_SKEW_MS = 1_000;

export function checkRedis(facts: RedisFacts): readonly Check[] {
  return [checkVersion(facts), checkAppendOnly(facts), checkMemory(facts), checkSkew(facts)];
}

function checkVersion({ version, shown }: RedisFacts): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
  const detail = `${version} at ${shown}`;
  return ok
    ? { name: 'redis', state: 'ok', detail }
    : { name: 'redis', state: 'fail', detail, action: `Install Redis ${NEEDED.join('.')} or newer, or Valkey.` };
}

function checkAppendOnly({ appendOnly, appendFsync }: RedisFacts): Check {
  const name = 'append-only file';
  if (appendOnly === null) return { name, state: 'warn', detail: 'this server does not tell', action: 'Make sure that it keeps its data: appendonly yes.' };
  if (!appendOnly) return { name, state: 'fail', detail: 'off: what was acknowledged is gone when Redis ends', action: 'Set appendonly yes in Redis.' };
  if (appendFsync === 'no') return { name, state: 'warn', detail: 'on, but written when the system likes', action: 'Set appendfsync everysec or always.' };
  return { name, state: 'ok', detail: `on, appendfsync ${appendFsync ?? 'not told'}` };
}

function checkMemory({ maxmemoryPolicy }: RedisFacts): Check {
  const name = 'eviction';
  if (maxmemoryPolicy === null) return { name, state: 'warn', detail: 'this server does not tell', action: 'Make sure that maxmemory-policy is noeviction.' };
  return maxmemoryPolicy === 'noeviction'
    ? { name, state: 'ok', detail: 'noeviction' }
    : { name, state: 'fail', detail: `${maxmemoryPolicy}: Redis may throw away parts of the store`, action: 'Set maxmemory-policy noeviction.' };
}

function checkSkew({ skewMs }: RedisFacts): Check {
  const detail = `${Math.abs(skewMs)} ms ${skewMs >= 0 ? 'behind' : 'ahead of'} Redis`;
  return Math.abs(skewMs) <= MAX_SKEW_MS
    ? { name: 'clock skew', state: 'ok', detail }
    : { name: 'clock skew', state: 'fail', detail, action: 'Set the clocks of this machine and of Redis by NTP.' };
}
