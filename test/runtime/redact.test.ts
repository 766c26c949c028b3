// Holds the redactor to its promise: no registered value, in any of its forms, comes through.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/runtime/redact.ts';

const TOKEN = 'p@ss/word+"1" ü\\';

describe('createRedactor', () => {
  it('masks a value and its encoded forms by name', () => {
    const redactor = createRedactor();
    redactor.add('TOKEN', TOKEN);
    const forms = [
      TOKEN,
      JSON.stringify(TOKEN).slice(1, -1),
      JSON.stringify(JSON.stringify(TOKEN)).slice(3, -3),
      encodeURIComponent(TOKEN),
      encodeURIComponent(TOKEN).replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
      new URLSearchParams({ x: TOKEN }).toString().slice(2),
      Buffer.from(TOKEN).toString('base64'),
      Buffer.from(TOKEN).toString('base64url'),
    ];
    for (const form of forms) expect(redactor.redactText(`a ${form} b ${form}`)).toBe('a [secret:TOKEN] b [secret:TOKEN]');
  });

  it('masks a value inside the base64 of a longer text, as in basic authentication', () => {
    const redactor = createRedactor();
    redactor.add('PW', 'correct-horse-battery');
    for (const user of ['a', 'ab', 'abc', 'abcd']) {
      const header = Buffer.from(`${user}:correct-horse-battery;x`).toString('base64');
      const masked = redactor.redactText(`Basic ${header}`);
      expect(masked).toContain('[secret:PW]');
      expect(Buffer.from(masked.replace('Basic ', '').replace('[secret:PW]', ''), 'base64').toString()).not.toContain('horse');
    }
  });

  it('masks the lines of a value of several lines, and the longer of two values that overlap', () => {
    const redactor = createRedactor();
    redactor.add('KEY', 'first-line-1\nsecond-line-2');
    expect(redactor.redactText('x second-line-2')).toBe('x [secret:KEY]');
    redactor.add('SHORT', 'abcd');
    redactor.add('LONG', 'abcdefgh');
    expect(redactor.redactText('abcdefgh abcdx')).toBe('[secret:LONG] [secret:SHORT]x');
  });

  it('treats values as text, not as patterns', () => {
    const redactor = createRedactor();
    redactor.add('RE', '.*+?^${}()|[]\\');
    expect(redactor.redactText('anything')).toBe('anything');
    expect(redactor.redactText('x.*+?^${}()|[]\\x')).toBe('x[secret:RE]x');
  });

  it('masks strings of JSON at any depth, keeps keys and numbers, and copies only what changed', () => {
    const redactor = createRedactor();
    redactor.add('N', '12345678');
    const untouched = { c: [1, null, true] };
    const value = { '12345678': 'x 12345678', n: 12345678, a: [{ b: '12345678' }, untouched] };
    const masked = redactor.redactJson(value);
    expect(masked).toEqual({ '12345678': 'x [secret:N]', n: 12345678, a: [{ b: '[secret:N]' }, untouched] });
    expect(masked.a[1]).toBe(untouched);
    expect(value.a[0]).toEqual({ b: '12345678' });
    expect(redactor.redactJson(untouched)).toBe(untouched);
    const proto = JSON.parse('{"__proto__": {"x": "12345678"}, "y": 1}') as { y: number };
    expect(JSON.stringify(redactor.redactJson(proto))).toBe('{"__proto__":{"x":"[secret:N]"},"y":1}');
  });

  it('does nothing while nothing is registered, and ignores values that are too short', () => {
    const redactor = createRedactor();
    redactor.add('PIN', '123');
    expect(redactor.empty).toBe(true);
    const value = { a: ['123'] };
    expect(redactor.redactJson(value)).toBe(value);
    redactor.add('PIN', '1234');
    expect(redactor.empty).toBe(false);
  });

  it('never lets a registered value through', () => {
    const secret = fc.string({ minLength: 4, maxLength: 30, unit: 'binary' });
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 4 }), fc.array(fc.string({ unit: 'binary' })), (secrets, parts) => {
        const redactor = createRedactor();
        for (const [i, value] of secrets.entries()) redactor.add(`S${i}`, value);
        const text = parts.join(secrets[0]) + secrets.join('') + JSON.stringify(secrets);
        const masked = redactor.redactText(text);
        const rest = masked.replace(/\[secret:S\d\]/g, '\u0000');
        for (const value of secrets) if (!value.includes('\u0000')) expect(rest).not.toContain(value);
      }),
      { numRuns: 300 },
    );
  });
});
