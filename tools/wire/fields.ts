// Owns the parameters that several tools share: one name, one meaning, one limit each.
import { z } from 'zod';
import type { Json, JsonObject as JsonObjectType } from '../../src/domain/json.ts';

export const MAX_WAIT_MS = 50_000;

/** Any JSON value; arguments come out of JSON, so there is nothing left to check. */
export const AnyJson: z.ZodType<Json> = z.unknown() as z.ZodType<Json>;
export const AnyObject: z.ZodType<JsonObjectType> = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObjectType>;

export const IdempotencyKey = z.string().min(1).max(200).optional().describe('Same key and arguments again: the first handle, replayed true.');
export const SessionId = z.string().min(1).max(100).optional().describe('Session that owns the work (sess_…).');
export const ProjectRef = z.string().min(1).max(100).optional().describe('Name or id.');
export const WaitMs = z
  .int()
  .min(0)
  .max(MAX_WAIT_MS)
  .optional()
  .describe('Wait this long for the end before answering (default 0); the work goes on either way.');
export const Cursor = z
  .union([z.string().min(1).max(100), z.int().min(0)])
  .transform((value) => String(value))
  .optional()
  .describe('next_cursor of an earlier reply.');
export const Limit = z.int().min(1).max(100).optional();
export const ResponseFormat = z.enum(['concise', 'detailed']).optional();
/** Checked where it is set. */
export const BudgetArgument = AnyObject.nullable()
  .optional()
  .describe('{attempts, tokens, cost, wall_clock: "2h", fan_out, depth, runs: {max, window: "1h"}}: past it work is paused until it is raised; null = none.');
export const Ids = z.array(z.string().min(1).max(100)).min(1).max(100);

/** What most replies hold beside their own fields. */
export const Next = z.array(z.string()).optional();
