/** Which files are bare-metal programs, and what the loader does with those that are damaged. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BARE_GUESTS, bareGuest } from '../../../../../../tests/guests/bare/build.ts';
import { temporaryFolder } from '../../../../../../tests/guests/build.ts';
import { buildElf } from '../../../elf/elf.fixture.ts';
import { BacktrailError } from '../../../errors.ts';
import { looksBare, readBareProgram } from './loader.ts';
import { guestLimitOf, RAM_START } from './map.ts';

const SEED = 20_260_804;
const EM_RISCV = 243;
const EXEC = 2;
const RAM_END = RAM_START + (1 << 20);
const folder = temporaryFolder('loader');
const file = path.join(folder, 'program');

/** What is placed where: file bytes by address. */
function placed(program: string): Map<number, number> {
  const sizes = new Map<number, number>();
  readBareProgram(program).place(RAM_START, RAM_END, (address, bytes) => {
    sizes.set(address, bytes);
    return new Uint8Array(bytes);
  });
  return sizes;
}

function fixture(options: Parameters<typeof buildElf>[0]): string {
  writeFileSync(
    file,
    buildElf({ machine: EM_RISCV, type: EXEC, base: BigInt(RAM_START), ...options }),
  );
  return file;
}

/** Changes the bytes of a sample. */
function patched(
  ...patches: readonly (readonly [at: number, value: bigint, bytes: 2 | 8])[]
): string {
  const bytes = readFileSync(bareGuest('panic'));
  for (const [at, value, width] of patches) {
    if (width === 8) bytes.writeBigUInt64LE(value, at);
    else bytes.writeUInt16LE(Number(value), at);
  }
  writeFileSync(file, bytes);
  return file;
}

/** Program headers of the samples: RISC-V attributes, code, data. */
const HEADER = { type: 16, entry: 24, code: 64 + 56, data: 64 + 2 * 56 } as const;
const SEGMENT = { offset: 8, vaddr: 16, paddr: 24, fileSize: 32, memSize: 40 } as const;

describe('bare-metal programs', () => {
  test('the samples are, whatever their place in the list', () => {
    for (const name of BARE_GUESTS) expect(looksBare(bareGuest(name))).toBe(true);
  });

  test.each([
    ['for Linux', { base: 0x1_0000n }, false],
    ['with a dynamic linker', { interpreter: '/lib/ld.so' }, false],
    ['position-independent', { type: 3 }, false],
    ['of another machine', { machine: 62 }, false],
    ['for RV32', { class: 32 as const, base: 0x8000_0000n }, false],
  ])('one %s', (_what, options, isBare) => {
    expect(looksBare(fixture(options))).toBe(isBare);
  });

  test('segments go to their physical addresses, and the entry with them', () => {
    const { entry, maps } = readBareProgram(bareGuest('panic'));
    expect(entry).toBe(BigInt(RAM_START));
    expect(maps.map(({ address }) => address)).toEqual([BigInt(RAM_START), 0x8000_1000n]);
    const moved = patched(
      [HEADER.entry, 0xffff_ffff_8000_0004n, 8],
      [HEADER.code + SEGMENT.vaddr, 0xffff_ffff_8000_0000n, 8],
      [HEADER.code + SEGMENT.paddr, 0x8001_0000n, 8],
    );
    expect(readBareProgram(moved).entry).toBe(0x8001_0004n);
    expect([...placed(moved).keys()]).toEqual([0x8001_0000, 0x8000_1000]);
    expect(looksBare(moved)).toBe(true);
  });

  test('headers of the file may lie below RAM, as linkers put them for -Ttext', () => {
    // The fixture's first segment is its headers, the code is 0x2000 behind.
    const headers = fixture({ base: BigInt(RAM_START) - 0x100n });
    const bytes = readFileSync(headers);
    bytes.writeBigUInt64LE(BigInt(RAM_START), HEADER.entry);
    writeFileSync(headers, bytes);
    expect(looksBare(headers)).toBe(true);
    const places = [...placed(headers)];
    expect(places[0]?.[0]).toBe(RAM_START);
    expect(places.every(([address, size]) => address >= RAM_START && size > 0)).toBe(true);
  });

  test('the symbol tohost is found though it has no type', () => {
    const symtab = [
      { name: 'tohos', value: 1n },
      { name: 'tohost', value: 0x8000_5040n, type: 0, section: 7 },
      { name: 'tohostess', value: 2n },
    ];
    expect(readBareProgram(fixture({ symtab })).tohost).toBe(0x8000_5040n);
    expect(readBareProgram(fixture({ symtab: symtab.slice(2) })).tohost).toBeNull();
    expect(readBareProgram(bareGuest('panic')).tohost).toBeNull();
  });

  const damages: readonly (readonly [string, () => string, RegExp])[] = [
    ['for x86-64', () => fixture({ machine: 62 }), /found machine 62, .*Build it for RV64/],
    ['position-independent', () => fixture({ type: 3 }), /type: found dyn, expected exec/],
    [
      'placed below RAM',
      () => patched([HEADER.code + SEGMENT.paddr, 0x1000n, 8]),
      /segment: found 0x1000 to .* expected addresses in RAM, 0x80000000 to 0x80100000/,
    ],
    [
      'larger than RAM',
      () => patched([HEADER.data + SEGMENT.memSize, 1n << 40n, 8]),
      /segment: found 0x80001000 to 0x10080001000, expected addresses in RAM/,
    ],
    [
      'over the end of addresses',
      () => patched([HEADER.data + SEGMENT.paddr, ~0n & ((1n << 64n) - 1n), 8]),
      /segment: found 0xffffffffffffffff to/,
    ],
    [
      'with more in the file than in memory',
      () => patched([HEADER.data + SEGMENT.memSize, 1n, 8]),
      /segment: found \d+ bytes in the file, expected at most 1/,
    ],
    [
      'with a segment outside of the file',
      () => patched([HEADER.data + SEGMENT.offset, 1n << 40n, 8]),
      /segment: found bytes .* expected an end within the file/,
    ],
    [
      'without segments',
      () => patched([56, 1n, 2]),
      /found nothing to load, expected a PT_LOAD segment/,
    ],
  ];
  test.each(damages)('one %s is refused', (_what, build, message) => {
    expect(() => placed(build())).toThrow(message);
  });

  test('damage anywhere is refused or does no harm', () => {
    const whole = readFileSync(bareGuest('panic'));
    const cut = fc.record({ length: fc.nat(whole.length), flips: fc.constant([]) });
    const flip = fc.tuple(
      fc.oneof(fc.nat(400), fc.nat(whole.length - 1)),
      fc.integer({ min: 1, max: 255 }),
    );
    const flipped = fc.record({
      length: fc.constant(whole.length),
      flips: fc.array(flip, { minLength: 1, maxLength: 4 }),
    });
    const property = fc.property(fc.oneof(cut, flipped), ({ length, flips }) => {
      const bytes = Buffer.from(whole.subarray(0, length));
      for (const [at, bits] of flips) bytes[at] = (bytes[at] ?? 0) ^ bits;
      writeFileSync(file, bytes);
      for (const read of [placed, looksBare]) {
        try {
          read(file);
        } catch (error) {
          expect(error).toBeInstanceOf(BacktrailError);
        }
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 400 });
  });
});

describe('the size of RAM', () => {
  test.each([0, -65_536, 1000, 65_537, 2 ** 31, Number.NaN, 1e300])('%d is refused', (bytes) => {
    expect(() => guestLimitOf(bytes)).toThrow(/bytes of RAM, expected a multiple of 65536/);
  });

  test.each([65_536, 128 << 20, 0x7000_0000])('%d is taken', (bytes) => {
    expect(guestLimitOf(bytes)).toBe(0x8000_0000 + bytes);
  });
});
