/** Decoder and disassembler against objdump: fresh random words, and a sample that is committed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { needs } from '../../../../../../tests/require.ts';
import { SEED } from '../../../../../../tests/seed.ts';
import { decode } from './decode.ts';
import { disassemble } from './disassemble.ts';
import { comparable, type Line, objdump, readLines, writeLine } from './objdump.fixture.ts';
import { Random, randomWord } from './random.fixture.ts';
import { OP_NAMES, type OpName, opInfo } from './table.ts';

const RECORDED = fileURLToPath(new URL('objdump-sample.txt', import.meta.url));
const RECORDED_SEED = 2504;
const isUpdate = process.env['UPDATE'] === '1';

const tool = needs('riscv64-linux-gnu-objdump');

/** CSRs whose names or numbers both write alike. */
const CSRS = [0x001, 0x002, 0x003, 0x300, 0x305, 0x340, 0x341, 0x342, 0x7c0, 0x800, 0xc00, 0xf14];

/** Words of this instruction that objdump knows: it does not know those with reserved fields. */
function wordOf(random: Random, op: OpName): number {
  const { match, format } = opInfo(op);
  const word = randomWord(random, op);
  if (op === 'fence') return ((random.below(256) << 20) | match) >>> 0;
  if (op === 'fence.i') return match;
  // These are exact, and objdump wants the rounding mode that assemblers write.
  if (/^fcvt\.d\.(s|w|wu)$/.test(op)) return (word & ~0x7000) >>> 0;
  if (format !== 'csr' && format !== 'csri') return word;
  return ((word & 0xf_ffff) | (random.pick(CSRS) << 20)) >>> 0;
}

const wordsOf = (seed: number, count: number): number[] => {
  const random = new Random(seed);
  return OP_NAMES.flatMap((op) => Array.from({ length: count }, () => wordOf(random, op)));
};

/** c.addi16sp with 0 is reserved, which objdump does not know (QEMU does). */
const RESERVED = 0x6101;
const HALVES = Array.from({ length: 0x10000 }, (_, half) => half).filter(
  (half) => half % 4 !== 3 && half !== RESERVED,
);

/** `null` for what is no instruction; objdump writes those as data. */
function ownText({ address, bits }: Line): string {
  const instruction = decode(bits);
  return instruction === null ? 'no instruction' : disassemble(instruction, address);
}

function theirText(line: Line): string {
  const text = comparable(line);
  return /^(\.\dbyte|c\.unimp)\b/.test(text) ? 'no instruction' : text;
}

/** At most ten lines that differ. */
function differences(lines: readonly Line[]): string[] {
  return lines
    .map((line) => ({ line, own: ownText(line), theirs: theirText(line) }))
    .filter(({ own, theirs }) => own !== theirs)
    .slice(0, 10)
    .map(
      ({ line, own, theirs }) =>
        `0x${line.bits.toString(16)} at 0x${line.address.toString(16)}: found ${own}, ` +
        `expected ${theirs} (objdump: ${line.text})`,
    );
}

function withFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-objdump-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(tool.missing)(`disassemble against objdump${tool.note}`, () => {
  test(`every instruction with random operands, SEED=${SEED}`, () => {
    const words = wordsOf(SEED, 60);
    const lines = withFolder((folder) => objdump(tool.path, folder, words, 4));
    expect(lines).toHaveLength(words.length);
    expect(differences(lines)).toEqual([]);
  });

  test('every compressed word', () => {
    const lines = withFolder((folder) => objdump(tool.path, folder, HALVES, 2));
    expect(lines).toHaveLength(HALVES.length);
    expect(differences(lines)).toEqual([]);
  });

  test.runIf(isUpdate)('UPDATE=1 writes the sample', () => {
    const lines = withFolder((folder) => [
      ...objdump(tool.path, folder, wordsOf(RECORDED_SEED, 2), 4),
      ...objdump(
        tool.path,
        folder,
        HALVES.filter((_, place) => place % 97 === 0),
        2,
      ),
    ]);
    writeFileSync(RECORDED, lines.map(writeLine).join(''));
  });
});

test('disassemble: the recorded sample', () => {
  const lines = readLines(readFileSync(RECORDED, 'utf8'));
  const seen = new Set(lines.map((line) => decode(line.bits)?.op));
  expect(OP_NAMES.filter((op) => !seen.has(op))).toEqual([]);
  expect(differences(lines)).toEqual([]);
});

test('disassemble: without an address targets are distances', () => {
  const jump = decode(0xffdf_f06f);
  const branch = decode(0x00b5_0463);
  expect(jump === null ? '' : disassemble(jump)).toBe('jal zero,.-4');
  expect(branch === null ? '' : disassemble(branch)).toBe('beq a0,a1,.+8');
});
