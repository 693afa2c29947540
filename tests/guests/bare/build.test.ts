/** The committed ELF files are those that the sources make. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { needs } from '../../require.ts';
import { temporaryFolder } from '../build.ts';
import { BARE_GUESTS, bareGuest, buildBareGuest } from './build.ts';

/** The linker keeps the compiler's name and version in .comment. */
const compilerOf = (elf: Buffer): string =>
  /GCC: \([^)]*\) [\d.]+/.exec(elf.toString('latin1'))?.[0] ?? 'none';

const gcc = needs('riscv64-linux-gnu-gcc');
describe.skipIf(gcc.missing)(`bare-metal samples${gcc.note}`, () => {
  const folder = temporaryFolder('bare');

  test.each(BARE_GUESTS)('%s builds to the committed bytes', (name) => {
    const built = readFileSync(buildBareGuest(name, folder));
    const committed = readFileSync(bareGuest(name));
    // Another compiler makes other code; that it makes any is proven then.
    if (compilerOf(built) === compilerOf(committed)) expect(built.equals(committed)).toBe(true);
  });
});

test('every source has an ELF file, its recorded output, and a name in the list', () => {
  const files = readdirSync(fileURLToPath(new URL('./', import.meta.url)));
  const named = (end: string): string[] =>
    files.filter((file) => file.endsWith(end)).map((file) => file.slice(0, -end.length));
  for (const end of ['.c', '.elf', '.txt']) expect(named(end).sort()).toEqual([...BARE_GUESTS]);
});
