// Owns how many connections there are: who comes past the limit is told so, and past a reserve for telling it is not even let in.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Share of the limit that is kept for refusals. */
const RESERVE = 0.1;
/** Who is past the limit has this long to ask, and hears the refusal. */
const REFUSED_MS = 1_000;

export class ConnectionLimit {
  readonly max: number;
  readonly #past = new WeakSet<Socket>();
  #open = 0;

  constructor(server: Server, max: number) {
    this.max = max;
    server.maxConnections = max + Math.ceil(max * RESERVE);
    server.on('connection', (socket) => this.#count(socket));
  }

  /** Whether this connection came when all others were taken. */
  isPast(socket: Socket): boolean {
    return this.#past.has(socket);
  }

  #count(socket: Socket): void {
    if (this.#open >= this.max) {
      this.#past.add(socket);
      const end = setTimeout(() => socket.destroy(), REFUSED_MS);
      socket.once('close', () => clearTimeout(end));
      return;
    }
    this.#open++;
    socket.once('close', () => this.#open--);
  }
}
