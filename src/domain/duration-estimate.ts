// Owns the form in which a duration is expected: a spread with how much is known behind it, so that nobody takes a guess for a measurement.
import { z } from 'zod';

/** What an estimate rests on: ended runs of this very step, of its task type anywhere, or nothing but an assumption. */
export const ESTIMATE_SOURCES = ['step', 'task', 'assumed'] as const;
/** By the number of samples: none 0, low 1–4, medium 5–29, high from 30. */
export const CONFIDENCES = ['none', 'low', 'medium', 'high'] as const;

export const DurationEstimate = z.object({
  source: z.enum(ESTIMATE_SOURCES),
  samples: z.int().min(0),
  confidence: z.enum(CONFIDENCES),
  /** All in ms; p10 to p90 is the interval that holds 80 % of the durations. */
  meanMs: z.number().min(0),
  p10Ms: z.number().min(0),
  p50Ms: z.number().min(0),
  p90Ms: z.number().min(0),
  p95Ms: z.number().min(0),
  /** Share of attempts that failed, 0 to 1. */
  failureRate: z.number().min(0).max(1),
});
export type DurationEstimate = z.infer<typeof DurationEstimate>;

/** Looks up what is known of a step's run time; null when nothing is. `workflow` is a name, `stepId` null asks for the task type alone. */
export type DurationSource = (p: { readonly workflow: string | null; readonly stepId: string | null; readonly task: string }) => DurationEstimate | null;

export function confidenceOf(samples: number): DurationEstimate['confidence'] {
  if (samples >= 30) return 'high';
  if (samples >= 5) return 'medium';
  return samples > 0 ? 'low' : 'none';
}
