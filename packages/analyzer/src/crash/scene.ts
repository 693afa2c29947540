/** What every part of a crash report asks: the readable trace, names, instructions, the path. */

import { BacktrailError, NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { SegmentDropped, Streams } from '../cursor/streams.ts';
import type { Disassembler } from '../disassembly/capstone.ts';
import { instructionText } from '../instruction-text.ts';
import { lastVcpu } from '../last-vcpu.ts';
import { ExecutedPath } from '../path.ts';
import type { SourceLine, SourceLocator } from '../symbols/source-locator.ts';
import type { SourceReader } from '../symbols/source-text.ts';
import type { Symbolizer } from '../symbols/symbolizer.ts';
import type { CrashInline, CrashPlace, CrashSource, HexAddress } from './report.ts';

/** Transfers that are read and looked at one by one. */
export const LAST_PART_TRANSFERS = 1 << 18;

const OFFSET = /\+0x[0-9a-f]+$/;

export const hexAddress = (address: bigint): HexAddress =>
  `0x${BigInt.asUintN(64, address).toString(16)}`;

/** A number of a mark; null where it has none. Those beyond 2^53 do not occur in sound traces. */
export function markNumber(values: BigInt64Array, has: Uint8Array, mark: number): number | null {
  return has[mark] === 1 ? Number(values[mark] ?? 0n) : null;
}

export interface Tools {
  readonly symbolizer: Symbolizer;
  readonly locator: SourceLocator;
  /** Null: files of this machine are not looked into. */
  readonly sourceReader: SourceReader | null;
  /** Null where there is none for the guest. */
  readonly disassembler: Disassembler | null;
}

export class Scene {
  /** Without segments at the end that are damaged. */
  readonly trace: Streams;
  readonly vcpu: number;
  readonly seqEnd: number;
  /** Where the last part begins: everything from here on can be read. */
  readonly lastFrom: number;
  readonly path: ExecutedPath;
  readonly tools: Tools;
  /** Segments that turned out to be damaged. */
  readonly damaged: number;
  /** As it was given: with them. */
  readonly whole: Trace;

  /** @throws BacktrailError E_EMPTY, E_VCPU */
  constructor(trace: Trace, vcpu: number | null, tools: Tools) {
    this.whole = trace;
    this.trace = new Streams(trace);
    this.tools = tools;
    this.vcpu = vcpuOf(this.trace, vcpu);
    const { lastFrom, damaged } = soundTail(this.trace, this.vcpu);
    this.lastFrom = lastFrom;
    this.damaged = damaged;
    this.seqEnd = this.trace.seqEnd(this.vcpu);
    if (this.seqEnd === 0) throw nothingToRead(trace);
    this.path = new ExecutedPath(this.trace);
  }

  get isa(): string {
    return this.trace.manifest.guest.isa;
  }

  /** Estimate of when a transfer landed, for names; undefined past the end. */
  timeOf(seq: number): bigint | undefined {
    const segment = this.trace.segmentAt(this.vcpu, seq);
    return segment < 0 ? undefined : this.trace.segments.timeLastNs[segment];
  }

  place(address: bigint, timeNs?: bigint): CrashPlace {
    const { symbolizer, locator } = this.tools;
    // A module that is not mapped at that time may have been mapped by then: stamps are coarse.
    const isThere = symbolizer.moduleAt(address, timeNs) >= 0;
    const at = isThere ? timeNs : undefined;
    const symbol = symbolizer.format(address, at);
    const line = locator.lineAt(address, at);
    return { address: hexAddress(address), symbol, source: this.#source(line) };
  }

  /** Functions that were inlined at an address, innermost first, with where control is in each. */
  inlined(address: bigint): CrashInline[] {
    const frames = this.tools.locator.at(address).filter(({ isInlined }) => isInlined);
    return frames.map((frame) => ({ function: frame.function, source: this.#source(frame) }));
  }

  /** Where in its own function an address is: the call of what is inlined there, if anything is. */
  ownSource(address: bigint): CrashSource | null {
    return this.#source(this.tools.locator.at(address).at(-1) ?? null);
  }

  #source(line: SourceLine | null): CrashSource | null {
    if (line === null || line.file === null) return null;
    const { file, column } = line;
    const text = line.line === null ? null : this.tools.sourceReader?.line(file, line.line);
    return { file, line: line.line, column, text: text ?? null };
  }

  /** Name of the function that holds an address; the address where none is known. */
  functionName(address: bigint): string {
    const text = this.tools.symbolizer.format(address);
    return this.tools.symbolizer.at(address)?.name === null ? text : text.replace(OFFSET, '');
  }

  /** Text of the instruction at `pc` in a block; null where it is not known. */
  instruction(block: number, pc: bigint): string | null {
    return instructionText(this.trace, this.tools.disassembler, block, pc);
  }

  /** Text of the instruction that an edge comes from; null where it is not known. */
  sourceInstruction(edge: number): string | null {
    const { edges } = this.trace;
    if (edges.hasSource[edge] !== 1) return null;
    return this.instruction(edges.sourceBlock[edge] ?? NO_ROW, edges.source[edge] ?? 0n);
  }

  /** Edges of the last part, oldest first, each piece without a gap in it. */
  lastPieces(from = this.lastFrom): { readonly seq: number; readonly edges: Uint32Array }[] {
    const pieces: { seq: number; edges: Uint32Array }[] = [];
    const { firstSeq, rows } = this.trace.segments;
    for (const segment of this.trace.segmentsOf(this.vcpu)) {
      const first = firstSeq[segment] ?? 0;
      if (first + (rows[segment] ?? 0) <= from) continue;
      const skip = Math.max(0, from - first);
      pieces.push({ seq: first + skip, edges: this.trace.readSegment(segment).slice(skip) });
    }
    return pieces;
  }

  /** What an action returns, or null where the trace is not sound enough for it. */
  attempt<Answer>(action: () => Answer): Answer | null {
    try {
      return action();
    } catch (error) {
      if (error instanceof BacktrailError || error instanceof SegmentDropped) return null;
      throw error;
    }
  }
}

function nothingToRead({ directory }: Trace): BacktrailError {
  return new BacktrailError(
    'E_EMPTY',
    `${directory}: found no transfers that can be read, expected at least one. ` +
      'Run: backtrail info',
  );
}

function vcpuOf(trace: Streams, wanted: number | null): number {
  const { vcpus } = trace;
  if (vcpus.length === 0) throw nothingToRead(trace);
  const last = lastVcpu(trace);
  const vcpu = wanted ?? (vcpus.includes(last) ? last : (vcpus[0] ?? 0));
  if (vcpus.includes(vcpu)) return vcpu;
  const list = vcpus.length > 16 ? `${vcpus.slice(0, 16).join(', ')}, …` : vcpus.join(', ');
  throw new BacktrailError(
    'E_VCPU',
    `--vcpu: found ${vcpu}, expected one of ${list}. Leave it away for the one that ended last.`,
  );
}

/** Reads the last part; segments in it that are damaged become gaps. */
function soundTail(trace: Streams, vcpu: number): { lastFrom: number; damaged: number } {
  for (let damaged = 0; ; damaged++) {
    try {
      let left = LAST_PART_TRANSFERS;
      let lastFrom = trace.seqEnd(vcpu);
      const segments = trace.segmentsOf(vcpu);
      for (let i = segments.length - 1; i >= 0 && left > 0; i--) {
        const segment = segments[i] ?? 0;
        const count = Math.min(left, trace.readSegment(segment).length);
        lastFrom = trace.endSeq(segment) - count;
        left -= count;
      }
      return { lastFrom, damaged };
    } catch (error) {
      if (!(error instanceof SegmentDropped)) throw error;
    }
  }
}
