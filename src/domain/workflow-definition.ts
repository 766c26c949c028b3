// Owns the normal form of a workflow: what is hashed, pinned at start and never changed.
import { z } from 'zod';
import { Breaker } from './breaker.ts';
import { Json, JsonObject } from './json.ts';
import { WorkflowStep } from './workflow-step.ts';

export const MAX_STEPS = 10_000;
export const MAX_EDGES = 100_000;
export const MAX_FOREACH_ITEMS = 100_000;
export const DEFAULT_FOREACH_WINDOW = 50;
export const MAX_DEPTH = 16;

export const WorkflowName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/);

export const ON_LIMIT = ['queue', 'skip', 'cancel_in_progress', 'cancel_newest'] as const;

export const Concurrency = z.strictObject({
  /** Template; its text is the key. */
  key: z.string(),
  limit: z.int().min(1).max(10_000),
  onLimit: z.enum(ON_LIMIT),
});
export type Concurrency = z.infer<typeof Concurrency>;

const Bound = z.int().min(1);

/** What each run of it may use; `runs` counts the starts of all its runs. */
export const WorkflowBudget = z.strictObject({
  runs: z.strictObject({ max: Bound, windowMs: Bound }).optional(),
  wallClockMs: Bound.optional(),
  attempts: Bound.optional(),
  fanOut: Bound.max(MAX_FOREACH_ITEMS).optional(),
  depth: z.int().min(0).max(MAX_DEPTH).optional(),
  tokens: Bound.optional(),
  cost: z.number().positive().optional(),
});
export type WorkflowBudget = z.infer<typeof WorkflowBudget>;

export const WorkflowDefinition = z.strictObject({
  name: WorkflowName,
  description: z.string().optional(),
  /** JSON Schema (2020-12 or draft-07) of the input. */
  input: JsonObject.optional(),
  concurrency: Concurrency.optional(),
  maxParallel: z.int().min(1).max(10_000).optional(),
  timeoutMs: z.int().positive().optional(),
  /** How long a run may take before it counts as late; it goes on all the same. */
  slaMs: z.int().positive().optional(),
  budget: WorkflowBudget.optional(),
  breaker: Breaker.optional(),
  steps: z.array(WorkflowStep).min(1).max(MAX_STEPS),
  output: Json.optional(),
  onFailure: z.array(WorkflowStep),
  metadata: JsonObject.optional(),
});
export type WorkflowDefinition = z.infer<typeof WorkflowDefinition>;

/** One fault of a definition; a validation reports all of them at once. */
export const DefinitionFault = z.object({
  /** Path into what the user wrote: `steps[2].needs[0]`. */
  path: z.string(),
  code: z.string(),
  message: z.string(),
  expected: z.string().optional(),
  nearMatches: z.array(z.string()).optional(),
});
export type DefinitionFault = z.infer<typeof DefinitionFault>;

/** A stored version: immutable, named, found by name (newest version) or hash. */
export const StoredDefinition = z.object({
  id: z.string(),
  namespace: z.string(),
  name: z.string(),
  version: z.int(),
  hash: z.string(),
  createdAt: z.int(),
  definition: WorkflowDefinition,
});
export type StoredDefinition = z.infer<typeof StoredDefinition>;
