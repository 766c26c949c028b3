// Owns regular expressions: RE2 only, so that matching takes linear time whatever the pattern.
import { RE2JS } from 're2js';
import { costly, invalid } from '../failure.ts';
import { Lru } from '../lru.ts';
import type { Meter } from '../meter.ts';
import { define, type FunctionSpec } from './arguments.ts';

const PATTERN_LENGTH = 1_000;
/** Work done by RE2 is charged by the clock as well: its cost per character varies a hundredfold (1 to 600 ns measured). */
const STEPS_PER_MS = 100_000;
const patterns = new Lru<RE2JS>(500);

export const REGULAR_EXPRESSIONS: Readonly<Record<string, FunctionSpec>> = {
  regex: define('regex(text, pattern)', [2, 2], (read, args, meter) => {
    const text = read.text(args, 0);
    const pattern = compiled(read.text(args, 1), text.length, meter);
    return timed(meter, () => pattern.matcher(text).find());
  }),
  regexFind: define('regexFind(text, pattern)', [2, 2], (read, args, meter) => {
    const text = read.text(args, 0);
    const matcher = compiled(read.text(args, 1), text.length, meter).matcher(text);
    return timed(meter, () => matcher.find()) ? matcher.group() : null;
  }),
  regexReplace: define('regexReplace(text, pattern, replacement)', [3, 3], (read, args, meter) => {
    const text = read.text(args, 0);
    const matcher = compiled(read.text(args, 1), text.length, meter).matcher(text);
    const replacement = read.text(args, 2);
    const parts: string[] = [];
    let length = text.length;
    let position = 0;
    while (timed(meter, () => matcher.find())) {
      const part = expand(replacement, matcher.groupCount(), (group) => matcher.group(group) ?? '');
      length += part.length + matcher.start() - matcher.end();
      if (length > meter.limits.outputSize) meter.text(length);
      parts.push(text.slice(position, matcher.start()), part);
      meter.spend(2 + (replacement.length >> 4));
      position = matcher.end();
    }
    meter.text(length);
    parts.push(text.slice(position));
    return parts.join('');
  }),
};

/** `$1` to `$9` and `$0` stand for groups, `$$` for a dollar sign. */
function expand(replacement: string, groups: number, group: (index: number) => string): string {
  if (!replacement.includes('$')) return replacement;
  return replacement.replace(/\$([0-9$])/g, (_, mark: string) => {
    if (mark === '$') return '$';
    const index = Number(mark);
    if (index > groups) throw invalid(`regexReplace: the pattern has no group ${index}.`, `$0 to $${groups}`);
    return group(index);
  });
}

function compiled(source: string, textLength: number, meter: Meter): RE2JS {
  if (source.length > PATTERN_LENGTH) throw costly(`A pattern has at most ${PATTERN_LENGTH} characters.`);
  let pattern = patterns.get(source);
  if (!pattern) {
    pattern = timed(meter, () => compile(source));
    patterns.set(source, pattern);
  }
  // Paid in advance for one pass over the text; the clock charges what comes on top.
  meter.spend(textLength * (10 + (pattern.programSize() >> 2)));
  return pattern;
}

function compile(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : 'unknown';
    throw invalid(`The pattern is not valid: ${reason}`, 'RE2 syntax: no look-around, no back-references');
  }
}

function timed<T>(meter: Meter, work: () => T): T {
  const start = performance.now();
  const result = work();
  meter.spend(1 + Math.floor((performance.now() - start) * STEPS_PER_MS));
  return result;
}
