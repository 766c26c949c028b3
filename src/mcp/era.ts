// Owns how a message shows by its form which era of the protocol it is of; what does not show is left to the SDK.
import type { IncomingHttpHeaders } from 'node:http';
import { PROTOCOL_VERSION_META_KEY } from '@modelcontextprotocol/server';
import { isJsonObject } from '../domain/json.ts';

export type Era = 'modern' | 'legacy' | 'unclear';

/** The first revision whose requests say their version themselves. */
const FIRST_MODERN = '2026';

/**
 * Which of the SDK's two servings a posted body belongs to, without the SDK's parsing, which costs a request of either era about 4 % and is done
 * again by what serves it. Never says other than `isLegacyRequest` would; says `unclear` of anything but a plain request.
 */
export function eraOf(body: unknown, headers: IncomingHttpHeaders): Era {
  if (!isJsonObject(body) || body.jsonrpc !== '2.0' || typeof body.method !== 'string' || 'result' in body || 'error' in body) return 'unclear';
  if (typeof body.id !== 'string' && !Number.isSafeInteger(body.id)) return 'unclear';
  const { params } = body;
  if (params !== undefined && !isJsonObject(params)) return 'unclear';
  const meta = params?._meta;
  if (meta !== undefined && !isJsonObject(meta)) return 'unclear';
  if (meta !== undefined && Object.keys(meta).some((key) => key.startsWith(CLAIM_PREFIX)))
    return meta[PROTOCOL_VERSION_META_KEY] === undefined ? 'unclear' : 'modern';
  const version = headers['mcp-protocol-version'];
  if (version === undefined) return 'legacy';
  return typeof version === 'string' && /^20\d\d-\d\d-\d\d$/.test(version) && version < FIRST_MODERN ? 'legacy' : 'unclear';
}

const CLAIM_PREFIX = 'io.modelcontextprotocol/';
