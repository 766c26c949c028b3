// Owns the numbers in SPEC.md: each is the value of the constant beside it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ON_LIMIT } from '../../src/domain/workflow-definition.ts';
import { TRIGGER_RULES } from '../../src/domain/workflow-step.ts';
import { read, root, tableRows } from './documents.ts';

const rows = tableRows(read('SPEC.md'));
const numbers = rows.flatMap(([what = '', number = '', constant = '']) => {
  const [, file, name] = /^`([^`]+)` ([\w.]+)$/.exec(constant) ?? [];
  return file === undefined || name === undefined ? [] : [{ what, number: Number(number.replaceAll(',', '')), file, name }];
});

/** An exported value, or a top-level constant that is written as plain arithmetic. */
async function constantOf(file: string, name: string): Promise<unknown> {
  const [first, ...members] = name.split('.') as [string, ...string[]];
  const module = (await import(pathToFileURL(join(root, file)).href)) as Record<string, unknown>;
  if (first in module) return members.reduce<unknown>((value, member) => (value as Record<string, unknown>)[member], module[first]);
  const [, text] = new RegExp(`^const ${first}(?:: number)? = ([0-9_* ]+);`, 'm').exec(readFileSync(join(root, file), 'utf8')) ?? [];
  return text?.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1);
}

describe('SPEC.md', () => {
  it('names constants for all limits and defaults', () => {
    expect(numbers.length).toBeGreaterThan(40);
  });

  it.each(numbers)('$what is $number', async ({ number, file, name }) => {
    expect(await constantOf(file, name)).toBe(number);
  });

  it('has every trigger rule and every policy of a concurrency key', () => {
    const named = rows.flatMap(([first = '']) => [...first.matchAll(/`(\w+)`/g)].map(([, name]) => name));
    for (const name of [...TRIGGER_RULES, ...ON_LIMIT]) expect(named).toContain(name);
  });

  it('keeps its promises numbered', () => {
    const promises = [...read('SPEC.md').matchAll(/^\*\*P(\d+)/gm)].map(([, number]) => Number(number));
    expect(promises).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});
