/** One stack of open frames, outermost first, as columns of typed arrays. */
import { NO_ROW } from '@backtrail/recorder/trace';

/** How a frame was opened. The first four are what a stack can begin with. */
export const OPENED = {
  /** The first instruction of a vCPU. */
  start: 0,
  /** Before the frame nothing is known: transfers are missing. */
  unknown: 1,
  /** Control went to a stack that was not seen before. */
  fresh: 2,
  /** A call, a trap or a signal: the edge says which. */
  edge: 3,
} as const;

/** Why control is in another function than the one that was entered. */
export const MOVED = {
  /** It is not. */
  no: 0,
  /** By a jump to another function. */
  jump: 1,
  /** A return went where no open frame was called from. */
  broken: 2,
  /** The handler of a signal returned to the code that ends the signal. */
  restorer: 3,
  /** The frame returned into code that was entered before anything is known. */
  beyond: 4,
  /** A signal or trap handler made control go on elsewhere. */
  redirected: 5,
} as const;

/** A frame that is in no saved state yet. */
export const UNSAVED = NO_ROW;

/** A stack that was taken for the one to go on with, as it was while it waited. */
export interface Before {
  /** The edge by which it was gone on with. */
  readonly by: number;
  /** Where it stood among those that waited; -1 if it was the one that was left. */
  readonly index: number;
  readonly left: number;
  readonly depth: number;
  /** Frames that were left of it when it was gone on with. */
  readonly resumed: number;
  /** The innermost frames it had. */
  readonly inner: FrameStack;
}

export class FrameStack {
  depth = 0;
  /** Of a stack that waits: the edge by which it was left, else NO_ROW. */
  left = NO_ROW;
  /** How it stood before it was gone on with, where others might have been as well. */
  before: Before | null = null;
  #inner: FrameStack | null = null;
  /** Edge that opened the frame; NO_ROW where `opened` is unknown. */
  edge = new Uint32Array(16);
  seq = new Float64Array(16);
  /** OPENED. */
  opened = new Uint8Array(16);
  /** The last edge that moved control to another function in this frame, or NO_ROW. */
  movedEdge = new Uint32Array(16);
  movedSeq = new Float64Array(16);
  /** MOVED. */
  moved = new Uint8Array(16);
  /** Number of the saved frame that is equal, or UNSAVED. */
  saved = new Uint32Array(16);

  push(edge: number, seq: number, opened: number): void {
    const at = this.depth;
    if (at === this.edge.length) this.#grow();
    this.edge[at] = edge;
    this.seq[at] = seq;
    this.opened[at] = opened;
    this.movedEdge[at] = NO_ROW;
    this.movedSeq[at] = 0;
    this.moved[at] = MOVED.no;
    this.saved[at] = UNSAVED;
    this.depth = at + 1;
  }

  /** Control of the innermost frame went on in another function. */
  move(edge: number, seq: number, moved: number): void {
    const top = this.depth - 1;
    this.movedEdge[top] = edge;
    this.movedSeq[top] = seq;
    this.moved[top] = moved;
    this.saved[top] = UNSAVED;
  }

  /** Copies frames of another stack onto this one. */
  copy(from: FrameStack, first: number, end: number): void {
    for (let frame = first; frame < end; frame++) {
      this.push(from.edge[frame] ?? 0, from.seq[frame] ?? 0, from.opened[frame] ?? 0);
      const top = this.depth - 1;
      this.movedEdge[top] = from.movedEdge[frame] ?? NO_ROW;
      this.movedSeq[top] = from.movedSeq[frame] ?? 0;
      this.moved[top] = from.moved[frame] ?? MOVED.no;
    }
  }

  /**
   * @param resumed frames that will be left of it
   * @param innerMax frames that are kept; what lies below them must not change.
   */
  remember(by: number, index: number, resumed: number, innerMax: number): void {
    // One for each stack is enough: programs that switch do it millions of times.
    this.#inner ??= new FrameStack();
    const inner = this.#inner;
    inner.depth = 0;
    inner.copy(this, Math.max(0, this.depth - innerMax), this.depth);
    this.before = { by, index, left: this.left, depth: this.depth, resumed, inner };
  }

  /** Stands as it did before it was gone on with. */
  goBack({ left, depth, inner }: Before): void {
    this.left = left;
    this.before = null;
    this.depth = Math.max(0, depth - inner.depth);
    this.copy(inner, 0, inner.depth);
  }

  /** Nothing below the outermost frame is known. */
  get isBottomKnown(): boolean {
    return this.opened[0] !== OPENED.unknown;
  }

  /** Forgets the outer half; what is left has an unknown bottom. */
  dropOuter(): void {
    const kept = this.depth >>> 1;
    const from = this.depth - kept;
    for (const column of [this.edge, this.seq, this.opened, this.movedEdge]) {
      column.copyWithin(0, from, this.depth);
    }
    this.movedSeq.copyWithin(0, from, this.depth);
    this.moved.copyWithin(0, from, this.depth);
    this.depth = kept;
    this.opened[0] = OPENED.unknown;
    // Frames that were saved lie on others.
    this.saved.fill(UNSAVED, 0, kept);
  }

  #grow(): void {
    const wanted = this.edge.length * 2;
    const words = (old: Uint32Array): Uint32Array<ArrayBuffer> => {
      const grown = new Uint32Array(wanted);
      grown.set(old);
      return grown;
    };
    const bytes = (old: Uint8Array): Uint8Array<ArrayBuffer> => {
      const grown = new Uint8Array(wanted);
      grown.set(old);
      return grown;
    };
    const seqs = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(wanted);
      grown.set(old);
      return grown;
    };
    this.edge = words(this.edge);
    this.seq = seqs(this.seq);
    this.opened = bytes(this.opened);
    this.movedEdge = words(this.movedEdge);
    this.movedSeq = seqs(this.movedSeq);
    this.moved = bytes(this.moved);
    this.saved = words(this.saved);
  }
}
