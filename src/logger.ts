// Owns the log: one pino logger to standard error, and no secret in any line of it, whether it was registered or its form gives it away.
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Json } from './domain/json.ts';
import { maskCredentials } from './runtime/credentials.ts';
import type { Redactor } from './runtime/redact.ts';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly redactor?: Redactor | undefined;
  /** Default: standard error, written synchronously so that the last line before a crash is there. Standard output is the protocol's. */
  readonly destination?: DestinationStream | undefined;
}

/** Correlation ids that a child logger may carry. */
export interface LogBindings {
  readonly component?: string;
  readonly execution_id?: string;
  readonly job_id?: string;
  readonly session_id?: string;
}

/** JSON lines on standard error; `componentLogger` gives children. */
export function createLogger({ level, redactor, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: (line) => maskCredentials(redactor === undefined || redactor.empty ? line : redactLine(line, redactor)) },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

/** A child that names its component and the ids that it works on. */
export function componentLogger(parent: Logger, component: string, ids: Omit<LogBindings, 'component'> = {}): Logger {
  return parent.child({ component, ...ids } satisfies LogBindings);
}

/** Writes nothing, anywhere. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' }, { write: () => undefined });
}

/** The finished line is masked as JSON, so that bindings, errors and messages are covered and the line stays valid. */
function redactLine(line: string, redactor: Redactor): string {
  try {
    return `${JSON.stringify(redactor.redactJson(JSON.parse(line) as Json))}\n`;
  } catch {
    return `${JSON.stringify({ level: 'warn', msg: 'A log line could not be checked for secrets and was dropped.' })}\n`;
  }
}
