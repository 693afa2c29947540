/**
 * Reads FlatBuffers tables (https://flatbuffers.dev/internals/) from bytes that may be damaged:
 * every access is checked against the end of the buffer, and every length before it is used.
 *
 *   table    i32 distance back to its vtable, then the fields
 *   vtable   u16 bytes of the vtable, u16 bytes of the table, u16 offset of each field or 0
 *   vector   u32 items, then the items;  string: a vector of bytes
 *   offset   u32, forward from where it stands
 */

/** What is wrong in the bytes of a file; files.ts adds the file's name and the remedy. */
export class Damage extends Error {
  override readonly name = 'Damage';
}

/** Text from a file in a message: one line, and not a long one. */
export function shown(text: string): string {
  const quoted = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  return quoted.replace(/[\u007f-\u009f\u2028\u2029]/g, '?');
}

export interface FlatVector {
  /** Offset of the first item. */
  readonly at: number;
  readonly items: number;
}

export class FlatTable {
  private readonly view: DataView;
  private readonly at: number;
  private readonly vtable: number;
  private readonly vtableBytes: number;

  constructor(view: DataView, at: number) {
    this.view = view;
    this.at = at;
    this.vtable = at - view.getInt32(at, true);
    this.vtableBytes = view.getUint16(this.vtable, true);
    if (this.vtableBytes < 4 || (this.vtableBytes & 1) !== 0) {
      throw new Damage(`found a vtable of ${this.vtableBytes} bytes`);
    }
  }

  /** Offset of a field, or 0 where it has its default. */
  private field(index: number): number {
    const entry = 4 + 2 * index;
    if (entry >= this.vtableBytes) return 0;
    const offset = this.view.getUint16(this.vtable + entry, true);
    return offset === 0 ? 0 : this.at + offset;
  }

  u8(index: number): number {
    const at = this.field(index);
    return at === 0 ? 0 : this.view.getUint8(at);
  }

  i16(index: number): number {
    const at = this.field(index);
    return at === 0 ? 0 : this.view.getInt16(at, true);
  }

  i32(index: number): number {
    const at = this.field(index);
    return at === 0 ? 0 : this.view.getInt32(at, true);
  }

  /** A 64-bit number. @throws Damage if it is negative or beyond 2^53 - 1. */
  size(index: number): number {
    const at = this.field(index);
    return at === 0 ? 0 : readSize(this.view, at);
  }

  table(index: number): FlatTable | null {
    const at = this.field(index);
    return at === 0 ? null : new FlatTable(this.view, at + this.view.getUint32(at, true));
  }

  /** A vector of items of the given size. @throws Damage if it passes the end of the buffer. */
  vector(index: number, itemBytes: number): FlatVector {
    const field = this.field(index);
    if (field === 0) return { at: 0, items: 0 };
    const at = field + this.view.getUint32(field, true);
    const items = this.view.getUint32(at, true);
    if (at + 4 + items * itemBytes > this.view.byteLength) {
      throw new Damage(
        `found a vector of ${items} items, expected at most ${this.view.byteLength} bytes`,
      );
    }
    return { at: at + 4, items };
  }

  text(index: number): string {
    const { at, items } = this.vector(index, 1);
    return new TextDecoder().decode(
      new Uint8Array(this.view.buffer, this.view.byteOffset + at, items),
    );
  }

  tables(index: number): FlatTable[] {
    const { at, items } = this.vector(index, 4);
    const out: FlatTable[] = [];
    for (let i = 0; i < items; i++) {
      const entry = at + 4 * i;
      out.push(new FlatTable(this.view, entry + this.view.getUint32(entry, true)));
    }
    return out;
  }
}

/** The signed 64-bit number at an offset. @throws Damage if negative or beyond 2^53 - 1. */
export function readSize(view: DataView, at: number): number {
  const high = view.getInt32(at + 4, true);
  if (high < 0 || high >= 0x20_0000) {
    throw new Damage(`found a 64-bit number with high word ${high}, expected one below 2^53`);
  }
  return high * 0x1_0000_0000 + view.getUint32(at, true);
}

/**
 * Runs a parser over the bytes of one root table.
 * @throws Damage where the bytes lead outside themselves.
 */
export function parseRoot<T>(bytes: Uint8Array, parse: (root: FlatTable, view: DataView) => T): T {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return parse(new FlatTable(view, view.getUint32(0, true)), view);
  } catch (error) {
    // A DataView refuses what lies outside it with a RangeError.
    if (!(error instanceof RangeError)) throw error;
    throw new Damage(`found metadata that leads outside its ${bytes.length} bytes`);
  }
}
