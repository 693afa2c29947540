/** Says at the end of a run which tests were skipped for want of what, and what installs it. */
import type { Reporter, TestModule } from 'vitest/node';

/** The note that tests/require.ts puts into the titles of what it skips. */
const NOTE = /\[skipped: ([^\]]+)\]/g;

export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = new Map<string, string[]>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const title = `${module.relativeModuleId} > ${test.fullName}`;
        const name = title.replace(NOTE, '').replace(/\s+/g, ' ').trim();
        const notes = new Set([...title.matchAll(NOTE)].map(([, note]) => note ?? ''));
        for (const note of notes) tests.set(note, [...(tests.get(note) ?? []), name]);
      }
    }
    for (const [note, names] of tests) {
      process.stdout.write(`\n skipped, ${note}\n${names.map((name) => `   ${name}\n`).join('')}`);
    }
  }
}
