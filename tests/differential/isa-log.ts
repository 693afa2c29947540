/**
 * The blocks of QEMU's execution log as a trace has them, for the guests of isas.test.ts: what QEMU
 * runs apart from its branch, and what it runs again, is no block of its own there.
 */
import type { Trace } from '@backtrail/recorder/trace';
import type { Build } from '../guests/isas/builds.ts';
import { type LoggedBlock, readExecLog } from './exec-log.ts';

/** In the MIPS programs: the last branch of a page, and its delay slot in the next one. */
const PAGE_BRANCH = 0x402ffcn;
const PAGE_SLOT = 0x403000n;
/** Slots in the next page of assembled programs, where the branch is not alone; by ISA. */
const PARTED_SLOTS: Readonly<Record<string, bigint>> = {
  microblaze: 0x1_1000n,
  microblazeel: 0x1_1000n,
  or1k: 0x1_2000n,
};
/** PA-RISC: below lie QEMU's own gateways into the kernel, which are no code. */
const GATEWAYS_END = 0x1000n;

/** The slot that QEMU runs as a block of its own begins at its branch. */
function mipsStarts(starts: readonly bigint[]): bigint[] {
  const own = starts.filter((pc, i) => pc !== PAGE_BRANCH || starts[i + 1] !== PAGE_SLOT);
  return own.map((pc) => (pc === PAGE_SLOT ? PAGE_BRANCH : pc));
}

interface Shape {
  /** Of the instruction that ends with a delay slot, if the block ends with one: the slot. */
  readonly slot: bigint | null;
  /** SPARC: instructions that change the register window. */
  readonly windows: ReadonlySet<bigint>;
}

const isWindow = (word: number): boolean => (word & 0xc1f0_0000) >>> 0 === 0x81e0_0000;

function shapes(trace: Trace): Map<bigint, Shape> {
  const { blocks } = trace;
  const isSparc = trace.manifest.guest.isa.startsWith('sparc');
  const found = new Map<bigint, Shape>();
  for (let block = 0; block < blocks.count; block++) {
    const start = blocks.pc[block] ?? 0n;
    const code = blocks.code(block);
    const view = new DataView(code.buffer, code.byteOffset, code.length);
    const windows = new Set<bigint>();
    for (let at = 0; isSparc && at + 4 <= code.length; at += 4) {
      if (isWindow(view.getUint32(at))) windows.add(start + BigInt(at));
    }
    const hasSlot = blocks.instructionSizes(block).at(-1) === 8;
    found.set(start, { slot: hasSlot ? start + BigInt(code.length - 4) : null, windows });
  }
  return found;
}

/** SPARC and PA-RISC: QEMU's second word of a block is what runs after its first instruction. */
function startsWithSlotsApart(logged: readonly LoggedBlock[], trace: Trace): bigint[] {
  const known = shapes(trace);
  const starts: bigint[] = [];
  for (const { pc, base } of logged) {
    if (pc < GATEWAYS_END) continue;
    const before = known.get(starts.at(-1) ?? -1n);
    if (BigInt.asUintN(32, base) !== BigInt.asUintN(32, pc + 4n)) continue; // a slot, taken
    if (before?.windows.has(pc) === true) continue; // no room in the register window: run again
    starts.push(before?.slot === pc ? pc + 4n : pc);
  }
  return starts;
}

/** The slot that a page end parts from its branch begins at it, in the trace. */
const partedStarts = (starts: readonly bigint[], slot: bigint): bigint[] =>
  starts.map((pc) => (pc === slot ? pc - 4n : pc));

/** Xtensa: a block that found no room in the register window never runs; another one does. */
const roomyStarts = (logged: readonly LoggedBlock[]): bigint[] =>
  logged
    .filter(({ pc, hostPc }, i) => logged[i - 1]?.pc !== pc || logged[i - 1]?.hostPc === hostPc)
    .map(({ pc }) => pc);

/** Starts of blocks in the order of the log. */
export function loggedStarts(file: string, build: Build, trace: Trace): bigint[] {
  const logged = readExecLog(file);
  const { isa } = build;
  if (isa.startsWith('sparc') || isa === 'hppa') return startsWithSlotsApart(logged, trace);
  if (isa === 'xtensa') return roomyStarts(logged);
  const starts = logged.map(({ pc }) => pc);
  const parted = PARTED_SLOTS[isa];
  if (parted !== undefined) return partedStarts(starts, parted);
  return isa.startsWith('mips') ? mipsStarts(starts) : starts;
}
