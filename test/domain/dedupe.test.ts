// What a further job with the same dedupe key does: every mode against every state of the earlier one.
import { describe, expect, it } from 'vitest';
import { DEDUPE_MODES, type Dedupe, debouncedUntil, dedupeVerdict } from '../../src/domain/dedupe.ts';

const with_ = (mode: Dedupe['mode'], more: Partial<Dedupe> = {}): Dedupe => ({ key: 'k', mode, windowMs: 0, delayMs: 0, maxWaitMs: null, ...more });

describe('dedupe', () => {
  it('decides by mode and state', () => {
    const table = Object.fromEntries(
      DEDUPE_MODES.map((mode) => [
        mode,
        (['waiting', 'running', 'ended'] as const).map((state) => dedupeVerdict(with_(mode), { state, endedAt: state === 'ended' ? 100 : null }, 100)),
      ]),
    );
    expect(table).toEqual({
      reject: ['reject', 'reject', 'enqueue'],
      return_existing: ['existing', 'existing', 'enqueue'],
      replace: ['replace', 'behind', 'enqueue'],
      debounce: ['replace', 'behind', 'enqueue'],
    });
    for (const mode of DEDUPE_MODES) expect(dedupeVerdict(with_(mode), null, 100)).toBe('enqueue');
  });

  it('keeps the key for the window after the end', () => {
    const ended = { state: 'ended', endedAt: 1_000 } as const;
    expect(dedupeVerdict(with_('reject', { windowMs: 500 }), ended, 1_499)).toBe('reject');
    expect(dedupeVerdict(with_('return_existing', { windowMs: 500 }), ended, 1_499)).toBe('existing');
    expect(dedupeVerdict(with_('reject', { windowMs: 500 }), ended, 1_500)).toBe('enqueue');
  });

  it('debounces from the last call, at most so long from the first', () => {
    expect(debouncedUntil(with_('debounce', { delayMs: 100 }), 0, 950)).toBe(1_050);
    expect(debouncedUntil(with_('debounce', { delayMs: 100, maxWaitMs: 1_000 }), 0, 950)).toBe(1_000);
  });
});
