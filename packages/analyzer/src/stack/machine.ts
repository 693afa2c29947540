/**
 * The call stack of one vCPU, moved forward by events: transfers that a Summarizer kept, or all.
 * docs/stack.md has the rules in words, in the order in which they are tried here.
 */
import { KINDS, NO_ROW } from '@backtrail/recorder/trace';
import { FrameStack, MOVED, OPENED } from './frames.ts';
import { NO_FUNCTION } from './functions.ts';
import type { Oddity, OddityListener } from './oddities.ts';
import { eventOf, type Found, isBackFrom, ParkedStacks } from './parked.ts';
import { EVENT, OPENS_MAX, type StackTables, type Switching } from './tables.ts';

/** Open frames of one stack; beyond, the outer half is forgotten. */
const FRAMES_MAX = 1 << 24;
/** Frames looked through for one that control could have come back to. */
const SCAN_MAX = 1 << 20;
/** Frames of a parked stack looked at from its innermost: a switch may be noticed late. */
const LATE_MAX = 32;

const RETURN = KINDS.indexOf('return');

export class StackMachine {
  readonly #tables: StackTables;
  readonly #listener: OddityListener | null;
  current = new FrameStack();
  readonly parked: ParkedStacks;

  constructor(tables: StackTables, listener: OddityListener | null = null) {
    this.#tables = tables;
    this.#listener = listener;
    this.parked = new ParkedStacks(tables);
  }

  /** Transfers are missing, or the stream does not begin with the vCPU: nothing is known. */
  lose(seq: number): void {
    this.parked.list = [];
    this.#begin(NO_ROW, seq, OPENED.unknown);
  }

  /** @param words a summary of a segment whose first transfer is `firstSeq`. */
  apply(words: Uint32Array, firstSeq: number): void {
    let seq = firstSeq;
    for (let i = 0; i < words.length; i += 2) {
      seq += words[i] ?? 0;
      this.#step(words[i + 1] ?? 0, seq);
    }
  }

  #step(edge: number, seq: number): void {
    const event = this.#tables.event(edge);
    if (event === EVENT.quiet) return;
    if (this.current.depth === 0) this.lose(seq);
    if (event <= OPENS_MAX) this.#open(edge, seq);
    else this.#goOn(event, edge, seq);
  }

  #open(edge: number, seq: number): void {
    this.current.push(edge, seq, OPENED.edge);
    if (this.current.depth > FRAMES_MAX) this.current.dropOuter();
  }

  #goOn(event: number, edge: number, seq: number): void {
    switch (event) {
      case EVENT.tail:
      case EVENT.swapTail:
        this.current.move(edge, seq, MOVED.jump);
        return;
      case EVENT.restorer:
        if (this.#eventOf(this.current.depth - 1) === EVENT.signal) {
          this.current.move(edge, seq, MOVED.restorer);
          return;
        }
        this.#leave(edge, seq);
        return;
      case EVENT.leave:
      case EVENT.swap:
        if (!this.#maySwap(event) || !this.#swap(edge, seq)) this.#leave(edge, seq);
        return;
      case EVENT.trapReturn:
        this.#comeBack(EVENT.trap, edge, seq);
        return;
      case EVENT.signalReturn:
        this.#comeBack(EVENT.signal, edge, seq);
        return;
      default:
        this.#other(edge, seq);
    }
  }

  #eventOf(frame: number): number {
    return eventOf(this.#tables, this.current, frame);
  }

  #isBack(frame: number, edge: number): boolean {
    return isBackFrom(this.#tables, this.current, frame, edge);
  }

  #begin(edge: number, seq: number, opened: number): void {
    this.current = new FrameStack();
    this.current.push(edge, seq, opened);
  }

  /** Whether the stack pointer was set by the function that is left, or one that jumped to it. */
  #maySwap(event: number): boolean {
    const { moved, movedEdge, depth } = this.current;
    if (event === EVENT.swap) return true;
    if (moved[depth - 1] !== MOVED.jump) return false;
    return this.#tables.event(movedEdge[depth - 1] ?? 0) === EVENT.swapTail;
  }

  /** A return, or an indirect jump out of a function. */
  #leave(edge: number, seq: number): void {
    const stack = this.current;
    const top = stack.depth - 1;
    if (this.#isBack(top, edge)) {
      stack.depth = top;
      return;
    }
    if (this.#leaveTricks(edge, seq)) return;
    const tables = this.#tables;
    const switching = tables.switching(edge);
    const isBehindCall = tables.arrivesBehindCall(edge);
    if (switching === 'unknown' && isBehindCall) {
      if (this.#switchTo(this.parked.findCaller(edge, 1), edge, seq)) return;
    }
    if (isBehindCall && this.#unwindTo(this.#callerOf(edge), edge, seq)) return;
    if (this.#canLand(switching, isBehindCall, edge)) {
      if (this.#unwindTo(this.#holderOf(edge), edge, seq)) return;
      if (isBehindCall && this.#switchTo(this.parked.findHolder(edge), edge, seq)) return;
    }
    if (isBehindCall && this.#switchLate(edge, seq)) return;
    if (switching === 'yes' && tables.arrivesAtStart(edge)) {
      this.#tell('switched', edge, seq);
      this.parked.add(stack, edge);
      this.#begin(edge, seq, OPENED.fresh);
      return;
    }
    this.#leaveForUnknown(edge, seq, isBehindCall || switching !== 'no');
  }

  /**
   * Goes on on a stack that waits to be come back to in just this way. If several do, the one that
   * is taken may be the wrong one; how it stood is kept until that is seen.
   */
  #swap(edge: number, seq: number): boolean {
    if (!this.#tables.arrivesBehindCall(edge)) return false;
    const top = this.current.depth - 1;
    const own = this.#isBack(top, edge) ? top : this.#callerOf(edge);
    // A scheduler may have run on top of what it parked: its frames are not the task's.
    const [found, other] = this.parked.findTwins(edge, own === top ? 1 : LATE_MAX);
    if (found === undefined) return own > 0 && this.#resumeSelf(own, top, edge, seq);
    const stack = this.parked.list[found.index];
    if (other !== undefined || own > 0) stack?.remember(edge, found.index, found.depth, LATE_MAX);
    const { before = null } = stack ?? {};
    if (own > 0) this.current.depth = own + 1;
    if (!this.#switchTo(found, edge, seq)) return false;
    this.current.before = before;
    return true;
  }

  /**
   * A task parked itself and is the only one to go on with, unless one comes from elsewhere: where
   * there are several vCPUs, one that was parked on another, which is seen when it returns.
   */
  #resumeSelf(own: number, top: number, edge: number, seq: number): boolean {
    if (own < top) this.#tell('unwound', edge, seq);
    else if (this.#tables.trace.vcpus.length === 1) return false;
    const stack = this.current;
    stack.depth = own + 1;
    stack.left = edge;
    stack.remember(edge, this.parked.list.length, own, LATE_MAX);
    stack.depth = own;
    return true;
  }

  /** Goes on on a stack that fits a return better than the one that was taken for it. */
  #switchLate(edge: number, seq: number): boolean {
    const right = this.parked.exchangeTwin(this.current, edge, LATE_MAX);
    if (right === null) return this.#switchTo(this.parked.findCaller(edge, LATE_MAX), edge, seq);
    this.current = right;
    return true;
  }

  /** Frames of calls that were made for the address they push vanish with it. */
  #leaveTricks(edge: number, seq: number): boolean {
    const stack = this.current;
    let frame = stack.depth - 1;
    while (frame > 0 && this.#isTrick(frame)) frame--;
    if (frame === stack.depth - 1) return false;
    if (this.#isBack(frame, edge)) {
      stack.depth = frame;
      return true;
    }
    if (!this.#tables.arrivesAtStart(edge)) return false;
    stack.depth = frame + 1;
    stack.move(edge, seq, MOVED.jump);
    return true;
  }

  #isTrick(frame: number): boolean {
    const { opened, edge } = this.current;
    return opened[frame] === OPENED.edge && this.#tables.isTrick(edge[frame] ?? 0);
  }

  /** Whether control may arrive in the middle of a function that called something meanwhile. */
  #canLand(switching: Switching, isBehindCall: boolean, edge: number): boolean {
    if (switching === 'no' || this.#tables.arrivesAtStart(edge)) return false;
    return switching === 'yes' || isBehindCall || this.#tables.arrivesAfterCall(edge);
  }

  /** Depth that is left when the innermost frame called from the target returns; -1 if none is. */
  #callerOf(edge: number): number {
    const stack = this.current;
    const end = Math.max(0, stack.depth - SCAN_MAX);
    for (let frame = stack.depth - 2; frame >= end; frame--) {
      if (this.#isBack(frame, edge)) return frame;
    }
    return -1;
  }

  /** Depth up to the innermost open frame, but for the one that is left, that holds the target. */
  #holderOf(edge: number): number {
    const wanted = this.#tables.targetFunction(edge);
    if (wanted === NO_FUNCTION) return -1;
    const stack = this.current;
    const end = Math.max(1, stack.depth - SCAN_MAX);
    for (let above = stack.depth - 1; above >= end; above--) {
      if (this.#tables.sourceFunction(stack.edge[above] ?? 0) !== wanted) continue;
      if (!this.#isTrick(above)) return above;
    }
    return -1;
  }

  #unwindTo(depth: number, edge: number, seq: number): boolean {
    if (depth <= 0) return false;
    this.#tell('unwound', edge, seq);
    this.current.depth = depth;
    return true;
  }

  /** Goes on on a parked stack, if one was found. */
  #switchTo(found: Found | null, edge: number, seq: number): boolean {
    if (found === null) return false;
    this.#tell('switched', edge, seq);
    const stack = this.parked.take(found);
    if (stack === null) return false;
    this.parked.add(this.current, edge);
    this.current = stack;
    return true;
  }

  /** No open frame is known to be where control went. */
  #leaveForUnknown(edge: number, seq: number, isPlausible: boolean): void {
    const stack = this.current;
    // A frame that nobody is known to have called may go where it likes.
    if (stack.depth === 1 || (!stack.isBottomKnown && isPlausible)) {
      if (stack.depth > 1) this.#tell('unwound', edge, seq);
      stack.depth = 1;
      stack.move(edge, seq, MOVED.beyond);
      return;
    }
    if (this.#tables.trace.edges.kind[edge] !== RETURN) {
      stack.move(edge, seq, MOVED.jump);
      return;
    }
    if (isPlausible && stack.before !== null && stack.depth <= stack.before.resumed) {
      // None of the tasks that were parked here: one that was parked on another vCPU.
      this.#tell('switched', edge, seq);
      this.parked.putBack(stack);
      this.#begin(edge, seq, OPENED.unknown);
      return;
    }
    this.#tell('broken', edge, seq);
    stack.move(edge, seq, MOVED.broken);
  }

  /** The end of a trap or of a signal: back to what was interrupted, or to another task. */
  #comeBack(event: number, edge: number, seq: number): void {
    const stack = this.current;
    const frame = this.#innermost(event);
    if (frame > 0 && this.#isBack(frame, edge)) {
      stack.depth = frame;
      return;
    }
    if (frame > 0 && this.#isNextInstruction(stack.edge[frame] ?? 0, edge)) {
      stack.depth = frame;
      return;
    }
    const waiting = this.parked.findInterrupted(event, edge);
    if (waiting !== null) {
      if (frame > 0) stack.depth = frame + 1;
      this.#switchTo(waiting, edge, seq);
      return;
    }
    if (frame < 0) this.#leaveUninterrupted(event, edge, seq);
    else if (event === EVENT.signal) this.#redirect(frame, edge, seq);
    else this.#trapReturnElsewhere(frame, edge, seq);
  }

  /** Innermost frame that such an event opened; -1 if there is none. */
  #innermost(event: number): number {
    const stack = this.current;
    const end = Math.max(1, stack.depth - SCAN_MAX);
    for (let frame = stack.depth - 1; frame >= end; frame--) {
      if (this.#eventOf(frame) === event) return frame;
    }
    return -1;
  }

  /** A handler that does what the instruction should have done goes on behind it. */
  #isNextInstruction(opening: number, edge: number): boolean {
    return this.#tables.afterSource(opening) === this.#tables.trace.edges.target[edge];
  }

  /** Code that was not interrupted ends a trap to change its mode, or to enter another program. */
  #leaveUninterrupted(event: number, edge: number, seq: number): void {
    const stack = this.current;
    const tables = this.#tables;
    if (tables.targetFunction(edge) !== NO_FUNCTION && tables.isInside(edge)) return;
    if (stack.isBottomKnown && event === EVENT.trap) {
      if (!tables.arrivesAtStart(edge) && this.#unwindTo(this.#holderOf(edge), edge, seq)) return;
      this.#tell('switched', edge, seq);
      this.parked.add(stack, edge);
      this.#begin(edge, seq, OPENED.fresh);
      return;
    }
    stack.depth = 1;
    stack.move(edge, seq, MOVED.beyond);
  }

  #redirect(frame: number, edge: number, seq: number): void {
    this.#tell('redirected', edge, seq);
    const isOfFrame = this.#isOfFrame(frame - 1, edge);
    this.current.depth = frame;
    if (!isOfFrame) this.current.move(edge, seq, MOVED.redirected);
  }

  /**
   * A handler that hands the trap on to another handler keeps its frame; one that goes on in an
   * open function mended something; else it goes on with another task.
   */
  #trapReturnElsewhere(frame: number, edge: number, seq: number): void {
    const stack = this.current;
    const tables = this.#tables;
    if (tables.isTrapEntry(edge)) {
      this.#tell('redirected', edge, seq);
      stack.depth = frame + 1;
      stack.move(edge, seq, MOVED.redirected);
      return;
    }
    if (!tables.arrivesAtStart(edge)) {
      if (this.#isOfFrame(frame - 1, edge)) {
        this.#redirect(frame, edge, seq);
        return;
      }
      stack.depth = frame + 1;
      if (this.#unwindTo(this.#holderOf(edge), edge, seq)) return;
      if (this.#switchTo(this.parked.findHolder(edge), edge, seq)) return;
    }
    this.#tell('switched', edge, seq);
    stack.depth = frame + 1;
    this.parked.add(stack, edge);
    this.#begin(edge, seq, OPENED.fresh);
  }

  /** Whether an edge arrives in a function that a frame was in, last or before it went astray. */
  #isOfFrame(frame: number, edge: number): boolean {
    const wanted = this.#tables.targetFunction(edge);
    if (wanted === NO_FUNCTION) return false;
    const { edge: opening, movedEdge } = this.current;
    return (
      this.#tables.sourceFunction(opening[frame + 1] ?? 0) === wanted ||
      this.#tables.targetFunction(opening[frame] ?? NO_ROW) === wanted ||
      this.#tables.sourceFunction(movedEdge[frame] ?? NO_ROW) === wanted
    );
  }

  /** A start, or a transfer whose cause or kind is not known. */
  #other(edge: number, seq: number): void {
    const stack = this.current;
    if (this.#tables.trace.edges.hasSource[edge] !== 1) {
      this.parked.list = [];
      this.#begin(edge, seq, OPENED.start);
      return;
    }
    const frame = this.#innermost(EVENT.signal);
    const isEnd =
      frame > 0 &&
      (this.#isBack(frame, edge) || this.#isNextInstruction(stack.edge[frame] ?? 0, edge));
    if (isEnd) stack.depth = frame;
    else if (this.#isBack(stack.depth - 1, edge)) stack.depth--;
    else if (!this.#tables.isInside(edge)) stack.move(edge, seq, MOVED.jump);
  }

  #tell(oddity: Oddity, edge: number, seq: number): void {
    this.#listener?.(oddity, edge, seq, this.current);
  }
}
