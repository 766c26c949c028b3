// Owns the signature of a webhook as Standard Webhooks has it: HMAC-SHA256 over id, time and the very bytes of the body.
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** The key of a secret: `whsec_` is followed by its base64, all else is taken as it is written. */
export function webhookKey(secret: string): Buffer {
  return secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret, 'utf8');
}

/** Value of the header `webhook-signature`; `seconds` is the one of `webhook-timestamp`. */
export function webhookSignature(secret: string, id: string, seconds: number, body: string | Uint8Array): string {
  return `v1,${createHmac('sha256', webhookKey(secret)).update(`${id}.${seconds}.`).update(body).digest('base64')}`;
}
