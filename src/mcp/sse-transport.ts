// Owns the transport of the first protocol revision: one event stream down, single messages up; written here because the SDK has dropped it.
import type { ServerResponse } from 'node:http';
import { type JSONRPCMessage, parseJSONRPCMessage, type Transport } from '@modelcontextprotocol/server';

const KEEP_ALIVE_MS = 15_000;

export class SseTransport implements Transport {
  readonly sessionId: string;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport['onmessage'];
  readonly #response: ServerResponse;
  readonly #endpoint: string;
  #beat: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(p: { readonly sessionId: string; readonly response: ServerResponse; readonly endpoint: string }) {
    this.sessionId = p.sessionId;
    this.#response = p.response;
    this.#endpoint = p.endpoint;
  }

  /** Opens the stream; its first event tells where messages are to be posted. */
  async start(): Promise<void> {
    this.#response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform', connection: 'keep-alive' });
    this.#response.write(`event: endpoint\ndata: ${this.#endpoint}?sessionId=${this.sessionId}\n\n`);
    this.#response.once('close', () => this.#end());
    // A proxy between must not take a silent stream for a dead one.
    this.#beat = setInterval(() => this.#response.write(': keep-alive\n\n'), KEEP_ALIVE_MS);
    this.#beat.unref();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) throw new Error('the event stream is closed');
    this.#response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }

  /** Takes one posted message; throws for what is no JSON-RPC. */
  receive(body: unknown): void {
    this.onmessage?.(parseJSONRPCMessage(body));
  }

  async close(): Promise<void> {
    this.#response.end();
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#beat !== null) clearInterval(this.#beat);
    this.onclose?.();
  }
}
