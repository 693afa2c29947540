/**
 * The recorded code as flat arrays, made once per trace: every instruction of every block has a row
 * number, rows of one block lie together, and blocks are found by their guest address. Addresses
 * are split into two 32-bit halves: a BigInt for each instruction is what makes a reader slow.
 */
import { NO_ROW, type Trace } from '@backtrail/recorder/trace';

const SPLIT = 0x1_0000_0000;

/** Distance a - b of two split addresses: exact below 2^53, never 0 or small by rounding. */
export function distanceBytes(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return (aHigh - bHigh) * SPLIT + (aLow - bLow);
}

/** One column of addresses, as halves. */
export interface SplitAddresses {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

/** Splits without one BigInt: bytes are read as the little-endian machine has them. */
export function splitAddresses(addresses: BigUint64Array): SplitAddresses {
  const halves = new Uint32Array(addresses.buffer, addresses.byteOffset, addresses.length * 2);
  const high = new Uint32Array(addresses.length);
  const low = new Uint32Array(addresses.length);
  for (let i = 0; i < addresses.length; i++) {
    low[i] = halves[i * 2] ?? 0;
    high[i] = halves[i * 2 + 1] ?? 0;
  }
  return { high, low };
}

/** What `instructionAt` says of an address that is no boundary of the block. */
export const NO_BOUNDARY = -1;

export class CodeIndex {
  readonly blockCount: number;
  /** Instructions of all blocks. */
  readonly rowCount: number;
  /** First row of each block; one more at the end. */
  readonly firstRow: Uint32Array;
  /** Offset of each row's instruction from the start of its block, bytes. */
  readonly offsetBytes: Uint32Array;
  /** Sum of the sizes of a block's instructions: where the next one lies. */
  readonly endBytes: Uint32Array;
  readonly pc: SplitAddresses;
  /** Blocks grouped by pc, oldest first within a group: blocks are numbered in order of birth. */
  readonly members: Uint32Array;
  /** First member of each group; one more at the end. */
  readonly firstMember: Uint32Array;
  readonly #trace: Trace;
  /** Open addressing: group of a pc, or NO_ROW. At least twice as many slots as blocks. */
  readonly #groups: Uint32Array;
  readonly #mask: number;
  /** One block of each group. */
  readonly #groupBlock: Uint32Array;
  /** For each group: 0 not looked at yet, 1 all its blocks hold the same code, 2 they differ. */
  readonly #groupMix: Uint8Array;

  constructor(trace: Trace) {
    const { blocks } = trace;
    this.#trace = trace;
    this.blockCount = blocks.count;
    this.firstRow = new Uint32Array(blocks.count + 1);
    this.endBytes = new Uint32Array(blocks.count);
    let rows = 0;
    for (let block = 0; block < blocks.count; block++) {
      this.firstRow[block] = rows;
      rows += blocks.instructionSizes(block).length;
    }
    this.firstRow[blocks.count] = rows;
    this.rowCount = rows;
    this.offsetBytes = new Uint32Array(rows);
    this.pc = splitAddresses(blocks.pc);
    let slots = 16;
    while (slots < blocks.count * 2) slots *= 2;
    this.#mask = slots - 1;
    this.#groups = new Uint32Array(slots).fill(NO_ROW);
    this.#groupBlock = new Uint32Array(blocks.count);
    const groupOf = new Uint32Array(blocks.count);
    let groupCount = 0;
    for (let block = 0; block < blocks.count; block++) {
      this.#measure(block);
      const slot = this.#slot(this.pc.high[block] ?? 0, this.pc.low[block] ?? 0);
      let group = this.#groups[slot] ?? NO_ROW;
      if (group === NO_ROW) {
        group = groupCount++;
        this.#groups[slot] = group;
        this.#groupBlock[group] = block;
      }
      groupOf[block] = group;
    }
    this.firstMember = new Uint32Array(groupCount + 1);
    this.members = new Uint32Array(blocks.count);
    this.#groupMix = new Uint8Array(groupCount);
    this.#sortMembers(groupOf, groupCount);
  }

  /** A counting sort: it keeps blocks of one group in order. */
  #sortMembers(groupOf: Uint32Array, groupCount: number): void {
    const next = new Uint32Array(groupCount + 1);
    for (const group of groupOf) next[group + 1] = (next[group + 1] ?? 0) + 1;
    for (let group = 0; group < groupCount; group++) {
      next[group + 1] = (next[group + 1] ?? 0) + (next[group] ?? 0);
    }
    this.firstMember.set(next);
    for (let block = 0; block < groupOf.length; block++) {
      const group = groupOf[block] ?? 0;
      const place = next[group] ?? 0;
      this.members[place] = block;
      next[group] = place + 1;
    }
  }

  #measure(block: number): void {
    let row = this.firstRow[block] ?? 0;
    let offset = 0;
    for (const size of this.#trace.blocks.instructionSizes(block)) {
      this.offsetBytes[row++] = offset;
      offset += size;
    }
    this.endBytes[block] = offset;
  }

  /** The slot that holds this pc, or the free one where it belongs. */
  #slot(high: number, low: number): number {
    let slot = (Math.imul(low, 0x9e37_79b1) ^ Math.imul(high, 0x85eb_ca6b)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    for (;;) {
      const group = this.#groups[slot] ?? NO_ROW;
      if (group === NO_ROW) return slot;
      const block = this.#groupBlock[group] ?? 0;
      if (this.pc.low[block] === low && this.pc.high[block] === high) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** The group of blocks that start at an address, or NO_ROW. */
  groupAt(high: number, low: number): number {
    return this.#groups[this.#slot(high, low)] ?? NO_ROW;
  }

  /** Whether the blocks of a group hold different code: the address alone does not tell which. */
  isMixed(group: number): boolean {
    if (this.#groupMix[group] === 0) {
      const first = this.firstMember[group] ?? 0;
      const end = this.firstMember[group + 1] ?? 0;
      let mix = 1;
      for (let i = first + 1; i < end && mix === 1; i++) {
        if (!this.#sameCode(this.members[first] ?? 0, this.members[i] ?? 0)) mix = 2;
      }
      this.#groupMix[group] = mix;
    }
    return this.#groupMix[group] === 2;
  }

  instructionCount(block: number): number {
    return (this.firstRow[block + 1] ?? 0) - (this.firstRow[block] ?? 0);
  }

  /**
   * Which instruction of the block starts `offset` bytes after its start: 0 to instructionCount,
   * the latter for the end of the block; NO_BOUNDARY for anything else.
   */
  instructionAt(block: number, offset: number): number {
    if (offset === 0) return 0;
    const end = this.endBytes[block] ?? 0;
    const first = this.firstRow[block] ?? 0;
    const count = this.instructionCount(block);
    if (offset === end) return count;
    if (offset < 0 || offset > end) return NO_BOUNDARY;
    let low = first;
    let high = first + count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.offsetBytes[middle] ?? 0;
      if (found === offset) return middle - first;
      if (found < offset) low = middle + 1;
      else high = middle - 1;
    }
    return NO_BOUNDARY;
  }

  /** Block of a row. */
  blockOf(row: number): number {
    let low = 0;
    let high = this.blockCount - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.firstRow[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Guest address of a row's instruction; for showing, not for loops. */
  pcOf(row: number): bigint {
    const block = this.blockOf(row);
    const pc = this.#trace.blocks.pc[block] ?? 0n;
    return BigInt.asUintN(64, pc + BigInt(this.offsetBytes[row] ?? 0));
  }

  /** Whether two blocks hold the same instructions. */
  #sameCode(a: number, b: number): boolean {
    const { blocks } = this.#trace;
    const count = this.instructionCount(a);
    if (count !== this.instructionCount(b)) return false;
    const one = blocks.code(a);
    const other = blocks.code(b);
    if (one.length !== other.length) return false;
    for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
    const oneSizes = blocks.instructionSizes(a);
    const otherSizes = blocks.instructionSizes(b);
    for (let i = 0; i < count; i++) if (oneSizes[i] !== otherSizes[i]) return false;
    return true;
  }
}
