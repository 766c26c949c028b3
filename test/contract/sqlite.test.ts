// Runs the contract on the sqlite adapter: a file, and the same adapter in memory.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { openBackend } from '../../src/store/open-backend.ts';
import { backendContract } from './backend-contract.ts';

describe('sqlite file', () => {
  backendContract(
    async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'contract-'));
      return {
        open: (env) => openBackend({ store: 'sqlite', dataDir, durability: 'normal' }, env),
        dispose: () => rm(dataDir, { recursive: true, force: true }),
      };
    },
    { shared: true, textSearch: true },
  );
});

describe('in memory', () => {
  backendContract(
    async () => ({ open: (env) => openBackend({ store: 'in_memory', dataDir: '/nowhere', durability: 'full' }, env), dispose: async () => undefined }),
    {
      shared: false,
      textSearch: true,
    },
  );
});
