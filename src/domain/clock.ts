// Owns chance as an injected thing: nothing in the domain reads a clock or a random source of its own; times come in as `now`.

/** A number in [0, 1). */
export type Random = () => number;
