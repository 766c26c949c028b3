// Owns the check of what another program signed: over the bytes as they came, every secret against every signature, in a time that tells nothing.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { HookSignature } from '../domain/hook.ts';
import { webhookKey } from './webhook-signature.ts';

export type HeaderValues = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Standard Webhooks: further from now in either direction is a replay, or a wrong clock. */
export const TIMESTAMP_TOLERANCE_MS = 5 * 60_000;
/** A sender that changes its secret signs with the old one and the new one. */
const MAX_SIGNATURES = 10;
/** The stop between id and time is what keeps one from passing for the other. */
const WEBHOOK_ID = /^[!-\-/-~]{1,200}$/;
const SECONDS = /^[1-9]\d{0,11}$/;

export interface SignedBytes {
  readonly headers: HeaderValues;
  readonly body: Buffer;
  readonly now: number;
}

/** Whether one of the secrets signed this, now. Says nothing about why not. */
export function isSigned(scheme: HookSignature, secrets: readonly string[], { headers, body, now }: SignedBytes): boolean {
  const content = contentOf(scheme, headers, now);
  const given = signaturesOf(scheme, headers);
  let matches = content === null ? 0 : 1;
  let found = 0;
  for (const secret of secrets) {
    const key = scheme.kind === 'standard_webhooks' ? webhookKey(secret) : Buffer.from(secret, 'utf8');
    // An empty key is no secret: anybody could sign with it.
    const usable = key.length > 0 ? 1 : 0;
    const expected = createHmac('sha256', key)
      .update(content ?? '')
      .update(body)
      .digest();
    for (const signature of given) found |= usable & (signature.length === expected.length && timingSafeEqual(signature, expected) ? 1 : 0);
  }
  matches &= found;
  return matches === 1;
}

/** What is signed before the body; null when the headers cannot be right. */
function contentOf(scheme: HookSignature, headers: HeaderValues, now: number): string | null {
  if (scheme.kind !== 'standard_webhooks') return '';
  const id = textOf(headers['webhook-id']);
  const seconds = textOf(headers['webhook-timestamp']);
  if (!WEBHOOK_ID.test(id) || !SECONDS.test(seconds) || Math.abs(now - Number(seconds) * 1_000) > TIMESTAMP_TOLERANCE_MS) return null;
  return `${id}.${seconds}.`;
}

function signaturesOf(scheme: HookSignature, headers: HeaderValues): Buffer[] {
  switch (scheme.kind) {
    case 'standard_webhooks':
      return textOf(headers['webhook-signature'])
        .split(' ')
        .filter((one) => one.startsWith('v1,'))
        .slice(0, MAX_SIGNATURES)
        .map((one) => Buffer.from(one.slice(3), 'base64'));
    case 'github':
      return decoded(textOf(headers['x-hub-signature-256']), 'sha256=', 'hex');
    case 'hmac':
      return decoded(textOf(headers[scheme.header]), scheme.prefix, scheme.encoding);
  }
}

function decoded(text: string, prefix: string, encoding: 'hex' | 'base64'): Buffer[] {
  return text.startsWith(prefix) ? [Buffer.from(text.slice(prefix.length).trim(), encoding)] : [];
}

function textOf(value: HeaderValues[string]): string {
  return typeof value === 'string' ? value : '';
}
