/**
 * Every instruction of the recorded code, once per address, with how often it ran: from the counts
 * of edges alone, no transfer is read.
 *
 * An edge opens a run of sequential execution at its target whenever it is taken, and closes one at
 * its source (execution.ts). Runs that are open at an address, from all below it:
 *
 *   address        0x10   0x14   0x18   0x1c   0x20
 *   opens            3             2                     targets of edges, by their counts
 *   closes                         1             4       sources of edges
 *   runs open        3      3      5      4      4       = how often the instruction there ran
 *
 * On x86 an instruction may begin inside another one (a jump over a prefix). Runs that are open
 * there mostly pass through the outer one, so what runs the inner one is counted by itself: what
 * opens there, and what instructions that end there pass on.
 */
import { NO_CODE, type Trace } from '@backtrail/recorder/trace';
import { classifierAt, createClassifier, PASSES, SEQUENTIAL } from '../disassembly/classify.ts';
import { sourceRetired } from '../path/hops.ts';
import { stretchEnds } from './execution.ts';

export interface InstructionIndex {
  readonly count: number;
  /** Guest addresses, each once, rising. */
  readonly pc: BigUint64Array;
  readonly size: Uint8Array;
  /** The newest block that has an instruction there. */
  readonly block: Uint32Array;
  /** Bytes from the start of that block. */
  readonly offsetBytes: Uint32Array;
  /** How often it ran. */
  readonly executed: Float64Array;
  /** Row of the first instruction at or above an address; `count` if there is none. */
  atOrAbove(address: bigint): number;
}

/** Index of the first element ≥ `address` in a rising list. */
function lowerBound(list: BigUint64Array, address: bigint): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] ?? 0n) < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Addresses of all instructions of all blocks, sorted, each once. */
function allAddresses({ blocks }: Trace): BigUint64Array {
  let rows = 0;
  for (let block = 0; block < blocks.count; block++) rows += blocks.instructionSizes(block).length;
  const all = new BigUint64Array(rows);
  let row = 0;
  for (let block = 0; block < blocks.count; block++) {
    let pc = blocks.pc[block] ?? 0n;
    for (const size of blocks.instructionSizes(block)) {
      all[row++] = pc;
      pc = BigInt.asUintN(64, pc + BigInt(size));
    }
  }
  all.sort();
  let count = 0;
  for (let i = 0; i < rows; i++) {
    if (i === 0 || all[i] !== all[count - 1]) all[count++] = all[i] ?? 0n;
  }
  return all.slice(0, count);
}

type Layout = Omit<InstructionIndex, 'executed'>;

function layOut(trace: Trace): Layout {
  const { blocks } = trace;
  const pc = allAddresses(trace);
  const size = new Uint8Array(pc.length);
  const blockOf = new Uint32Array(pc.length);
  const offsetBytes = new Uint32Array(pc.length);
  for (let block = 0; block < blocks.count; block++) {
    const start = blocks.pc[block] ?? 0n;
    let row = lowerBound(pc, start);
    let at = start;
    for (const bytes of blocks.instructionSizes(block)) {
      // Instructions of other blocks may begin in between; past the last address it begins anew.
      if (at < start) row = lowerBound(pc, at);
      while ((pc[row] ?? at) < at) row++;
      size[row] = bytes;
      blockOf[row] = block;
      offsetBytes[row] = Number(BigInt.asUintN(32, at - start));
      at = BigInt.asUintN(64, at + BigInt(bytes));
    }
  }
  const atOrAbove = (address: bigint): number => lowerBound(pc, address);
  return { count: pc.length, pc, size, block: blockOf, offsetBytes, atOrAbove };
}

/** What happens at each instruction: one more element, for what lies above all. */
interface Flows {
  /** Runs that open at it. */
  readonly opens: Float64Array;
  /** Runs that end before it ran. */
  readonly endsBefore: Float64Array;
  /** Runs that end after it, at a jump. */
  readonly endsAfter: Float64Array;
}

function flowsOf(trace: Trace, layout: Layout): Flows {
  const { edges } = trace;
  const make = (): Float64Array => new Float64Array(layout.count + 1);
  const flows = { opens: make(), endsBefore: make(), endsAfter: make() };
  const add = (list: Float64Array, at: number, count: number): void => {
    list[at] = (list[at] ?? 0) + count;
  };
  /** A run that ends at an address where no instruction begins ends before the next one. */
  const close = (address: bigint, isAfter: boolean, count: number): void => {
    const at = layout.atOrAbove(address);
    add(isAfter && layout.pc[at] === address ? flows.endsAfter : flows.endsBefore, at, count);
  };
  const hasRun = (edge: number): boolean =>
    sourceRetired(edges.cause[edge] ?? NO_CODE, edges.kind[edge] ?? NO_CODE);
  let total = 0;
  for (let edge = 0; edge < edges.count; edge++) {
    const count = edges.taken[edge] ?? 0;
    if (count === 0) continue;
    total += count;
    add(flows.opens, layout.atOrAbove(edges.target[edge] ?? 0n), count);
    if (edges.hasSource[edge] === 1) close(edges.source[edge] ?? 0n, hasRun(edge), count);
  }
  // A trace that was not closed has no counts.
  if (total === 0) return flows;
  // The last transfer of a stretch opens a run that none closes; the first closes what none opened.
  for (const { firstEdge, lastPc, target } of stretchEnds(trace)) {
    close(lastPc ?? target, lastPc !== null, 1);
    if (edges.hasSource[firstEdge] !== 1) continue;
    close(edges.source[firstEdge] ?? 0n, hasRun(firstEdge), -1);
  }
  return flows;
}

/** The row where the instruction of `row` ends, if one begins there; else -1. */
function nextRow(layout: Layout, row: number): number {
  const end = BigInt.asUintN(64, (layout.pc[row] ?? 0n) + BigInt(layout.size[row] ?? 0));
  for (let next = row + 1; next < layout.count; next++) {
    const pc = layout.pc[next] ?? 0n;
    if (pc >= end) return pc === end ? next : -1;
  }
  return -1;
}

function countRuns(layout: Layout, flows: Flows): Float64Array {
  const { count, pc, size } = layout;
  const executed = new Float64Array(count);
  /** What instructions that end at each row passed on to it. */
  const passed = new Float64Array(count + 1);
  let open = 0;
  let outerEnd = 0n;
  for (let row = 0; row < count; row++) {
    const at = pc[row] ?? 0n;
    open += (flows.opens[row] ?? 0) - (flows.endsBefore[row] ?? 0);
    const arriving = (flows.opens[row] ?? 0) + (passed[row] ?? 0) - (flows.endsBefore[row] ?? 0);
    const isInside = at < outerEnd;
    const runs = Math.max(0, isInside ? Math.min(open, arriving) : open);
    executed[row] = runs;
    open -= flows.endsAfter[row] ?? 0;
    const next = nextRow(layout, row);
    if (next >= 0) passed[next] = (passed[next] ?? 0) + runs - (flows.endsAfter[row] ?? 0);
    const end = at + BigInt(size[row] ?? 0);
    if (end > outerEnd) outerEnd = end;
  }
  return executed;
}

export function indexInstructions(trace: Trace): InstructionIndex {
  const layout = layOut(trace);
  return { ...layout, executed: countRuns(layout, flowsOf(trace, layout)) };
}

/**
 * What the bits of each instruction do to control: a FLOW_KINDS number; NO_CODE for nothing, and
 * for all where the instruction set is not known here.
 */
export function flowsByRow(trace: Trace, index: InstructionIndex): Uint8Array {
  const kinds = new Uint8Array(index.count).fill(NO_CODE);
  const classifier = createClassifier(trace.manifest.guest.isa);
  if (classifier === null) return kinds;
  const { blocks } = trace;
  for (let row = 0; row < index.count; row++) {
    const block = index.block[row] ?? 0;
    const code = blocks.code(block);
    const own = classifierAt(classifier, blocks, block);
    const flow = own?.flow(code, index.offsetBytes[row] ?? 0, index.size[row] ?? 0) ?? SEQUENTIAL;
    if (flow !== SEQUENTIAL) kinds[row] = flow & ~PASSES;
  }
  return kinds;
}
