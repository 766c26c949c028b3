// Owns reading an artifact in pieces: text as text, cut between characters, anything else as base64.
import type { JsonObject } from '../../src/domain/json.ts';
import type { ArtifactInfo } from '../../src/store/backend.ts';
import { iso } from '../wire/compact.ts';
import { offsetOf } from './paged-text.ts';
import { missing, showView, type ViewRequest, type Views } from './view.ts';

const PIECE_BYTES = 6_000;
const TEXT = /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|javascript|x-ndjson|[\w.-]+\+(?:json|xml|yaml)))/;

const VIEWS: Views = {
  summary: (r) => read(r),
  output: (r) => read(r),
};

export function artifactView(request: ViewRequest): JsonObject {
  return showView('An artifact', VIEWS, request);
}

function read(r: ViewRequest): JsonObject {
  const { backend } = r.engine;
  const info = backend.getArtifact({ id: r.id, offset: 0, limit: 0 })?.info;
  if (info === undefined) throw missing('artifact', r.id, 'executions');
  const offset = offsetOf(r.cursor, info.bytes);
  const content = backend.getArtifact({ id: r.id, offset, limit: PIECE_BYTES })?.content ?? new Uint8Array();
  const piece = pieceText(info, content, offset + content.length >= info.bytes);
  const next = offset + piece.bytes;
  return {
    artifact_id: info.id,
    name: info.name,
    media_type: info.mediaType,
    bytes: info.bytes,
    sha256: info.sha256,
    created_at: iso(info.createdAt),
    ...(info.executionId === null ? {} : { execution_id: info.executionId }),
    encoding: piece.encoding,
    content: piece.text,
    offset,
    ...(next < info.bytes ? { next_offset: next, next_cursor: String(next), truncated: true } : {}),
  };
}

function pieceText(info: ArtifactInfo, content: Uint8Array, last: boolean): { readonly text: string; readonly encoding: string; readonly bytes: number } {
  if (TEXT.test(info.mediaType)) {
    // A character of up to four bytes may be cut in two: its first part is left for the next piece.
    for (let spare = 0; spare < (last ? 1 : 4); spare++) {
      const bytes = content.subarray(0, content.length - spare);
      const text = decode(bytes);
      if (text !== undefined) return { text, encoding: 'utf-8', bytes: bytes.length };
    }
  }
  return { text: Buffer.from(content).toString('base64'), encoding: 'base64', bytes: content.length };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
