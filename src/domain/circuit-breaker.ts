// Owns the circuit breaker of one executor and one task type: when failures open it, how a single probe closes it again.

export interface BreakerRule {
  /** Opens after so many failures in a row. */
  readonly failures: number;
  /** Opens also when this share of the last `window` attempts failed; null = only failures in a row count. */
  readonly rate: number | null;
  readonly window: number;
  readonly cooldownMs: number;
}

export const DEFAULT_BREAKER: BreakerRule = { failures: 5, rate: null, window: 20, cooldownMs: 30_000 };

/**
 * `closed` is stored only while a failure is remembered: null stands for a closed one that remembers none. `recent` holds the last attempts since
 * the first failure, newest last: f failed, s completed.
 */
export type BreakerState =
  | { readonly kind: 'closed'; readonly recent: string }
  | { readonly kind: 'open'; readonly until: number; readonly failures: number }
  /** One job, the probe, tells how it goes on; when it is silent for a cool-down another one may. */
  | { readonly kind: 'half_open'; readonly probe: number; readonly until: number; readonly failures: number };

/** `pass`: it may be given work; `probe`: exactly one job; `block`: none. */
export function admission(state: BreakerState | null, now: number): 'pass' | 'probe' | 'block' {
  if (state === null || state.kind === 'closed') return 'pass';
  return now >= state.until ? 'probe' : 'block';
}

/** The probe was given out: nothing else goes there until it ended, or was silent for a cool-down. */
export function probing(state: BreakerState, probe: number, rule: BreakerRule, now: number): BreakerState {
  return { kind: 'half_open', probe, until: now + rule.cooldownMs, failures: state.kind === 'closed' ? 0 : state.failures };
}

/**
 * After the end of an attempt of the job `job`. Of an open breaker, and beside its probe, attempts that began before tell nothing new. A probe
 * that was given back unharmed tells nothing either: the next one may try at once.
 */
export function observed(
  state: BreakerState | null,
  end: 'completed' | 'failed' | 'released',
  job: number,
  rule: BreakerRule,
  now: number,
): BreakerState | null {
  if (state !== null && state.kind !== 'closed') {
    if (state.kind !== 'half_open' || state.probe !== job) return state;
    if (end === 'completed') return null;
    if (end === 'released') return { kind: 'open', until: now, failures: state.failures };
    return { kind: 'open', until: now + rule.cooldownMs, failures: state.failures + 1 };
  }
  if (end === 'released') return state;
  if (end === 'completed') return state === null || rule.rate === null ? null : remembered(state.recent, 's', rule);
  const recent = `${state?.recent ?? ''}f`.slice(-lengthOf(rule));
  const row = recent.length - 1 - recent.lastIndexOf('s');
  const failed = failuresIn(recent.slice(-rule.window));
  const tooMany = row >= rule.failures || (rule.rate !== null && recent.length >= rule.window && failed / rule.window >= rule.rate);
  return tooMany ? { kind: 'open', until: now + rule.cooldownMs, failures: Math.max(row, failed) } : { kind: 'closed', recent };
}

/** Whether a failure speaks against the executor: not one that would be the same anywhere. */
export function isExecutorsFault(error: { readonly code: string; readonly retryable?: boolean | undefined }): boolean {
  return error.retryable !== false && error.code !== 'cancelled';
}

function remembered(recent: string, end: 's' | 'f', rule: BreakerRule): BreakerState | null {
  const next = (recent + end).slice(-lengthOf(rule));
  return next.includes('f') ? { kind: 'closed', recent: next } : null;
}

function lengthOf(rule: BreakerRule): number {
  return Math.max(rule.failures, rule.rate === null ? 0 : rule.window);
}

function failuresIn(recent: string): number {
  let count = 0;
  for (const end of recent) if (end === 'f') count++;
  return count;
}
