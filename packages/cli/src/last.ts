/** When a place in the code was executed last: the newest moments, of one vCPU or all. */
import {
  type CodePlace,
  Cursor,
  type CursorIndex,
  createDemangler,
  createDisassembler,
  createSourceLocator,
  createSymbolizer,
  type Disassembler,
  findPlace,
  type Gap,
  instructionText,
  lastVcpu,
  type Position,
  type SourceLine,
  type SourceLocator,
  type Symbolizer,
} from '@backtrail/analyzer';
import { BacktrailError, type Trace } from '@backtrail/recorder/trace';

export interface LastOptions {
  readonly place: string;
  /** Null: all, unless `from` names a moment of one. */
  readonly vcpu: number | null;
  /** seq of the newest transfer after which it may have run; null: the last. */
  readonly from: number | null;
  readonly count: number;
  /** Any instruction of a symbol or a line, not only where it begins; once in a moment. */
  readonly isAnywhere: boolean;
}

/** One execution. */
export interface LastHit {
  readonly vcpu: number;
  /** Of the transfer after which it ran. */
  readonly seq: number;
  /** Transfers of that vCPU from there to where the search began. */
  readonly transfersAgo: number;
  readonly address: bigint;
  readonly symbol: string;
  readonly line: SourceLine | null;
  readonly instruction: string | null;
  /** Estimate of the host's monotonic clock, ns. */
  readonly timeNs: bigint;
  /** Lost between this one and the one before in the list of this vCPU, or where it began. */
  readonly gaps: readonly Gap[];
}

/** What was looked through of one vCPU. */
export interface LastSearch {
  readonly vcpu: number;
  readonly from: number;
  /** Executions found; more than are listed if those of other vCPUs are newer. */
  readonly found: number;
  /** Whether there is none before the last one found. */
  readonly isExhausted: boolean;
  /** If so: what was lost before it. */
  readonly gaps: readonly Gap[];
}

export interface LastAnswer {
  readonly place: CodePlace;
  /** Newest first, by the estimate of the time. */
  readonly hits: readonly LastHit[];
  readonly searches: readonly LastSearch[];
}

interface Names {
  readonly symbolizer: Symbolizer;
  readonly locator: SourceLocator;
  readonly disassembler: Disassembler | null;
}

/** @throws BacktrailError E_PLACE, E_VCPU, E_SEQ, E_EMPTY */
export async function findLast(
  trace: Trace,
  index: CursorIndex,
  options: LastOptions,
): Promise<LastAnswer> {
  const demangler = createDemangler();
  const demangle = (name: string): string => demangler.demangle(name);
  const place = findPlace(trace, options.place, demangle);
  const symbolizer = createSymbolizer(trace, { demangle });
  const locator = createSourceLocator(trace, symbolizer, { demangle });
  const disassembler = await createDisassembler(trace.manifest.guest.isa);
  try {
    const names = { symbolizer, locator, disassembler };
    const { vcpu, from } = options;
    const one = vcpu ?? (from === null ? null : lastVcpu(trace));
    const vcpus = one === null && trace.vcpus.length > 0 ? trace.vcpus : [one ?? undefined];
    const found = vcpus.map((number) => searchOne(trace, index, place, options, names, number));
    const hits = found.flatMap((part) => part.hits).sort(byTime);
    return {
      place,
      hits: hits.slice(0, options.count),
      searches: found.map(({ search }) => search),
    };
  } finally {
    disassembler?.dispose();
  }
}

function byTime(a: LastHit, b: LastHit): number {
  if (a.vcpu === b.vcpu) return b.seq - a.seq;
  if (a.timeNs !== b.timeNs) return a.timeNs > b.timeNs ? -1 : 1;
  return a.vcpu - b.vcpu;
}

function searchOne(
  trace: Trace,
  index: CursorIndex,
  place: CodePlace,
  options: LastOptions,
  names: Names,
  vcpu: number | undefined,
): { hits: LastHit[]; search: LastSearch } {
  const cursor = new Cursor(trace, vcpu === undefined ? { index } : { index, vcpu });
  if (options.from !== null) goTo(trace, cursor, options.from);
  const { vcpu: number, seq: from } = cursor.position;
  const ranges = options.isAnywhere
    ? place.ranges
    : place.starts.map((start) => ({ start, end: start + 1n }));
  const isSought = ({ pc, instructions }: Position): boolean =>
    instructions > 0 && ranges.some((range) => pc >= range.start && pc < range.end);
  const hits: LastHit[] = [];
  let gaps: readonly Gap[] = [];
  let isExhausted = false;
  // Where it stands counts too; a search begins beside it.
  let isFound = isSought(cursor.position);
  while (hits.length < options.count) {
    if (!isFound) {
      const move = cursor.execution('backward', ranges);
      ({ gaps } = move);
      isExhausted = !move.moved;
      if (isExhausted) break;
    }
    isFound = false;
    hits.push(hitAt(trace, cursor, from, gaps, names));
    if (options.isAnywhere) cursor.to(cursor.position.seq);
  }
  const lost = isExhausted ? gaps : [];
  return { hits, search: { vcpu: number, from, found: hits.length, isExhausted, gaps: lost } };
}

/** To the last instruction after a transfer. */
function goTo(trace: Trace, cursor: Cursor, seq: number): void {
  const { vcpu } = cursor.position;
  if (cursor.to(seq).why !== null) {
    throw new BacktrailError(
      'E_SEQ',
      `--from: found ${seq}, but the last transfer of vCPU ${vcpu} is ${trace.seqEnd(vcpu) - 1}. ` +
        'Give that or less, or leave it away.',
    );
  }
  const { seq: recorded, instructions } = cursor.position;
  if (recorded > seq) {
    // Lost itself: the newest recorded moment before it.
    cursor.instruction('backward');
  } else {
    cursor.to(seq, Math.max(0, instructions - 1));
  }
}

function hitAt(
  trace: Trace,
  cursor: Cursor,
  from: number,
  gaps: readonly Gap[],
  { symbolizer, locator, disassembler }: Names,
): LastHit {
  const { vcpu, seq, pc, block } = cursor.position;
  const { timeNs } = cursor.time;
  const at = symbolizer.moduleAt(pc, timeNs) >= 0 ? timeNs : undefined;
  return {
    vcpu,
    seq,
    transfersAgo: from - seq,
    address: pc,
    symbol: symbolizer.format(pc, at),
    line: locator.lineAt(pc, at),
    instruction: instructionText(trace, disassembler, block, pc),
    timeNs,
    gaps,
  };
}
