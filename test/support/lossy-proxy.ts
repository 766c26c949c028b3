// Owns a way to Redis that can lose an answer: the command arrives and acts, then the connection is cut before the reply is back; or that falls silent.
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

interface Armed {
  /** The next script's answer is to be lost. */
  on: boolean;
  /** Nobody gets through. */
  cut: boolean;
  lost: () => void;
  silentAt: string | null;
  silent: boolean;
  silenced: () => void;
}

export class LossyProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs: Set<{ readonly near: Socket; readonly far: Socket }>;
  readonly #armed: Armed;

  private constructor(server: Server, port: number, pairs: Set<{ readonly near: Socket; readonly far: Socket }>, armed: Armed) {
    this.#server = server;
    this.port = port;
    this.#pairs = pairs;
    this.#armed = armed;
  }

  static start(target: number): Promise<LossyProxy> {
    const pairs = new Set<{ readonly near: Socket; readonly far: Socket }>();
    const armed: Armed = { on: false, cut: false, lost: () => undefined, silentAt: null, silent: false, silenced: () => undefined };
    const server = createServer((near) => {
      if (armed.cut) {
        near.destroy();
        return;
      }
      const far = dial(target, '127.0.0.1');
      const pair = { near, far };
      pairs.add(pair);
      let losing = false;
      const end = (): void => {
        near.destroy();
        far.destroy();
        pairs.delete(pair);
      };
      near.on('data', (data) => {
        if (armed.on && data.toString('latin1').toLowerCase().includes('evalsha')) {
          armed.on = false;
          losing = true;
        }
        if (armed.silentAt !== null && data.includes(armed.silentAt)) {
          armed.silent = true;
          armed.silenced();
        }
        if (!armed.silent) far.write(data);
      });
      far.on('data', (data) => {
        // The answer is here, so the script has run; nobody gets to hear of it.
        if (losing) {
          armed.lost();
          end();
        } else near.write(data);
      });
      for (const socket of [near, far]) socket.on('close', end).on('error', end);
    });
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(new LossyProxy(server, (server.address() as { port: number }).port, pairs, armed)));
    });
  }

  /** Loses the answer of the first script that the action sends. */
  async loseAnswerOf<T>(action: () => Promise<T>): Promise<T> {
    this.#armed.on = true;
    const result = await action();
    if (this.#armed.on) throw new Error('no script was sent');
    return result;
  }

  /** The answer of the next script is lost, and from then on nobody gets through until `restore`; resolves when it came to that. */
  loseAnswerAndCut(): Promise<void> {
    this.#armed.on = true;
    return new Promise((resolve) => {
      this.#armed.lost = () => {
        this.#armed.lost = () => undefined;
        this.cut();
        resolve();
      };
    });
  }

  /** From a command that holds this text on, all connections are open and silent; resolves when it was sent. */
  silenceAt(text: string): Promise<void> {
    this.#armed.silentAt = text;
    return new Promise((resolve) => {
      this.#armed.silenced = resolve;
    });
  }

  /** Cuts all connections, and lets nobody through until `restore`. */
  cut(): void {
    this.#armed.cut = true;
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  restore(): void {
    this.#armed.cut = false;
  }

  stop(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
