// Owns talking to the child processes of a benchmark: one line of JSON per message, and no child left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ChildReply, ChildRequest } from '../child.ts';

const PROGRAM = fileURLToPath(new URL('../child.ts', import.meta.url));

export class Child {
  readonly process: ChildProcess;
  readonly #replies: ChildReply[] = [];
  #waiting: (() => void) | null = null;
  #ended = false;
  readonly #exit: Promise<void>;

  constructor(request: ChildRequest) {
    this.process = spawn(process.execPath, [PROGRAM, JSON.stringify(request)], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.#replies.push(JSON.parse(line) as ChildReply);
      this.#waiting?.();
    });
    this.#exit = new Promise((resolve) => {
      this.process.once('close', () => {
        this.#ended = true;
        this.#waiting?.();
        resolve();
      });
    });
  }

  /** The next message of this kind; throws when the child ends without it. */
  async expect<E extends ChildReply['event']>(event: E): Promise<ChildReply & { event: E }> {
    for (;;) {
      const reply = this.#replies.shift();
      if (reply?.event === event) return reply as ChildReply & { event: E };
      if (reply === undefined && this.#ended) throw new Error(`the child ended without "${event}"`);
      if (reply === undefined) {
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
      }
    }
  }

  /** Ends its input, which a child takes as the sign to stop. */
  finish(): void {
    this.process.stdin?.end();
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#exit;
  }

  ended(): Promise<void> {
    return this.#exit;
  }
}
