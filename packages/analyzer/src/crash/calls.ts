/** The call stack at the end, and returns that did not go back to their caller. */
import { BacktrailError, KINDS, type Trace } from '@backtrail/recorder/trace';
import { SegmentDropped, Streams } from '../cursor/streams.ts';
import type { TraceIndex } from '../index/trace-index.ts';
import { keptRun, stacksBy } from '../stack/kept.ts';
import type { StackMachine } from '../stack/machine.ts';
import { type BrokenReturn, CallStacks, type Frame } from '../stack.ts';
import type {
  CrashBrokenReturn,
  CrashBrokenReturns,
  CrashFrame,
  CrashPlace,
  CrashStack,
} from './report.ts';
import type { Scene } from './scene.ts';

/** 0.2 s. */
const TRANSFERS_MAX = 1 << 25;
/** What is gone through of a run that has more: a share of the most. */
const PART = 1 / 8;
const FRAMES_MAX = 64;
const BROKEN_SHOWN = 3;

export interface CallsOptions {
  /** Null for none: a long run is then gone through in part. */
  readonly index: TraceIndex | null;
  /** Transfers that may be read for it; null for the usual number. */
  readonly transfersMax: number | null;
}

export interface Calls {
  readonly stack: CrashStack;
  /** Where the innermost frame is to return to; null where that is not known. */
  readonly returnAddress: bigint | null;
  readonly broken: CrashBrokenReturns;
  /** Everything from here on was gone through. */
  readonly fromSeq: number;
  /** Whether that is all there is. */
  readonly isWhole: boolean;
  /** seqs of the traps, signals and interrupts whose handler is open. */
  readonly openSeqs: ReadonlySet<number>;
  readonly machineAt: (seq: number) => StackMachine;
}

/** Null where the trace does not tell a call from a jump. */
export function crashCalls(scene: Scene, pc: bigint | null, options: CallsOptions): Calls | null {
  if (!tellsCalls(scene.trace)) return null;
  const { vcpu } = scene;
  const { index } = options;
  const transfersMax = options.transfersMax ?? TRANSFERS_MAX;
  if (transfersToRead(scene, index) <= transfersMax) {
    return callsOf(scene, stacksBy(scene.whole, index), pc, true);
  }
  const part = new Streams(scene.whole);
  const end = scene.trace.seqEnd(vcpu);
  const isOld = (segment: number): boolean => part.endSeq(segment) <= end - transfersMax * PART;
  part.drop(Array.from(scene.trace.segmentsOf(vcpu)).filter(isOld));
  for (;;) {
    try {
      return callsOf(scene, new CallStacks(part), pc, false);
    } catch (error) {
      // A damaged segment is a gap from now on.
      if (!(error instanceof SegmentDropped)) throw error;
    }
  }
}

/** Transfers of segments of which no summary is kept. */
function transfersToRead({ trace, vcpu }: Scene, index: TraceIndex | null): number {
  let sum = 0;
  if (keptRun(trace, vcpu, index) !== null) return 0;
  for (const segment of trace.segmentsOf(vcpu)) {
    const words = index?.summary('stack', segment) ?? null;
    // An odd number of words says that the summary was too long to be kept.
    if (words === null || words.length % 2 !== 0) sum += trace.segments.rows[segment] ?? 0;
  }
  return sum;
}

function tellsCalls({ edges }: Trace): boolean {
  const isCall = new Uint8Array(256);
  for (const kind of ['call', 'indirect-call', 'return'] as const) {
    isCall[KINDS.indexOf(kind)] = 1;
  }
  return edges.kind.some((kind) => isCall[kind] === 1);
}

function callsOf(
  scene: Scene,
  stacks: CallStacks,
  pc: bigint | null,
  isWhole: boolean,
): Calls | null {
  const { vcpu, seqEnd } = scene;
  try {
    const given = { framesMax: FRAMES_MAX, ...(pc !== null && { pc }) };
    const { depth, frames, omitted, isBottomKnown, parked } = stacks.at(vcpu, seqEnd - 1, given);
    const first = stacks.trace.segmentsOf(vcpu)[0] ?? 0;
    const handlers = frames.filter(({ entered }) => HANDLERS.includes(entered));
    return {
      stack: {
        depth,
        frames: frames.map((frame) => frameOf(scene, frame)),
        omitted,
        isBottomKnown,
        parked,
      },
      returnAddress: frames[0]?.returnAddress ?? null,
      broken: brokenReturns(scene, stacks),
      fromSeq: stacks.trace.segments.firstSeq[first] ?? 0,
      isWhole,
      openSeqs: new Set(handlers.map(({ seq }) => seq)),
      machineAt: (seq) => stacks.machineAt(vcpu, seq),
    };
  } catch (error) {
    if (error instanceof BacktrailError) return null;
    throw error;
  }
}

const HANDLERS: readonly string[] = ['exception', 'interrupt', 'signal', 'syscall'];

function frameOf(scene: Scene, frame: Frame): CrashFrame {
  const { moved } = frame;
  const place = scene.place(frame.pc);
  const inlined = scene.inlined(frame.pc);
  const source = inlined.length > 0 ? scene.ownSource(frame.pc) : place.source;
  return {
    level: frame.level,
    place: { ...place, source },
    inlined,
    entered: frame.entered,
    seq: frame.seq,
    entry: frame.entry === null ? null : scene.place(frame.entry),
    moved:
      moved === null
        ? null
        : {
            how: moved.how,
            seq: moved.seq,
            source: scene.place(moved.source),
            target: scene.place(moved.target),
          },
  };
}

function brokenReturns(scene: Scene, stacks: CallStacks): CrashBrokenReturns {
  const { count, first, last } = stacks.brokenReturns(scene.vcpu);
  const newest = last.at(-1) ?? (first.length > BROKEN_SHOWN ? first.at(-1) : undefined);
  return {
    count,
    first: first.slice(0, BROKEN_SHOWN).map((one) => brokenOf(scene, one)),
    last: newest === undefined ? null : brokenOf(scene, newest),
  };
}

function brokenOf(scene: Scene, broken: BrokenReturn): CrashBrokenReturn {
  const timeNs = scene.timeOf(broken.seq);
  const place = (at: bigint | null): CrashPlace | null =>
    at === null ? null : scene.place(at, timeNs);
  return {
    seq: broken.seq,
    source: scene.place(broken.source, timeNs),
    target: scene.place(broken.target, timeNs),
    expected: place(broken.expected),
    callSite: place(broken.callSite),
    calledSeq: broken.calledSeq,
  };
}
