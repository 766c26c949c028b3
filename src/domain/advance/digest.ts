// Owns the short name of a value that a person approves: equal values, equal digests (FNV-1a over 64 bits, canonical JSON).
import { canonicalJson } from '../json.ts';

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/** 16 hex digits; it tells a changed request from the one that was shown, it is no proof against forgery. */
export function digestOf(value: unknown): string {
  let hash = OFFSET;
  for (const byte of new TextEncoder().encode(canonicalJson(value))) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME);
  return hash.toString(16).padStart(16, '0');
}
