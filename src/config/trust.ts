// Owns which found config files a person has approved: by real path and by the hash of every file that approval covered.
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { LogisticsError } from '../domain/errors.ts';
import { configError } from './config-faults.ts';
import { readConfigFile } from './config-file.ts';
import { type FolderContext, userFolders } from './folders.ts';
import { absolutePaths } from './normal-form.ts';
import { parseSource } from './parse-source.ts';

export const TRUST_FILE_NAME = 'trusted.json';

const TrustRecord = z.strictObject({ at: z.string(), sha256: z.record(z.string(), z.string()) });
const TrustFile = z.strictObject({ version: z.literal(1), files: z.record(z.string(), TrustRecord) });
type TrustFile = z.infer<typeof TrustFile>;

export interface Trust {
  /** `changed`: it was trusted with other content. `unreadable`: the record itself cannot be relied on. */
  readonly state: 'trusted' | 'changed' | 'unknown' | 'unreadable';
  /** Why, in plain words, for `changed` and `unreadable`. */
  readonly reason?: string;
  /** Real paths whose content the trust covers. */
  readonly covers: readonly string[];
}

/** What is recorded about a config file, compared with what is on disk now. Never throws for a missing record. */
export async function isTrusted(path: string, context: FolderContext): Promise<Trust> {
  let record: z.infer<typeof TrustRecord> | undefined;
  try {
    const all = (await readRecords(context)).files;
    const key = await realpath(path);
    record = Object.hasOwn(all, key) ? all[key] : undefined;
  } catch (error) {
    return { state: 'unreadable', reason: error instanceof Error ? error.message : String(error), covers: [] };
  }
  if (record === undefined) return { state: 'unknown', covers: [] };
  for (const [file, hash] of Object.entries(record.sha256)) {
    if ((await sha256(file).catch(() => undefined)) !== hash) return { state: 'changed', reason: `${file} has changed since it was trusted.`, covers: [] };
  }
  return { state: 'trusted', covers: Object.keys(record.sha256) };
}

/**
 * Records the present content of a config file, and of the handlers module that it names, as trusted. A faulty file is not
 * trusted. Modules that these files import are not covered. Returns the files that are. A `.mjs` file is executed.
 */
export async function trustFile(path: string, context: FolderContext & { readonly cwd: string; readonly now: () => number }): Promise<readonly string[]> {
  const file = resolve(context.cwd, path);
  const key = await realpath(file).catch((cause: unknown) => {
    throw new LogisticsError('not_found', `The config file ${file} does not exist.`, { path: file, nextActions: ['Correct the path.'], cause });
  });
  const before = await sha256(key);
  const { fields, faults } = parseSource(await readConfigFile(file), file);
  if (faults.length > 0) throw configError(faults);
  const hashes: Record<string, string> = { [key]: before };
  const { handlers } = absolutePaths(fields, dirname(file), context.homeDir);
  if (handlers !== undefined) {
    const module = await realpath(handlers).catch((cause: unknown) => {
      throw new LogisticsError('not_found', `The handlers module ${handlers} does not exist.`, {
        path: 'handlers',
        nextActions: ['Correct handlers in the config file.'],
        cause,
      });
    });
    hashes[module] = await sha256(module);
  }
  const records = await readRecords(context);
  await writeRecords({ version: 1, files: { ...records.files, [key]: { at: new Date(context.now()).toISOString(), sha256: hashes } } }, context);
  return Object.keys(hashes);
}

async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

function recordPath(context: FolderContext): string {
  return join(userFolders(context).config, TRUST_FILE_NAME);
}

async function readRecords(context: FolderContext): Promise<TrustFile> {
  const path = recordPath(context);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return { version: 1, files: {} };
  if (context.platform !== 'win32' && (found.mode & 0o022) !== 0) {
    throw new LogisticsError('not_allowed', `The list of trusted files ${path} can be written by others, so nothing in it counts.`, {
      path,
      expected: 'mode 0600',
      nextActions: [`Review it, then run: chmod 600 ${path}`],
    });
  }
  try {
    return TrustFile.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new LogisticsError('invalid_input', `The list of trusted files ${path} is damaged, so nothing in it counts.`, {
      path,
      nextActions: [`Remove ${path} and trust the files again.`],
      cause,
    });
  }
}

/** Written beside and renamed into place: a reader sees the old list or the new one. */
async function writeRecords(records: TrustFile, context: FolderContext): Promise<void> {
  const path = recordPath(context);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(records, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw new LogisticsError('not_allowed', `The list of trusted files ${path} cannot be written (${(cause as NodeJS.ErrnoException).code ?? 'unknown'}).`, {
      path,
      nextActions: [`Make ${dirname(path)} writable.`],
      cause,
    });
  }
}
