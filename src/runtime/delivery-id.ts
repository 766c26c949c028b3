// Owns the id of a delivery: it follows from outlet and event, so the same delivery is never made twice, and no other job can pass for it.
import { createHash } from 'node:crypto';
import { ID_PREFIXES } from '../domain/id.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** An id of a job, which nobody who asks for a job can choose; it begins with the time of the event, as ids do. */
export function deliveryId(p: { readonly namespace: string; readonly outlet: string; readonly cursor: number; readonly at: number }): string {
  const digest = createHash('sha256').update(`${p.namespace}\n${p.outlet}\n${p.cursor}\n${p.at}`).digest();
  let time = '';
  for (let i = 0, rest = p.at; i < 10; i++) {
    time = (ALPHABET[rest % 32] as string) + time;
    rest = Math.floor(rest / 32);
  }
  return ID_PREFIXES.job + time + [...digest.subarray(0, 16)].map((byte) => ALPHABET[byte & 31]).join('');
}
