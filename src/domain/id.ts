// Owns identifiers: prefix + sortable time + 80 random bits; never reused, never authority.
import { z } from 'zod';

export const ID_PREFIXES = {
  execution: 'exec_',
  job: 'job_',
  schedule: 'sched_',
  session: 'sess_',
  workflow: 'wf_',
  worker: 'wrk_',
  allocation: 'alloc_',
  project: 'proj_',
  artifact: 'art_',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;
export type IdSource = (kind: IdKind) => string;

export const Id = z.string().regex(/^(exec|job|sched|sess|wf|wrk|alloc|proj|art)_[0-9a-hjkmnp-tv-z]{26}$/);

/** The kind an id names by its prefix, or undefined when it is no id of ours. */
export function kindOfId(id: string): IdKind | undefined {
  if (!Id.safeParse(id).success) return undefined;
  return (Object.keys(ID_PREFIXES) as IdKind[]).find((kind) => id.startsWith(ID_PREFIXES[kind]));
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const POOL_BYTES = 4096;

/** Ids sort by creation time; within one millisecond they sort in the order they were made. */
export function createIdSource(now: () => number, fill: (bytes: Uint8Array) => void): IdSource {
  const pool = new Uint8Array(POOL_BYTES);
  let at = POOL_BYTES;
  let lastMs = -1;
  let timeText = '';
  let sequence = 0;
  const randomChars = (count: number): string => {
    if (at + count > POOL_BYTES) {
      fill(pool);
      at = 0;
    }
    let text = '';
    for (let i = 0; i < count; i++) text += ALPHABET[(pool[at++] as number) & 31];
    return text;
  };
  return (kind) => {
    const ms = Math.max(now(), lastMs);
    if (ms !== lastMs) {
      lastMs = ms;
      timeText = encodeTime(ms);
      sequence = 0;
    }
    // 3 characters count the ids of one millisecond (32,768 of them, then the clock is pushed on), 13 are random.
    if (sequence >= 32_768) {
      lastMs = ms + 1;
      timeText = encodeTime(lastMs);
      sequence = 0;
    }
    const count = sequence++;
    return ID_PREFIXES[kind] + timeText + ALPHABET[count >> 10] + ALPHABET[(count >> 5) & 31] + ALPHABET[count & 31] + randomChars(13);
  };
}

function encodeTime(ms: number): string {
  let text = '';
  let rest = ms;
  for (let i = 0; i < 10; i++) {
    text = (ALPHABET[rest % 32] as string) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
