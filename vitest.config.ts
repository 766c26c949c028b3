// Owns how tests run and which share of the code they must execute; scripts/test.js switches coverage on.
import { defineConfig } from 'vitest/config';

const submodule = { lines: 80 };

export default defineConfig({
  test: {
    setupFiles: ['test/support/property-seed.ts'],
    include: ['test/**/*.test.ts'],
    // Native better-sqlite3 handles live in one process each: a fork that ends closes its own and nobody else's.
    pool: 'forks',
    // No test leaves a process behind that it did not mean to start.
    env: { LOGISTICS_BACKGROUND: 'off' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts', 'tools/**/*.ts'],
      exclude: [
        // Composition root: runs in child processes only (the launcher, the stdio clients of test/mcp), where v8 coverage does not look.
        'src/main.ts',
        // Thread entries: run in worker threads only, for the same reason; what they call is covered on its own.
        'src/**/*-worker.ts',
      ],
      reporter: ['text-summary', 'html', 'json-summary'],
      reportOnFailure: true,
      thresholds: {
        lines: 85,
        statements: 85,
        functions: 85,
        branches: 80,
        'src/domain/**': { lines: 90, statements: 90, functions: 90, branches: 85 },
        'src/expression/**': submodule,
        'src/store/**': submodule,
        'src/runtime/**': submodule,
        'src/task/**': submodule,
        'src/schedule/**': submodule,
        'src/resources/**': submodule,
        'src/routing/**': submodule,
        'src/optimization/**': submodule,
        'src/tracking/**': submodule,
        'src/orchestration/**': submodule,
        'src/observe/**': submodule,
        'src/actions/**': submodule,
        'src/outlets/**': submodule,
        'src/mcp/**': submodule,
        'src/cli/**': submodule,
        'tools/**': submodule,
      },
    },
  },
});
