/**
 * Recorded code around an address, in order of addresses. Only what ran is known, so a listing has
 * holes. Where code was changed or translated anew, the instructions of the block that the cursor
 * is in go first, then those of blocks that were born last before it.
 */
import { type Disassembler, instructionText, NO_ROW, type Trace } from '@backtrail/analyzer';

export interface ListedInstruction {
  readonly pc: bigint;
  readonly sizeBytes: number;
  readonly block: number;
  /** Offset in the block's code, bytes. */
  readonly offset: number;
}

/** Rows of the code index, and to which listed instruction each belongs. */
export interface RowsOfListed {
  readonly rows: Uint32Array;
  readonly line: readonly number[];
}

/** Bytes on each side of the address that are looked through for each line wanted. */
const BYTES_A_LINE = 12;
/** More blocks than that over one place are translations of it: the newest are enough. */
const BLOCKS_MAX = 2000;

export class Listing {
  readonly #trace: Trace;
  readonly #disassembler: Disassembler | null;
  /** Blocks by address. */
  readonly #order: Uint32Array;
  readonly #sizeMax: bigint;

  constructor(trace: Trace, disassembler: Disassembler | null) {
    this.#trace = trace;
    this.#disassembler = disassembler;
    const { blocks } = trace;
    this.#order = Uint32Array.from({ length: blocks.count }, (_none, i) => i).sort((a, b) => {
      const [one, other] = [blocks.pc[a] ?? 0n, blocks.pc[b] ?? 0n];
      if (one === other) return a - b;
      return one < other ? -1 : 1;
    });
    this.#sizeMax = BigInt(blocks.size.reduce((max, size) => Math.max(max, size), 0));
  }

  /** @param now the cursor's vCPU and seq: blocks born later are not there yet. */
  around(
    pc: bigint,
    own: number,
    lines: number,
    now: { readonly vcpu: number; readonly seq: number },
  ): ListedInstruction[] {
    const span = BigInt(lines * BYTES_A_LINE);
    const low = pc > span ? pc - span : 0n;
    const high = pc + span;
    const taken = new Uint8Array(Number(high - low));
    const found: ListedInstruction[] = [];
    const isBorn = (block: number): boolean =>
      this.#trace.blocks.bornVcpu[block] !== now.vcpu ||
      (this.#trace.blocks.bornSeq[block] ?? 0) <= now.seq;
    const others = this.#blocksIn(low, high).filter((block) => block !== own);
    const order = [
      ...(own === NO_ROW ? [] : [own]),
      ...others.filter(isBorn).reverse(),
      ...others.filter((block) => !isBorn(block)),
    ];
    for (const block of order.slice(0, BLOCKS_MAX)) this.#take(block, low, taken, found);
    return found.sort((a, b) => (a.pc < b.pc ? -1 : 1));
  }

  #take(block: number, low: bigint, taken: Uint8Array, found: ListedInstruction[]): void {
    const start = this.#trace.blocks.pc[block] ?? 0n;
    let offset = 0;
    for (const sizeBytes of this.#trace.blocks.instructionSizes(block)) {
      const byte = Number(start - low) + offset;
      const isFree =
        byte >= 0 &&
        byte + sizeBytes <= taken.length &&
        sizeBytes > 0 &&
        !taken.subarray(byte, byte + sizeBytes).includes(1);
      if (isFree) {
        taken.fill(1, byte, byte + sizeBytes);
        found.push({ pc: start + BigInt(offset), sizeBytes, block, offset });
      }
      offset += sizeBytes;
    }
  }

  /** In which other blocks the listed instructions are too: a row of the code index each. */
  rowsOf(listed: readonly ListedInstruction[], firstRow: Uint32Array): RowsOfListed {
    const first = listed[0];
    const last = listed.at(-1);
    if (first === undefined || last === undefined) return { rows: new Uint32Array(), line: [] };
    const lineAt = new Map(listed.map(({ pc }, i) => [pc, i]));
    const rows: number[] = [];
    const line: number[] = [];
    for (const block of this.#blocksIn(first.pc, last.pc + 1n).slice(0, BLOCKS_MAX)) {
      let pc = this.#trace.blocks.pc[block] ?? 0n;
      let row = firstRow[block] ?? 0;
      for (const sizeBytes of this.#trace.blocks.instructionSizes(block)) {
        const found = lineAt.get(pc);
        if (found !== undefined) {
          rows.push(row);
          line.push(found);
        }
        pc += BigInt(sizeBytes);
        row++;
      }
    }
    return { rows: Uint32Array.from(rows), line };
  }

  /** Blocks that overlap a range, by number. */
  #blocksIn(low: bigint, high: bigint): number[] {
    const { blocks } = this.#trace;
    const pcAt = (i: number): bigint => blocks.pc[this.#order[i] ?? 0] ?? 0n;
    let from = 0;
    let to = this.#order.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (pcAt(middle) + this.#sizeMax < low) from = middle + 1;
      else to = middle;
    }
    const list: number[] = [];
    for (let i = from; i < this.#order.length && pcAt(i) < high; i++) {
      const block = this.#order[i] ?? 0;
      if (pcAt(i) + BigInt(blocks.size[block] ?? 0) > low) list.push(block);
    }
    return list.sort((a, b) => a - b);
  }

  /** `mnemonic operands`; bytes where nobody can read them. */
  text({ block, offset, sizeBytes, pc }: ListedInstruction): string {
    const text = instructionText(this.#trace, this.#disassembler, block, pc);
    if (text !== null) return text;
    const code = this.#trace.blocks.code(block).subarray(offset, offset + sizeBytes);
    return `.byte ${Array.from(code, (byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
  }
}
