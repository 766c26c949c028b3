// Owns standard output: it alone writes there, as JSON or for people, in colour only where a terminal shows it.
import { createColors } from 'picocolors';
import type { ErrorData } from '../domain/errors.ts';
import type { CliIo, CliStream } from './io.ts';
import { errorLines } from './render/error.ts';
import { type Colors, stripControls } from './render/text.ts';

/** A part of the screen that is drawn again and again, and stays as it was drawn last. */
export interface LiveArea {
  update(lines: readonly string[]): void;
  done(): void;
}

export class Output {
  readonly json: boolean;
  readonly colors: Colors;
  /** Columns for text; a pipe has no edge. */
  readonly width: number;
  readonly height: number;
  /** True where lines may be drawn over. */
  readonly isTerminal: boolean;
  readonly #io: CliIo;
  readonly #errorColors: Colors;

  constructor(io: CliIo, options: { readonly json: boolean }) {
    this.#io = io;
    this.json = options.json;
    this.isTerminal = io.stdout.isTTY === true && io.context.env.TERM !== 'dumb';
    this.colors = createColors(hasColor(io, io.stdout));
    this.#errorColors = createColors(hasColor(io, io.stderr));
    this.width = io.stdout.isTTY === true ? Math.max(40, io.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
    this.height = io.stdout.rows ?? 24;
  }

  /** Lines for people; nothing with --json. */
  print(lines: readonly string[]): void {
    if (!this.json && lines.length > 0) this.#io.stdout.write(`${lines.join('\n')}\n`);
  }

  /** The result for programs; nothing without --json. */
  data(value: unknown): void {
    if (this.json) this.#io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** One event of a command that goes on: a line of JSON, or lines for people. */
  line(event: Readonly<Record<string, unknown>>, lines: readonly string[]): void {
    if (this.json) this.#io.stdout.write(`${JSON.stringify(event)}\n`);
    else this.print(lines);
  }

  /** Text as it is, for people and programs alike: help, Mermaid. */
  raw(text: string): void {
    this.#io.stdout.write(text);
  }

  /** Beside the result: hints and progress, on standard error. */
  note(text: string): void {
    this.#io.stderr.write(`${this.#errorColors.dim(text)}\n`);
  }

  warn(message: string, nextActions: readonly string[] = []): void {
    const c = this.#errorColors;
    const next = nextActions.map((action) => `\n  ${c.dim('→')} ${stripControls(action)}`).join('');
    this.#io.stderr.write(`${c.yellow('warning:')} ${stripControls(message)}${next}\n`);
  }

  /** With --json the error is the result. */
  error(error: ErrorData): void {
    if (this.json) this.data({ error });
    else this.#io.stderr.write(`${errorLines(error, this.#errorColors).join('\n')}\n`);
  }

  /** Only where `isTerminal`. */
  async live(): Promise<LiveArea> {
    const { createLogUpdate } = await import('log-update');
    const area = createLogUpdate(this.#io.stdout as NodeJS.WriteStream);
    return { update: (lines) => area(lines.join('\n')), done: () => area.done() };
  }
}

/** See no-color.org; FORCE_COLOR is for those who record a terminal. */
function hasColor(io: CliIo, stream: CliStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = io.context.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0') return true;
  return stream.isTTY === true && TERM !== 'dumb';
}
