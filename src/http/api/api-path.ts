// Owns what a path of the interface means: its parts decoded once, and no spelling by which a part could be taken for another one.

const PREFIX = '/api/v1/';
const MAX_CHARS = 2_000;
/** No separator, however it was written, no control character, never a step up. */
const PART = /^(?!\.{1,2}$)[^/\\\p{Cc}]{1,300}$/u;

/** The parts behind the prefix; null for what is no path of ours: empty or dotted parts, encoded separators, bad escapes. */
export function partsOf(path: string): readonly string[] | null {
  if (path.length > MAX_CHARS || !path.startsWith(PREFIX)) return null;
  const parts = path.slice(PREFIX.length).split('/').map(decoded);
  return parts.every((part): part is string => part !== null && PART.test(part)) ? parts : null;
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
