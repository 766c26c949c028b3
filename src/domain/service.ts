// Owns the shape of every background duty: start, stop, and one public step that tests can take by hand.

export interface Service {
  readonly name: string;
  start(): void;
  /** Idempotent; resolves when the work in hand has ended. */
  stop(): Promise<void>;
  /** One round of the duty; resolves to the delay in ms until the next one. */
  tick(): Promise<number>;
}
