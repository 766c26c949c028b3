// Owns the promise that the era that shows in a message is the one that the SDK finds.
import { isLegacyRequest, PROTOCOL_VERSION_META_KEY } from '@modelcontextprotocol/server';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eraOf } from '../../src/mcp/era.ts';

const version = fc.constantFrom('2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28', '2027-01-01', 'DRAFT', '', ' 2025-11-25 ');
const odd = fc.oneof(fc.constant(null), fc.constant(1), fc.constant('x'), fc.constant([]), fc.constant({}));
const meta = fc.oneof(
  odd,
  fc.record(
    {
      [PROTOCOL_VERSION_META_KEY]: fc.oneof(version, odd),
      'io.modelcontextprotocol/clientInfo': fc.oneof(fc.constant({ name: 'a', version: '1' }), odd),
      'io.modelcontextprotocol/clientCapabilities': fc.oneof(fc.constant({}), odd),
      progressToken: fc.oneof(fc.constant('t'), fc.constant(1)),
    },
    { requiredKeys: [] },
  ),
);
const params = fc.oneof(odd, fc.record({ _meta: meta, name: fc.constant('get'), arguments: fc.constant({}) }, { requiredKeys: [] }));
const body = fc.oneof(
  { weight: 1, arbitrary: odd },
  {
    weight: 9,
    arbitrary: fc.record(
      {
        jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant('2.0') }, { weight: 1, arbitrary: odd }),
        id: fc.oneof({ weight: 5, arbitrary: fc.nat() }, { weight: 2, arbitrary: fc.string() }, { weight: 1, arbitrary: fc.oneof(odd, fc.constant(1.5)) }),
        method: fc.oneof(fc.constantFrom('tools/call', 'tools/list', 'initialize', 'ping', 'server/discover', 'notifications/initialized', ''), odd),
        params,
        result: fc.oneof(fc.constant({}), odd),
        error: odd,
      },
      { requiredKeys: [] },
    ),
  },
);

describe('the era of a posted message', () => {
  it('is the one that the SDK would find, whenever it shows', async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.option(version, { nil: undefined }), async (posted, header) => {
        const era = eraOf(posted, header === undefined ? {} : { 'mcp-protocol-version': header });
        if (era === 'unclear') return;
        const headers = { 'content-type': 'application/json', ...(header === undefined ? {} : { 'mcp-protocol-version': header }) };
        const request = new Request('http://localhost/mcp', { method: 'POST', headers });
        expect(await isLegacyRequest(request, posted)).toBe(era === 'legacy');
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['modern', { [PROTOCOL_VERSION_META_KEY]: '2026-07-28' }, { 'mcp-protocol-version': '2026-07-28' }],
    ['legacy', undefined, {}],
    ['legacy', { progressToken: 1 }, { 'mcp-protocol-version': '2025-11-25' }],
    ['unclear', undefined, { 'mcp-protocol-version': '2026-07-28' }],
  ] as const)('shows in a plain call: %s', (era, _meta, headers) => {
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get', ...(_meta === undefined ? {} : { _meta }) } };
    expect(eraOf(call, headers)).toBe(era);
  });
});
