// Owns a throw-away home, workspace and environment for configuration tests.
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ConfigFlags } from '../../src/config/environment.ts';
import { type LoadedConfig, loadConfig } from '../../src/config.ts';
import { LogisticsError } from '../../src/domain/errors.ts';

export interface ConfigFolder {
  readonly root: string;
  readonly home: string;
  readonly work: string;
  readonly userConfig: string;
  /** Writes a file below the root and returns its path. */
  write(path: string, content: string, mode?: number): string;
  context(env?: Record<string, string>): { env: Record<string, string>; cwd: string; homeDir: string; platform: 'linux' };
  load(options?: { flags?: ConfigFlags; env?: Record<string, string>; cwd?: string }): Promise<LoadedConfig>;
}

export function configFolder(): ConfigFolder {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'logistics-config-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const home = join(root, 'home');
  const work = join(root, 'work', 'My Project');
  mkdirSync(home, { recursive: true });
  mkdirSync(join(work, 'deep', 'er'), { recursive: true });
  mkdirSync(join(work, '.git'));
  const context: ConfigFolder['context'] = (env = {}) => ({ env, cwd: work, homeDir: home, platform: 'linux' });
  return {
    root,
    home,
    work,
    userConfig: join(home, '.config', 'logistics-mcp'),
    write: (path, content, mode) => {
      const file = join(root, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      if (mode !== undefined) chmodSync(file, mode);
      return file;
    },
    context,
    load: ({ flags = {}, env = {}, cwd = work } = {}) => loadConfig({ ...context(env), cwd, argvFlags: flags }),
  };
}

/** The LogisticsError that a promise ends in. */
export async function failure(promise: Promise<unknown>): Promise<LogisticsError> {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof LogisticsError) return error;
  throw error;
}

interface Fault {
  readonly path: string;
  readonly code: string;
  readonly message: string;
  readonly nearMatches?: readonly string[];
}

/** The faults of a configuration error by path. */
export function faultsOf(error: LogisticsError): Map<string, Fault> {
  const { faults } = error.details as unknown as { faults: Fault[] };
  return new Map(faults.map((fault) => [fault.path, fault]));
}
