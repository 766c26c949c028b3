// Owns what survives a kill: lines appended by one write call each, which the system keeps whatever happens to the process.
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';

/** What a child was told by the engine, written after the reply. */
export type Ack =
  | { readonly k: 'job'; readonly id: string; readonly fails?: boolean | undefined }
  | { readonly k: 'exec'; readonly id: string; readonly workflow: string }
  | { readonly k: 'fork'; readonly id: string; readonly from: string; readonly step: string }
  | { readonly k: 'cancel'; readonly id: string; readonly now: boolean }
  | { readonly k: 'signal'; readonly id: string; readonly signal: string }
  | { readonly k: 'session'; readonly id: string }
  | { readonly k: 'fault'; readonly what: string };

/** Appends lines; each line is one write, so lines of two processes never mix. */
export function openJournal(path: string): { line(text: string): void; close(): void } {
  const fd = openSync(path, 'a');
  return { line: (text) => void writeSync(fd, `${text}\n`), close: () => closeSync(fd) };
}

/** Whole lines from a byte on; a line cut off by a kill is left out. */
export function readLines(path: string, from = 0): { readonly lines: string[]; readonly end: number } {
  if (!existsSync(path)) return { lines: [], end: 0 };
  const size = statSync(path).size;
  if (size <= from) return { lines: [], end: from };
  let buffer: Buffer;
  if (from === 0) buffer = readFileSync(path);
  else {
    buffer = Buffer.alloc(size - from);
    const fd = openSync(path, 'r');
    const read = readSync(fd, buffer, 0, buffer.length, from);
    closeSync(fd);
    buffer = buffer.subarray(0, read);
  }
  const last = buffer.lastIndexOf(10);
  if (last < 0) return { lines: [], end: from };
  return { lines: buffer.subarray(0, last).toString('utf8').split('\n'), end: from + last + 1 };
}
