import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonBytes, storableError, storableFields, storableOutput } from '../../src/task/storable.ts';

describe('the border between handlers and the store', () => {
  it('keeps every JSON value as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(storableOutput('t', value)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(jsonBytes(value, 'x')).toBe(Buffer.byteLength(JSON.stringify(value)));
      }),
    );
  });

  it('makes data of anything that is thrown or logged', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true, withSparseArray: true }),
        (value) => {
          for (const made of [storableError(value), storableFields(value)]) expect(JSON.parse(JSON.stringify(made))).toEqual(made);
        },
      ),
    );
    const error = Object.assign(new Error('m'), { code: 'C'.repeat(500), retryable: false });
    expect(storableError(error)).toMatchObject({ code: `${'C'.repeat(100)}…`, message: 'm', retryable: false });
  });

  it('reads dates as texts and leaves functions out, as JSON does', () => {
    expect(storableOutput('t', { at: new Date(0), f: () => 1, u: undefined, n: [Number.NaN] })).toEqual({ at: '1970-01-01T00:00:00.000Z', n: [null] });
    expect(storableOutput('t', undefined)).toBe(null);
  });
});
