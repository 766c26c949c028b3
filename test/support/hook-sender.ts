// Owns senders of hooks as other programs are: GitHub, Standard Webhooks and a plain HMAC, each signing the bytes that it sends.
import { createHmac } from 'node:crypto';

export interface HookAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export async function postHook(url: string, name: string, body: string, headers: Record<string, string>): Promise<HookAnswer> {
  const answer = await fetch(`${url}/hooks/${name}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
}

const hmac = (key: string | Buffer, text: string, encoding: 'hex' | 'base64'): string => createHmac('sha256', key).update(text).digest(encoding);

export function githubHeaders(secret: string, body: string, id: string, event = 'push'): Record<string, string> {
  return { 'x-github-event': event, 'x-github-delivery': id, 'x-hub-signature-256': `sha256=${hmac(secret, body, 'hex')}` };
}

export function standardHeaders(secret: string, body: string, id: string, at = Date.now()): Record<string, string> {
  const seconds = String(Math.floor(at / 1_000));
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${hmac(key, `${id}.${seconds}.${body}`, 'base64')}` };
}

export function plainHeaders(secret: string, body: string, header: string, prefix = ''): Record<string, string> {
  return { [header]: `${prefix}${hmac(secret, body, 'base64')}` };
}
