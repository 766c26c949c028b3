// Owns an entry of the log: the statements of one commit, how they are written as bytes and read back.
import { constants as zlib, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { StoreError } from '../../domain/errors.ts';

/** One commit. Entries form a chain: each names the one it was built on. */
export interface Entry {
  readonly version: number;
  readonly id: string;
  readonly prev: string;
  /** Time of its transaction, epoch ms. */
  readonly at: number;
  readonly payload: Buffer;
}

/** A bound value: as SQLite takes it; bytes are wrapped as `[base64]`. */
const Value = z.union([z.string(), z.number(), z.null(), z.tuple([z.string()])]);
type Value = z.infer<typeof Value>;
const Parameter = z.union([Value, z.record(z.string(), Value)]);
type Parameter = z.infer<typeof Parameter>;

/** Statements are named by numbers; an entry defines those that it is the first to use. */
export interface Statements {
  readonly texts: readonly (readonly [num: number, text: string])[];
  readonly runs: readonly (readonly [num: number, ...parameters: Parameter[]])[];
  /** Set for a change of the schema: scripts to run, and the version that they lead to. */
  readonly migrate?: { readonly scripts: readonly string[]; readonly to: number } | undefined;
}

const Statements = z.object({
  texts: z.array(z.tuple([z.int(), z.string()])),
  runs: z.array(z.tuple([z.int()], Parameter)),
  migrate: z.object({ scripts: z.array(z.string()), to: z.int() }).optional(),
});

/** Shorter ones, as of a single job, are stored as they are: compressing costs 16 to 18 µs however short (measured); of 2 KB it leaves a fifth. */
const COMPRESS_FROM = 2_048;
const PLAIN = 0;
const ZSTD = 1;
const OPTIONS = { params: { [zlib.ZSTD_c_compressionLevel]: 1 } };

export function encode(statements: Statements): Buffer {
  const text = Buffer.from(JSON.stringify(statements));
  return text.length < COMPRESS_FROM ? Buffer.concat([Buffer.of(PLAIN), text]) : Buffer.concat([Buffer.of(ZSTD), zstdCompressSync(text, OPTIONS)]);
}

/** Throws store_corrupt for what this program did not write. */
export function decode(payload: Buffer): Statements {
  try {
    const kind = payload[0];
    if (kind !== PLAIN && kind !== ZSTD) throw new Error(`an entry of kind ${kind}`);
    const text = kind === PLAIN ? payload.subarray(1) : zstdDecompressSync(payload.subarray(1));
    const raw = JSON.parse(text.toString()) as Statements;
    if (!Array.isArray(raw.runs) || !Array.isArray(raw.texts)) return Statements.parse(raw) as Statements;
    return raw;
  } catch (error) {
    throw new StoreError('store_corrupt', 'The log in Redis holds an entry that cannot be read.', { cause: error });
  }
}

export function toParameter(value: unknown): Parameter {
  if (value instanceof Uint8Array) return wrap(value);
  if (typeof value !== 'object' || value === null) return value as Value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, one instanceof Uint8Array ? wrap(one) : (one as Value)]));
}

export function fromParameter(value: Parameter): unknown {
  if (Array.isArray(value)) return unwrap(value as [string]);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, Array.isArray(one) ? unwrap(one as [string]) : one]));
}

function wrap(bytes: Uint8Array): [string] {
  return [Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')];
}

function unwrap([text]: [string]): Buffer {
  return Buffer.from(text, 'base64');
}
