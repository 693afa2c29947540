/**
 * Small ELF files for tests, of either class and byte order, since no machine has compilers for
 * all. File offsets, and addresses from the base:
 *
 *   0x0000  headers, .interp, note, dynamic symbols   at + 0x0000   r
 *   0x1000  .text, 0x400 bytes                        at + 0x2000   r x
 *   0x2000  .data, 0x100 bytes                        at + 0x5000   rw, 0x3000 bytes in memory
 *   0x2100  .symtab .strtab .shstrtab, section headers
 */
import type { ElfClass, Endian } from './machines.ts';

export interface FixtureSymbol {
  readonly name: string;
  readonly value: bigint;
  readonly size?: bigint;
  /** STT_*; default 2, a function. */
  readonly type?: number;
  /** Section number or SHN_*; default that of .text. */
  readonly section?: number;
}

export interface Fixture {
  readonly class?: ElfClass;
  readonly endian?: Endian;
  readonly machine?: number;
  readonly flags?: number;
  /** ET_*; default 3, a shared object. */
  readonly type?: number;
  readonly base?: bigint;
  readonly interpreter?: string;
  /** Hex. */
  readonly buildId?: string;
  readonly symtab?: readonly FixtureSymbol[];
  readonly dynsym?: readonly FixtureSymbol[];
  readonly hash?: 'gnu' | 'sysv';
  /** False: as after sstrip. */
  readonly withSections?: boolean;
}

export const FIXTURE = { text: 6, data: 7, textAddress: 0x2000n, dataAddress: 0x5000n } as const;

const TEXT_OFFSET = 0x1000;
const DATA_OFFSET = 0x2000;
const TAIL_OFFSET = 0x2100;

type Value = readonly [bytes: 1 | 2 | 4 | 'word', value: number | bigint];

/** Encodes numbers of one class and byte order. */
class Encoder {
  readonly word: 4 | 8;
  readonly #isLittle: boolean;

  constructor(elfClass: ElfClass, endian: Endian) {
    this.word = elfClass === 64 ? 8 : 4;
    this.#isLittle = endian === 'little';
  }

  encode(...values: readonly Value[]): Buffer {
    const parts = values.map(([bytes, value]) => {
      const view = new DataView(new ArrayBuffer(bytes === 'word' ? this.word : bytes));
      if (view.byteLength === 8) view.setBigUint64(0, BigInt(value), this.#isLittle);
      else if (view.byteLength === 4) view.setUint32(0, Number(value), this.#isLittle);
      else if (view.byteLength === 2) view.setUint16(0, Number(value), this.#isLittle);
      else view.setUint8(0, Number(value));
      return Buffer.from(view.buffer);
    });
    return Buffer.concat(parts);
  }

  symbols(symbols: readonly FixtureSymbol[]): { table: Buffer; names: Buffer } {
    let names = '\0';
    const rows = symbols.map((symbol) => {
      const at = symbol.name === '' ? 0 : names.length;
      if (at !== 0) names += `${symbol.name}\0`;
      const { value, size = 0n, type = 2, section = FIXTURE.text } = symbol;
      return this.word === 8
        ? this.encode(
            [4, at],
            [1, 0x10 + type],
            [1, 0],
            [2, section],
            ['word', value],
            ['word', size],
          )
        : this.encode(
            [4, at],
            ['word', value],
            ['word', size],
            [1, 0x10 + type],
            [1, 0],
            [2, section],
          );
    });
    const first = Buffer.alloc(this.word === 8 ? 24 : 16);
    return { table: Buffer.concat([first, ...rows]), names: Buffer.from(names, 'latin1') };
  }

  segment(type: number, flags: number, offset: number, at: bigint, file: number, memory: number) {
    const place: Value[] = [
      ['word', offset],
      ['word', at],
      ['word', at],
      ['word', file],
    ];
    return this.word === 8
      ? this.encode([4, type], [4, flags], ...place, ['word', memory], ['word', 0x1000])
      : this.encode([4, type], ...place, ['word', memory], [4, flags], ['word', 0x1000]);
  }

  section(
    name: number,
    type: number,
    flags: number,
    at: bigint,
    offset: number,
    size: number,
    link = 0,
    entry = 0,
  ): Buffer {
    const place: Value[] = [
      ['word', flags],
      ['word', at],
      ['word', offset],
      ['word', size],
    ];
    return this.encode(
      [4, name],
      [4, type],
      ...place,
      [4, link],
      [4, 0],
      ['word', 1],
      ['word', entry],
    );
  }
}

/** The one bucket chains all symbols; the bloom filter lets all pass. */
function hashTable(to: Encoder, kind: 'gnu' | 'sysv', count: number): Buffer {
  if (kind === 'sysv') {
    const chains = Array.from({ length: count }, (): Value => [4, 0]);
    return to.encode([4, 1], [4, count], [4, 0], ...chains);
  }
  const chains = Array.from({ length: count - 1 }, (_, i): Value => [4, i === count - 2 ? 1 : 2]);
  const bloom: Value = ['word', to.word === 8 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffff];
  return to.encode([4, 1], [4, 1], [4, 1], [4, 0], bloom, [4, count > 1 ? 1 : 0], ...chains);
}

/** Places buffers one after another, 8-byte aligned. */
class Placer {
  at: number;
  readonly #image: Buffer;

  constructor(image: Buffer, at: number) {
    this.#image = image;
    this.at = at;
  }

  put(content: Buffer): number {
    const at = Math.ceil(this.at / 8) * 8;
    content.copy(this.#image, at);
    this.at = at + content.length;
    return at;
  }
}

const SECTION_NAMES = [
  '',
  '.interp',
  '.note.gnu.build-id',
  '.dynsym',
  '.dynstr',
  '.dynamic',
  '.text',
  '.data',
  '.symtab',
  '.strtab',
  '.shstrtab',
];

/** A part of the file: where it lies, what is in it. */
interface Part {
  readonly at: number;
  readonly content: Buffer;
}

class Builder {
  readonly fixture: Fixture;
  readonly to: Encoder;
  readonly is64: boolean;
  readonly base: bigint;
  readonly image: Buffer;
  readonly headEnd: number;
  readonly #tail: Placer;
  readonly #parts = new Map<string, Part>();

  constructor(fixture: Fixture) {
    this.fixture = fixture;
    this.to = new Encoder(fixture.class ?? 64, fixture.endian ?? 'little');
    this.is64 = this.to.word === 8;
    this.base = fixture.base ?? 0n;
    const dynsym = this.to.symbols(fixture.dynsym ?? []);
    const symtab = this.to.symbols(fixture.symtab ?? []);
    this.image = Buffer.alloc(TAIL_OFFSET + symtab.table.length + symtab.names.length + 2048);
    const head = new Placer(this.image, this.is64 ? 64 + 6 * 56 : 52 + 6 * 32);
    this.#place(head, '.interp', Buffer.from(`${fixture.interpreter ?? ''}\0`, 'latin1'));
    const id = Buffer.from(fixture.buildId ?? '', 'hex');
    const note = this.to.encode([4, 4], [4, id.length], [4, 3], [4, 0]);
    note.write('GNU\0', 12, 'latin1');
    this.#place(head, '.note.gnu.build-id', Buffer.concat([note, id]));
    this.#place(head, '.dynsym', dynsym.table);
    this.#place(head, '.dynstr', dynsym.names);
    const kind = fixture.hash ?? 'gnu';
    const count = dynsym.table.length / (this.is64 ? 24 : 16);
    this.#place(head, 'hash', hashTable(this.to, kind, count));
    this.#place(head, '.dynamic', this.#dynamic(kind, dynsym.names.length));
    this.headEnd = head.at;
    if (head.at > TEXT_OFFSET) throw new Error('fixture: too many dynamic symbols');
    this.#tail = new Placer(this.image, TAIL_OFFSET);
    this.#place(this.#tail, '.symtab', symtab.table);
    this.#place(this.#tail, '.strtab', symtab.names);
    const names = Buffer.from(`${SECTION_NAMES.join('\0')}\0`, 'latin1');
    this.#place(this.#tail, '.shstrtab', names);
  }

  build(): Buffer {
    const sections = this.#sections();
    const sectionsAt = this.#tail.put(Buffer.concat(sections));
    const hasSections = this.fixture.withSections ?? true;
    const header = this.#header(hasSections ? sectionsAt : 0, hasSections ? sections.length : 0);
    header.copy(this.image, 0);
    Buffer.concat(this.#segments()).copy(this.image, header.length);
    return Buffer.from(this.image.subarray(0, hasSections ? this.#tail.at : TAIL_OFFSET));
  }

  #place(placer: Placer, name: string, content: Buffer): void {
    this.#parts.set(name, { at: placer.put(content), content });
  }

  #part(name: string): Part {
    const part = this.#parts.get(name);
    if (part === undefined) throw new Error(`fixture: no ${name} yet`);
    return part;
  }

  #address(name: string): bigint {
    return this.base + BigInt(this.#part(name).at);
  }

  #dynamic(hash: 'gnu' | 'sysv', namesBytes: number): Buffer {
    const entry = (tag: number, value: number | bigint): Value[] => [
      ['word', tag],
      ['word', value],
    ];
    return this.to.encode(
      ...entry(hash === 'gnu' ? 0x6ffffef5 : 4, this.#address('hash')),
      ...entry(5, this.#address('.dynstr')),
      ...entry(6, this.#address('.dynsym')),
      ...entry(10, namesBytes),
      ...entry(0, 0),
    );
  }

  #segments(): Buffer[] {
    const { to, base, fixture } = this;
    const part = (type: number, name: string, isThere: boolean): Buffer => {
      if (!isThere) return to.segment(0, 0, 0, 0n, 0, 0);
      const { at, content } = this.#part(name);
      return to.segment(type, 4, at, this.#address(name), content.length, content.length);
    };
    return [
      to.segment(1, 4, 0, base, this.headEnd, this.headEnd),
      to.segment(1, 5, TEXT_OFFSET, base + FIXTURE.textAddress, 0x400, 0x400),
      to.segment(1, 6, DATA_OFFSET, base + FIXTURE.dataAddress, 0x100, 0x3000),
      part(2, '.dynamic', true),
      part(3, '.interp', fixture.interpreter !== undefined),
      part(4, '.note.gnu.build-id', fixture.buildId !== undefined),
    ];
  }

  #sections(): Buffer[] {
    const { to, base, fixture } = this;
    const names = this.#part('.shstrtab').content;
    const nameAt = (name: string): number => names.indexOf(`${name}\0`);
    const part = (name: string, type: number, flags: number, link = 0, entry = 0): Buffer => {
      const { at, content } = this.#part(name);
      const address = (flags & 2) === 0 ? 0n : this.#address(name);
      return to.section(nameAt(name), type, flags, address, at, content.length, link, entry);
    };
    const symbolBytes = this.is64 ? 24 : 16;
    const textAt = base + FIXTURE.textAddress;
    const dataAt = base + FIXTURE.dataAddress;
    return [
      to.section(0, 0, 0, 0n, 0, 0),
      part('.interp', 1, 2),
      part('.note.gnu.build-id', fixture.buildId === undefined ? 1 : 7, 2),
      part('.dynsym', 11, 2, 4, symbolBytes),
      part('.dynstr', 3, 2),
      part('.dynamic', 6, 3, 4, 2 * to.word),
      to.section(nameAt('.text'), 1, 6, textAt, TEXT_OFFSET, 0x400),
      to.section(nameAt('.data'), 1, 3, dataAt, DATA_OFFSET, 0x100),
      part('.symtab', fixture.symtab === undefined ? 1 : 2, 0, 9, symbolBytes),
      part('.strtab', 3, 0),
      part('.shstrtab', 3, 0),
    ];
  }

  #header(sectionsAt: number, sectionCount: number): Buffer {
    const { fixture, is64 } = this;
    const bytes = is64 ? 64 : 52;
    const identity = Buffer.alloc(16);
    const data = (fixture.endian ?? 'little') === 'little' ? 1 : 2;
    identity.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, data, 1]);
    const kind: Value[] = [
      [2, fixture.type ?? 3],
      [2, fixture.machine ?? 62],
      [4, 1],
    ];
    const places: Value[] = [
      ['word', this.base + FIXTURE.textAddress],
      ['word', bytes],
      ['word', sectionsAt],
    ];
    const sizes: Value[] = [
      [4, fixture.flags ?? 0],
      [2, bytes],
      ...([
        [2, is64 ? 56 : 32],
        [2, 6],
      ] as const),
      ...([
        [2, is64 ? 64 : 40],
        [2, sectionCount],
      ] as const),
      [2, sectionCount === 0 ? 0 : sectionCount - 1],
    ];
    return Buffer.concat([identity, this.to.encode(...kind, ...places, ...sizes)]);
  }
}

export function buildElf(fixture: Fixture): Buffer {
  return new Builder(fixture).build();
}
