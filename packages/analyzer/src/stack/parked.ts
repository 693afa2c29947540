/** Stacks that were left and may be gone on with: coroutines, user-level threads, tasks. */
import { type FrameStack, OPENED } from './frames.ts';
import { NO_FUNCTION } from './functions.ts';
import { EVENT, type StackTables } from './tables.ts';

/** Beyond, the one that waits longest is forgotten. */
const PARKED_MAX = 1024;

/** A parked stack, and how many of its frames are open when it is gone on with. */
export interface Found {
  readonly index: number;
  readonly depth: number;
}

/** EVENT that opened a frame; quiet if none did. */
export function eventOf(tables: StackTables, stack: FrameStack, frame: number): number {
  if (stack.opened[frame] !== OPENED.edge) return EVENT.quiet;
  return tables.event(stack.edge[frame] ?? 0);
}

/** Whether an edge arrives where the caller of a frame is to go on. */
export function isBackFrom(
  tables: StackTables,
  stack: FrameStack,
  frame: number,
  edge: number,
): boolean {
  if (frame < 0 || stack.opened[frame] !== OPENED.edge) return false;
  const opening = stack.edge[frame] ?? 0;
  // Of a stack that was restored the edges may not have been looked at yet.
  tables.event(opening);
  return tables.isBack(opening, edge);
}

export class ParkedStacks {
  readonly #tables: StackTables;
  /** In the order in which they were left. */
  list: FrameStack[] = [];
  /** Of stacks that wait for the same, the one that waits longest is gone on with. */
  takesTurns = false;

  constructor(tables: StackTables) {
    this.#tables = tables;
  }

  /** @param edge that leaves the stack. */
  add(stack: FrameStack, edge: number): void {
    stack.left = edge;
    stack.before = null;
    this.list.push(stack);
    if (this.list.length > PARKED_MAX) this.list.shift();
  }

  take({ index, depth }: Found): FrameStack | null {
    const [stack] = this.list.splice(index, 1);
    if (stack === undefined) return null;
    stack.depth = depth;
    return stack;
  }

  /** Depth that is left when the innermost frame that is to come back there does; -1 if none is. */
  callerDepth(stack: FrameStack, edge: number, framesMax: number): number {
    for (let depth = stack.depth - 1; depth > 0 && depth >= stack.depth - framesMax; depth--) {
      if (isBackFrom(this.#tables, stack, depth, edge)) return depth;
    }
    return -1;
  }

  /**
   * All of which one of the innermost `framesMax` frames is to come back where an edge arrives, in
   * the order to be tried.
   */
  findTwins(edge: number, framesMax: number): Found[] {
    const found: Found[] = [];
    this.list.forEach((stack, index) => {
      const depth = this.callerDepth(stack, edge, framesMax);
      if (depth > 0) found.push({ index, depth });
    });
    return this.takesTurns ? found : found.reverse();
  }

  /**
   * The stack that was gone on with returns where it was not called from: of those that waited for
   * the same one that was. The wrong one waits again, as if nothing had happened.
   * @returns the right one, of which as much is left as the returns since leave; null for none
   */
  exchangeTwin(wrong: FrameStack, edge: number, framesMax: number): FrameStack | null {
    const { before } = wrong;
    if (before === null) return null;
    // Frames that were closed since, and the one that is closed now.
    const closed = before.resumed - wrong.depth + 1;
    for (const { index: place, depth: resumed } of this.findTwins(before.by, framesMax)) {
      const twin = this.list[place];
      const depth = resumed - closed;
      if (twin === undefined || depth <= 0) continue;
      if (!isBackFrom(this.#tables, twin, depth, edge)) continue;
      const index = place >= before.index ? place + 1 : place;
      // This one may be wrong as well.
      twin.remember(before.by, index, resumed, framesMax);
      this.takesTurns = index < before.index;
      this.putBack(wrong);
      return this.take({ index, depth });
    }
    return null;
  }

  /** A stack that was gone on with and should not have been waits again. */
  putBack(wrong: FrameStack): void {
    const { before } = wrong;
    if (before === null) return;
    wrong.goBack(before);
    this.list.splice(before.index, 0, wrong);
  }

  /** One of whose innermost `framesMax` frames is to come back where an edge arrives. */
  findCaller(edge: number, framesMax: number): Found | null {
    for (let above = 1; above <= framesMax; above++) {
      for (let index = this.list.length - 1; index >= 0; index--) {
        const stack = this.list[index];
        if (stack === undefined) continue;
        const depth = stack.depth - above;
        if (depth > 0 && isBackFrom(this.#tables, stack, depth, edge)) return { index, depth };
      }
    }
    return null;
  }

  /** One that was left by the function where an edge arrives, or by what that had called. */
  findHolder(edge: number): Found | null {
    const wanted = this.#tables.targetFunction(edge);
    if (wanted === NO_FUNCTION) return null;
    for (let index = this.list.length - 1; index >= 0; index--) {
      const stack = this.list[index];
      if (stack === undefined) continue;
      const top = stack.depth - 1;
      if (this.#tables.sourceFunction(stack.left) === wanted) return { index, depth: stack.depth };
      const caller = this.#tables.sourceFunction(stack.edge[top] ?? 0);
      if (caller === wanted && top > 0) return { index, depth: top };
    }
    return null;
  }

  /** The one that waits longest for just that: schedulers take turns. */
  findInterrupted(event: number, edge: number): Found | null {
    for (let index = 0; index < this.list.length; index++) {
      const stack = this.list[index];
      if (stack === undefined) continue;
      const depth = stack.depth - 1;
      if (eventOf(this.#tables, stack, depth) !== event) continue;
      if (isBackFrom(this.#tables, stack, depth, edge)) return { index, depth };
    }
    return null;
  }
}
