// Owns where children run: the store they share, their folders, and what an observer can look at.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { STORE_FILE } from '../../src/store/open-backend.ts';

export type StoreKind = 'sqlite' | 'redis';

/** What can be done to a run; `machine` = a worker dies with its folder, `power` = Redis dies without the last of its file. */
export const FAULTS = ['worker', 'agent', 'machine', 'freeze', 'cut', 'redis', 'power'] as const;
export type Fault = (typeof FAULTS)[number];

export interface Site {
  /** As in the configuration. */
  readonly store: string;
  /** Each child works in one of them. */
  readonly folders: readonly string[];
  /** Share of each fault. */
  readonly weights: Readonly<Partial<Record<Fault, number>>>;
  /** Files that show the whole store as far as it came there. */
  views(): readonly string[];
  /** Does a fault that hits no child. */
  strike(fault: 'cut' | 'redis' | 'power', random: () => number): Promise<void>;
  /** After the last child: brings every view to the end; gives one that is whole, and how the others differ from it. */
  settle(): Promise<{ readonly file: string; readonly views: number; readonly differences: readonly string[] }>;
  close(): Promise<void>;
}

/** All children on one file. */
export function sqliteSite(folder: string): Site {
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  const file = join(dataDir, STORE_FILE);
  return {
    store: 'sqlite',
    folders: [dataDir],
    weights: { worker: 80, agent: 10, freeze: 10 },
    views: () => (existsSync(file) ? [file] : []),
    strike: () => Promise.reject(new Error('sqlite has no server to strike')),
    settle: async () => ({ file, views: 1, differences: [] }),
    close: async () => undefined,
  };
}
