/** The last transfers before a moment, newest first, with what is known of each. */
import { constants } from 'node:os';
import {
  createDemangler,
  createDisassembler,
  createSymbolizer,
  type Disassembler,
  ExecutedPath,
  endMark,
  type Symbolizer,
} from '@backtrail/analyzer';
import {
  BacktrailError,
  CAUSES,
  KINDS,
  MARK_KINDS,
  type MarkKind,
  NO_ROW,
  type Trace,
} from '@backtrail/recorder/trace';

/** An address and what is there. */
export interface Place {
  readonly address: bigint;
  /** `main+0x12`, `libc.so.6+0x1234`, or the address itself. */
  readonly symbol: string;
}

export interface TransferRow {
  readonly row: 'transfer';
  readonly seq: number;
  readonly edge: number;
  readonly cause: string | null;
  readonly kind: string | null;
  readonly source: Place | null;
  readonly target: Place;
  readonly hostSource: bigint | null;
  readonly hostTarget: bigint | null;
  /** That ran from here to the next transfer; null where that is not known. */
  readonly instructions: number | null;
  /** The instruction at the source, e.g. `ret`; null where its bytes or its ISA are not known. */
  readonly instruction: string | null;
}

export interface MarkRow {
  readonly row: 'mark';
  /** Of the next transfer at that moment. */
  readonly seq: number;
  readonly kind: MarkKind;
  readonly place: Place | null;
  readonly number: bigint | null;
  readonly code: bigint | null;
  readonly address: bigint | null;
  readonly detail: string | null;
}

/** Part of the block that a vCPU was in when the run ended. */
export interface LastBlock {
  readonly row: 'last-block';
  /** Where it was entered. */
  readonly place: Place;
  readonly instructions: readonly { readonly address: bigint; readonly text: string }[];
}

export type BackRow = TransferRow | MarkRow | LastBlock;

export interface BackOptions {
  /** Null: the one that ended last. */
  readonly vcpu: number | null;
  /** seq of the newest transfer wanted; null: the last one there is. */
  readonly from: number | null;
  readonly count: number;
  readonly disassembly: boolean;
}

/** What happens too often to be worth a line. */
const MARKS_HIDDEN: readonly MarkKind[] = ['map', 'unmap'];
/** Transfers whose counts are taken at once. */
const CHUNK_TRANSFERS = 4096;
const LAST_BLOCK_INSTRUCTIONS_MAX = 16;

const UNKNOWN = -1;

export class Backward implements Disposable {
  readonly trace: Trace;
  readonly vcpu: number;
  /** seq of the newest and, if all are there, oldest transfer that rows() gives. */
  readonly newest: number;
  readonly oldest: number;
  readonly #path: ExecutedPath;
  readonly #symbolizer: Symbolizer;
  readonly #disassembler: Disassembler | null;

  private constructor(
    trace: Trace,
    range: { vcpu: number; newest: number; oldest: number },
    symbolizer: Symbolizer,
    disassembler: Disassembler | null,
  ) {
    this.trace = trace;
    this.vcpu = range.vcpu;
    this.newest = range.newest;
    this.oldest = range.oldest;
    this.#path = new ExecutedPath(trace);
    this.#symbolizer = symbolizer;
    this.#disassembler = disassembler;
  }

  /** @throws BacktrailError E_VCPU, E_SEQ, E_EMPTY if the trace has no such moment. */
  static async open(trace: Trace, options: BackOptions): Promise<Backward> {
    const range = rangeOf(trace, options);
    const demangler = createDemangler();
    const symbolizer = createSymbolizer(trace, { demangle: (name) => demangler.demangle(name) });
    const { isa } = trace.manifest.guest;
    const disassembler = options.disassembly ? await createDisassembler(isa) : null;
    return new Backward(trace, range, symbolizer, disassembler);
  }

  [Symbol.dispose](): void {
    this.#disassembler?.dispose();
  }

  /** Newest first; a mark stands where it happened between two transfers. */
  *rows(): Generator<BackRow> {
    const marks = this.#marksBack();
    const isEnd = this.newest === this.trace.seqEnd(this.vcpu) - 1;
    for (const mark of marks) {
      if (mark.seq > this.newest + 1 || mark.seq <= this.newest) continue;
      if (isEnd) yield this.#markRow(mark.mark);
    }
    if (isEnd) yield* this.#lastBlock();
    let next = 0;
    for (let high = this.newest; high >= this.oldest; high -= CHUNK_TRANSFERS) {
      const low = Math.max(this.oldest, high - CHUNK_TRANSFERS + 1);
      const counts = this.#instructionCounts(low, high);
      for (let seq = high; seq >= low; seq--) {
        const row = this.#transferRow(seq, counts[seq - low] ?? UNKNOWN);
        if (row !== null) yield row;
        for (; next < marks.length && (marks[next]?.seq ?? 0) > seq; next++);
        for (; next < marks.length && marks[next]?.seq === seq; next++) {
          yield this.#markRow(marks[next]?.mark ?? 0);
        }
      }
    }
  }

  /** Row numbers of the marks of the vCPU that are shown, newest first. */
  #marksBack(): { mark: number; seq: number }[] {
    const { marks } = this.trace;
    const list: { mark: number; seq: number }[] = [];
    for (let mark = marks.count - 1; mark >= 0; mark--) {
      const seq = marks.seq[mark] ?? 0;
      const kind = MARK_KINDS[marks.kind[mark] ?? 0];
      if (marks.vcpu[mark] !== this.vcpu || seq < this.oldest || seq > this.newest + 1) continue;
      if (kind !== undefined && !MARKS_HIDDEN.includes(kind)) list.push({ mark, seq });
    }
    return list.sort((a, b) => b.seq - a.seq || b.mark - a.mark);
  }

  /** Instructions after each transfer from `low` to `high`; UNKNOWN where transfers are missing. */
  #instructionCounts(low: number, high: number): Float64Array {
    const counts = new Float64Array(high - low + 1).fill(UNKNOWN);
    const count = (from: number, to: number): void => {
      counts.fill(0, from - low, to - low);
      this.#path.visitRuns(this.vcpu, from, to, (_block, _row, length, seq) => {
        counts[seq - low] = (counts[seq - low] ?? 0) + length;
        return false;
      });
    };
    try {
      count(low, high + 1);
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      // One hop of these does not fit its code; only that one is to be without a count.
      for (let seq = low; seq <= high; seq++) {
        try {
          count(seq, seq + 1);
        } catch (inner) {
          if (!(inner instanceof BacktrailError)) throw inner;
          counts[seq - low] = UNKNOWN;
        }
      }
    }
    return this.#withoutGuesses(counts, low, high);
  }

  /** What ran before a gap, or to an end that nobody saw, is not known. */
  #withoutGuesses(counts: Float64Array, low: number, high: number): Float64Array {
    const end = this.trace.seqEnd(this.vcpu);
    for (let seq = low; seq <= high; seq++) {
      const isCut =
        seq + 1 === end ? !this.#endIsExact() : this.trace.segmentAt(this.vcpu, seq + 1) < 0;
      if (isCut) counts[seq - low] = UNKNOWN;
    }
    return counts;
  }

  /** Of a vCPU that was killed only the block is known in which it was. */
  #endIsExact(): boolean {
    const { marks, manifest } = this.trace;
    if (endMark(this.trace, this.vcpu, this.trace.seqEnd(this.vcpu)) < 0) return false;
    const exit = MARK_KINDS.indexOf('thread-exit');
    const exited = marks.kind.some((kind, i) => kind === exit && marks.vcpu[i] === this.vcpu);
    return exited || manifest.end?.how === 'exit';
  }

  #place(address: bigint, timeNs: bigint | undefined): Place {
    const isThere = this.#symbolizer.moduleAt(address, timeNs) >= 0;
    return { address, symbol: this.#symbolizer.format(address, isThere ? timeNs : undefined) };
  }

  /** Null where the transfer is lost. */
  #transferRow(seq: number, instructions: number): TransferRow | null {
    const { edges, segments } = this.trace;
    const segment = this.trace.segmentAt(this.vcpu, seq);
    if (segment < 0) return null;
    const at = seq - (segments.firstSeq[segment] ?? 0);
    const edge = this.trace.readSegment(segment)[at] ?? 0;
    const timeNs = segments.timeLastNs[segment];
    const hasSource = edges.hasSource[edge] === 1;
    const source = hasSource ? this.#place(edges.source[edge] ?? 0n, timeNs) : null;
    return {
      row: 'transfer',
      seq,
      edge,
      cause: CAUSES[edges.cause[edge] ?? 0] ?? null,
      kind: KINDS[edges.kind[edge] ?? 0] ?? null,
      source,
      target: this.#place(edges.target[edge] ?? 0n, timeNs),
      hostSource: edges.hasHostSource[edge] === 1 ? (edges.hostSource[edge] ?? null) : null,
      hostTarget: edges.hasHostTarget[edge] === 1 ? (edges.hostTarget[edge] ?? null) : null,
      instructions: instructions === UNKNOWN ? null : instructions,
      instruction: source === null ? null : this.#instructionAt(edge, source.address),
    };
  }

  /** Text of the instruction that control left, from the recorded bytes of its block. */
  #instructionAt(edge: number, pc: bigint): string | null {
    const { blocks, edges } = this.trace;
    const block = edges.sourceBlock[edge] ?? NO_ROW;
    if (this.#disassembler === null || block === NO_ROW) return null;
    const offset = Number(pc - (blocks.pc[block] ?? 0n));
    let at = 0;
    for (const sizeBytes of blocks.instructionSizes(block)) {
      if (at === offset) {
        return this.#disassembler.text(blocks.code(block).subarray(at, at + sizeBytes), pc);
      }
      at += sizeBytes;
    }
    return null;
  }

  #markRow(mark: number): MarkRow {
    const { marks } = this.trace;
    const timeNs = marks.timeNs[mark];
    return {
      row: 'mark',
      seq: marks.seq[mark] ?? 0,
      kind: MARK_KINDS[marks.kind[mark] ?? 0] ?? 'gap',
      place: marks.hasPc[mark] === 1 ? this.#place(marks.pc[mark] ?? 0n, timeNs) : null,
      number: marks.hasNumber[mark] === 1 ? (marks.number[mark] ?? null) : null,
      code: marks.hasCode[mark] === 1 ? (marks.code[mark] ?? null) : null,
      address: marks.hasAddress[mark] === 1 ? (marks.address[mark] ?? null) : null,
      detail: marks.detail(mark),
    };
  }

  /**
   * The code that a vCPU was in at the end: a fault in it, or a jump that arrived nowhere, is no
   * transfer, and would not be seen else.
   */
  *#lastBlock(): Generator<LastBlock> {
    const seqEnd = this.trace.seqEnd(this.vcpu);
    if (this.#disassembler === null || endMark(this.trace, this.vcpu, seqEnd) < 0) return;
    let run: ReturnType<ExecutedPath['runsAt']>[number] | undefined;
    try {
      run = this.#path.runsAt(this.vcpu, seqEnd - 1).at(-1);
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
    }
    if (run === undefined) return;
    const { blocks } = this.trace;
    const pc = blocks.pc[run.block] ?? 0n;
    const sizes = blocks.instructionSizes(run.block);
    const list = this.#disassembler.disassemble(blocks.code(run.block), pc, sizes);
    const first = list.findIndex((one) => one.pc === run.pc);
    yield {
      row: 'last-block',
      place: this.#place(run.pc, undefined),
      instructions: list
        .slice(Math.max(0, first), Math.max(0, first) + LAST_BLOCK_INSTRUCTIONS_MAX)
        .map((one) => ({ address: one.pc, text: `${one.mnemonic} ${one.operands}`.trimEnd() })),
    };
  }
}

/** The newest mark of a kind that `accept` takes; -1 if there is none. */
function lastMark(trace: Trace, kind: MarkKind, accept: (mark: number) => boolean): number {
  const { marks } = trace;
  let best = -1;
  for (let mark = 0; mark < marks.count; mark++) {
    if (MARK_KINDS[marks.kind[mark] ?? 0] !== kind || !accept(mark)) continue;
    if (best < 0 || (marks.timeNs[mark] ?? 0n) > (marks.timeNs[best] ?? 0n)) best = mark;
  }
  return best;
}

/** The vCPU that says most about the end: that of the fatal signal, else the one that ended last. */
export function lastVcpu(trace: Trace): number {
  const { end } = trace.manifest;
  const { marks, vcpus } = trace;
  const isOpen = (mark: number): boolean => vcpus.includes(marks.vcpu[mark] ?? 0);
  if (end?.how === 'signal') {
    const fatal = lastMark(
      trace,
      'signal',
      (mark) => isOpen(mark) && marks.number[mark] === BigInt(end.number),
    );
    if (fatal >= 0) return marks.vcpu[fatal] ?? 0;
  }
  const ended = lastMark(trace, 'end', isOpen);
  return ended >= 0 ? (marks.vcpu[ended] ?? 0) : (vcpus[0] ?? 0);
}

function rangeOf(
  trace: Trace,
  options: BackOptions,
): { vcpu: number; newest: number; oldest: number } {
  const { vcpus, directory } = trace;
  if (vcpus.length === 0) {
    throw new BacktrailError(
      'E_EMPTY',
      `${directory}: found no transfers that can be read, expected at least one. ` +
        'Run: backtrail info',
    );
  }
  const vcpu = options.vcpu ?? lastVcpu(trace);
  if (!vcpus.includes(vcpu)) {
    const list = vcpus.length > 16 ? `${vcpus.slice(0, 16).join(', ')}, …` : vcpus.join(', ');
    throw new BacktrailError(
      'E_VCPU',
      `--vcpu: found ${vcpu}, expected one of ${list}. Leave it away for the one that ended last.`,
    );
  }
  const end = trace.seqEnd(vcpu);
  const newest = options.from ?? end - 1;
  if (newest >= end) {
    throw new BacktrailError(
      'E_SEQ',
      `--from: found ${newest}, but the last transfer of vCPU ${vcpu} is ${end - 1}. ` +
        'Give that or less, or leave it away.',
    );
  }
  const first = trace.segments.firstSeq[trace.segmentsOf(vcpu)[0] ?? 0] ?? 0;
  if (newest < first) {
    throw new BacktrailError(
      'E_SEQ',
      `--from: found ${newest}, but the first transfer of vCPU ${vcpu} that was kept is ${first}. ` +
        'Give that or more.',
    );
  }
  return { vcpu, newest, oldest: Math.max(first, newest - options.count + 1) };
}

/** ISAs on which Linux numbers signals in its own way; names by this machine would be wrong. */
const OWN_SIGNALS = /^(mips|sparc|alpha|hppa)/;

/** `SIGSEGV` for 11, by the guest's numbers; null where it has no name here. */
export function signalName(isa: string, number: bigint): string | null {
  if (OWN_SIGNALS.test(isa)) return null;
  const found = Object.entries(constants.signals).find(([, value]) => BigInt(value) === number);
  return found?.[0] ?? null;
}
