// Owns which workspace a process belongs to, and the namespace that follows from it.
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CONFIG_FILE_NAMES, foldersUpwards } from './config-file.ts';

/** Real path of the nearest folder upwards with `.git` or a config file, else of the folder itself. */
export function workspaceRoot(cwd: string): string {
  const root = foldersUpwards(cwd).find((folder) => ['.git', ...CONFIG_FILE_NAMES].some((name) => existsSync(join(folder, name))));
  try {
    return realpathSync(root ?? cwd);
  } catch {
    return root ?? cwd;
  }
}

/** `<slug of the folder's name>-<6 hex of its path>`: readable, and different for two folders of one name. */
export function namespaceOf(root: string): string {
  const slug = basename(root)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return `${slug === '' ? 'root' : slug}-${createHash('sha256').update(root).digest('hex').slice(0, 6)}`;
}
