/**
 * Writes FlatBuffers tables (https://flatbuffers.dev/internals/). Twin: flatbuffer.ts, which draws
 * the bytes. From front to back, a table and then what it points to: every offset leads forward, as
 * the format wants it.
 */
type FlatPointer =
  | { readonly is: 'text'; readonly value: string }
  | { readonly is: 'table'; readonly value: FlatFields }
  | { readonly is: 'tables'; readonly value: readonly FlatFields[] }
  | { readonly is: 'structs'; readonly words: number; readonly value: readonly number[] };

export type FlatField =
  | { readonly is: 'number'; readonly bytes: 1 | 2 | 4 | 8; readonly value: number }
  | FlatPointer;

/** Fields of a table in the order of its schema; null: not there. */
export type FlatFields = readonly (FlatField | null)[];

export const u8 = (value: number): FlatField => ({ is: 'number', bytes: 1, value });
export const i16 = (value: number): FlatField => ({ is: 'number', bytes: 2, value });
export const i32 = (value: number): FlatField => ({ is: 'number', bytes: 4, value });
/** @param value A safe integer. */
export const i64 = (value: number): FlatField => ({ is: 'number', bytes: 8, value });
export const text = (value: string): FlatField => ({ is: 'text', value });
export const table = (...value: FlatFields): FlatField => ({ is: 'table', value });
export const tables = (value: readonly FlatFields[]): FlatField => ({ is: 'tables', value });
/** A vector of structs that are `words` signed 64-bit numbers each. */
export const structs = (words: number, value: readonly number[]): FlatField => ({
  is: 'structs',
  words,
  value,
});

const BYTES_FIRST = 1024;
const OFFSET_BYTES = 4;

const inlineBytes = (field: FlatField): number =>
  field.is === 'number' ? field.bytes : OFFSET_BYTES;

/** Keeps its memory from one buffer to the next. */
export class FlatWriter {
  private bytes = new Uint8Array(BYTES_FIRST);
  private view = new DataView(this.bytes.buffer);
  private end = 0;

  /**
   * The bytes of one root table behind `before` zeros, a multiple of 8; their length is one too.
   * They hold until the next call.
   */
  write(fields: FlatFields, before: number): Uint8Array {
    this.bytes.fill(0, 0, this.end);
    this.end = before;
    const at = this.take(OFFSET_BYTES, OFFSET_BYTES);
    this.point(at, this.table(fields));
    this.take(0, 8);
    return this.bytes.subarray(0, this.end);
  }

  /** Space for so many bytes; the one at `origin` of them is aligned. @returns the first. */
  private take(bytes: number, alignment: number, origin = 0): number {
    const at = Math.ceil((this.end + origin) / alignment) * alignment - origin;
    this.end = at + bytes;
    if (this.end > this.bytes.length) {
      const larger = new Uint8Array(2 * this.end);
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  private point(from: number, to: number): void {
    this.view.setUint32(from, to - from, true);
  }

  private long(at: number, value: number): void {
    this.view.setInt32(at, value, true);
    this.view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true);
  }

  private number(at: number, bytes: 1 | 2 | 4 | 8, value: number): void {
    if (bytes === 1) this.view.setUint8(at, value);
    else if (bytes === 2) this.view.setInt16(at, value, true);
    else if (bytes === 4) this.view.setInt32(at, value, true);
    else this.long(at, value);
  }

  private table(fields: FlatFields): number {
    const offsets: number[] = [];
    let size = OFFSET_BYTES;
    let alignment = OFFSET_BYTES;
    for (const field of fields) {
      const bytes = field === null ? 1 : inlineBytes(field);
      const offset = Math.ceil(size / bytes) * bytes;
      offsets.push(field === null ? 0 : offset);
      if (field === null) continue;
      size = offset + bytes;
      alignment = Math.max(alignment, bytes);
    }
    // The vtable stands right before its table.
    const vtableBytes = 4 + 2 * fields.length;
    const vtable = this.take(vtableBytes + size, alignment, vtableBytes);
    const at = vtable + vtableBytes;
    this.view.setUint16(vtable, vtableBytes, true);
    this.view.setUint16(vtable + 2, size, true);
    this.view.setInt32(at, vtableBytes, true);
    for (const [i, offset] of offsets.entries()) {
      this.view.setUint16(vtable + 4 + 2 * i, offset, true);
    }
    for (const [i, field] of fields.entries()) {
      const place = at + (offsets[i] ?? 0);
      if (field?.is === 'number') this.number(place, field.bytes, field.value);
      else if (field !== null) this.point(place, this.pointed(field));
    }
    return at;
  }

  private pointed(field: FlatPointer): number {
    switch (field.is) {
      case 'table':
        return this.table(field.value);
      case 'text': {
        const bytes = new TextEncoder().encode(field.value);
        const at = this.take(4 + bytes.length + 1, 4);
        this.view.setUint32(at, bytes.length, true);
        this.bytes.set(bytes, at + 4);
        return at;
      }
      case 'tables': {
        const at = this.take(4 + OFFSET_BYTES * field.value.length, 4);
        this.view.setUint32(at, field.value.length, true);
        for (const [i, fields] of field.value.entries()) {
          const place = at + 4 + OFFSET_BYTES * i;
          this.point(place, this.table(fields));
        }
        return at;
      }
      case 'structs': {
        const at = this.take(4 + 8 * field.value.length, 8, 4);
        this.view.setUint32(at, field.value.length / field.words, true);
        for (const [i, word] of field.value.entries()) this.long(at + 4 + 8 * i, word);
        return at;
      }
    }
  }
}
