/**
 * Words that generated code and the engine share (CELLS in layout.ts): numbers of edges that were
 * learned while running, and places of regions in the function table. A word of 0 knows nothing.
 */
import { CELLS, CELLS_BYTES } from './layout.ts';

export class Cells {
  readonly #view: DataView;
  #next = CELLS;
  constructor(buffer: SharedArrayBuffer) {
    this.#view = new DataView(buffer);
  }

  /** Words left; a region that may need more than these is not made. */
  get left(): number {
    return (CELLS + CELLS_BYTES - this.#next) / 4;
  }

  /** Address of the first of `count` words of 0, aligned to 8 bytes. */
  take(count: number): number {
    const at = this.#next;
    this.#next = (at + count * 4 + 7) & ~7;
    if (this.#next > CELLS + CELLS_BYTES) throw new RangeError(`no ${count} words left`);
    return at;
  }

  get(cell: number): number {
    return this.#view.getUint32(cell, true);
  }

  set(cell: number, value: number): void {
    this.#view.setUint32(cell, value, true);
  }
}
