/** Bytes of any byte order and class, and small ELF files around given sections. */

export interface DwarfKind {
  readonly version: 2 | 3 | 4 | 5;
  readonly is64: boolean;
  readonly isLittle: boolean;
  /** 64-bit DWARF: offsets of 8 bytes. */
  readonly isLong: boolean;
  /** Lowest address of the code; 0x1000 if left out. */
  readonly base?: bigint;
}

/** Bytes of one byte order and class. */
export class Out {
  readonly bytes: number[] = [];
  readonly kind: DwarfKind;

  constructor(kind: DwarfKind) {
    this.kind = kind;
  }

  get size(): number {
    return this.bytes.length;
  }

  number(size: number, value: number | bigint): this {
    const digits = Array.from({ length: size }, (_, i) =>
      Number((BigInt(value) >> BigInt(8 * i)) & 0xffn),
    );
    this.bytes.push(...(this.kind.isLittle ? digits : digits.reverse()));
    return this;
  }

  u8(...values: readonly number[]): this {
    // One at a time: what is spread goes over the stack, and some parts are large.
    for (const value of values) this.bytes.push(value & 0xff);
    return this;
  }

  /** A length, offset or reference between sections. */
  offset(value: number): this {
    return this.number(this.kind.isLong ? 8 : 4, value);
  }

  address(value: bigint): this {
    return this.number(this.kind.is64 ? 8 : 4, value);
  }

  uleb(value: number): this {
    let left = value;
    for (; left >= 128; left = Math.floor(left / 128)) this.u8((left % 128) + 128);
    return this.u8(left);
  }

  text(value: string): this {
    return this.u8(...Buffer.from(value), 0);
  }

  add(part: Out): this {
    for (const byte of part.bytes) this.bytes.push(byte);
    return this;
  }

  /** `content` after its length, as units, line tables and lists of DWARF 5 begin. */
  sized(content: Out): this {
    if (this.kind.isLong) this.number(4, 0xffff_ffff);
    return this.offset(content.size).add(content);
  }
}

/** Texts at offsets, each once. */
export class Pool {
  readonly out: Out;
  readonly #at = new Map<string, number>();

  constructor(kind: DwarfKind) {
    this.out = new Out(kind);
  }

  offset(text: string): number {
    const known = this.#at.get(text);
    if (known !== undefined) return known;
    const at = this.out.size;
    this.#at.set(text, at);
    this.out.text(text);
    return at;
  }
}

export type Sections = Record<string, Buffer>;

/** An executable of .text, 0x40 bytes at the base, and the given sections. */
export function elfWith(kind: DwarfKind, sections: Sections): Buffer {
  const { is64 } = kind;
  const base = kind.base ?? 0x1000n;
  const names = new Pool(kind);
  names.offset('');
  const [headBytes, programBytes] = is64 ? [64, 56] : [52, 32];
  const body = new Out(kind);
  const table: (readonly [name: string, type: number, flags: number, at: number, size: number])[] =
    [['', 0, 0, 0, 0]];
  const place = (name: string, type: number, flags: number, bytes: Uint8Array): void => {
    table.push([name, type, flags, headBytes + programBytes + body.size, bytes.length]);
    for (const byte of bytes) body.bytes.push(byte);
  };
  place('.text', 1, 6, new Uint8Array(0x40));
  for (const [name, bytes] of Object.entries(sections)) {
    place(name, name.startsWith('.note') ? 7 : 1, 0, bytes);
  }
  for (const [name] of table) names.offset(name);
  names.offset('.shstrtab');
  place('.shstrtab', 3, 0, Uint8Array.from(names.out.bytes));
  const sectionsAt = headBytes + programBytes + body.size;
  const out = new Out(kind).u8(0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, kind.isLittle ? 1 : 2, 1);
  out.u8(...new Uint8Array(9));
  const machine = is64 ? (kind.isLittle ? 62 : 21) : kind.isLittle ? 3 : 20;
  out.number(2, 2).number(2, machine).number(4, 1);
  out.address(base).address(BigInt(headBytes)).address(BigInt(sectionsAt));
  out.number(4, 0).number(2, headBytes).number(2, programBytes).number(2, 1);
  out
    .number(2, is64 ? 64 : 40)
    .number(2, table.length)
    .number(2, table.length - 1);
  const textAt = BigInt(headBytes + programBytes);
  if (is64) out.number(4, 1).number(4, 5).address(textAt).address(base).address(base);
  else out.number(4, 1).address(textAt).address(base).address(base);
  out.address(0x40n).address(0x40n);
  if (!is64) out.number(4, 5);
  out.address(4n).add(body);
  for (const [name, type, flags, at, size] of table) {
    out.number(4, names.offset(name)).number(4, type).address(BigInt(flags));
    out
      .address(name === '.text' ? base : 0n)
      .address(BigInt(at))
      .address(BigInt(size));
    out.number(4, 0).number(4, 0).address(1n).address(0n);
  }
  return Buffer.from(out.bytes);
}
