/**
 * Which stretches of the address space are taken, and by what: disjoint, in ascending order.
 * Permissions are not here: they stand page by page in guest memory.
 */

/** What a stretch was made from; two stretches of one origin that touch become one. */
export interface Origin {
  /** For /proc/self/maps: a path, `[heap]`, `[stack]`, or nothing. */
  readonly name: string;
  /** Offset in the file of guest address 0, so that pieces of one mapping have the same. */
  readonly fileDelta: number;
  readonly isShared: boolean;
  /** False: a shared mapping of a file that was opened to be read; never becomes writable. */
  readonly mayWrite: boolean;
  /** Pages behind the end of the mapped file: an access is a bus error. */
  readonly isPastEnd: boolean;
}

export const ANONYMOUS: Origin = {
  name: '',
  fileDelta: 0,
  isShared: false,
  mayWrite: true,
  isPastEnd: false,
};

export interface Region {
  readonly start: number;
  readonly end: number;
  readonly origin: Origin;
}

const isSame = (a: Origin, b: Origin): boolean =>
  a === b ||
  (a.name === b.name &&
    a.fileDelta === b.fileDelta &&
    a.isShared === b.isShared &&
    a.mayWrite === b.mayWrite &&
    a.isPastEnd === b.isPastEnd);

export class Regions {
  #list: Region[] = [];

  get list(): readonly Region[] {
    return this.#list;
  }

  /** Place of the first region that ends above `address`. */
  #firstAbove(address: number): number {
    let from = 0;
    let to = this.#list.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#list[middle]?.end ?? 0) > address) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  at(address: number): Region | null {
    const region = this.#list[this.#firstAbove(address)];
    return region !== undefined && region.start <= address ? region : null;
  }

  /** Pieces of [start, end) that are taken, cut to it. */
  within(start: number, end: number): Region[] {
    const pieces: Region[] = [];
    for (let place = this.#firstAbove(start); place < this.#list.length; place++) {
      const region = this.#list[place];
      if (region === undefined || region.start >= end) break;
      pieces.push({
        start: Math.max(start, region.start),
        end: Math.min(end, region.end),
        origin: region.origin,
      });
    }
    return pieces;
  }

  isFree(start: number, end: number): boolean {
    const next = this.#list[this.#firstAbove(start)];
    return next === undefined || next.start >= end;
  }

  /** Whether all of [start, end) is taken. */
  isTaken(start: number, end: number): boolean {
    let at = start;
    for (const piece of this.within(start, end)) {
      if (piece.start !== at) return false;
      at = piece.end;
    }
    return at >= end;
  }

  /** Gives [start, end) to one origin, whatever was there. */
  set(start: number, end: number, origin: Origin): void {
    if (start < end) this.#replace(start, end, { start, end, origin });
  }

  clear(start: number, end: number): void {
    if (start < end) this.#replace(start, end, null);
  }

  #replace(start: number, end: number, region: Region | null): void {
    const first = this.#firstAbove(start);
    let behind = first;
    while ((this.#list[behind]?.start ?? Number.POSITIVE_INFINITY) < end) behind++;
    const left = this.#list[first];
    const right = this.#list[behind - 1];
    const pieces: Region[] = [];
    if (behind > first && left !== undefined && left.start < start) {
      pieces.push({ ...left, end: start });
    }
    if (region !== null) pieces.push(region);
    if (behind > first && right !== undefined && right.end > end) {
      pieces.push({ ...right, start: end });
    }
    // The neighbours on both sides may be of the same origin now.
    const from = Math.max(0, first - 1);
    const to = Math.min(this.#list.length, behind + 1);
    const joined: Region[] = [];
    for (const piece of [
      ...this.#list.slice(from, first),
      ...pieces,
      ...this.#list.slice(behind, to),
    ]) {
      const last = joined.at(-1);
      if (last !== undefined && last.end === piece.start && isSame(last.origin, piece.origin)) {
        joined[joined.length - 1] = { ...last, end: piece.end };
      } else joined.push(piece);
    }
    this.#list.splice(from, to - from, ...joined);
  }

  /** Start of the highest free stretch of so many bytes within [low, high), at its top; or null. */
  gap(bytes: number, low: number, high: number): number | null {
    let end = high;
    for (let place = this.#list.length - 1; place >= 0; place--) {
      const region = this.#list[place];
      if (region === undefined || region.end <= low) break;
      if (region.start >= high) continue;
      if (end - region.end >= bytes) return end - bytes;
      end = Math.min(end, region.start);
    }
    return end - low >= bytes ? end - bytes : null;
  }
}
