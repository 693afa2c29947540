import { describe, expect, test } from 'vitest';
import { isJavaScript, isTypeScript, projectFiles, readSources } from './files.ts';
import { checkImports, DEBT, importsOf, roomOf } from './imports.ts';

const sources = readSources(
  projectFiles().filter((file) => isTypeScript(file) || isJavaScript(file)),
);

describe('imports: the project', () => {
  test('every import is on the allow-list', () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(sources.flatMap(checkImports)).toEqual([]);
  });

  test('there is no import debt', () => {
    expect(DEBT).toEqual([]);
  });
});

describe('imports: the rule can fail', () => {
  const RECORDER = 'packages/recorder/src';
  const ANALYZER = 'packages/analyzer/src';
  const bad: readonly (readonly [file: string, line: string])[] = [
    [`${RECORDER}/ring/ring.ts`, `import { TABLES } from '../trace/schema.ts';`],
    [`${RECORDER}/flush.ts`, `import { readElfHeader } from './elf/elf.ts';`],
    [`${RECORDER}/record.ts`, `import { tableFromIPC } from 'apache-arrow';`],
    [`${RECORDER}/elf/elf.ts`, `import { PAGE_BYTES } from '../ring/layout.ts';`],
    [`${RECORDER}/errors.ts`, `import type { Trace } from './trace/trace.ts';`],
    [`${RECORDER}/engines/qemu/run.ts`, `import { TraceWriter } from '../../trace/writer.ts';`],
    [`${RECORDER}/engines/qemu/run.ts`, `import { run } from '../embedded/run.ts';`],
    [`${RECORDER}/trace/reader.ts`, `export { PAGE_BYTES } from '../ring/layout.ts';`],
    [`${RECORDER}/trace/reader.ts`, `import { makeTrace } from './trace.fixture.ts';`],
    [`${RECORDER}/flush.ts`, `import { tableFromIPC } from 'apache-arrow';`],
    [`${RECORDER}/ring/ring.ts`, `import { openTrace } from '@backtrail/recorder/trace';`],
    [`${RECORDER}/ring/ring.ts`, `import { needs } from '../../../../tests/require.ts';`],
    [`${RECORDER}/ring/ring.test.ts`, `import { bench } from '../../../../bench/run.ts';`],
    [`${RECORDER}/nowhere.ts`, ''],
    [`${ANALYZER}/check.ts`, `import { record } from '@backtrail/recorder';`],
    [`${ANALYZER}/check.ts`, `import { record } from '../../recorder/src/record.ts';`],
    [`${ANALYZER}/check.ts`, `const duckdb = await import('@duckdb/node-api');`],
    [`${ANALYZER}/check.ts`, `const f = (name: string) => import(name);`],
    [`${ANALYZER}/symbols/symbolizer.ts`, `import c from '@alexaltea/capstone-js';`],
    [`${ANALYZER}/path.ts`, `new Worker(new URL('../../cli/src/main.ts', import.meta.url));`],
    ['packages/cli/src/main.ts', `import { Text } from 'ink';`],
    ['packages/cli/src/main.ts', `import test from 'vitest';`],
    ['packages/cli/src/main.ts', `import chalk from 'chalk';`],
    ['bench/run.ts', `import { needs } from '../tests/require.ts';`],
    ['tests/x.test.ts', `import { run } from '../bench/run.ts';`],
  ];
  test.each(bad)('%s must not: %s', (path, text) => {
    expect(checkImports({ path, text })).toHaveLength(1);
  });

  const good: readonly (readonly [file: string, line: string])[] = [
    [`${RECORDER}/ring/ring.ts`, `import { BacktrailError } from '../errors.ts';`],
    [`${RECORDER}/record.ts`, `import { chooseEngine } from './engines/choose.ts';`],
    [`${RECORDER}/flush.ts`, `import { TraceWriter } from './trace/writer.ts';`],
    [`${RECORDER}/trace/arrow.ts`, `import { B } from 'apache-arrow/ipc/metadata/message';`],
    [`${RECORDER}/trace/arrow.test.ts`, `import { needs } from '../../../../tests/require.ts';`],
    [`${RECORDER}/trace/arrow.test.ts`, `import polars from 'nodejs-polars';`],
    [`${ANALYZER}/database/open.ts`, `import * as duckdb from '@duckdb/node-bindings';`],
    [`${ANALYZER}/check.ts`, `import type { Trace } from '@backtrail/recorder/trace';`],
    ['packages/cli/src/commands/info.ts', `import { openTrace } from '@backtrail/recorder/trace';`],
    ['packages/cli/bin/backtrail.js', `import('../dist/main.js');`],
    ['scripts/gen.ts', `import * as layout from '../packages/recorder/src/ring/layout.ts';`],
    ['tests/x.test.ts', `import { Ring } from '../packages/recorder/src/ring/ring.ts';`],
  ];
  test.each(good)('%s may: %s', (path, text) => {
    expect(checkImports({ path, text })).toEqual([]);
  });

  test('a message names file, line and room', () => {
    const text = `// why\nimport { Text } from 'ink';\n`;
    expect(checkImports({ path: 'packages/cli/src/main.ts', text })).toEqual([
      'packages/cli/src/main.ts:2: package ink is not allowed in room cli',
    ]);
  });
});

test('imports: all forms are found, words in comments and strings are not', () => {
  const text = [
    `import a, {`,
    `  b,`,
    `} from './a.ts';`,
    `import type { C } from "./c.ts";`,
    `import './d.ts';`,
    `export * from './e.ts';`,
    `export { f } from './f.ts';`,
    `type G = import('./g.ts').G;`,
    `const h = require.resolve('./h.ts');`,
    `// import './no.ts'`,
    `const no = "import './no.ts'";`,
    `const from = 'no.ts';`,
    `export const asset = new URL('./no.wasm', import.meta.url);`,
  ].join('\n');
  expect(importsOf(text).map((found) => found.specifier)).toEqual(
    ['a', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => `./${name}.ts`),
  );
});

test('imports: the longest prefix gives the room', () => {
  expect(roomOf('packages/analyzer/src/database.ts')).toBe('analyzer/database');
  expect(roomOf('packages/analyzer/src/database/table.ts')).toBe('analyzer/database');
  expect(roomOf('packages/analyzer/src/sql.ts')).toBe('analyzer');
  expect(roomOf('packages/recorder/src/other.ts')).toBeNull();
});
