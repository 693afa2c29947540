import { describe, expect, test } from 'vitest';
import { ALLOWED, checkBanned } from './banned.ts';
import { projectFiles, readSources } from './files.ts';

const files = projectFiles();
const CODE = /\.([cm]?[jt]sx?|[chsS]|sql|sh|py|md)$/;

test('banned: nothing banned is in the project', () => {
  const code = files.filter((file) => CODE.test(file) || file.startsWith('.ci/'));
  expect(readSources(code).flatMap((file) => checkBanned(file))).toEqual([]);
});

test('banned: every exception names a file that exists and a reason', () => {
  for (const [key, reason] of Object.entries(ALLOWED)) {
    expect(files).toContain(key.split(' ')[1]);
    expect(reason.length).toBeGreaterThan(20);
  }
});

describe('banned: the rule can fail', () => {
  const LIBRARY = 'packages/recorder/src/flush.ts';
  const TEST = 'tests/x.test.ts';
  const bad: readonly (readonly [file: string, text: string])[] = [
    [LIBRARY, 'const a: any = b;'],
    [LIBRARY, 'const a = b as any;'],
    [LIBRARY, 'type A = Record<string, any>;'],
    [LIBRARY, '  await using file = await open(a);'],
    [LIBRARY, '// @ts-ignore'],
    [LIBRARY, '/* @ts-expect-error later */'],
    [LIBRARY, '// biome-ignore lint/suspicious/noConsole'],
    [LIBRARY, '// TODO: later'],
    [LIBRARY, 'console.log(a);'],
    [LIBRARY, 'process.stderr.write(a);'],
    [LIBRARY, 'let cache = null;'],
    [LIBRARY, 'export const cache = new Map<string, number>();'],
    ['packages/recorder/src/engines/qemu/plugin/recorder.c', '/* FIXME */'],
    ['packages/analyzer/src/sql/edges.sql', '-- XXX'],
    ['docs/ring.md', 'TODO: say more'],
    [TEST, 'test.only(a, b);'],
    [TEST, 'describe.only.each([]);'],
    [TEST, 'describe.skipIf(noQemu)(a, b);'],
    [TEST, `import { a } from './other/require.ts.old'; test.skip(b);`],
    [TEST, 'await new Promise((done) => setTimeout(done, 10));'],
    [TEST, `import { setTimeout } from 'node:timers/promises';`],
    [TEST, 'Atomics.wait(a, 0, 0, 10);'],
    // Put together here, or this file would break the rule itself.
    [TEST, ['--conditions', 'source'].join('=')],
  ];
  test.each(bad)('%s: %s', (path, text) => {
    expect(checkBanned({ path, text })).toHaveLength(1);
  });

  const good: readonly (readonly [file: string, text: string])[] = [
    [LIBRARY, 'expect.any(Number); Promise.any(a); const b = { any: 1 }; // any of them'],
    [LIBRARY, '// biome-ignore lint/style/useTemplate: the hot path is measured'],
    [LIBRARY, `throw new Error('console.log, TODO');`],
    [TEST, 'using disassembler = await open(isa);'],
    [LIBRARY, 'const CODES = new Map([[1, 2]]); function f() { let a = 1; }'],
    ['packages/cli/src/main.ts', 'process.stdout.write(a); console.error(b);'],
    ['bench/run.ts', 'setTimeout(a, 1);'],
    ['docs/style.md', 'No `TODO` is left in comments.'],
    [TEST, `import { needs } from '../require.ts';\ndescribe.skipIf(a.missing)(b, c);`],
    [TEST, 'let count = 0; readonly.length; // setTimeout(a)'],
  ];
  test.each(good)('%s: %s is fine', (path, text) => {
    expect(checkBanned({ path, text })).toEqual([]);
  });

  test('an exception lets one rule through in one file', () => {
    const text = 'setTimeout(a, 1); test.only(b);';
    const allowed = { [`sleep ${TEST}`]: 'the time is what is tested' };
    expect(checkBanned({ path: TEST, text }, allowed)).toEqual([
      'tests/x.test.ts:1: `.only(`: a focused test switches the others off',
    ]);
  });
});
