/**
 * Enough of an assembler for the programs of tests: words, labels, and the table of tests' code.
 */
import { type OpName, opInfo } from '../isa/table.ts';

type Fixup = 'branch' | 'jal' | 'none';

interface Line {
  readonly bits: number;
  readonly size: 2 | 4;
  readonly label: string | null;
  readonly fixup: Fixup;
}

export class Assembler {
  readonly #start: number;
  readonly #lines: Line[] = [];
  readonly #labels = new Map<string, number>();
  #at: number;

  constructor(start: number) {
    this.#start = start;
    this.#at = start;
  }

  get at(): number {
    return this.#at;
  }

  label(name: string): this {
    this.#labels.set(name, this.#at);
    return this;
  }

  addressOf(name: string): number {
    const address = this.#labels.get(name);
    if (address === undefined) throw new Error(`no label ${name}`);
    return address;
  }

  #add(bits: number, size: 2 | 4 = 4, label: string | null = null, fixup: Fixup = 'none'): this {
    this.#lines.push({ bits, size, label, fixup });
    this.#at += size;
    return this;
  }

  r(op: OpName, rd: number, rs1: number, rs2: number): this {
    return this.#add(opInfo(op).match | (rd << 7) | (rs1 << 15) | (rs2 << 20));
  }

  /** Also loads (imm is the offset), shifts and jalr. */
  i(op: OpName, rd: number, rs1: number, imm: number): this {
    return this.#add(opInfo(op).match | (rd << 7) | (rs1 << 15) | (imm << 20));
  }

  store(op: OpName, value: number, base: number, offset: number): this {
    const bits = ((offset & 31) << 7) | ((offset >> 5) << 25);
    return this.#add(opInfo(op).match | (base << 15) | (value << 20) | bits);
  }

  branch(op: OpName, rs1: number, rs2: number, label: string): this {
    return this.#add(opInfo(op).match | (rs1 << 15) | (rs2 << 20), 4, label, 'branch');
  }

  jal(rd: number, label: string): this {
    return this.#add(opInfo('jal').match | (rd << 7), 4, label, 'jal');
  }

  /** lui and addi: any 32-bit number, sign-extended. */
  li(rd: number, value: number): this {
    const low = (value << 20) >> 20;
    this.#add(opInfo('lui').match | (rd << 7) | ((value - low) & ~0xfff));
    return this.i('addiw', rd, rd, low);
  }

  word(bits: number): this {
    return this.#add(bits);
  }

  /** c.addi with an immediate other than 0. */
  compressedAddi(rd: number, imm: number): this {
    return this.#add(0x0001 | (rd << 7) | ((imm & 31) << 2) | (((imm >> 5) & 1) << 12), 2);
  }

  /** c.add rd, rs2. */
  compressedAdd(rd: number, rs2: number): this {
    return this.#add(0x9002 | (rd << 7) | (rs2 << 2), 2);
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#at - this.#start);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const { bits, size, label, fixup } of this.#lines) {
      const distance = label === null ? 0 : this.addressOf(label) - (this.#start + at);
      if (size === 2) view.setUint16(at, bits, true);
      else view.setUint32(at, (bits | place(distance, fixup)) >>> 0, true);
      at += size;
    }
    return bytes;
  }
}

/** Bits of a distance in the immediate of a branch or jal. */
function place(distance: number, fixup: Fixup): number {
  if (fixup === 'none') return 0;
  const reach = fixup === 'branch' ? 4096 : 1 << 20;
  if (distance < -reach || distance >= reach) throw new Error(`${fixup} too far: ${distance}`);
  if (fixup === 'branch') {
    return (
      (((distance >> 12) & 1) << 31) |
      (((distance >> 5) & 63) << 25) |
      (((distance >> 1) & 15) << 8) |
      (((distance >> 11) & 1) << 7)
    );
  }
  return (
    (((distance >> 20) & 1) << 31) |
    (((distance >> 1) & 1023) << 21) |
    (((distance >> 11) & 1) << 20) |
    (((distance >> 12) & 255) << 12)
  );
}
