/** Addresses in words, harmless to a terminal: every text of a trace goes through here. */
import {
  createDemangler,
  createSymbolizer,
  formatAddress,
  MARK_KINDS,
  markText,
  type Symbolizer,
  type Trace,
} from '@backtrail/analyzer';
import { harmless } from './line.ts';

/** What happens too often to be worth a line. */
const MARKS_HIDDEN: readonly string[] = ['map', 'unmap', 'gap'];

export class Names {
  readonly symbolizer: Symbolizer;
  readonly demangle: (name: string) => string;
  readonly #trace: Trace;

  constructor(trace: Trace) {
    const demangler = createDemangler();
    this.#trace = trace;
    this.demangle = (name) => demangler.demangle(name);
    this.symbolizer = createSymbolizer(trace, { demangle: this.demangle });
  }

  /** `main+0x12`, `libc.so.6+0x1234`, or `0x…`. */
  place(pc: bigint, timeNs?: bigint): string {
    const isThere = timeNs !== undefined && this.symbolizer.moduleAt(pc, timeNs) >= 0;
    return harmless(this.symbolizer.format(pc, isThere ? timeNs : undefined));
  }

  /** The function at an address, without an offset; null where there is none. */
  symbol(pc: bigint, timeNs?: bigint): { readonly name: string; readonly start: bigint } | null {
    const found = this.symbolizer.at(pc, timeNs) ?? this.symbolizer.at(pc);
    if (found === null || found.name === null) return null;
    const start = BigInt.asUintN(64, pc - found.offset);
    return { name: this.place(start, timeNs), start };
  }

  /** File name of the module at an address; empty outside of all. */
  module(pc: bigint, timeNs?: bigint): string {
    const path = (this.symbolizer.at(pc, timeNs) ?? this.symbolizer.at(pc))?.path ?? '';
    return harmless(path.slice(path.lastIndexOf('/') + 1));
  }

  /** When a transfer landed, as exactly as modules need it. */
  timeAt(vcpu: number, seq: number): bigint | undefined {
    const segment = this.#trace.segmentAt(vcpu, seq);
    return segment < 0 ? undefined : this.#trace.segments.timeLastNs[segment];
  }

  mark(mark: number): string {
    const { marks, manifest } = this.#trace;
    const has = (mask: Uint8Array): boolean => mask[mark] === 1;
    const timeNs = marks.timeNs[mark];
    const text = markText(
      {
        kind: MARK_KINDS[marks.kind[mark] ?? 0] ?? 'gap',
        place: has(marks.hasPc) ? this.place(marks.pc[mark] ?? 0n, timeNs) : null,
        number: has(marks.hasNumber) ? (marks.number[mark] ?? null) : null,
        code: has(marks.hasCode) ? (marks.code[mark] ?? null) : null,
        address: has(marks.hasAddress) ? (marks.address[mark] ?? null) : null,
        detail: marks.detail(mark),
      },
      manifest.guest.isa,
    );
    return harmless(text);
  }
}

/** Rows of the marks of a vCPU that are shown, by seq. */
export function marksOf({ marks }: Trace, vcpu: number): Uint32Array {
  const rows: number[] = [];
  for (let mark = 0; mark < marks.count; mark++) {
    const kind = MARK_KINDS[marks.kind[mark] ?? 0];
    if (marks.vcpu[mark] !== vcpu || kind === undefined || MARKS_HIDDEN.includes(kind)) continue;
    rows.push(mark);
  }
  const seq = (mark: number): number => marks.seq[mark] ?? 0;
  return Uint32Array.from(rows).sort((a, b) => seq(a) - seq(b) || a - b);
}

/** The first of sorted rows whose seq is at least `seq`. */
export function firstMark(trace: Trace, rows: Uint32Array, seq: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((trace.marks.seq[rows[middle] ?? 0] ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const hex = formatAddress;
