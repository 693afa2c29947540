/** Frames with names: the function that each is in, what was inlined there, and its source line. */
import type { CallStack, Frame } from '../stack.ts';
import type { SourceFrame, SourceLocator } from '../symbols/source-locator.ts';
import type { Symbolizer } from '../symbols/symbolizer.ts';

/** An address and what is there. */
export interface NamedPlace {
  readonly address: bigint;
  /** `main+0x12`, `libc.so.6+0x1234`, or the address itself. */
  readonly symbol: string;
}

export interface NamedFrame extends Frame {
  /** Where control is in it, as `pc` says. */
  readonly place: NamedPlace;
  /** Where it was entered; null where nothing before is known. */
  readonly enteredAt: NamedPlace | null;
  /** The call, or what was interrupted. */
  readonly calledFrom: NamedPlace | null;
  readonly movedFrom: NamedPlace | null;
  readonly movedTo: NamedPlace | null;
  /**
   * The functions that `pc` is in: what was inlined, innermost first, then the one that the code
   * belongs to. The line of the first is that of `pc`, that of each other the call of the one
   * before. Empty outside of every module.
   */
  readonly sources: readonly SourceFrame[];
}

export interface FrameNames {
  readonly symbolizer: Symbolizer;
  readonly locator: SourceLocator;
}

/** @param timeNs when the stack stood so, host monotonic clock; the end of the run if left out. */
export function nameFrames(
  { frames }: CallStack,
  { symbolizer, locator }: FrameNames,
  timeNs?: bigint,
): NamedFrame[] {
  const place = (address: bigint): NamedPlace => {
    // What is unmapped by then is named as it was named last.
    const isThere = symbolizer.moduleAt(address, timeNs) >= 0;
    return { address, symbol: symbolizer.format(address, isThere ? timeNs : undefined) };
  };
  const placeOrNull = (address: bigint | null): NamedPlace | null =>
    address === null ? null : place(address);
  return frames.map((frame) => ({
    ...frame,
    place: place(frame.pc),
    enteredAt: placeOrNull(frame.entry),
    calledFrom: placeOrNull(frame.callSite),
    movedFrom: placeOrNull(frame.moved?.source ?? null),
    movedTo: placeOrNull(frame.moved?.target ?? null),
    sources: locator.at(frame.pc, timeNs),
  }));
}
