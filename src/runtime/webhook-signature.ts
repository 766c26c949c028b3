// Owns the signature of a webhook as Standard Webhooks has it: HMAC-SHA256 over id, time and the very bytes of the body, compared in constant time.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const PREFIX = 'whsec_';

/** The key of a secret: `whsec_` is followed by its base64, all else is taken as it is written. */
function keyOf(secret: string): Buffer {
  return secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret, 'utf8');
}

/** Value of the header `webhook-signature`; `seconds` is the one of `webhook-timestamp`. */
export function webhookSignature(secret: string, id: string, seconds: number, body: string | Uint8Array): string {
  return `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${seconds}.`).update(body).digest('base64')}`;
}

/** Whether one of the signatures in the header is ours; a sender that changes its key sends several, with spaces between. */
export function isWebhookSigned(secret: string, id: string, seconds: number, body: Uint8Array, header: string): boolean {
  const own = webhookSignature(secret, id, seconds, body);
  // All are looked at, so that the time says nothing about which.
  return header.split(' ').reduce((found, signature) => sameText(signature, own) || found, false);
}

/** GitHub's header `x-hub-signature-256`: `sha256=` and the HMAC of the body in hex. */
export function isGithubSigned(secret: string, body: Uint8Array, header: string): boolean {
  return sameText(header.toLowerCase(), `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
}

/** Compares without telling by its time where two texts differ, or how long the right one is. */
export function sameText(given: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(right));
}
