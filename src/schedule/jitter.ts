// Owns jitter: a delay that depends on nothing but the schedule and the planned time, so that every process computes the same one.

/** Milliseconds from 0 to `jitterMs`, evenly spread over planned times. */
export function jitterOf(scheduleId: string, plannedAt: number, jitterMs: number): number {
  if (jitterMs <= 0) return 0;
  // FNV-1a over the text, then the finaliser of MurmurHash3: ids that differ in their last character alone end far apart.
  let hash = 0x811c9dc5;
  const text = `${scheduleId} ${plannedAt}`;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return Math.floor((((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32) * (jitterMs + 1));
}
