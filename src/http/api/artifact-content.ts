// Owns the content of an artifact over HTTP: its own bytes and type, whole or a range of them, in pieces that are never all in memory.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { missing } from '../../../tools/views/view.ts';
import { LogisticsError } from '../../domain/errors.ts';
import { drained } from '../../mcp/node-web.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { sendError } from '../reply.ts';

const PIECE_BYTES = 262_144;

/** What else a job may have given as a type is no header. */
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(?:; ?[\w-]+=[\w.+-]+)*$/;

/** Throws not_found. */
export async function sendArtifact({ backend }: OrchestrationEngine, id: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const info = backend.getArtifact({ id, offset: 0, limit: 0 })?.info;
  if (info === undefined) throw missing('artifact', id, 'executions');
  const range = rangeOf(request.headers.range, info.bytes);
  if (range === 'unsatisfiable') {
    const error = new LogisticsError('invalid_input', `The artifact has ${info.bytes} bytes.`, { path: 'Range', expected: 'a range within them' });
    return sendError(response, 416, error.toData(), { 'content-range': `bytes */${info.bytes}` });
  }
  const [from, to] = range ?? [0, info.bytes - 1];
  response.writeHead(range === null ? 200 : 206, {
    'content-type': MEDIA_TYPE.test(info.mediaType) ? info.mediaType : 'application/octet-stream',
    'content-length': to - from + 1,
    'accept-ranges': 'bytes',
    etag: `"${info.sha256}"`,
    'cache-control': 'private, no-store',
    // What a job wrote is never a page of this server.
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(info.name)}`,
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    ...(range === null ? {} : { 'content-range': `bytes ${from}-${to}/${info.bytes}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  for (let at = from; at <= to && !response.destroyed; ) {
    const piece = backend.getArtifact({ id, offset: at, limit: Math.min(PIECE_BYTES, to - at + 1) })?.content;
    // It was removed meanwhile: an answer that is too short must not look whole.
    if (piece === undefined || piece.length === 0) {
      response.destroy();
      return;
    }
    at += piece.length;
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

/** First and last byte; null where the whole is asked for. Several ranges at once are answered with the whole, as HTTP allows. */
function rangeOf(header: string | undefined, bytes: number): readonly [number, number] | 'unsatisfiable' | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  const from = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  const to = first === '' || last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1);
  return from <= to ? [from, to] : 'unsatisfiable';
}
