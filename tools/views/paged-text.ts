// Owns reading a long JSON value in pieces: each piece says where it begins, how long the whole is, and where the next one starts.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { cut } from '../wire/compact.ts';

const PIECE_CHARS = 6_000;

/** The value itself when it fits and is asked for from its start, else a piece of its JSON text. */
export function pieceOf(name: string, value: Json, cursor: string | undefined): JsonObject {
  const text = JSON.stringify(value);
  const offset = offsetOf(cursor, text.length);
  if (offset === 0 && text.length <= PIECE_CHARS) return { [name]: value };
  const piece = cut(text.slice(offset), PIECE_CHARS);
  const next = offset + piece.length;
  return { [`${name}_json`]: piece, offset, total_chars: text.length, ...(next < text.length ? { next_cursor: String(next), truncated: true } : {}) };
}

/** An offset out of a cursor; throws for what is none. */
export function offsetOf(cursor: string | undefined, length: number): number {
  if (cursor === undefined) return 0;
  const offset = /^\d{1,15}$/.test(cursor) ? Number(cursor) : Number.NaN;
  if (Number.isNaN(offset) || offset > length) {
    throw new LogisticsError('invalid_input', `"${cursor.slice(0, 40)}" is not a cursor of this view.`, {
      path: 'cursor',
      expected: `next_cursor of an earlier reply, at most ${length}`,
    });
  }
  return offset;
}
