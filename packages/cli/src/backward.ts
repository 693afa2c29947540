/** The last transfers before a moment, newest first, with what is known of each. */
import {
  createDemangler,
  createDisassembler,
  createSourceLocator,
  createSourceReader,
  createSymbolizer,
  type Disassembler,
  ExecutedPath,
  endMark,
  instructionText,
  type SourceLine,
  type SourceLocator,
  type SourceReader,
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
import { type BackOptions, type Range, rangeOf } from './backward-range.ts';

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
  /** Where the source comes from; null where that is not known. */
  readonly sourceLine: SourceLine | null;
  /** Text of that line, where it was asked for; null if its file is not here. */
  readonly sourceText?: string | null;
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

/** What happens too often to be worth a line. */
const MARKS_HIDDEN: readonly MarkKind[] = ['map', 'unmap'];
const LAST_BLOCK_INSTRUCTIONS_MAX = 16;

const UNKNOWN = -1;

export class Backward implements Disposable {
  readonly trace: Trace;
  readonly vcpu: number;
  readonly #range: Range;
  readonly #path: ExecutedPath;
  readonly #symbolizer: Symbolizer;
  readonly #disassembler: Disassembler | null;
  readonly #locator: SourceLocator;
  readonly #reader: SourceReader | null;

  private constructor(
    trace: Trace,
    range: Range,
    symbolizer: Symbolizer,
    disassembler: Disassembler | null,
    reader: SourceReader | null,
  ) {
    this.trace = trace;
    this.vcpu = range.vcpu;
    this.#range = range;
    this.#path = new ExecutedPath(trace);
    this.#symbolizer = symbolizer;
    this.#disassembler = disassembler;
    this.#locator = createSourceLocator(trace, symbolizer);
    this.#reader = reader;
  }

  /** Whether any source line is known. */
  get hasLines(): boolean {
    return this.#locator.hasLines;
  }

  /** @throws BacktrailError E_VCPU, E_SEQ, E_EMPTY if the trace has no such moment. */
  static async open(trace: Trace, options: BackOptions): Promise<Backward> {
    const range = rangeOf(trace, options);
    const demangler = createDemangler();
    const symbolizer = createSymbolizer(trace, { demangle: (name) => demangler.demangle(name) });
    const { isa } = trace.manifest.guest;
    const disassembler = options.disassembly ? await createDisassembler(isa) : null;
    const reader = options.source ? createSourceReader() : null;
    return new Backward(trace, range, symbolizer, disassembler, reader);
  }

  [Symbol.dispose](): void {
    this.#disassembler?.dispose();
  }

  /** Newest first; a mark stands where it happened between two transfers. */
  *rows(): Generator<BackRow> {
    const { stretches, marksUpTo } = this.#range;
    const marks = this.#marksBack();
    let next = 0;
    const isAfter = (seq: number): boolean => (marks[next]?.seq ?? -1) > seq;
    const newest = stretches[0]?.high ?? 0;
    for (; isAfter(newest); next++) yield this.#markRow(marks[next]?.mark ?? 0);
    if (marksUpTo === Number.POSITIVE_INFINITY) yield* this.#lastBlock();
    for (const { low, high } of stretches) {
      const counts = this.#instructionCounts(low, high);
      for (let seq = high; seq >= low; seq--) {
        for (; isAfter(seq); next++) yield this.#markRow(marks[next]?.mark ?? 0);
        const row = this.#transferRow(seq, counts[seq - low] ?? UNKNOWN);
        if (row !== null) yield row;
      }
    }
    for (; next < marks.length; next++) yield this.#markRow(marks[next]?.mark ?? 0);
  }

  /** Row numbers of the marks of the vCPU that are shown, newest first. */
  #marksBack(): { mark: number; seq: number }[] {
    const { marks } = this.trace;
    const { stretches, marksUpTo } = this.#range;
    const oldest = stretches.at(-1)?.low ?? 0;
    const list: { mark: number; seq: number }[] = [];
    for (let mark = marks.count - 1; mark >= 0; mark--) {
      const seq = marks.seq[mark] ?? 0;
      const kind = MARK_KINDS[marks.kind[mark] ?? 0];
      if (marks.vcpu[mark] !== this.vcpu || seq < oldest || seq > marksUpTo) continue;
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
      instruction:
        source === null
          ? null
          : instructionText(
              this.trace,
              this.#disassembler,
              edges.sourceBlock[edge] ?? NO_ROW,
              source.address,
            ),
      ...this.#sourceOf(source, timeNs),
    };
  }

  #sourceOf(
    source: Place | null,
    timeNs: bigint | undefined,
  ): Pick<TransferRow, 'sourceLine' | 'sourceText'> {
    const found = source === null ? null : this.#locator.lineAt(source.address, timeNs);
    const sourceLine = found?.file === null ? null : found;
    if (this.#reader === null) return { sourceLine };
    const { file = null, line = null } = sourceLine ?? {};
    const isPlace = file !== null && line !== null;
    return { sourceLine, sourceText: isPlace ? this.#reader.line(file, line) : null };
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
    const found = this.#blockAtEnd();
    if (found === null) return;
    const { blocks } = this.trace;
    const { block, pc } = found;
    const instructions: { address: bigint; text: string }[] = [];
    let address = blocks.pc[block] ?? 0n;
    for (const sizeBytes of blocks.instructionSizes(block)) {
      const text = instructionText(this.trace, this.#disassembler, block, address);
      if (text === null) return;
      instructions.push({ address, text });
      address += BigInt(sizeBytes);
    }
    const first = Math.max(
      0,
      instructions.findIndex((one) => one.address === pc),
    );
    yield {
      row: 'last-block',
      place: this.#place(pc, undefined),
      instructions: instructions.slice(first, first + LAST_BLOCK_INSTRUCTIONS_MAX),
    };
  }

  /** The block that the `end` mark lies in, and where the vCPU is known to have entered it. */
  #blockAtEnd(): { block: number; pc: bigint } | null {
    const { blocks, edges, marks } = this.trace;
    const seqEnd = this.trace.seqEnd(this.vcpu);
    const mark = endMark(this.trace, this.vcpu, seqEnd);
    if (mark < 0) return null;
    const end = marks.pc[mark] ?? 0n;
    const holds = (block: number): boolean => {
      const offset = end - (blocks.pc[block] ?? 0n);
      return block < blocks.count && offset >= 0n && offset < BigInt(blocks.size[block] ?? 0);
    };
    const run = this.#lastRun(seqEnd);
    if (run !== null && holds(run.block)) return run;
    // It was killed before anything in the block is known to have run.
    const segment = this.trace.segmentAt(this.vcpu, seqEnd - 1);
    const transfers = segment < 0 ? null : this.trace.readSegment(segment);
    const arrived = edges.targetBlock[transfers?.at(-1) ?? NO_ROW] ?? NO_ROW;
    if (holds(arrived)) return { block: arrived, pc: end };
    const block = blocks.pc.lastIndexOf(end);
    return block < 0 ? null : { block, pc: end };
  }

  /** The last part of a block that is known to have run. */
  #lastRun(seqEnd: number): { block: number; pc: bigint } | null {
    try {
      return this.#path.runsAt(this.vcpu, seqEnd - 1).at(-1) ?? null;
    } catch (error) {
      if (error instanceof BacktrailError) return null;
      throw error;
    }
  }
}
