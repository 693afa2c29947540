/** Files made by hand: what no compiler here makes, and what none ever would. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { deflateSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { needs } from '../../../../../tests/require.ts';
import { BacktrailError } from '../../errors.ts';
import { withBytes, withFolder } from '../readelf.fixture.ts';
import { dwarfSections } from './dwarf.fixture.ts';
import { type DwarfKind, elfWith, Out, type Sections } from './elf-with.fixture.ts';
import { allLines, llvmFrames, ownFrames } from './oracle.fixture.ts';
import { readSourceLines, type SourceLines } from './source-lines.ts';

const KINDS: readonly (DwarfKind & { readonly name: string })[] = [2, 3, 4, 5].flatMap((version) =>
  [true, false].flatMap((is64) =>
    [true, false].flatMap((isLittle) =>
      [true, false]
        // The 64-bit format came with version 3.
        .filter((isLong) => !isLong || version > 2)
        .map((isLong) => ({
          version: version as DwarfKind['version'],
          is64,
          isLittle,
          isLong,
          name: [
            `DWARF ${version}`,
            is64 ? '64 bit' : '32 bit',
            isLittle ? 'little' : 'big',
            isLong ? 'long' : 'short',
          ].join(', '),
        })),
    ),
  ),
);

describe.each(KINDS)('source lines made by hand: $name', (kind) => {
  const llvm = needs('llvm-symbolizer');
  const addresses = Array.from({ length: 0x44 }, (_, i) => 0x1000n + BigInt(i));

  test.skipIf(llvm.missing)(`as llvm-symbolizer has them${llvm.note}`, () => {
    withFolder((folder) => {
      const file = path.join(folder, 'a.out');
      writeFileSync(file, elfWith(kind, dwarfSections(kind)));
      const own = ownFrames(allLines(file), addresses);
      const theirs = llvmFrames(file, addresses).map((frames) =>
        frames.map((frame, i) => (i === frames.length - 1 ? { ...frame, name: '' } : frame)),
      );
      expect(own).toEqual(theirs);
      expect(own[0xc]?.map((frame) => frame.name)).toEqual(['_Z5innerv', 'outer', '']);
    });
  });
});

const KIND: DwarfKind = { version: 4, is64: true, isLittle: true, isLong: false };

const read = (sections: Sections, kind = KIND): SourceLines =>
  withBytes(elfWith(kind, sections), (file) => allLines(file).read);

test('source lines: a kernel at the top of the address space', () => {
  for (const version of [2, 3, 4, 5] as const) {
    const kind = { ...KIND, version, base: 0xffff_ffff_8100_1000n };
    withBytes(elfWith(kind, dwarfSections(kind)), (file) => {
      const addresses = [0xcn, 0x22n, 0x30n].map((at) => kind.base + at);
      const own = ownFrames(allLines(file), addresses).map((frames) => frames.map((f) => f.line));
      expect(own).toEqual(
        version === 2 ? [[152, 20, 10], [152], [156]] : [[152, 20, 10], [152, 10], [156]],
      );
    });
  }
});

describe('source lines: compressed sections', () => {
  const plain = dwarfSections(KIND);
  const packed = (pack: (bytes: Buffer) => Buffer): Sections =>
    Object.fromEntries(
      Object.entries(plain).map(([name, bytes]) => [
        name.replace('.debug', '.zdebug'),
        pack(bytes),
      ]),
    );
  const old =
    (size: bigint) =>
    (bytes: Buffer): Buffer => {
      const head = Buffer.alloc(12);
      head.write('ZLIB');
      head.writeBigUInt64BE(size < 0n ? BigInt(bytes.length) : size, 4);
      return Buffer.concat([head, deflateSync(bytes)]);
    };

  test('of the older kind', () => {
    expect(read(packed(old(-1n)))).toEqual(read(plain));
  });

  test.each([1n << 40n, 1n << 29n, 3n])('that claim %d bytes', (size) => {
    const { damage, lines } = read(packed(old(size)));
    expect(damage).toMatch(/^\.debug_\w+.*: found .*, expected .*/);
    expect(lines.count).toBe(0);
  });

  test('whose stream is cut off, or none', () => {
    const cut = packed((bytes) => old(-1n)(bytes).subarray(0, 20));
    expect(read(cut).damage).toMatch(/compressed: found .*, expected a whole stream/);
    expect(read(packed(() => Buffer.from('zlib'))).damage).toContain('expected ZLIB');
  });

  test.each([
    ['zlib', 1, deflateSync],
    ['zstd', 2, zstdCompressSync],
  ] as const)('by %s, as ELF has it', (_name, type, pack) => {
    const head = (size: number): Buffer => {
      const out = new Out(KIND).number(4, type).number(4, 0).number(8, size).number(8, 1);
      return Buffer.from(out.bytes);
    };
    const sections = Object.fromEntries(
      Object.entries(plain).map(([name, bytes]) => [
        name,
        Buffer.concat([head(bytes.length), pack(bytes)]),
      ]),
    );
    const elf = elfWith(KIND, sections);
    markCompressed(elf);
    expect(withBytes(elf, (file) => allLines(file).read)).toEqual(read(plain));
  });
});

/** Sets SHF_COMPRESSED of all sections from the third on, but for the last: names. */
function markCompressed(elf: Buffer): void {
  const at = Number(elf.readBigUInt64LE(40));
  const count = elf.readUInt16LE(60);
  for (let i = 2; i < count - 1; i++) elf.writeBigUInt64LE(0x800n, at + i * 64 + 8);
}

/** What must hold of any answer. */
function expectSane({ lines, inlines, paths }: SourceLines): void {
  const ends = new Map<number, number>();
  let covered = 0;
  for (let i = 0; i < lines.count; i++) {
    const [address = -1, size = 0] = [lines.address[i], lines.size[i]];
    expect(Number.isSafeInteger(address) && address >= covered && size >= 1).toBe(true);
    covered = address + size;
    expect(Number.isSafeInteger(covered)).toBe(true);
  }
  for (let i = 0; i < inlines.count; i++) {
    const [address = -1, size = 0, depth = 0] = [
      inlines.address[i],
      inlines.size[i],
      inlines.depth[i],
    ];
    expect(Number.isSafeInteger(address + size) && size >= 1).toBe(true);
    expect(address).toBeGreaterThanOrEqual(ends.get(depth) ?? 0);
    ends.set(depth, address + size);
  }
  for (const path of paths) expect(typeof path).toBe('string');
}

function expectSaneOrError(elf: Buffer): void {
  withBytes(elf, (file) => {
    const all = { first: [0], end: [Number.MAX_SAFE_INTEGER] };
    try {
      const found = readSourceLines(file, () => all, []);
      if (found !== null) expectSane(found);
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      expect(error.message).toMatch(/found .*, expected /);
    }
  });
}

test('source lines: whatever bytes are changed, an answer or an error', () => {
  const whole = KINDS.map((kind) => elfWith(kind, dwarfSections(kind)));
  fc.assert(
    fc.property(
      fc.nat({ max: KINDS.length - 1 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 6,
      }),
      (number, changes) => {
        const elf = Buffer.from(whole[number] ?? []);
        for (const [at, byte] of changes) elf[at % elf.length] = byte;
        expectSaneOrError(elf);
      },
    ),
    { numRuns: 600 },
  );
});

test('source lines: a section or a file that ends anywhere', () => {
  for (const kind of KINDS.filter((one) => one.isLittle && one.is64)) {
    const sections = dwarfSections(kind);
    for (const [name, bytes] of Object.entries(sections)) {
      for (let size = 0; size < bytes.length; size += 7) {
        if (size === 0 && /_(info|line)$/.test(name)) continue;
        expectSane(read({ ...sections, [name]: bytes.subarray(0, size) }, kind));
      }
    }
    const elf = elfWith(kind, sections);
    for (let size = 0; size < elf.length; size += 61) {
      expectSaneOrError(elf.subarray(0, size));
    }
  }
});

/** A unit of DWARF 4 with given abbreviations and entries; its first entry is at 11. */
function unitOf(abbreviations: Out, entries: Out): Sections {
  const content = new Out(KIND).number(2, 4).offset(0).u8(8).add(entries);
  const sections = dwarfSections(KIND);
  return {
    ...sections,
    '.debug_abbrev': Buffer.from(abbreviations.u8(0).bytes),
    '.debug_info': Buffer.from(new Out(KIND).sized(content).bytes),
  };
}

/** `dwz` puts what several files say into one: functions, and their names. */
describe('source lines: a debug file that leans on another', () => {
  const ID = '00112233445566778899aabbccddeeff00112233';
  const note = new Out(KIND).number(4, 4).number(4, 20).number(4, 3).text('GNU');
  const shared: Sections = {
    ...unitOf(
      new Out(KIND)
        .u8(1, 0x3c, 1, 0, 0)
        .u8(2, 0x2e, 0, 0x03, 0x08, 0, 0)
        .u8(3, 0x2e, 0, 0x03, 0x0e, 0, 0),
      // Entries at 12 and at 18.
      new Out(KIND).u8(1, 2).text('here').u8(3).offset(5).u8(0),
    ),
    '.debug_str': Buffer.from('zero\0there\0'),
    '.note.gnu.build-id': Buffer.concat([Buffer.from(note.bytes), Buffer.from(ID, 'hex')]),
  };
  const leaning = (id: string): Sections => ({
    ...unitOf(
      new Out(KIND)
        .u8(1, 0x11, 1, 0x10, 0x17, 0, 0)
        .u8(2, 0x1d, 0, 0x31)
        .uleb(0x1f20)
        .u8(0x11, 0x01, 0x12, 0x0b, 0, 0)
        .u8(3, 0x2e, 0, 0x03)
        .uleb(0x1f21)
        .u8(0, 0)
        .u8(4, 0x1d, 0, 0x31, 0x13, 0x11, 0x01, 0x12, 0x0b, 0, 0),
      new Out(KIND)
        .u8(1)
        .offset(0)
        .u8(3)
        .offset(0)
        .u8(2)
        .offset(12)
        .address(0x1000n)
        .u8(4, 2)
        .offset(18)
        .address(0x1004n)
        .u8(4, 4)
        .number(4, 16)
        .address(0x1008n)
        .u8(4, 0),
    ),
    '.gnu_debugaltlink': Buffer.concat([Buffer.from('shared.debug\0'), Buffer.from(id, 'hex')]),
  });

  test.each([
    ['that is there', ID, ['here', 'there', 'zero']],
    ['that is another', `ff${ID.slice(2)}`, ['', '', '']],
  ])('%s', (_what, id, names) => {
    withFolder((folder) => {
      const file = path.join(folder, 'a.out');
      writeFileSync(file, elfWith(KIND, leaning(id)));
      writeFileSync(path.join(folder, 'shared.debug'), elfWith(KIND, shared));
      const { read: found } = allLines(file);
      expect(found.damage).toBeNull();
      expect(found.inlines.name).toEqual(names);
    });
  });
});

describe('source lines: made to be read for ever', () => {
  const unit = (): Out => new Out(KIND).u8(1, 0x11, 1, 0x10, 0x17, 0, 0);

  test('a sibling that leads to itself', () => {
    const abbreviations = unit().u8(2, 0x2e, 1, 0x01, 0x13, 0x11, 0x01, 0x12, 0x0b, 0, 0);
    const entries = new Out(KIND).u8(1).offset(0);
    entries.u8(2).number(4, 16).address(0xffff_0000n).u8(4, 0, 0);
    expect(read(unitOf(abbreviations, entries)).damage).toBeNull();
  });

  test('functions that are each the origin of the other', () => {
    const abbreviations = unit().u8(2, 0x1d, 0, 0x31, 0x13, 0x11, 0x01, 0x12, 0x0b, 0, 0);
    const entries = new Out(KIND).u8(1).offset(0);
    entries.u8(2).number(4, 33).address(0x1000n).u8(4);
    entries.u8(2).number(4, 16).address(0x1004n).u8(4, 0);
    expect(read(unitOf(abbreviations, entries)).inlines.name).toEqual(['', '']);
  });

  test('entries nested without end', () => {
    const abbreviations = unit().u8(2, 0x0b, 1, 0, 0);
    const entries = new Out(KIND)
      .u8(1)
      .offset(0)
      .u8(...new Uint8Array(50_000).fill(2));
    expect(read(unitOf(abbreviations, entries)).damage).toContain('nested deeper');
  });

  test('thousands of entries with one long list of ranges', () => {
    const abbreviations = unit().u8(2, 0x1d, 0, 0x55, 0x17, 0, 0);
    const entries = new Out(KIND).u8(1).offset(0);
    for (let i = 0; i < 20_000; i++) entries.u8(2).offset(0);
    const ranges = new Out(KIND);
    for (let i = 0; i < 10_000; i++) ranges.address(0x1000n).address(0x1000n);
    ranges.address(0n).address(0n);
    const sections = unitOf(abbreviations, entries.u8(0));
    sections['.debug_ranges'] = Buffer.from(ranges.bytes);
    expect(read(sections).damage).toContain('again and again');
  });

  test('thousands of units with a long line table each, all of the same bytes', () => {
    const units = new Out(KIND);
    for (let i = 0; i < 20_000; i++) {
      units.sized(new Out(KIND).number(2, 4).offset(0).u8(8, 1).offset(i).u8(0));
    }
    const { '.debug_line': line = Buffer.alloc(0), ...sections } = dwarfSections(KIND);
    const abbreviations = Buffer.from(unit().u8(0).bytes);
    // Wherever a table begins, it is one of 1 MB.
    const head = Buffer.from(new Out(KIND).number(4, 1 << 20).number(2, 4).bytes);
    const long = Buffer.concat(Array.from({ length: 120_000 }, () => head));
    const found = read({
      ...sections,
      '.debug_abbrev': abbreviations,
      '.debug_info': Buffer.from(units.bytes),
      '.debug_line': Buffer.concat([line, long]),
    });
    expect(found.damage).toMatch(/, and \d+ more$/);
  });

  test('counts beyond everything', () => {
    const kind = { ...KIND, version: 5 } as const;
    const sections = dwarfSections(kind);
    const line = new Out(kind).number(2, 5).u8(8, 0).number(4, 40).u8(1, 1, 1, -3, 12, 1);
    line
      .u8(1)
      .uleb(1)
      .uleb(0x08)
      .uleb(2 ** 52);
    const huge = Buffer.from(new Out(kind).sized(line).bytes);
    expect(read({ ...sections, '.debug_line': huge }, kind).damage).toContain('expected at most');
  });
});
