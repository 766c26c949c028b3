// Owns what is wrong with a request for resources as it was written: each fault at its place, in words.
import { isJsonObject, type Json } from './json.ts';
import { AMOUNT_EXPECTED, amountFault, PoolName, ResourceRequest } from './resource.ts';

export interface ResourceFault {
  /** Below the request; '' for the whole of it. */
  readonly path: string;
  readonly message: string;
  readonly expected: string;
}

const EXPECTED = '{pool: amount} or {pool: {key: amount}}';

/** Empty for a request that is right. */
export function resourceFaults(value: Json): ResourceFault[] {
  if (!isJsonObject(value)) return [{ path: '', message: 'resources is no object.', expected: EXPECTED }];
  const faults = Object.entries(value).flatMap(([pool, amounts]): ResourceFault[] => {
    if (!PoolName.safeParse(pool).success)
      return [{ path: pool, message: `${JSON.stringify(pool)} is no name of a pool.`, expected: 'a letter or _, then letters, digits, _ . -' }];
    const single: [string, Json][] = isJsonObject(amounts) ? Object.entries(amounts).map(([key, amount]) => [`${pool}.${key}`, amount]) : [[pool, amounts]];
    return single.flatMap(([path, amount]): ResourceFault[] => {
      const fault = amountFault(amount);
      return fault === null ? [] : [{ path, message: fault, expected: AMOUNT_EXPECTED }];
    });
  });
  if (faults.length > 0) return faults;
  const parsed = ResourceRequest.safeParse(value);
  return parsed.success ? [] : [{ path: '', message: parsed.error.issues[0]?.message ?? 'It does not fit.', expected: EXPECTED }];
}
