/**
 * Reads DWARF bytes in order. Every read is held against the end of its piece: what runs past it is
 * damage, thrown as DwarfDamage, and ends the unit it is in, never the program.
 *
 * Addresses become plain numbers: bytes from an origin, the lowest address of the module's code. A
 * kernel's addresses lie beyond 2^53, distances between them do not.
 */
import type { Bytes } from '../file.ts';

/** What a file says cannot be; the message has found and expected. */
export class DwarfDamage extends Error {}

/**
 * Steps that reading one file may take. Parts of a hostile file name each other, so that reading
 * it as told could take the square of its size; honest files stay near it.
 */
export class Budget {
  #left: number;

  constructor(steps: number) {
    this.#left = steps;
  }

  /** @throws DwarfDamage once more was spent than there was. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left >= 0) return;
    throw new DwarfDamage('found parts that are read again and again, expected about once');
  }
}

/** What sizes and addresses of one unit mean. */
export interface Encoding {
  readonly isLittle: boolean;
  /** 4 or 8. */
  readonly addressBytes: number;
  /** Of offsets into other sections: 4, or 8 in the 64-bit format. */
  readonly offsetBytes: number;
}

/** An address that others are counted from, as two halves. */
export interface Origin {
  readonly high: number;
  readonly low: number;
}

const WORD = 0x1_0000_0000;

export class Cursor {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;
  readonly isLittle: boolean;
  readonly #view: DataView;

  constructor({ bytes, view }: Bytes, isLittle: boolean, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#view = view;
    this.isLittle = isLittle;
    this.at = at;
    this.end = Math.min(end, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  /** Another cursor over the same bytes. */
  from(at: number): Cursor {
    return new Cursor({ bytes: this.bytes, view: this.#view }, this.isLittle, at, this.end);
  }

  /** Moves over `count` bytes and returns where they begin. */
  skip(count: number): number {
    const from = this.at;
    if (!(count >= 0 && from + count <= this.end)) {
      const room = this.end - from;
      throw new DwarfDamage(`found ${count} bytes to read at ${from}, expected at most ${room}`);
    }
    this.at = from + count;
    return from;
  }

  u8(): number {
    return this.#view.getUint8(this.skip(1));
  }

  i8(): number {
    return this.#view.getInt8(this.skip(1));
  }

  u16(): number {
    return this.#view.getUint16(this.skip(2), this.isLittle);
  }

  u24(): number {
    const from = this.skip(3);
    const [first, last] = this.isLittle ? [from, from + 2] : [from + 2, from];
    const view = this.#view;
    return view.getUint8(first) + view.getUint8(from + 1) * 256 + view.getUint8(last) * 65_536;
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), this.isLittle);
  }

  /** Loses low bits over 2^53: no offset or size is that large. */
  u64(): number {
    const from = this.skip(8);
    const first = this.#view.getUint32(from, this.isLittle);
    const second = this.#view.getUint32(from + 4, this.isLittle);
    return this.isLittle ? second * WORD + first : first * WORD + second;
  }

  /** A number of 1, 2, 3, 4 or 8 bytes. */
  unsigned(bytes: number): number {
    switch (bytes) {
      case 1:
        return this.u8();
      case 2:
        return this.u16();
      case 3:
        return this.u24();
      case 4:
        return this.u32();
      case 8:
        return this.u64();
      default:
        throw new DwarfDamage(`found a number of ${bytes} bytes, expected 1, 2, 3, 4 or 8`);
    }
  }

  /** An address, as bytes from `origin`; exact while that is below 2^53. */
  address(bytes: number, { high, low }: Origin): number {
    if (bytes === 4) return this.u32() - low - high * WORD;
    const from = this.skip(8);
    const first = this.#view.getUint32(from, this.isLittle);
    const second = this.#view.getUint32(from + 4, this.isLittle);
    const [upper, lower] = this.isLittle ? [second, first] : [first, second];
    return (upper - high) * WORD + (lower - low);
  }

  /** True if the next address has all bits set; does not move. */
  isLastAddress(bytes: number): boolean {
    for (let i = 0; i < bytes; i++) if (this.bytes[this.at + i] !== 0xff) return false;
    return true;
  }

  uleb(): number {
    let byte = this.u8();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 128;
    do {
      byte = this.u8();
      // Padding after what counts; zeros times infinity would be no number.
      if ((byte & 0x7f) !== 0) value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80);
    return value;
  }

  sleb(): number {
    let value = 0;
    let scale = 1;
    let byte = 0;
    do {
      byte = this.u8();
      if ((byte & 0x7f) !== 0) value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80);
    return (byte & 0x40) !== 0 ? value - scale : value;
  }

  skipLeb(): void {
    while (this.u8() >= 0x80);
  }

  /** Moves past a NUL-terminated text and returns it. */
  text(): string {
    const from = this.at;
    const to = this.#textEnd();
    this.at = to + 1;
    return this.bytes.toString('utf8', from, to);
  }

  skipText(): void {
    this.at = this.#textEnd() + 1;
  }

  #textEnd(): number {
    const to = this.bytes.indexOf(0, this.at);
    if (to >= 0 && to < this.end) return to;
    throw new DwarfDamage(`found a text at ${this.at} without an end, expected a NUL`);
  }
}
