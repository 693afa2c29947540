/** The words of a cursor: where it stands, what a move did, what it may be given. */

import type { Direction } from '../path.ts';
import type { LineOf } from './line-steps.ts';
import type { OpenFrames } from './open-frames.ts';
import type { Found } from './search.ts';
import type { Gap } from './streams.ts';

export interface Position {
  readonly vcpu: number;
  /** Of the transfer after which it ran. */
  readonly seq: number;
  /** Which of the instructions after that transfer, from 0. */
  readonly index: number;
  /** Its address; where none ran, the target of the transfer. */
  readonly pc: bigint;
  /** Row of the code index; NO_ROW where none ran. */
  readonly row: number;
  /** Row of blocks; NO_ROW where none ran. */
  readonly block: number;
  /** Edge of transfer `seq`. */
  readonly edge: number;
  /** Instructions known to have run after that transfer; 0 where none did. */
  readonly instructions: number;
  /** Whether these are all that ran. */
  readonly isWhole: boolean;
}

/**
 * Why a move ended early, or never began:
 * - `start`, `end`: there is nothing recorded before, or after.
 * - `not-found`: nothing that was looked for lies in that direction.
 * - `unknown`: the trace has no such vCPU, edge or block.
 * - `no-lines`: the cursor was made without source lines.
 * - `no-history`: there is no move to undo, or none to do again.
 */
export type WhyNot = 'start' | 'end' | 'not-found' | 'unknown' | 'no-lines' | 'no-history';

export interface Move {
  readonly moved: boolean;
  /** Null if it did all that was asked. */
  readonly why: WhyNot | null;
  /** Steps it did, of those asked; 0 or 1 for a move that is not counted. */
  readonly steps: number;
  /**
   * Lost transfers between where it stood and where it stands; if it looked for something in vain,
   * those it could not look into. Oldest first.
   */
  readonly gaps: readonly Gap[];
  /** Where the cursor stands now. */
  readonly position: Position;
}

export interface CursorOptions {
  /** The one that ended last if left out. */
  readonly vcpu?: number;
  /** What tells source lines apart; without it there are no moves by line. */
  readonly lineOf?: LineOf;
  /** Without one, a search goes through every segment. */
  readonly index?: CursorIndex | null;
  /**
   * Call stacks of the trace, asked for when a move over or out of calls needs them; null while
   * they are not at hand. Without them calls are counted, not matched.
   */
  readonly stacks?: () => OpenFrames | null;
  /** Moments without another line that a move by line goes through before it searches. */
  readonly missesMax?: number;
}

/** What of an index a cursor uses. */
export interface CursorIndex {
  /** Hops whose two edges have a bit in common. `to` has one word more: for "none is known". */
  hopsOf(from: Uint32Array, to: Uint32Array): Uint32Array;
  /**
   * Place of the nearest segment, `segment` itself included, that may hold one of the hops; -1 if
   * none does. It may be one of another vCPU.
   */
  nearest(hops: Uint32Array, segment: number, direction: Direction): number;
  /** Number of a segment in the order of vCPUs and first seqs. */
  placeOf(segment: number): number;
  /** Segments that it knows nothing of: they could not be read. */
  readonly unreadable: readonly number[];
  /** Sum of the level steps of a segment and the lowest sum on the way; null where not known. */
  levelsOf(segment: number): { readonly net: number; readonly lowest: number } | null;
}

export interface Place extends Found {
  readonly vcpu: number;
}

export const isSamePlace = (a: Place, b: Place): boolean =>
  a.vcpu === b.vcpu && a.seq === b.seq && a.index === b.index;

/** How an attempt went: where to, or why not. */
export interface Attempt {
  readonly to: Place | null;
  readonly why: WhyNot | null;
  readonly steps?: number;
  /** Seqs that were looked at, if in vain. */
  readonly looked?: readonly [low: number, high: number];
}
