/**
 * The address space of the process: what mmap, munmap, mprotect, mremap, brk and madvise do, at
 * page grain. File mappings are copied in when they are made: what others write to the file later
 * is not seen, and a shared mapping can only be read.
 */
import { PERM } from '../core/layout.ts';
import type { GuestMemory } from '../core/memory.ts';
import { PAGE_BYTES, PROT } from './abi.ts';
import { Failure, fail } from './errno.ts';
import { ANONYMOUS, type Origin, Regions } from './regions.ts';

export interface MappingLimits {
  /** Lowest address that may be mapped. */
  readonly low: number;
  /** Mappings that may be anywhere are made below this, as high as they fit. */
  readonly top: number;
  /** First address that cannot be mapped. */
  readonly end: number;
  /** Bytes that may be accessible (more than PROT_NONE) at one time. */
  readonly bytesMax: number;
}

export const pageDown = (address: number): number => address - (address % PAGE_BYTES);
export const pageUp = (address: number): number => pageDown(address + PAGE_BYTES - 1);

const ACCESS = PERM.read | PERM.write | PERM.code | PERM.execute;

/**
 * PROT bits to PERM bits. What may be written or executed may also be read: so it is on RISC-V for
 * writing (the page table has no other form), and qemu-riscv64 has it so for executing.
 */
function permOf(prot: number): number {
  let perm: number = PERM.mapped;
  if (prot !== 0) perm |= PERM.read;
  if ((prot & PROT.write) !== 0) perm |= PERM.write;
  if ((prot & PROT.execute) !== 0) perm |= PERM.execute;
  return perm;
}

export class Mappings {
  readonly regions = new Regions();
  readonly #memory: GuestMemory;
  readonly #limits: MappingLimits;
  /** One byte for each page: 1 once its bytes may be other than zero. */
  readonly #used: Uint8Array;
  #accessiblePages = 0;
  #brkStart = 0;
  #brk = 0;

  constructor(memory: GuestMemory, limits: MappingLimits) {
    this.#memory = memory;
    this.#limits = limits;
    this.#used = new Uint8Array(memory.guestLimit / PAGE_BYTES);
  }

  get accessibleBytes(): number {
    return this.#accessiblePages * PAGE_BYTES;
  }

  get brkStart(): number {
    return this.#brkStart;
  }

  /** Whether a range of pages can be mapped at all. */
  exists(address: number, bytes: number): boolean {
    return address >= this.#limits.low && address + bytes <= this.#limits.end;
  }

  /** Where a mapping of so many bytes can go. @throws Failure ENOMEM */
  place(hint: number, bytes: number): number {
    const at = pageUp(hint);
    if (hint > 0 && this.exists(at, bytes) && this.regions.isFree(at, at + bytes)) return at;
    const { low, top } = this.#limits;
    return this.regions.gap(bytes, Math.max(low, pageUp(this.#brk)), top) ?? fail('ENOMEM');
  }

  /** Maps zero pages over whatever was there. @throws Failure ENOMEM; then nothing changed. */
  map(address: number, bytes: number, prot: number, origin: Origin = ANONYMOUS): void {
    const before = this.#accessibleIn(address, bytes);
    const perm = permOf(prot);
    const after = (perm & ACCESS) === 0 || origin.isPastEnd ? 0 : bytes / PAGE_BYTES;
    this.#account(after - before);
    this.regions.set(address, address + bytes, origin);
    this.#memory.protect(address, bytes, 0);
    this.#zero(address, bytes);
    this.#setPerm(address, bytes, origin.isPastEnd ? PERM.mapped : perm);
  }

  /** The bytes of mapped pages, to be filled whatever their permissions. */
  fill(address: number, bytes: number): Uint8Array {
    this.#markUsed(address, bytes);
    this.#memory.codeChanges(address, bytes);
    return this.#memory.raw(address, bytes);
  }

  unmap(address: number, bytes: number): void {
    this.#account(-this.#accessibleIn(address, bytes));
    this.regions.clear(address, address + bytes);
    this.#memory.protect(address, bytes, 0);
  }

  /** @throws Failure ENOMEM where not all is mapped, EACCES where it may not become so. */
  protect(address: number, bytes: number, prot: number): void {
    const end = address + bytes;
    if (!this.exists(address, bytes) || !this.regions.isTaken(address, end)) fail('ENOMEM');
    const pieces = this.regions.within(address, end);
    const isWrite = (prot & PROT.write) !== 0;
    if (isWrite && pieces.some(({ origin }) => !origin.mayWrite)) fail('EACCES');
    const perm = permOf(prot);
    const open = pieces.filter(({ origin }) => !origin.isPastEnd);
    const pages = open.reduce((sum, piece) => sum + (piece.end - piece.start) / PAGE_BYTES, 0);
    const after = (perm & ACCESS) === 0 ? 0 : pages;
    this.#account(after - this.#accessibleIn(address, bytes));
    for (const { start, end: pieceEnd } of open) this.#setPerm(start, pieceEnd - start, perm);
  }

  /** Zeroes private anonymous pages, as MADV_DONTNEED does. */
  discard(address: number, bytes: number): void {
    for (const { start, end, origin } of this.regions.within(address, address + bytes)) {
      const isFile = origin.isShared || origin.name.startsWith('/');
      if (isFile) continue;
      this.#memory.codeChanges(start, end - start);
      this.#zero(start, end - start);
      this.#remember(start, end - start);
    }
  }

  /** Moves pages with their bytes and permissions; what was at the target is gone. */
  move(from: number, to: number, bytes: number): void {
    const target = this.#memory.raw(to, bytes);
    const perms = this.#prots(from, bytes);
    const pieces = this.regions.within(from, from + bytes);
    this.#account(-this.#accessibleIn(to, bytes));
    this.#memory.protect(to, bytes, 0);
    target.set(this.#memory.raw(from, bytes));
    this.#markUsed(to, bytes);
    for (let page = 0; page < perms.length; page++) {
      this.#setPerm(to + page * PAGE_BYTES, PAGE_BYTES, perms[page] ?? 0);
    }
    for (const { start, end, origin } of pieces) {
      const delta = origin.fileDelta === 0 ? 0 : origin.fileDelta + from - to;
      const moved = { ...origin, fileDelta: delta };
      this.regions.set(start - from + to, end - from + to, moved);
    }
    this.regions.clear(from, from + bytes);
    this.#memory.protect(from, bytes, 0);
  }

  /** mremap beyond its checks: where the mapping is afterwards. @throws Failure */
  remap(
    from: number,
    oldBytes: number,
    newBytes: number,
    to: number | 'may-move' | 'stay',
  ): number {
    if (typeof to === 'number') {
      const kept = Math.min(oldBytes, newBytes);
      const last = this.#lastOf(from, oldBytes);
      if (newBytes > oldBytes) this.#checkRoom(newBytes - oldBytes, last.perm);
      this.unmap(to, newBytes);
      if (oldBytes > kept) this.unmap(from + kept, oldBytes - kept);
      this.move(from, to, kept);
      this.#extend(to + kept, newBytes - kept, last);
      return to;
    }
    if (newBytes <= oldBytes) {
      this.unmap(from + newBytes, oldBytes - newBytes);
      return from;
    }
    const last = this.#lastOf(from, oldBytes);
    const end = from + oldBytes;
    const more = newBytes - oldBytes;
    this.#checkRoom(more, last.perm);
    if (this.exists(end, more) && this.regions.isFree(end, end + more)) {
      this.#extend(end, more, last);
      return from;
    }
    if (to === 'stay') fail('ENOMEM');
    const target = this.place(0, newBytes);
    this.move(from, target, oldBytes);
    this.#extend(target + oldBytes, more, last);
    return target;
  }

  startBrk(address: number): void {
    this.#brkStart = address;
    this.#brk = address;
  }

  /** The end of the heap afterwards: where it was, if it cannot be moved there. */
  setBrk(wanted: number): number {
    if (wanted < this.#brkStart) return this.#brk;
    const from = pageUp(this.#brk);
    const to = pageUp(wanted);
    if (to > from) {
      if (!this.exists(from, to - from) || !this.regions.isFree(from, to)) return this.#brk;
      try {
        this.map(from, to - from, PROT.read | PROT.write, { ...ANONYMOUS, name: '[heap]' });
      } catch (error) {
        if (error instanceof Failure) return this.#brk;
        throw error;
      }
    } else if (to < from) this.unmap(to, from - to);
    this.#brk = wanted;
    return wanted;
  }

  /** PROT bits, as /proc/self/maps shows them. */
  protAt(address: number): number {
    const perm = this.#memory.perms[address / PAGE_BYTES] ?? 0;
    const write = (perm & (PERM.write | PERM.code)) !== 0 ? PROT.write : 0;
    return (
      ((perm & PERM.read) !== 0 ? PROT.read : 0) |
      write |
      ((perm & PERM.execute) !== 0 ? PROT.execute : 0)
    );
  }

  #lastOf(from: number, bytes: number): { perm: number; origin: Origin } {
    const at = from + bytes - PAGE_BYTES;
    const origin = this.regions.at(at)?.origin ?? ANONYMOUS;
    return { perm: this.#prots(at, PAGE_BYTES)[0] ?? 0, origin };
  }

  #extend(start: number, bytes: number, last: { perm: number; origin: Origin }): void {
    if (bytes === 0) return;
    this.map(start, bytes, 0, last.origin);
    this.#account((last.perm & ACCESS) === 0 ? 0 : bytes / PAGE_BYTES);
    this.#setPerm(start, bytes, last.perm);
  }

  /** Permissions without what says that code was decoded. */
  #prots(address: number, bytes: number): number[] {
    const perms: number[] = [];
    for (let at = address; at < address + bytes; at += PAGE_BYTES) {
      const isMapped = ((this.#memory.perms[at / PAGE_BYTES] ?? 0) & PERM.mapped) !== 0;
      perms.push(isMapped ? permOf(this.protAt(at)) : 0);
    }
    return perms;
  }

  #accessibleIn(address: number, bytes: number): number {
    const first = address / PAGE_BYTES;
    const last = first + bytes / PAGE_BYTES;
    let count = 0;
    for (let page = first; page < last; page++) {
      if (((this.#memory.perms[page] ?? 0) & ACCESS) !== 0) count++;
    }
    return count;
  }

  #checkRoom(bytes: number, perm: number): void {
    if ((perm & ACCESS) === 0) return;
    if (this.accessibleBytes + bytes > this.#limits.bytesMax) fail('ENOMEM');
  }

  #account(pages: number): void {
    const after = this.#accessiblePages + pages;
    if (pages > 0 && after * PAGE_BYTES > this.#limits.bytesMax) fail('ENOMEM');
    this.#accessiblePages = after;
  }

  #setPerm(address: number, bytes: number, perm: number): void {
    this.#memory.protect(address, bytes, perm);
    if ((perm & PERM.write) !== 0) this.#markUsed(address, bytes);
  }

  #markUsed(address: number, bytes: number): void {
    this.#used.fill(1, Math.floor(address / PAGE_BYTES), Math.ceil((address + bytes) / PAGE_BYTES));
  }

  /** Pages that can still be written are dirty again at once. */
  #remember(address: number, bytes: number): void {
    for (let at = address; at < address + bytes; at += PAGE_BYTES) {
      if ((this.protAt(at) & PROT.write) !== 0) this.#used[at / PAGE_BYTES] = 1;
    }
  }

  /** Only what was used is written to: host memory exists from its first use. */
  #zero(address: number, bytes: number): void {
    for (let at = address; at < address + bytes; at += PAGE_BYTES) {
      const page = at / PAGE_BYTES;
      if (this.#used[page] === 0) continue;
      this.#memory.raw(at, PAGE_BYTES).fill(0);
      this.#used[page] = 0;
    }
  }
}
