/** A growing byte array with WebAssembly's integers: LEB128, unsigned and signed. */
const SIZE_FIRST = 256;

export class ByteWriter {
  #bytes: Uint8Array;
  #at = 0;

  constructor(sizeFirst = SIZE_FIRST) {
    this.#bytes = new Uint8Array(sizeFirst);
  }

  /** Bytes written so far: the offset of the next one. */
  get at(): number {
    return this.#at;
  }

  #grow(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    let size = Math.max(1, this.#bytes.length);
    while (size < this.#at + more) size *= 2;
    const grown = new Uint8Array(size);
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }

  u8(value: number): void {
    if (this.#at === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#at++] = value;
  }

  /** @param value 0 to 2^32 - 1. */
  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** @param value -2^31 to 2^31 - 1. */
  signed(value: number): void {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
        this.u8(low);
        return;
      }
      this.u8(low | 0x80);
    }
  }

  /** As signed64, without a bigint. @param value a safe integer. */
  signedSafe(value: number): void {
    let rest = value;
    for (;;) {
      const high = Math.floor(rest / 128);
      const low = rest - high * 128;
      rest = high;
      if ((rest === 0 && low < 64) || (rest === -1 && low >= 64)) {
        this.u8(low);
        return;
      }
      this.u8(low | 0x80);
    }
  }

  /** Any 64-bit value; only its low 64 bits count. */
  signed64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) {
        this.u8(low);
        return;
      }
      this.u8(low | 0x80);
    }
  }

  bytes(from: Uint8Array): void {
    this.#grow(from.length);
    this.#bytes.set(from, this.#at);
    this.#at += from.length;
  }

  /** A length, then UTF-8. */
  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.unsigned(bytes.length);
    this.bytes(bytes);
  }

  /** What was written; a view that later writes may leave behind. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }
}
