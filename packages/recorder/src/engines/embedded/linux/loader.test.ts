/** Programs that load, and files that are refused: never a crash, never a wild allocation. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile, temporaryFolder } from '../../../../../../tests/guests/build.ts';
import { needsAll } from '../../../../../../tests/require.ts';
import { BacktrailError } from '../../../errors.ts';
import { PERM } from '../core/layout.ts';
import { GuestMemory } from '../core/memory.ts';
import { buildProgram, type FixtureSegment } from '../plain/elf.fixture.ts';
import { PAGE_BYTES } from './abi.ts';
import { COMPILER, runQemu, statusOf } from './guests.fixture.ts';
import { loadProgram, PIE_BASE } from './loader.ts';
import { Mappings } from './mappings.ts';
import { runProgram } from './run.fixture.ts';

const folder = temporaryFolder('linux-loader');
const file = path.join(folder, 'program');
const END = 0x80_0000;
const memory = new GuestMemory({ guestBase: 0x200_0000, guestLimit: 0x100_0000 });
const LIMITS = { low: 0x1_0000, top: END, end: END, bytesMax: 0x40_0000 };

function load(bytes: Uint8Array) {
  memory.perms.fill(0);
  writeFileSync(file, bytes);
  const mappings = new Mappings(memory, LIMITS);
  return { ...loadProgram(mappings, file, '/program'), mappings };
}

function refusal(bytes: Uint8Array): string {
  try {
    load(bytes);
    return 'loaded';
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    return error.message.replace(file, 'FILE');
  }
}

const text: FixtureSegment = { address: 0x1_0000, bytes: Buffer.alloc(0x123, 0x13), flags: 5 };
const data: FixtureSegment = {
  address: 0x1_1123,
  bytes: Buffer.alloc(0x200, 7),
  memoryBytes: 0x3000,
  flags: 6,
};
/** Offset of a field in the program header at a place. */
const header = (place: number, field: number): number => 64 + 56 * place + field;

function changed(at: number, value: bigint, bytes: 2 | 4 | 8 = 8): Buffer {
  const program = buildProgram(0x1_0000, [text, data]);
  if (bytes === 8) program.writeBigUInt64LE(value, at);
  else program.writeUIntLE(Number(value), at, bytes);
  return program;
}

describe('loader', () => {
  test('segments, their permissions, zeros behind them, and what the kernel tells of them', () => {
    const program = load(buildProgram(0x1_0004, [text, data]));
    expect(program).toMatchObject({ entry: 0x1_0004, headerCount: 2, end: 0x1_5000 });
    const perms = [0x10, 0x11, 0x12, 0x13, 0x14, 0x15].map((page) => memory.perms[page]);
    const readOnly = PERM.mapped | PERM.read | PERM.execute;
    const writable = PERM.mapped | PERM.read | PERM.write;
    expect(perms).toEqual([readOnly, writable, writable, writable, writable, 0]);
    expect(memory.raw(0x1_1123, 0x200).every((byte) => byte === 7)).toBe(true);
    expect(memory.raw(0x1_1323, 0x2e00).every((byte) => byte === 0)).toBe(true);
    expect(program.marks).toEqual([
      { kind: 'map', address: 0x1_0000n, size: 0x1000n, code: 0x1000n, detail: file },
      { kind: 'map', address: 0x1_1000n, size: 0x1000n, code: 0x1000n, detail: file },
    ]);
    expect(program.mappings.accessibleBytes).toBe(5 * PAGE_BYTES);
  });

  test('two segments may share a page of the file: the later permissions hold', () => {
    const shared = { ...data, address: 0x1_0200, memoryBytes: 0x200 };
    load(buildProgram(0x1_0000, [text, shared]));
    expect(memory.raw(0x1_0000, 1)[0]).toBe(0x13);
    expect(memory.raw(0x1_0200, 1)[0]).toBe(7);
    expect(memory.perms[0x10]).toBe(PERM.mapped | PERM.read | PERM.write);
  });

  const top = 0xffff_ffff_ffff_f000n;
  test.each([
    ['another machine', changed(18, 62n, 2), /^FILE: found a 64-bit little-endian program of ELF/],
    ['a 32-bit file', changed(4, 0x1_01n, 2), /^FILE: /],
    ['a relocatable file', changed(16, 1n, 2), /^FILE: type: found rel, expected exec or dyn/],
    ['no segments', changed(56, 0n, 2), /^FILE: loadable segments: found none/],
    ['a wild address', changed(header(0, 16), top), /^FILE: found a segment of 291 bytes at 0xff/],
    ['page 0', changed(header(0, 16), 0n), /expected all of them between 0x10000/],
    ['an address above', changed(header(1, 16), 0x7000_0123n), /^FILE: found a segment of/],
    ['a huge size', changed(header(1, 40), 1n << 62n), /^FILE: found a segment of 4611686018/],
    ['too much for the limit', changed(header(1, 40), 0x50_0000n), /^FILE: found a segment of 524/],
    ['less memory than file', changed(header(1, 40), 0x10n), /^FILE: segment: found 512 bytes/],
    ['an offset outside', changed(header(1, 8), 0x7fff_f123n), /^FILE: segment: found bytes 2147/],
    ['another place in a page', changed(header(1, 8), 0x100n), /^FILE: segment: found offset 256/],
    ['overlapping', changed(header(1, 16), 0x1_0123n - 0x1000n), /^FILE: segments: found one at/],
    ['an odd entry', changed(24, 0x1_0001n), /^FILE: entry: found 0x10001, expected an even/],
    ['an entry outside', changed(24, 0x9_0000n), /^FILE: entry: found 0x90000/],
    ['a dynamic program', changed(header(1, 0), 3n, 4), /Link it with -static, or use --engine q/],
    ['half a file', changed(24, 0x1_0000n).subarray(0, 1000), /^FILE: /],
  ])('refused: %s', (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });

  test('whatever bytes are changed: it loads or it is refused', () => {
    const program = buildProgram(0x1_0000, [text, data]);
    const change = fc.record({ at: fc.nat(64 + 2 * 56 - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(program);
        for (const { at, value } of changes) bytes[at] = value;
        expect(refusal(bytes)).toMatch(/^(?:loaded|FILE: .*\.)$/);
      }),
      { numRuns: 500 },
    );
  });

  test('random bytes are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(refusal(bytes)).toMatch(/^FILE: found .*, expected .*\./);
      }),
      { numRuns: 100 },
    );
  });
});

/** Prints where it is, relative to where it was linked to be, and whether data was loaded. */
const PIE = `
  .globl _start
_start:
  lla a0, _start
  li a1, ${PIE_BASE}
  sub a0, a0, a1
  srli a0, a0, 12
  snez a0, a0
  lw a1, value
  add a0, a0, a1
  li a7, 93
  ecall
  .data
value: .word 42
`;

const need = needsAll('qemu-riscv64', COMPILER);

describe.skipIf(need.missing)(`position-independent programs${need.note}`, () => {
  test('go to a fixed place', () => {
    const source = path.join(folder, 'pie.s');
    const program = path.join(folder, 'pie');
    writeFileSync(source, PIE);
    const pie = ['-static', '-Wl,-pie', '-Wl,--no-dynamic-linker'];
    compile(COMPILER, [...pie, '-nostdlib', '-o', program, source]);
    const run = runProgram(program);
    expect(run.end).toEqual({ how: 'exit', status: 42 });
    expect(run.witness.marks[0]).toMatchObject({ kind: 'map', address: BigInt(PIE_BASE) });
    // QEMU loads it elsewhere.
    expect(runQemu(need.path, program, []).status).toBe(statusOf(run.end) + 1);
  });
});
