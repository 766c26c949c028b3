// Masking by form: what it must hide, what it must leave alone, and that a JSON line stays one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskCredentials } from '../../src/runtime/credentials.ts';

describe('credentials in text', () => {
  it.each([
    ['Authorization: Bearer abcdef0123456789==', 'Authorization: Bearer [masked]'],
    ['{"authorization":"Basic dXNlcjpwdw=="}', '{"authorization":"[masked]"}'],
    ['{"Cookie":"a=\\"b\\"; c=d","x":1}', '{"Cookie":"[masked]","x":1}'],
    ['redis://user:pw@host:6379/0', 'redis://[masked]@host:6379/0'],
    ['https://x.org/a?page=2&access_token=abc&sig=d', 'https://x.org/a?page=2&access_token=[masked]&sig=[masked]'],
    ['the token lmcp_AbCdEfGhIjKlMnOp is over', 'the token [masked] is over'],
  ])('%s', (text, masked) => {
    expect(maskCredentials(text)).toBe(masked);
  });

  it.each(['a bearer of news', 'mail me@example.org', 'https://x.org/a?page=2&monkey', 'a basic fact', 'tokens: 12'])('leaves %s', (text) => {
    expect(maskCredentials(text)).toBe(text);
  });

  it('leaves JSON that parses, whatever it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('Bearer ', 'https://u:', '?token=', 'authorization'), (value, word) => {
        const line = JSON.stringify({ [word]: value, authorization: value, text: `${word}${JSON.stringify(value)}` });
        expect(() => JSON.parse(maskCredentials(line)) as unknown).not.toThrow();
      }),
    );
  });
});
