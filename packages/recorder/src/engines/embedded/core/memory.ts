/**
 * Guest memory: one byte of permission for each page, bytes at guestBase + address. Everything that
 * is not generated code goes through here, and every access is checked.
 */
import { type WasmMemory, wasm } from '../../../wasm/host.ts';
import type { Platform } from './hart.ts';
import {
  GUEST_PAGE_BYTES,
  GUEST_PAGE_SHIFT,
  PERM,
  PERMS,
  PERMS_BYTES,
  SPAN_BYTES,
  STATE,
} from './layout.ts';
import { TRAP, Trap } from './trap.ts';

const WASM_PAGE_BYTES = 65_536;

export interface MemoryOptions {
  /** Byte offset of guest address 0, a multiple of 64 KiB. */
  readonly guestBase: number;
  /** First guest address that does not exist, a multiple of 64 KiB; with guestBase at most 2^32. */
  readonly guestLimit: number;
  /** Memory of another thread to share; without it new memory is made. */
  readonly memory?: WasmMemory;
}

/** Shared memory of this many bytes, a multiple of 64 KiB; its pages exist from their first use. */
export function newMemory(bytes: number): WasmMemory {
  const pages = bytes / WASM_PAGE_BYTES;
  return new wasm.Memory({ initial: pages, maximum: pages, shared: true });
}

/** Pages that a module that imports this memory must ask for. */
export const memoryPages = ({ guestBase, guestLimit }: GuestMemory): number =>
  (guestBase + guestLimit) / WASM_PAGE_BYTES;

export class GuestMemory {
  readonly memory: WasmMemory;
  readonly buffer: SharedArrayBuffer;
  readonly guestBase: number;
  readonly guestLimit: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly perms: Uint8Array;
  /** Called before a page that held decoded code changes: by a store, or as its mapping ends. */
  onCodeChange: (page: number) => void = () => {};
  /** Whether the bytes, of one page, hold code that was decoded; data may lie beside code. */
  holdsCode: (address: number, bytes: number) => boolean = () => true;
  /** Answers for device pages; a process has none. */
  platform: Platform | null = null;

  constructor({ guestBase, guestLimit, memory }: MemoryOptions) {
    this.memory = memory ?? newMemory(guestBase + guestLimit);
    this.buffer = this.memory.buffer;
    this.guestBase = guestBase;
    this.guestLimit = guestLimit;
    this.bytes = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.perms = new Uint8Array(this.buffer, PERMS, PERMS_BYTES);
  }

  /** Whether [address, address + bytes) lies in guest addresses that can exist. */
  #exists(address: bigint, bytes: number): boolean {
    return address >= 0n && address + BigInt(bytes) <= BigInt(this.guestLimit);
  }

  /** Number of the range's first page without one of the bits in `perm`; -1 if there is none. */
  #lacking(address: number, bytes: number, perm: number): number {
    const last = (address + bytes - 1) >>> GUEST_PAGE_SHIFT;
    for (let page = address >>> GUEST_PAGE_SHIFT; page <= last; page++) {
      if (((this.perms[page] ?? 0) & perm) === 0) return page;
    }
    return -1;
  }

  #check(address: bigint, bytes: number, perm: number, cause: number): number {
    // What begins below the limit and goes over it lacks a page there: none is mapped.
    if (!this.#exists(address, 1)) throw new Trap(cause, BigInt.asUintN(64, address));
    const at = Number(address);
    const page = this.#lacking(at, bytes, perm);
    if (page < 0) return at + this.guestBase;
    const pageStart = page * GUEST_PAGE_BYTES;
    throw new Trap(cause, BigInt(Math.max(at, pageStart)));
  }

  /** The platform, if any byte of the access lies on a device page. */
  #device(address: bigint, bytes: number): Platform | null {
    if (this.platform === null || !this.#exists(address, 1)) return null;
    const at = Number(address);
    const first = this.perms[at >>> GUEST_PAGE_SHIFT] ?? 0;
    const last = this.perms[(at + bytes - 1) >>> GUEST_PAGE_SHIFT] ?? 0;
    return ((first | last) & PERM.device) !== 0 ? this.platform : null;
  }

  /** Zero-extended. @param bytes 1, 2, 4 or 8. @throws Trap loadAccess with the fault address. */
  load(address: bigint, bytes: number): bigint {
    const device = this.#device(address, bytes);
    if (device !== null) return device.readDevice(address, bytes);
    const at = this.#check(address, bytes, PERM.read, TRAP.loadAccess);
    if (bytes === 1) return BigInt(this.view.getUint8(at));
    if (bytes === 2) return BigInt(this.view.getUint16(at, true));
    if (bytes === 4) return BigInt(this.view.getUint32(at, true));
    return this.view.getBigUint64(at, true);
  }

  /** Stores the low bytes of value. @throws Trap storeAccess; then nothing was stored. */
  store(address: bigint, bytes: number, value: bigint): void {
    const device = this.#device(address, bytes);
    if (device !== null) {
      device.writeDevice(address, bytes, BigInt.asUintN(bytes * 8, value));
      return;
    }
    const at = this.#check(address, bytes, PERM.write | PERM.code, TRAP.storeAccess);
    this.codeChanges(Number(address), bytes);
    if (bytes === 1) this.view.setUint8(at, Number(value & 0xffn));
    else if (bytes === 2) this.view.setUint16(at, Number(value & 0xffffn), true);
    else if (bytes === 4) this.view.setUint32(at, Number(value & 0xffff_ffffn), true);
    else this.view.setBigUint64(at, BigInt.asUintN(64, value), true);
  }

  /**
   * 16 bits of code. @throws Trap instructionAccess with the address.
   * @param address even.
   */
  fetch16(address: bigint): number {
    const at = this.#check(address, 2, PERM.execute, TRAP.instructionAccess);
    return this.view.getUint16(at, true);
  }

  /** Before bytes change in any way: forgets code that was decoded from their pages. */
  codeChanges(address: number, bytes: number): void {
    const end = address + bytes;
    const last = (end - 1) >>> GUEST_PAGE_SHIFT;
    for (let page = address >>> GUEST_PAGE_SHIFT; page <= last; page++) {
      if (((this.perms[page] ?? 0) & PERM.decoded) === 0) continue;
      const from = Math.max(address, page * GUEST_PAGE_BYTES);
      const to = Math.min(end, (page + 1) * GUEST_PAGE_BYTES);
      if (this.holdsCode(from, to - from)) this.onCodeChange(page);
    }
  }

  /** Whether all pages of the range have the bit; for system calls that answer EFAULT. */
  allows(address: bigint, bytes: number, perm: number): boolean {
    if (bytes === 0) return true;
    const wanted = perm === PERM.write ? PERM.write | PERM.code : perm;
    return this.#exists(address, bytes) && this.#lacking(Number(address), bytes, wanted) < 0;
  }

  /**
   * The bytes themselves, for the caller to read; null if not all of them may be read. For writing
   * use `writable`.
   */
  readable(address: bigint, bytes: number): Uint8Array | null {
    if (!this.allows(address, bytes, PERM.read)) return null;
    const at = Number(address) + this.guestBase;
    return this.bytes.subarray(at, at + bytes);
  }

  /** The bytes themselves, for the caller to write; null if not all of them may be written. */
  writable(address: bigint, bytes: number): Uint8Array | null {
    if (!this.allows(address, bytes, PERM.write)) return null;
    if (bytes > 0) this.codeChanges(Number(address), bytes);
    const at = Number(address) + this.guestBase;
    return this.bytes.subarray(at, at + bytes);
  }

  /** Bytes wherever they are, without a look at permissions; for the loader and for mappings. */
  raw(address: number, bytes: number): Uint8Array {
    return this.bytes.subarray(address + this.guestBase, address + this.guestBase + bytes);
  }

  /**
   * Sets the permission of whole pages: PERM bits, 0 to unmap. Decoded code on them is forgotten.
   * Does not clear their bytes. Call `findRanges` after the last of several.
   */
  protect(address: number, bytes: number, perm: number): void {
    this.codeChanges(address, bytes);
    const first = address >>> GUEST_PAGE_SHIFT;
    this.perms.fill(perm, first, first + Math.ceil(bytes / GUEST_PAGE_BYTES));
  }

  /** Marks a page as holding decoded code, so that stores to it are looked at. */
  markCode(page: number): void {
    const perm = this.perms[page] ?? 0;
    this.perms[page] = perm | PERM.decoded;
    if ((perm & PERM.write) === 0) return;
    this.perms[page] = (perm & ~PERM.write) | PERM.code | PERM.decoded;
    this.shrinkRanges(page);
  }

  /** The opposite: the page may be written freely again. */
  unmarkCode(page: number): void {
    const perm = (this.perms[page] ?? 0) & ~PERM.decoded;
    this.perms[page] = (perm & PERM.code) !== 0 ? (perm & ~PERM.code) | PERM.write : perm;
  }

  /**
   * Finds the ranges that generated code takes without a look at the page table: the contiguous
   * pages around `data` that may be read, and those that may be written, and those around `stack`.
   */
  findRanges(data: number, stack: number): void {
    this.#range(STATE.readStart, data, PERM.read);
    this.#range(STATE.writeStart, data, PERM.write);
    this.#range(STATE.stackStart, stack, PERM.write);
  }

  /** As findRanges, where only the pages of [address, address + bytes) changed. */
  findRangesAround(address: number, bytes: number, data: number, stack: number): void {
    const first = address >>> GUEST_PAGE_SHIFT;
    const changed = { first, end: first + Math.ceil(bytes / GUEST_PAGE_BYTES) };
    this.#adjust(STATE.readStart, data, PERM.read, changed);
    this.#adjust(STATE.writeStart, data, PERM.write, changed);
    this.#adjust(STATE.stackStart, stack, PERM.write, changed);
  }

  /** A range of which nothing was lost is only looked at beyond its ends: heaps grow often. */
  #adjust(
    field: number,
    address: number,
    perm: number,
    changed: { readonly first: number; readonly end: number },
  ): void {
    const { first, end } = this.#rangeAt(field);
    const page = address >>> GUEST_PAGE_SHIFT;
    const from = Math.max(changed.first, first);
    const to = Math.min(changed.end, end);
    let isWhole = page >= first && page < end;
    for (let at = from; isWhole && at < to; at++) isWhole = ((this.perms[at] ?? 0) & perm) !== 0;
    if (!isWhole) this.#range(field, address, perm);
    else if (changed.end >= first && changed.first <= end) this.#extend(field, first, end, perm);
  }

  /** As findRanges, for the stack alone: another thread runs. */
  findStackRange(stack: number): void {
    this.#range(STATE.stackStart, stack, PERM.write);
  }

  #range(field: number, address: number, perm: number): void {
    const page = address >>> GUEST_PAGE_SHIFT;
    if (((this.perms[page] ?? 0) & perm) === 0) this.#setRange(field, page, page);
    else this.#extend(field, page, page + 1, perm);
  }

  #extend(field: number, from: number, to: number, perm: number): void {
    const limit = this.guestLimit >>> GUEST_PAGE_SHIFT;
    const has = (page: number): boolean => ((this.perms[page] ?? 0) & perm) !== 0;
    let first = from;
    let end = to;
    while (first > 0 && has(first - 1)) first--;
    while (end < limit && has(end)) end++;
    this.#setRange(field, first, end);
  }

  #rangeAt(field: number): { readonly first: number; readonly end: number } {
    const first = Number(this.view.getBigUint64(field, true)) >>> GUEST_PAGE_SHIFT;
    const size = Number(this.view.getBigUint64(field + 8, true));
    return { first, end: size === 0 ? first : first + (size + 7) / GUEST_PAGE_BYTES };
  }

  /** Page 0 is never in a range: there base registers may be below 0. */
  #setRange(field: number, pageFirst: number, end: number): void {
    const first = Math.max(pageFirst, 1);
    const bytes = Math.max(end - first, 0) * GUEST_PAGE_BYTES;
    this.view.setBigUint64(field, BigInt(first * GUEST_PAGE_BYTES), true);
    this.view.setBigUint64(field + 8, BigInt(Math.max(bytes - 7, 0)), true);
    const span = STATE.readSpan + (field - STATE.readStart) / 2;
    this.view.setBigUint64(span, BigInt(Math.max(bytes - SPAN_BYTES, 0)), true);
  }

  /** Takes a page out of the ranges for writing; what lies above it is then looked up. */
  shrinkRanges(page: number): void {
    for (const field of [STATE.writeStart, STATE.stackStart]) {
      const { first, end } = this.#rangeAt(field);
      if (page < first || page >= end) continue;
      // The larger half stays.
      if (page - first > end - page - 1) this.#setRange(field, first, page);
      else this.#setRange(field, page + 1, end);
    }
  }
}
