/**
 * What each edge does to a call stack, as numbers in typed arrays by edge number. Most edges do
 * nothing. An edge is looked at when it is first met: a question about one moment meets few of
 * them, and a trace may have millions.
 */
import { CAUSES, KINDS, NO_CODE, NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { FunctionTable, lastUpTo, NO_FUNCTION } from './functions.ts';
import { stackPointerTest } from './stack-pointer.ts';

/** What an edge does to a stack. */
export const EVENT = {
  /** Nothing: it stays in its function. */
  quiet: 0,
  /** Opens a frame: calls, exceptions and interrupts, deliveries of signals. */
  call: 1,
  trap: 2,
  signal: 3,
  /** A return, or an indirect jump out of a function that does not arrive at another's start. */
  leave: 4,
  /** Any other jump to another function: it goes on in the same frame. */
  tail: 5,
  trapReturn: 6,
  signalReturn: 7,
  /** The return of a signal handler, to the code that will ask for the signal's return. */
  restorer: 8,
  /** A start, or something whose cause is not known. */
  other: 9,
  /** As leave, out of a function that sets the stack pointer: perhaps to another stack. */
  swap: 10,
  /** As tail, out of a function that sets the stack pointer: what returns next may be a swap. */
  swapTail: 11,
} as const;
/** Events up to this one, but for quiet, open a frame. */
export const OPENS_MAX = EVENT.signal;
const NOT_YET = 0xff;

/** Whether a function sets the stack pointer; `unknown` where its instructions are not known. */
export type Switching = 'yes' | 'no' | 'unknown';

/** No address: no program has code there. */
export const NO_ADDRESS = 0xffff_ffff_ffff_ffffn;
const SIGNAL_RETURN = KINDS.indexOf('signal-return');

export class StackTables {
  readonly trace: Trace;
  readonly functions: FunctionTable;
  /** EVENT of each edge, or NOT_YET. */
  readonly #event: Uint8Array;
  /** Where control comes back to after an edge that opens a frame; all bits set where unknown. */
  readonly resume: BigUint64Array;
  /** Low and high half of each resume address; of each edge's target. */
  readonly resumeWords: Uint32Array;
  readonly targetWords: Uint32Array;
  readonly #sourceFunction: Uint32Array;
  readonly #targetFunction: Uint32Array;
  #switchers: Set<number> | 'unknown' | null = null;
  #returnPoints: BigUint64Array | null = null;
  readonly #restorers: ReadonlySet<bigint>;
  #trapEntries: ReadonlySet<bigint> | null = null;

  constructor(trace: Trace) {
    const { edges } = trace;
    this.trace = trace;
    this.functions = new FunctionTable(trace);
    this.#event = new Uint8Array(edges.count).fill(NOT_YET);
    this.resume = new BigUint64Array(edges.count).fill(NO_ADDRESS);
    this.resumeWords = new Uint32Array(this.resume.buffer);
    this.targetWords = halves(edges.target);
    this.#sourceFunction = new Uint32Array(edges.count).fill(NO_ROW - 1);
    this.#targetFunction = new Uint32Array(edges.count).fill(NO_ROW - 1);
    this.#restorers = restorers(trace);
  }

  /** EVENT numbers; what is NOT_YET must go through `event`. */
  get known(): Uint8Array {
    return this.#event;
  }

  event(edge: number): number {
    const known = this.#event[edge] ?? EVENT.other;
    if (known !== NOT_YET) return known;
    const event = this.#classify(edge);
    this.#event[edge] = event;
    if (event > EVENT.quiet && event <= OPENS_MAX) this.resume[edge] = this.#resumeOf(edge);
    return event;
  }

  /** Whether edge `leaving` arrives where the frame that `opening` opened is to come back to. */
  isBack(opening: number, leaving: number): boolean {
    return (
      this.resumeWords[opening * 2] === this.targetWords[leaving * 2] &&
      this.resumeWords[opening * 2 + 1] === this.targetWords[leaving * 2 + 1]
    );
  }

  /** Number of the function, or NO_FUNCTION. */
  sourceFunction(edge: number): number {
    const { edges } = this.trace;
    if (edges.hasSource[edge] !== 1) return NO_FUNCTION;
    return this.#functionOf(this.#sourceFunction, edges.source, edge);
  }

  targetFunction(edge: number): number {
    if (edge >= this.trace.edges.count) return NO_FUNCTION;
    return this.#functionOf(this.#targetFunction, this.trace.edges.target, edge);
  }

  arrivesAtStart(edge: number): boolean {
    return this.functions.beginsAt(this.trace.edges.target[edge] ?? 0n);
  }

  /**
   * A call for the sake of the address it pushes: to the next instruction (to learn the pc), or
   * into the middle of its own function (to overwrite the address, as retpolines do).
   */
  isTrick(edge: number): boolean {
    if (this.event(edge) !== EVENT.call) return false;
    if (this.isBack(edge, edge)) return true;
    const from = this.sourceFunction(edge);
    return (
      from !== NO_FUNCTION &&
      from === this.targetFunction(edge) &&
      this.trace.edges.target[edge] !== this.functions.startOf(from)
    );
  }

  /** Whether the function that an edge leaves sets the stack pointer. */
  switching(edge: number): Switching {
    this.#switchers ??= findSwitchers(this.trace, this.functions);
    if (this.#switchers === 'unknown') return 'unknown';
    return this.#switchers.has(this.sourceFunction(edge)) ? 'yes' : 'no';
  }

  /** Whether exceptions or interrupts arrive where an edge does. */
  isTrapEntry(edge: number): boolean {
    this.#trapEntries ??= trapEntries(this.trace);
    return this.#trapEntries.has(this.trace.edges.target[edge] ?? 0n);
  }

  /** Whether an edge arrives behind a call that was made somewhere in the run. */
  arrivesBehindCall(edge: number): boolean {
    const target = this.trace.edges.target[edge] ?? 0n;
    const points = this.#points();
    return points[lastUpTo(points, target)] === target;
  }

  /** Whether the function it arrives in has made a call at a lower address. */
  arrivesAfterCall(edge: number): boolean {
    const target = this.trace.edges.target[edge] ?? 0n;
    const points = this.#points();
    const point = points[lastUpTo(points, target)];
    return point !== undefined && this.functions.at(point) === this.targetFunction(edge);
  }

  #points(): BigUint64Array {
    if (this.#returnPoints !== null) return this.#returnPoints;
    const { edges } = this.trace;
    const points: bigint[] = [];
    const calls = [KINDS.indexOf('call'), KINDS.indexOf('indirect-call')];
    for (let edge = 0; edge < edges.count; edge++) {
      if (calls.includes(edges.kind[edge] ?? NO_CODE)) points.push(this.#resumeOf(edge));
    }
    this.#returnPoints = BigUint64Array.from(points).sort();
    return this.#returnPoints;
  }

  #functionOf(known: Uint32Array, addresses: BigUint64Array, edge: number): number {
    const before = known[edge] ?? NO_FUNCTION;
    if (before !== NO_ROW - 1) return before;
    const found = this.functions.at(addresses[edge] ?? 0n);
    known[edge] = found;
    return found;
  }

  #classify(edge: number): number {
    const { edges } = this.trace;
    switch (CAUSES[edges.cause[edge] ?? NO_CODE]) {
      case 'exception':
      case 'interrupt':
        return EVENT.trap;
      case 'signal':
        return edges.kind[edge] === SIGNAL_RETURN ? EVENT.signalReturn : EVENT.signal;
      case 'jump':
        return this.#classifyJump(edge);
      case 'start':
        return EVENT.other;
      case 'filtered':
        // What it called has returned by now, or will be met where it comes back.
        return EVENT.quiet;
      default:
        return this.#classifyUnknown(edge);
    }
  }

  /** Without a cause: where an engine cannot tell signals these are all that they can be. */
  #classifyUnknown(edge: number): number {
    if (this.trace.edges.hasSource[edge] !== 1) return EVENT.other;
    if (this.arrivesAtStart(edge)) return EVENT.signal;
    return EVENT.other;
  }

  #classifyJump(edge: number): number {
    const { edges } = this.trace;
    switch (KINDS[edges.kind[edge] ?? NO_CODE]) {
      case 'call':
      case 'indirect-call':
        return EVENT.call;
      case 'return':
        if (this.#restorers.has(edges.target[edge] ?? 0n)) return EVENT.restorer;
        return this.switching(edge) === 'yes' ? EVENT.swap : EVENT.leave;
      case 'trap-return':
        return EVENT.trapReturn;
      case 'indirect-jump':
        if (this.isInside(edge)) return EVENT.quiet;
        if (this.switching(edge) === 'yes') return EVENT.swap;
        return this.arrivesAtStart(edge) ? EVENT.tail : EVENT.leave;
      case undefined:
        return this.isInside(edge) ? EVENT.quiet : EVENT.other;
      default:
        if (this.isInside(edge)) return EVENT.quiet;
        return this.switching(edge) === 'yes' ? EVENT.swapTail : EVENT.tail;
    }
  }

  /** Whether it stays in its function, or in what is none. */
  isInside(edge: number): boolean {
    if (this.trace.edges.hasSource[edge] !== 1) return false;
    return this.sourceFunction(edge) === this.targetFunction(edge);
  }

  #resumeOf(edge: number): bigint {
    const { edges } = this.trace;
    const source = edges.source[edge] ?? 0n;
    const isAfter = edges.cause[edge] === 0 || KINDS[edges.kind[edge] ?? NO_CODE] === 'syscall';
    return isAfter ? this.afterSource(edge) : source;
  }

  /** Address of the instruction after an edge's source; all bits set where that is not known. */
  afterSource(edge: number): bigint {
    const { edges, blocks } = this.trace;
    const block = edges.sourceBlock[edge] ?? NO_ROW;
    if (block === NO_ROW) return NO_ADDRESS;
    const offset = (edges.source[edge] ?? 0n) - (blocks.pc[block] ?? 0n);
    let at = 0;
    for (const sizeBytes of blocks.instructionSizes(block)) {
      if (BigInt(at) === offset) return (edges.source[edge] ?? 0n) + BigInt(sizeBytes);
      at += sizeBytes;
    }
    return NO_ADDRESS;
  }
}

const halves = (column: BigUint64Array): Uint32Array =>
  new Uint32Array(column.buffer, column.byteOffset, column.length * 2);

/** Addresses of the blocks from which returns of signals are asked for. */
function restorers({ edges, blocks }: Trace): ReadonlySet<bigint> {
  const found = new Set<bigint>();
  for (let edge = 0; edge < edges.count; edge++) {
    if (edges.kind[edge] !== SIGNAL_RETURN) continue;
    const block = edges.sourceBlock[edge] ?? NO_ROW;
    if (block !== NO_ROW) found.add(blocks.pc[block] ?? 0n);
  }
  return found;
}

function trapEntries({ edges }: Trace): ReadonlySet<bigint> {
  const found = new Set<bigint>();
  for (let edge = 0; edge < edges.count; edge++) {
    const cause = CAUSES[edges.cause[edge] ?? NO_CODE];
    if (cause !== 'exception' && cause !== 'interrupt') continue;
    found.add(edges.target[edge] ?? 0n);
  }
  return found;
}

/** Functions with an instruction that sets the stack pointer. */
function findSwitchers(trace: Trace, functions: FunctionTable): Set<number> | 'unknown' {
  const test = stackPointerTest(trace.manifest.guest.isa);
  if (test === null) return 'unknown';
  const { blocks } = trace;
  const found = new Set<number>();
  for (let block = 0; block < blocks.count; block++) {
    const code = blocks.code(block);
    let at = 0;
    for (const sizeBytes of blocks.instructionSizes(block)) {
      if (test(code, at, sizeBytes)) {
        found.add(functions.at((blocks.pc[block] ?? 0n) + BigInt(at)));
      }
      at += sizeBytes;
    }
  }
  found.delete(NO_FUNCTION);
  return found;
}
