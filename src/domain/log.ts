// Owns what a component may say to the log: four levels, structured fields first; the writer behind it is made in src/logger.ts.

type Write = (fields: object | string, message?: string) => void;

export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  /** Lets a caller that would write very often spare itself the fields; absent: all levels may be written. */
  isLevelEnabled?(level: string): boolean;
  /** A logger that adds these fields to each line. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}
