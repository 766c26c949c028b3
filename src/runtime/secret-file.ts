// Owns the secrets file: read only when nobody but its owner can, and only as a flat map of texts.
import { open } from 'node:fs/promises';
import { LogisticsError } from '../domain/errors.ts';

const MAX_BYTES = 1_048_576;

/** Name -> value of a YAML or JSON secrets file; throws not_found, not_allowed (mode wider than 0600) or invalid_input. Values never appear in errors. */
export async function readSecretFile(path: string, platform: NodeJS.Platform): Promise<ReadonlyMap<string, string>> {
  const text = await readPrivate(path, platform);
  const { parseDocument } = await import('yaml');
  let data: unknown;
  try {
    const document = parseDocument(text, { logLevel: 'error', prettyErrors: false });
    if (document.errors.length > 0) throw new Error('syntax');
    data = document.toJS({ maxAliasCount: 10 });
  } catch {
    // The parser's message may quote the line, and the line may hold a secret.
    throw shapeError(path, 'it is not valid YAML or JSON');
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw shapeError(path, 'it is not a map of names to texts');
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(data)) {
    if (typeof value !== 'string') throw shapeError(path, `the value of ${name} is not a text; put it in quotes`);
    values.set(name, value);
  }
  return values;
}

async function readPrivate(path: string, platform: NodeJS.Platform): Promise<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new LogisticsError(missing ? 'not_found' : 'not_allowed', `The secrets file ${path} ${missing ? 'does not exist' : 'cannot be read'}.`, {
      path: 'secretsFile',
      nextActions: [missing ? 'Create it with mode 0600, or correct secretsFile.' : `Run: chmod 600 ${path}`],
      cause,
    });
  }
  try {
    // Mode and content come from one open file, so nobody can swap it in between.
    const stat = await file.stat();
    if (!stat.isFile()) throw shapeError(path, 'it is not a regular file');
    if (platform !== 'win32' && (stat.mode & 0o077) !== 0) {
      throw new LogisticsError('not_allowed', `The secrets file ${path} has mode 0${(stat.mode & 0o777).toString(8)}: others can reach it.`, {
        path: 'secretsFile',
        expected: 'mode 0600',
        nextActions: [`Run: chmod 600 ${path}`],
      });
    }
    if (stat.size > MAX_BYTES) throw new LogisticsError('limit_exceeded', `The secrets file ${path} is larger than 1 MiB.`, { path: 'secretsFile' });
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function shapeError(path: string, fault: string): LogisticsError {
  return new LogisticsError('invalid_input', `The secrets file ${path} cannot be used: ${fault}.`, {
    path: 'secretsFile',
    expected: 'a YAML or JSON map such as {GITHUB_TOKEN: "…"}',
  });
}
