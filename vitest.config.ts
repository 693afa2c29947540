import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['backtrail-source'] },
  ssr: { resolve: { conditions: ['backtrail-source'], externalConditions: ['backtrail-source'] } },
  test: {
    // One file on each processor: by default one of them is left to whoever looks on.
    maxWorkers: '100%',
    setupFiles: ['./tests/seed.ts'],
    include: ['packages/*/src/**/*.test.ts', 'tests/**/*.test.ts'],
    reporters: ['default', './tests/skipped-reporter.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
