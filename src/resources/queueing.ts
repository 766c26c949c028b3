// Owns what queueing theory says of a pool: Erlang C for places that are held at random, Allen and Cunneen's correction for how irregular arrivals and holds are.

/** Requests and holds of a pool, as they are expected. */
export interface Load {
  /** Requests in a ms. */
  readonly arrivalRate: number;
  /** ms. */
  readonly meanHoldMs: number;
  /** Squared coefficients of variation: 0 = like a clock, 1 = at random. */
  readonly arrivalVariation: number;
  readonly holdVariation: number;
}

/** Share of requests that find all places taken and nobody may wait (Erlang B), by the recursion that neither overflows nor cancels. */
export function erlangB(places: number, offered: number): number {
  let blocked = 1;
  for (let n = 1; n <= places; n++) blocked = (offered * blocked) / (n + offered * blocked);
  return blocked;
}

/** Share of requests that have to wait (Erlang C); 1 when there is more work than places. `offered` = arrival rate times hold. */
export function erlangC(places: number, offered: number): number {
  if (offered <= 0) return 0;
  if (places <= offered) return 1;
  const blocked = erlangB(places, offered);
  return blocked / (1 - (offered / places) * (1 - blocked));
}

/** Mean wait in ms (Allen–Cunneen); infinite when there is more work than places. */
export function meanWaitMs(places: number, load: Load): number {
  const offered = load.arrivalRate * load.meanHoldMs;
  if (places <= offered) return Number.POSITIVE_INFINITY;
  const random = (erlangC(places, offered) * load.meanHoldMs) / (places - offered);
  return random * ((load.arrivalVariation + load.holdVariation) / 2);
}

/** Share of requests that wait longer than `targetMs`: exponential beyond the share that waits at all, at the corrected mean. */
export function shareBeyond(places: number, load: Load, targetMs: number): number {
  const offered = load.arrivalRate * load.meanHoldMs;
  const waits = erlangC(places, offered);
  if (places <= offered) return 1;
  if (waits === 0) return 0;
  const mean = meanWaitMs(places, load) / waits;
  return mean <= 0 ? 0 : waits * Math.exp(-targetMs / mean);
}

/** A load beyond this many places is not looked at. */
const MAX_PLACES = 100_000;

/** The fewest places with which at least `share` of the requests wait no longer than `targetMs`; null beyond 100,000. */
export function fewestPlaces(load: Load, targetMs: number, share: number): number | null {
  const offered = load.arrivalRate * load.meanHoldMs;
  if (offered >= MAX_PLACES) return null;
  const suffices = (places: number): boolean => shareBeyond(places, load, targetMs) <= 1 - share + 1e-12;
  let low = Math.max(1, Math.floor(offered));
  let high = low;
  while (!suffices(high)) {
    if (high >= MAX_PLACES) return null;
    low = high + 1;
    high = Math.min(MAX_PLACES, high * 2);
  }
  // More places never make more wait.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (suffices(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
