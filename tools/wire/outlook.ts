// Owns how far a run is and when it ends, on the wire: an interval with its confidence, or why nothing can be said.
import type { JsonObject } from '../../src/domain/json.ts';
import type { RunOutlook } from '../../src/optimization/remaining.ts';
import { compact, iso } from './compact.ts';

/** Nothing for a run that has ended. */
export function outlookToWire(outlook: RunOutlook | null, now: number): JsonObject {
  if (outlook === null) return {};
  const { share, left, unknown, confidence } = outlook;
  const at = (ms: number): string | undefined => iso(now + Math.round(ms));
  const eta = left === null ? null : { at: at(left.p50Ms), from: at(left.p10Ms), until: at(left.p90Ms), left_ms: Math.round(left.p50Ms), confidence };
  return { progress: compact({ percent: Math.round(share * 1_000) / 10, eta: eta === null ? undefined : compact(eta), no_eta: unknown ?? undefined }) };
}
