/** ELF and DWARF: symbols, build ids, segments and lines of files that were spoilt. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSourceLines } from '../../packages/recorder/src/elf/dwarf/source-lines.ts';
import { readBuildId, readElfLayout, readSymbols } from '../../packages/recorder/src/elf/elf.ts';
import { answered, spoilt, type Target } from './target.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Of several compilers and machines; those of the demo have line tables. */
const CORPUS = [
  'packages/cli/demo/*.elf',
  'tests/guests/riscv64/bin/{smash,quick,quick-pie}.elf',
  'tests/guests/languages/bin/{musl,zig,rust}.elf',
  'tests/guests/isas/{ppc,mips64el,s390x,thumb}.elf',
  'tests/guests/bare/traps.elf',
];
/** In larger ones most spoilt bytes would be code. */
const BYTES_MAX = 1 << 19;

/** All code of a file up to 64 KiB, in pieces of every size. */
const ALL_CODE = {
  first: Array.from({ length: 256 }, (_, i) => 256 * i),
  end: Array.from({ length: 256 }, (_, i) => 256 * i + (i % 256) + 1),
};

export const elfTarget: Target = {
  name: 'elf',
  inputsInTests: 100,
  prepare: (folder) => {
    const corpus = globSync(CORPUS, { cwd: ROOT })
      .sort()
      .map((file) => readFileSync(path.join(ROOT, file)))
      .filter((bytes) => bytes.length < BYTES_MAX);
    const file = path.join(folder, 'spoilt.elf');
    return Promise.resolve((random) => {
      writeFileSync(file, spoilt(random.pick(corpus), random));
      answered(() => readElfLayout(file));
      answered(() => readBuildId(file));
      answered(() => readSymbols(file, { debugRoots: [] }));
      answered(() => readSourceLines(file, () => ALL_CODE, []));
    });
  },
};
