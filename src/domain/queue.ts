// Owns what a queue is told beside its jobs: whether it runs, how many of its jobs at once, and how many in a time.
import { z } from 'zod';
import type { QueueOrder } from './queue-order.ts';
import { MAX_RATE_LIMIT, Period, type RateLimit } from './rate-limit.ts';

export const MAX_QUEUE_CONCURRENCY = 100_000;

const Concurrency = z.int().min(1).max(MAX_QUEUE_CONCURRENCY);

/** Limits as they are asked for; null takes one away, an absent one stays as it is. */
export interface QueueLimits {
  readonly concurrency?: number | null | undefined;
  readonly rateLimit?: RateLimit | null | undefined;
  readonly order?: QueueOrder | undefined;
}

export interface QueueSettings {
  readonly namespace: string;
  readonly queue: string;
  readonly paused: boolean;
  /** Jobs of this queue that run at once. */
  readonly concurrency: number | null;
  readonly rateLimit: RateLimit | null;
  readonly order: QueueOrder;
  /** Who set the limits last. */
  readonly from: 'config' | 'control' | null;
}

/** A bound that several jobs share by its key: at most `limit` of them at once. */
export const JobConcurrency = z.strictObject({ key: z.string().min(1).max(200), limit: Concurrency.default(1) });
export type JobConcurrency = z.output<typeof JobConcurrency>;

/** A rate that several jobs share by its key; without one by their queue. */
export const JobRateInput = z.strictObject({
  key: z.string().min(1).max(200).optional(),
  limit: z.int().min(1).max(MAX_RATE_LIMIT),
  period: Period,
});

export interface JobRate extends RateLimit {
  readonly key: string | null;
}

/** Whether the settings differ from what is asked for. */
export function wouldChange(settings: QueueSettings | undefined, { concurrency, rateLimit, order }: QueueLimits): boolean {
  if (order !== undefined && order !== (settings?.order ?? 'fifo')) return true;
  if (concurrency !== undefined && concurrency !== (settings?.concurrency ?? null)) return true;
  if (rateLimit === undefined) return false;
  const now = settings?.rateLimit ?? null;
  return now?.limit !== rateLimit?.limit || now?.periodMs !== rateLimit?.periodMs;
}
