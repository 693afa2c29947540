/**
 * QEMU's own log of a whole machine (`-d exec,int,nochain`): the blocks that ran, as exec-log.ts
 * reads them, and between them the traps:
 *
 *   riscv_cpu_do_interrupt: hart:0, async:0, cause:000000000000000b, epc:0x…, tval:0x…, desc=…
 *
 * and the same list of traps from a trace, where each is a mark before its transfer.
 */
import { readFileSync } from 'node:fs';
import { CAUSES, KINDS, MARK_KINDS, type Trace } from '@backtrail/recorder/trace';

export interface Trap {
  readonly isInterrupt: boolean;
  readonly number: bigint;
  /** What did not run, and where control went instead. */
  readonly source: bigint;
  /** Of an exception; 0 of an interrupt. */
  readonly address: bigint;
}

export interface MachineLog {
  /** By vCPU. */
  readonly traps: ReadonlyMap<number, readonly Trap[]>;
  /** Starts of blocks of which at least one instruction retired, by vCPU. */
  readonly blocks: ReadonlyMap<number, readonly bigint[]>;
}

const FORMS = [
  /^Trace (\d+): 0x([0-9a-f]+) \[[0-9a-f]+\/([0-9a-f]+)\//,
  /^Stopped .* before 0x([0-9a-f]+) /,
  /^riscv_cpu_do_interrupt: hart:(\d+), async:([01]), cause:([0-9a-f]+)/,
] as const;
/** Right behind the last one. */
const PLACE = /, epc:0x([0-9a-f]+), tval:0x([0-9a-f]+)/;
const [BLOCK, STOPPED, TRAP] = FORMS.map(({ source }) => source);
const LINE = new RegExp(`${BLOCK}|${STOPPED}|${TRAP}${PLACE.source}`, 'gm');

const hex = (digits: string | undefined): bigint => BigInt(`0x${digits ?? '0'}`);

export function readMachineLog(file: string): MachineLog {
  const traps = new Map<number, Trap[]>();
  const blocks = new Map<number, { pc: bigint; hostPc: bigint }[]>();
  const of = <T>(lists: Map<number, T[]>, vcpu: number): T[] => {
    const list = lists.get(vcpu) ?? [];
    lists.set(vcpu, list);
    return list;
  };
  for (const match of readFileSync(file, 'latin1').matchAll(LINE)) {
    const [, vcpu, host, pc, stopped, hart, isAsync, cause, epc, tval] = match;
    if (stopped !== undefined) {
      // On which vCPU is not told; the block's code is one for all, and it is the last one.
      for (const list of blocks.values()) if (list.at(-1)?.hostPc === hex(stopped)) list.pop();
    } else if (hart === undefined) {
      of(blocks, Number(vcpu)).push({ pc: hex(pc), hostPc: hex(host) });
    } else {
      const isInterrupt = isAsync === '1';
      const trap = { isInterrupt, number: hex(cause), source: hex(epc) };
      of(traps, Number(hart)).push({ ...trap, address: isInterrupt ? 0n : hex(tval) });
      const list = of(blocks, Number(hart));
      if (!isInterrupt && list.at(-1)?.pc === trap.source) list.pop();
    }
  }
  const starts = [...blocks].map(([vcpu, list]) => [vcpu, list.map(({ pc }) => pc)] as const);
  return { traps, blocks: new Map(starts) };
}

/** Of one vCPU, in order. @throws Error if a mark and its transfer do not say the same. */
export function tracedTraps(trace: Trace, vcpu: number): Trap[] {
  const { marks, edges } = trace;
  const stream = transfersOf(trace, vcpu);
  const traps: Trap[] = [];
  const marked = new Set<number>();
  for (let mark = 0; mark < marks.count; mark++) {
    const kind = MARK_KINDS[marks.kind[mark] ?? 255];
    if (marks.vcpu[mark] !== vcpu || (kind !== 'exception' && kind !== 'interrupt')) continue;
    const seq = marks.seq[mark] ?? -1;
    const edge = stream[seq] ?? -1;
    const source = edges.source[edge] ?? 0n;
    const isSame = CAUSES[edges.cause[edge] ?? 255] === kind && marks.pc[mark] === source;
    if (!isSame) throw new Error(`mark ${mark}: ${kind} at seq ${seq} has no such transfer`);
    marked.add(seq);
    const address = kind === 'interrupt' ? 0n : (marks.address[mark] ?? -1n);
    const number = BigInt(marks.number[mark] ?? -1n);
    traps.push({ isInterrupt: kind === 'interrupt', number, source, address });
  }
  stream.forEach((edge, seq) => {
    const cause = CAUSES[edges.cause[edge] ?? 255];
    const isTrap = cause === 'exception' || cause === 'interrupt';
    if (isTrap && !marked.has(seq)) throw new Error(`${cause} at seq ${seq} has no mark`);
  });
  return traps;
}

/** Edge numbers of one vCPU, all of them. */
export function transfersOf(trace: Trace, vcpu: number): number[] {
  return Array.from(trace.segmentsOf(vcpu), (segment) => [...trace.readSegment(segment)]).flat();
}

/** How many transfers have no cause, and how many are system calls or trap returns. */
export function countKinds(trace: Trace, vcpu: number) {
  const { edges } = trace;
  const counts = { withoutCause: 0, calls: 0, returns: 0 };
  for (const edge of transfersOf(trace, vcpu)) {
    if (edges.cause[edge] === 255) counts.withoutCause++;
    if (KINDS[edges.kind[edge] ?? 255] === 'syscall') counts.calls++;
    if (KINDS[edges.kind[edge] ?? 255] === 'trap-return') counts.returns++;
  }
  return counts;
}
