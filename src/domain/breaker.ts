// Owns the breaker of a workflow: after failures in a row nothing starts, after the cool-down one run probes, and its end decides.
import { z } from 'zod';
import { type ErrorData, LogisticsError } from './errors.ts';

export const MAX_BREAKER_FAILURES = 10_000;

export const Breaker = z.strictObject({
  /** Failed runs in a row after which it opens. */
  failures: z.int().min(1).max(MAX_BREAKER_FAILURES),
  /** After this one run may probe; left out: it stays open until a person closes it. */
  cooldownMs: z.int().positive().optional(),
});
export type Breaker = z.infer<typeof Breaker>;

export interface BreakerState {
  /** Failed runs since the last completed one. */
  readonly failures: number;
  /** Since when it is open, or null. */
  readonly openedAt: number | null;
  /** A run that probes is under way. */
  readonly probing: boolean;
}

export const CLOSED: BreakerState = { failures: 0, openedAt: null, probing: false };

export type BreakerStatus = 'closed' | 'open' | 'half_open';

export function breakerStatus(breaker: Breaker, state: BreakerState, now: number): BreakerStatus {
  if (state.openedAt === null) return 'closed';
  return state.probing || isCool(breaker, state.openedAt, now) ? 'half_open' : 'open';
}

function isCool({ cooldownMs }: Breaker, openedAt: number, now: number): boolean {
  return cooldownMs !== undefined && now >= openedAt + cooldownMs;
}

/** Whether a run may start: as any other, as the one that probes, or not. */
export function admitsRun(breaker: Breaker, state: BreakerState, now: number): 'run' | 'probe' | 'refused' {
  if (state.openedAt === null) return 'run';
  return !state.probing && isCool(breaker, state.openedAt, now) ? 'probe' : 'refused';
}

/** What the end of a run makes of it. While it is open only the run that probes counts: the others began before. */
export function afterRun(
  breaker: Breaker,
  state: BreakerState,
  end: { readonly result: 'completed' | 'failed' | 'cancelled'; readonly probe: boolean },
  now: number,
): BreakerState {
  if (state.openedAt !== null && !end.probe) return state;
  if (end.result === 'cancelled') return { ...state, probing: state.probing && !end.probe };
  if (end.result === 'completed') return CLOSED;
  const failures = state.failures + 1;
  const opens = end.probe || failures >= breaker.failures;
  return { failures, openedAt: opens ? now : null, probing: false };
}

export function breakerError(workflow: string, id: string | null, breaker: Breaker, state: BreakerState): ErrorData {
  const { openedAt, failures, probing } = state;
  const retryAt = openedAt === null || breaker.cooldownMs === undefined ? null : openedAt + breaker.cooldownMs;
  const when = probing
    ? 'A run that probes is under way.'
    : retryAt === null
      ? 'It stays so until somebody closes it.'
      : `From ${new Date(retryAt).toISOString()} on one run may probe.`;
  return new LogisticsError('breaker_open', `${failures} runs of ${workflow} in a row failed, so none is started. ${when}`, {
    path: 'name',
    retryable: retryAt !== null,
    nextActions: [
      `list kind=executions filter={workflow: ${workflow}, status: failed} shows why.`,
      `control id=${id ?? 'wf_… (of any version)'} action=resume closes the breaker.`,
    ],
    details: { workflow, failures, ...(openedAt === null ? {} : { opened_at: openedAt }), ...(retryAt === null ? {} : { retry_at: retryAt }) },
  }).toData();
}
