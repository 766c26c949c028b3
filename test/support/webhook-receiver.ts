// Owns a receiver of webhooks for tests: a real server that checks every signature with a library of its own making, and answers as it is told.
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { atEnd } from './test-engine.ts';

export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly raw: string;
  readonly body: Record<string, unknown>;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** Resolves once so many have come. */
  count(of: number): Promise<void>;
}

/** `answer` may leave the response open. */
export async function webhookReceiver(
  answer: (one: Received, response: ServerResponse) => void = (_, response) => void response.writeHead(204).end(),
): Promise<Receiver> {
  const received: Received[] = [];
  const waiting: { of: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    let raw = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (raw += chunk));
    request.on('end', () => {
      const one = { id: String(request.headers['webhook-id']), headers: request.headers, raw, body: JSON.parse(raw) as Record<string, unknown> };
      received.push(one);
      answer(one, response);
      for (const { of, resolve } of waiting) if (received.length >= of) resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in?token=hidden`,
    received,
    count: (of) => (received.length >= of ? Promise.resolve() : new Promise((resolve) => waiting.push({ of, resolve }))),
  };
}

/** What Standard Webhooks says a receiver computes. */
export function expectedSignature(secret: string, { headers, raw }: Received): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
  return `v1,${createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${raw}`).digest('base64')}`;
}
