// Owns the fields that several parts of the configuration are made of; no fault of theirs repeats the value, it may be a password.
import { z } from 'zod';
import { DURATION_EXPECTED, parseDuration } from '../domain/duration.ts';
import type { IssueParams } from './choice.ts';

export const text = (pattern: RegExp, expected: string): z.ZodType<string> =>
  z.string().superRefine((value, context) => {
    if (!pattern.test(value)) context.addIssue({ code: 'custom', message: `expected ${expected}`, params: { expected } satisfies IssueParams });
  });

export const Path = text(/^[^\0]{1,4096}$/, 'a path');

export const duration = (minMs: number): z.ZodType<number> =>
  z.unknown().transform((value, context) => {
    const ms = typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined;
    if (ms !== undefined && ms >= minMs) return ms;
    const expected = ms === undefined ? DURATION_EXPECTED : `at least ${minMs} ms`;
    context.addIssue({ code: 'custom', message: `expected ${expected}`, params: { expected } satisfies IssueParams });
    return z.NEVER;
  });
