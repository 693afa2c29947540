import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// What the tests start finds its modules compiled; tests/compile-cache.js says more.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
  new URL('./node_modules/.cache/compiled/', import.meta.url),
);

const startsProcesses = ({ moduleId }: TestSpecification): boolean =>
  /\/tests\/(?!hygiene\/)/.test(moduleId);

/**
 * Files that start processes come first: they take longest, and a processor that begins with one
 * of them last is waited for. Among them, and among the others, the order is vitest's: by how long
 * each took before, or by size where nothing ran before.
 */
class Sequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(startsProcesses), ...sorted.filter((file) => !startsProcesses(file))];
  }
}

export default defineConfig({
  resolve: { conditions: ['backtrail-source'] },
  ssr: { resolve: { conditions: ['backtrail-source'], externalConditions: ['backtrail-source'] } },
  test: {
    // One file on each processor: by default one of them is left to whoever looks on.
    maxWorkers: '100%',
    sequence: { sequencer: Sequencer },
    setupFiles: ['./tests/seed.ts'],
    include: ['packages/*/src/**/*.test.ts', 'tests/**/*.test.ts'],
    reporters: ['default', './tests/skipped-reporter.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
