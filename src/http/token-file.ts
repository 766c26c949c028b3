// Owns the file of tokens: only hashes of them, private to its owner, read again whenever it has changed, so that revoking needs no restart.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { Scope } from '../domain/access.ts';
import { LogisticsError } from '../domain/errors.ts';

const MAX_BYTES = 4 * 1_048_576;
const STALE_LOCK_MS = 10_000;

export const TokenName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}$/, { error: 'expected up to 100 letters, digits, dots, dashes, underscores or @' });

const StoredToken = z.strictObject({
  name: TokenName,
  /** SHA-256 of the secret, in hex. The secret has 256 random bits: nothing slower is needed. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  scopes: z.array(Scope).min(1),
  namespace: z.string().min(1).max(100),
  created_at: z.iso.datetime({ offset: true }),
  expires_at: z.iso.datetime({ offset: true }).nullable(),
});
export type StoredToken = z.infer<typeof StoredToken>;
const TokensFile = z.strictObject({ version: z.literal(1), tokens: z.array(StoredToken).max(10_000) });

export type NewToken = Pick<StoredToken, 'name' | 'scopes' | 'namespace' | 'expires_at'>;

export class TokenFile {
  readonly path: string;
  readonly #platform: NodeJS.Platform;
  #seen = '';
  #tokens: readonly StoredToken[] = [];
  #hashes: readonly Buffer[] = [];
  #fault: LogisticsError | null = null;

  constructor(path: string, platform: NodeJS.Platform) {
    this.path = path;
    this.#platform = platform;
  }

  get exists(): boolean {
    return stampOf(this.path) !== 'none';
  }

  /** Why no token is believed, or null; looked at anew. */
  get fault(): LogisticsError | null {
    this.#refresh();
    return this.#fault;
  }

  /** The token with this secret, expired or not. Each is compared, and in constant time. */
  find(secret: string): StoredToken | null {
    this.#refresh();
    const given = digest(secret);
    let found = -1;
    for (let at = 0; at < this.#hashes.length; at++) if (timingSafeEqual(this.#hashes[at] as Buffer, given)) found = at;
    return this.#tokens[found] ?? null;
  }

  /** The token with this name. */
  named(name: string): StoredToken | null {
    this.#refresh();
    return this.#tokens.find((token) => token.name === name) ?? null;
  }

  /** Throws when the file cannot be used. */
  list(): readonly StoredToken[] {
    this.#refresh();
    if (this.#fault !== null) throw this.#fault;
    return this.#tokens;
  }

  /** Stores the hash and returns the secret, which is told this once. Throws conflict for a name that is taken. */
  add(token: NewToken, now: number): { readonly secret: string; readonly stored: StoredToken } {
    const secret = `lmcp_${randomBytes(32).toString('base64url')}`;
    const stored = StoredToken.parse({ ...token, hash: digest(secret).toString('hex'), created_at: new Date(now).toISOString() });
    this.#change((tokens) => {
      if (tokens.some(({ name }) => name === token.name))
        throw new LogisticsError('conflict', `There is a token named ${token.name}.`, {
          path: 'name',
          nextActions: ['Choose another name, or revoke it first.'],
        });
      return [...tokens, stored];
    });
    return { secret, stored };
  }

  /** Takes a token away; false when there is none of that name. */
  revoke(name: string): boolean {
    let found = false;
    this.#change((tokens) => {
      const left = tokens.filter((token) => token.name !== name);
      found = left.length < tokens.length;
      return left;
    });
    return found;
  }

  /** Written beside and renamed into place; one writer at a time. */
  #change(edit: (tokens: readonly StoredToken[]) => readonly StoredToken[]): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const lock = `${this.path}.lock`;
    takeLock(lock);
    try {
      const tokens = edit(this.list());
      const draft = `${this.path}.${randomBytes(6).toString('hex')}`;
      writeFileSync(draft, `${JSON.stringify({ version: 1, tokens }, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
      renameSync(draft, this.path);
    } finally {
      rmSync(lock, { force: true });
    }
  }

  #refresh(): void {
    const stamp = stampOf(this.path);
    if (stamp === this.#seen) return;
    this.#fault = null;
    try {
      this.#tokens = stamp === 'none' ? [] : readTokens(this.path, this.#platform);
    } catch (error) {
      // A file that cannot be relied on lets nobody in.
      this.#tokens = [];
      this.#fault = error instanceof LogisticsError ? error : damaged(this.path, error);
    }
    this.#hashes = this.#tokens.map(({ hash }) => Buffer.from(hash, 'hex'));
    this.#seen = stamp;
  }
}

/** Changes whenever the file does. */
function stampOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.mode}`;
}

function readTokens(path: string, platform: NodeJS.Platform): readonly StoredToken[] {
  const { mode, size } = statSync(path);
  if (platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new LogisticsError('not_allowed', `The tokens file ${path} has mode 0${(mode & 0o777).toString(8)}: others can reach it, so no token in it counts.`, {
      path: 'tokensFile',
      expected: 'mode 0600',
      nextActions: [`Review it, then run: chmod 600 ${path}`],
    });
  }
  if (size > MAX_BYTES) throw new LogisticsError('limit_exceeded', `The tokens file ${path} is larger than 4 MiB.`, { path: 'tokensFile' });
  return TokensFile.parse(JSON.parse(readFileSync(path, 'utf8'))).tokens;
}

function damaged(path: string, cause: unknown): LogisticsError {
  return new LogisticsError('invalid_input', `The tokens file ${path} is damaged, so no token in it counts.`, {
    path: 'tokensFile',
    expected: 'a file as logistics-mcp token add writes it',
    cause,
  });
}

function takeLock(lock: string): void {
  const old = statSync(lock, { throwIfNoEntry: false });
  if (old !== undefined && Date.now() - old.mtimeMs > STALE_LOCK_MS) rmSync(lock, { force: true });
  try {
    closeSync(openSync(lock, 'wx', 0o600));
  } catch (cause) {
    const busy = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new LogisticsError(busy ? 'store_busy' : 'not_allowed', busy ? 'The tokens file is being changed by somebody else.' : `${lock} cannot be written.`, {
      path: 'tokensFile',
      cause,
    });
  }
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
