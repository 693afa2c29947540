/** What `backtrail demo --files` writes is what the sources say and make. */
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { writeDemoFiles } from '../../../packages/cli/src/demo-files.ts';
import { DEMO_PROGRAMS, DEMO_SOURCES } from '../../../packages/cli/src/demo-programs.ts';
import { needs } from '../../require.ts';
import { temporaryFolder } from '../build.ts';
import { BUILT_FOLDER, buildProgram, copySources, PROGRAMS } from './build.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const ELF_BYTES_MAX = 100_000;

/** The compiler leaves its name and version in .comment. */
const compilerOf = (elf: Buffer): string =>
  /GCC: \([^)]*\) [\d.]+/.exec(elf.toString('latin1'))?.[0] ?? 'none';

const written = temporaryFolder('demo-files');
writeDemoFiles(written);

test('the command writes programs and sources, and nothing else', () => {
  const built = PROGRAMS.map((name) => `${name}.elf`);
  const named = [...built, ...DEMO_SOURCES.map((source) => path.basename(source))];
  expect(readdirSync(written).sort()).toEqual(named.sort());
  expect(DEMO_PROGRAMS.map(({ name }) => name)).toEqual(PROGRAMS);
  for (const name of built) {
    expect(statSync(path.join(BUILT_FOLDER, name)).size).toBeLessThan(ELF_BYTES_MAX);
  }
});

test.each(DEMO_SOURCES)('%s is written as it is', (file) => {
  const copy = readFileSync(path.join(written, path.basename(file)), 'utf8');
  expect(copy).toBe(readFileSync(path.join(ROOT, file), 'utf8'));
});

const gcc = needs('riscv64-linux-gnu-gcc');
describe.skipIf(gcc.missing)(`programs of the demo${gcc.note}`, () => {
  const folder = temporaryFolder('tutorial-build');

  test.each(PROGRAMS)('%s builds to the committed bytes, in any folder', (name) => {
    copySources(folder);
    cpSync(path.join(BUILT_FOLDER, `${name}.elf`), path.join(folder, 'committed.elf'));
    const built = readFileSync(buildProgram(name, folder));
    const committed = readFileSync(path.join(folder, 'committed.elf'));
    // Another compiler makes other code; that it makes any is proven then.
    if (compilerOf(built) === compilerOf(committed)) expect(built.equals(committed)).toBe(true);
  });
});
