// Owns a client as thin as can be, so that the server's time is what is measured: lines of JSON, one promise per id.
import { type ChildProcess, spawn } from 'node:child_process';

interface Reply {
  readonly id: number;
  readonly result?: { readonly isError?: boolean; readonly structuredContent?: Readonly<Record<string, unknown>> } & Readonly<Record<string, unknown>>;
  readonly error?: unknown;
}

const INITIALIZE = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } };

export interface ServerCommand {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
}

export class StdioClient {
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void }>();
  #buffer = '';
  #errors = '';
  #next = 1;

  constructor(server: ServerCommand) {
    this.#process = spawn(process.execPath, [...server.args], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...server.env } });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4_000);
    });
    this.#process.once('close', (code) => {
      for (const { reject } of this.#pending.values()) reject(new Error(`the server ended with ${code}: ${this.#errors}`));
    });
  }

  #read(text: string): void {
    this.#buffer += text;
    let from = 0;
    for (let at = this.#buffer.indexOf('\n', from); at >= 0; at = this.#buffer.indexOf('\n', from)) {
      const message = JSON.parse(this.#buffer.slice(from, at)) as Reply;
      from = at + 1;
      const waiting = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      waiting?.resolve(message);
    }
    this.#buffer = this.#buffer.slice(from);
  }

  async #request(method: string, params: object): Promise<NonNullable<Reply['result']>> {
    const id = this.#next++;
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#process.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    });
    if (reply.result === undefined || reply.result.isError === true) throw new Error(`${method} failed: ${JSON.stringify(reply.error ?? reply.result)}`);
    return reply.result;
  }

  async initialize(): Promise<void> {
    await this.#request('initialize', INITIALIZE);
    this.#process.stdin?.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  }

  call(name: string, args: object): Promise<NonNullable<Reply['result']>> {
    return this.#request('tools/call', { name, arguments: args });
  }

  /** Ends its input and waits; a server that does not end by itself is killed. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(timer);
  }

  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }
}
