// Owns HTTP as nobody should speak it: headers, paths and bodies exactly as a test says, and connections that do as they like.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { atEnd } from './test-engine.ts';

/** fetch sets Host, length and path by itself; this says what it is told to. */
export function send(
  url: string,
  options: { path?: string; method?: string; headers?: Record<string, string | string[]>; body?: string | Buffer },
): Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { hostname, port, path: options.path ?? '/mcp', method: options.method ?? 'POST', headers: options.headers, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

export function dial(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  atEnd(() => void socket.destroy());
  return socket;
}

/** All that a connection says until it is closed. */
export async function heard(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}

export const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

export interface Crowd {
  /** How many connections heard which status; 0 = closed without an answer. */
  readonly heard: Readonly<Record<string, number>>;
  /** Closes those that are open. */
  leave(): Promise<void>;
}

/** Connections from another process, since one has only so many files; each asks once and stays, if it may. */
export async function crowd(url: string, count: number): Promise<Crowd> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./crowd-child.ts', import.meta.url)), url, String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  atEnd(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    heard: JSON.parse(line.toString()) as Record<string, number>,
    leave: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
