// Owns what a step's cache is: which result may stand for another run of the step, under which key, and for how long.
import { z } from 'zod';
import { canonicalJson, type Json, type JsonObject } from './json.ts';

/** A longer life would outlast whoever remembers why. */
export const MAX_CACHE_TTL_MS = 366 * 86_400_000;
/** Characters of a rendered key, as canonical JSON. */
export const MAX_CACHE_KEY = 4_096;

/** `key` is a template over input and steps; a key that renders to null asks for a run without the cache. */
export const StepCache = z.strictObject({ key: z.string(), ttlMs: z.int().positive().max(MAX_CACHE_TTL_MS) });
export type StepCache = z.infer<typeof StepCache>;

/** What is done in a step, as it is written. */
interface CachedWork {
  readonly task: string;
  readonly with: JsonObject;
  readonly outputSchema?: JsonObject | undefined;
}

/** A result that is kept, and the run that made it. */
export interface CachedOutput {
  readonly json: string;
  readonly executionId: string;
}

/** To be kept in the commit that completes the step. */
export interface CachePut {
  readonly step: number;
  readonly key: string;
  readonly json: string;
  readonly expiresAt: number;
}

/**
 * What a result belongs to: the workflow, the step as it is written, and the rendered key. A step that is written anew (another
 * task, input or output schema) finds nothing of the old one.
 */
export function cacheIdentity(workflow: string, { id, step }: { readonly id: string; readonly step: CachedWork }, key: string): string {
  return canonicalJson([workflow, id, step.task, step.with, step.outputSchema ?? null, key]);
}

/** The stored form of a rendered key; null when the run asked for no cache, undefined when it is too long. */
export function cacheKeyOf(rendered: Json): string | null | undefined {
  if (rendered === null) return null;
  const key = canonicalJson(rendered);
  return key.length > MAX_CACHE_KEY ? undefined : key;
}
