// Owns the check of workflow inputs: faults at their path with what was expected, defaults filled in, bad schemas refused.
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { checkInput, checkInputSchema, MAX_PATTERN, MAX_SCHEMA_BYTES } from '../../src/orchestration/input-schema.ts';

const schema: JsonObject = {
  type: 'object',
  properties: {
    repo: { type: 'string', description: 'owner/name', pattern: '^[a-z]+/[a-z]+$' },
    mode: { enum: ['fast', 'slow'], default: 'fast' },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 2 },
    when: { type: 'string', format: 'date-time' },
    nested: { type: 'object', properties: { depth: { type: 'integer', default: 3 } } },
    kind: { const: 'x' },
  },
  required: ['repo'],
  additionalProperties: false,
};

let made = 0;
const faultsOf = (input: JsonObject, of: JsonObject = schema): readonly object[] => checkInput(`hash ${++made}`, of, input).faults;

describe('inputs', () => {
  it('fills defaults into a copy', () => {
    const input = { repo: 'a/b', nested: {} };
    expect(checkInput('h1', schema, input)).toEqual({ input: { repo: 'a/b', mode: 'fast', nested: { depth: 3 } }, faults: [] });
    expect(input).toEqual({ repo: 'a/b', nested: {} });
    expect(checkInput('h1', schema, input).input).toMatchObject({ mode: 'fast' });
  });

  it('a workflow without a schema takes any input as it is', () => {
    const input = { anything: 1 };
    expect(checkInput('h2', undefined, input)).toEqual({ input, faults: [] });
  });

  it.each<[string, JsonObject, object[]]>([
    ['a missing field', {}, [{ path: 'input.repo', code: 'invalid_input', expected: 'string: owner/name' }]],
    ['an unknown field', { repo: 'a/b', mod: 'fast' }, [{ path: 'input.mod', nearMatches: ['mode'] }]],
    ['a value of none of the choices', { repo: 'a/b', mode: 'fsat' }, [{ path: 'input.mode', expected: 'one of "fast", "slow"', nearMatches: ['fast'] }]],
    ['a wrong type inside', { repo: 'a/b', tags: ['x', 3] }, [{ path: 'input.tags[1]', message: 'It is a number.', expected: 'string' }]],
    [
      'several at once',
      { repo: 'A', tags: [null, [], {}], when: 'today', kind: 'y' },
      [
        { path: 'input.repo', expected: '^[a-z]+/[a-z]+$' },
        { path: 'input.tags' },
        { path: 'input.tags[0]', message: 'It is null.' },
        { path: 'input.tags[1]', message: 'It is an array.' },
        { path: 'input.tags[2]', message: 'It is an object.' },
        { path: 'input.when', expected: 'date-time' },
        { path: 'input.kind', expected: '"x"' },
      ],
    ],
  ])('%s', (_, input, expected) => {
    const faults = faultsOf(input);
    expect(faults).toHaveLength(expected.length);
    expect(faults).toEqual(expect.arrayContaining(expected.map((fault) => expect.objectContaining(fault))));
  });

  it('does not mistake members of every object for given fields', () => {
    expect(faultsOf({}, { required: ['toString'] })).toMatchObject([{ path: 'input.toString' }]);
  });

  it('a schema that refers to itself without end is a fault, not a crash', () => {
    expect(faultsOf({}, { $ref: '#' })).toMatchObject([{ path: 'input' }]);
  });

  it('reports a bad schema instead of checking', () => {
    expect(faultsOf({}, { type: 'objekt' })).toMatchObject([{ path: 'input.type' }]);
  });
});

describe('schemas', () => {
  it.each<[string, JsonObject]>([
    ['an empty one', {}],
    [
      '2020-12',
      { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', $defs: { a: { type: 'string' } }, properties: { x: { $ref: '#/$defs/a' } } },
    ],
    ['draft-07 under https', { $schema: 'https://json-schema.org/draft-07/schema', type: 'object' }],
    ['draft-07', { $schema: 'http://json-schema.org/draft-07/schema#', properties: { x: { items: [{ type: 'string' }] } } }],
    ['own keywords', { type: 'object', 'x-order': 1 }],
  ])('takes %s', (_, given) => {
    expect(checkInputSchema(given)).toEqual([]);
    expect(checkInputSchema({ ...given, $id: 'https://example.org/a' })).toEqual([]);
    expect(checkInputSchema({ ...given, $id: 'https://example.org/a' })).toEqual([]);
  });

  it.each<[string, JsonObject, object[]]>([
    ['another draft', { $schema: 'http://json-schema.org/draft-04/schema#' }, [{ path: 'input.$schema', code: 'not_available' }]],
    ['an input that is no object', { type: 'string' }, [{ path: 'input.type' }]],
    ['a shorthand', { repo: 'string', depth: 'integer' }, [{ path: 'input', expected: expect.stringContaining('type: object') }]],
    ['a wrong type inside', { properties: { x: { type: 'strnig' } } }, [{ path: 'input.properties.x.type', nearMatches: ['string'] }]],
    ['a reference to nowhere', { properties: { x: { $ref: '#/$defs/none' } } }, [{ path: 'input' }]],
    ['a reference to the network', { properties: { x: { $ref: 'https://example.org/x.json' } } }, [{ path: 'input' }]],
    ['a broken pattern', { properties: { x: { pattern: '(' } } }, [{}]],
    ['a long pattern', { properties: { x: { pattern: 'a'.repeat(MAX_PATTERN + 1) } } }, [{ path: 'input.properties.x', code: 'limit_exceeded' }]],
    ['a long pattern as key', { patternProperties: { ['a'.repeat(MAX_PATTERN + 1)]: {} } }, [{ path: 'input', code: 'limit_exceeded' }]],
    ['an asynchronous one', { allOf: [{ $async: true }] }, [{ path: 'input.allOf[0].$async', code: 'not_available' }]],
    ['a huge one', { description: 'x'.repeat(MAX_SCHEMA_BYTES) }, [{ path: 'input', code: 'limit_exceeded' }]],
  ])('refuses %s', (_, given, expected) => {
    const faults = checkInputSchema(given);
    expect(faults[0]).toMatchObject(expected[0] as object);
    expect(faults.length).toBeGreaterThan(0);
  });

  it('keeps a bounded number of compiled schemas', () => {
    for (let i = 0; i < 520; i++) expect(checkInput(`many ${i}`, { required: ['a'] }, { a: 1 }).faults).toEqual([]);
    expect(checkInput('many 0', { required: ['a'] }, {}).faults).toHaveLength(1);
  });
});
