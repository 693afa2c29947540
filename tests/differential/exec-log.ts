/**
 * QEMU's own log of executed blocks (`-d exec`), and the same list rebuilt from a trace.
 *
 *   Trace 0: 0x7feab0000100 [0000000000000000/00000000004014f0/1040c0b3/00000200] _start
 *         │        │                                 └ guest address of the block
 *         │        └ host address of its code
 *         └ number of the vCPU
 *   Stopped execution of TB chain before 0x7feab0000100 [00000000004014f0] _start
 *         the block that was logged last did not run: something asked for attention first
 */
import { readFileSync } from 'node:fs';
import type { Trace } from '@backtrail/recorder/trace';
import { ExecutedPath } from '../../packages/analyzer/src/path.ts';

export interface LoggedBlock {
  readonly vcpu: number;
  readonly pc: bigint;
  readonly hostPc: bigint;
  /** A second word that QEMU knows blocks by: of SPARC and PA-RISC, what runs after the first. */
  readonly base: bigint;
}

const LINE =
  /^(?:Trace (\d+): 0x([0-9a-f]+) \[([0-9a-f]+)\/([0-9a-f]+)\/|Stopped .* before 0x([0-9a-f]+) )/gm;

/** Blocks that ran, in the order of the log. */
export function readExecLog(file: string): LoggedBlock[] {
  const blocks: LoggedBlock[] = [];
  for (const [, vcpu, host, base, pc, stoppedHost] of readFileSync(file, 'latin1').matchAll(LINE)) {
    if (stoppedHost !== undefined) {
      const at = blocks.findLastIndex(({ hostPc }) => hostPc === BigInt(`0x${stoppedHost}`));
      if (at >= 0) blocks.splice(at, 1);
      continue;
    }
    blocks.push({
      vcpu: Number(vcpu),
      pc: BigInt(`0x${pc}`),
      hostPc: BigInt(`0x${host}`),
      base: BigInt(`0x${base}`),
    });
  }
  return blocks;
}

/** A block, or the part of it that ran, as the trace has it. */
export interface TracedRun {
  readonly pc: bigint;
  readonly length: number;
  readonly seq: number;
}

export function tracedRuns(trace: Trace, vcpu: number): TracedRun[] {
  const path = new ExecutedPath(trace);
  const runs: TracedRun[] = [];
  path.visitRuns(vcpu, 0, trace.seqEnd(vcpu), (_block, firstRow, length, seq) => {
    runs.push({ pc: path.code.pcOf(firstRow), length, seq });
    return false;
  });
  return runs;
}

/** Addresses of all instructions that ran. */
export function tracedInstructions(trace: Trace, vcpu: number): bigint[] {
  const path = new ExecutedPath(trace);
  const pcs: bigint[] = [];
  path.visitInstructions(vcpu, 0, trace.seqEnd(vcpu), (row) => {
    pcs.push(path.code.pcOf(row));
    return false;
  });
  return pcs;
}

/** Addresses of x86 string instructions with a repeat prefix, as far as blocks end with one. */
function repeats(trace: Trace): Set<bigint> {
  const found = new Set<bigint>();
  if (!['x86_64', 'i386'].includes(trace.manifest.guest.isa)) return found;
  const { blocks } = trace;
  for (let block = 0; block < blocks.count; block++) {
    const code = blocks.code(block);
    const last = code.length - (blocks.instructionSizes(block).at(-1) ?? 0);
    let at = last;
    while (at < code.length && isPrefix(code[at] ?? 0)) at++;
    const hasRepeat = code.subarray(last, at).some((byte) => byte === 0xf2 || byte === 0xf3);
    const opcode = code[at] ?? 0;
    const isString = (opcode >= 0xa4 && opcode <= 0xa7) || (opcode >= 0xaa && opcode <= 0xaf);
    if (hasRepeat && isString) found.add((blocks.pc[block] ?? 0n) + BigInt(last));
  }
  return found;
}

const isPrefix = (byte: number): boolean =>
  byte === 0xf2 || byte === 0xf3 || byte === 0x66 || byte === 0x67 || (byte & 0xf0) === 0x40;

/** Addresses by address: where the last instruction of the blocks that start there lies. */
function lastInstructions(trace: Trace): Map<bigint, bigint> {
  const { blocks } = trace;
  const last = new Map<bigint, bigint>();
  for (let block = 0; block < blocks.count; block++) {
    const size = blocks.instructionSizes(block).at(-1) ?? 0;
    const pc = blocks.pc[block] ?? 0n;
    last.set(pc, pc + BigInt((blocks.size[block] ?? 0) - size));
  }
  return last;
}

/**
 * Starts of blocks without those that are no transfer by definition: QEMU leaves the block of a
 * repeated x86 string instruction after each repetition and comes back to that instruction.
 */
export function withoutRepetitions(
  pcs: readonly bigint[],
  trace: Trace,
): { readonly pcs: bigint[]; readonly repetitions: number } {
  const isKept = repetitionFree(pcs, trace);
  const kept = pcs.filter((_, i) => isKept[i]);
  return { pcs: kept, repetitions: pcs.length - kept.length };
}

/** For each start of a block: false if it is a repetition. */
export function repetitionFree(pcs: readonly bigint[], trace: Trace): boolean[] {
  const repeated = repeats(trace);
  const last = lastInstructions(trace);
  return pcs.map((pc, i) => {
    const before = pcs[i - 1];
    return !repeated.has(pc) || before === undefined || last.get(before) !== pc;
  });
}

/** The same for single instructions: each follows itself. */
export function withoutRepeated(pcs: readonly bigint[], trace: Trace): bigint[] {
  const repeated = repeats(trace);
  return pcs.filter((pc, i) => pc !== pcs[i - 1] || !repeated.has(pc));
}

/** QEMU cuts only blocks of hundreds of instructions, by halves. */
const CUT_INSTRUCTIONS_MIN = 64;

/**
 * For logs whose blocks were cut elsewhere (the plugin makes code longer, and QEMU cuts a block
 * that becomes too long): the log must name the target of every transfer, in order, and in between
 * only addresses on the sequential way.
 * @returns the first log line that does not fit, or null; and how many lines are no start of a run.
 */
export function followLog(
  trace: Trace,
  logged: readonly bigint[],
): { readonly wrong: number | null; readonly cuts: number } {
  const path = new ExecutedPath(trace);
  const visited: { pc: bigint; seq: number; isStart: boolean }[] = [];
  path.visitRuns(0, 0, trace.seqEnd(0), (_block, firstRow, length, seq) => {
    for (let i = 0; i < length; i++) {
      visited.push({ pc: path.code.pcOf(firstRow + i), seq, isStart: i === 0 });
    }
    return false;
  });
  let at = 0;
  let cuts = 0;
  for (const [line, pc] of logged.entries()) {
    // The rest of this hop may be passed over, the start of the next may not. A short block is not
    // cut: what looks like it is a jump back into its middle.
    const from = at;
    const fits = (): boolean =>
      visited[at]?.pc === pc &&
      (visited[at]?.isStart === true || at - from >= CUT_INSTRUCTIONS_MIN);
    while (!fits() && visited[at]?.seq === visited[at - 1]?.seq) at++;
    const found = visited[at];
    if (found?.pc !== pc) return { wrong: line, cuts };
    if (!found.isStart) cuts++;
    at++;
  }
  const isWhole = visited.at(-1)?.seq === visited[at - 1]?.seq;
  return { wrong: isWhole ? null : logged.length, cuts };
}

/** Null if both are the same; else where they part, with what came before. */
export function firstDifference(found: readonly bigint[], expected: readonly bigint[]) {
  const end = Math.max(found.length, expected.length);
  for (let i = 0; i < end; i++) {
    if (found[i] === expected[i]) continue;
    const hex = (list: readonly bigint[]): string[] =>
      list.slice(Math.max(0, i - 3), i + 4).map((pc) => `0x${pc.toString(16)}`);
    return {
      at: i,
      lengths: [found.length, expected.length],
      found: hex(found),
      expected: hex(expected),
    };
  }
  return null;
}
