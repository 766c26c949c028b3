// Owns time and chance as injected things: nothing in the domain reads a clock or a random source of its own.

/** Epoch milliseconds, and a source of randomness in [0, 1). */
export interface Clock {
  now(): number;
}

export type Random = () => number;

export const systemClock: Clock = { now: () => Date.now() };
