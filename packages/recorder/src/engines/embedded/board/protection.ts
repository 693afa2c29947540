/**
 * Lays physical memory protection over the page permissions of RAM, whenever the mode or the PMP
 * registers change. A page of which parts differ becomes a device page, so that the board looks at
 * each access to it. Whether code may be executed is told by whole pages alone: such a page is
 * executable if any part of it is.
 */
import { GUEST_PAGE_BYTES, GUEST_PAGE_SHIFT, PERM } from '../core/layout.ts';
import type { GuestMemory } from '../core/memory.ts';
import { ACCESS, type PageRun, type Pmp } from './pmp.ts';
import { MODE } from './registers.ts';

const ALL = PERM.mapped | PERM.read | PERM.write | PERM.execute;

export class Protection {
  readonly #memory: GuestMemory;
  readonly #pmp: Pmp;
  readonly #first: number;
  readonly #end: number;
  /** Pages of RAM that are looked at for another reason. */
  readonly #watched = new Set<number>();
  /** Permissions of all pages of RAM, by whether code and data are machine mode's. */
  readonly #views: (Uint8Array | null)[] = [null, null, null, null];
  #current: Uint8Array;

  /** RAM is [start, end), multiples of a page; it begins with everything allowed. */
  constructor(memory: GuestMemory, pmp: Pmp, start: number, end: number) {
    this.#memory = memory;
    this.#pmp = pmp;
    this.#first = start >>> GUEST_PAGE_SHIFT;
    this.#end = end >>> GUEST_PAGE_SHIFT;
    this.#current = new Uint8Array(this.#end - this.#first).fill(ALL);
    memory.protect(start, end - start, ALL);
    this.#findRanges();
  }

  /** Accesses to the page of this address go to the board from now on. */
  watch(address: number): void {
    this.#watched.add(address >>> GUEST_PAGE_SHIFT);
    this.changed();
    this.apply(MODE.machine, MODE.machine);
  }

  /** The PMP registers were written; `apply` follows. */
  changed(): void {
    this.#views.fill(null);
  }

  /** Permissions are those of code in one mode with data of another from now on. */
  apply(codeMode: number, dataMode: number): void {
    const next = this.#view(codeMode === MODE.machine, dataMode === MODE.machine);
    if (next === this.#current) return;
    for (const [index, perm] of next.entries()) {
      if (perm === this.#current[index]) continue;
      this.#memory.protect((this.#first + index) * GUEST_PAGE_BYTES, GUEST_PAGE_BYTES, perm);
    }
    this.#current = next;
    this.#findRanges();
  }

  #view(isMachineCode: boolean, isMachineData: boolean): Uint8Array {
    const key = (isMachineCode ? 1 : 0) | (isMachineData ? 2 : 0);
    const known = this.#views[key];
    if (known) return known;
    const view = new Uint8Array(this.#end - this.#first).fill(PERM.mapped);
    const code = isMachineCode ? MODE.machine : MODE.user;
    const data = isMachineData ? MODE.machine : MODE.user;
    this.#allow(view, code, ACCESS.execute, PERM.execute);
    this.#allow(view, data, ACCESS.read, PERM.read);
    this.#allow(view, data, ACCESS.write, PERM.write);
    for (const page of this.#watched) this.#watchPage(view, page);
    // Equal views are one object, so that a mode that may do the same costs nothing.
    const equal = [this.#current, ...this.#views].find((one) => one && isSame(one, view));
    this.#views[key] = equal ?? view;
    return equal ?? view;
  }

  #allow(view: Uint8Array, mode: number, access: number, perm: number): void {
    const start = this.#first * GUEST_PAGE_BYTES;
    for (const run of this.#pmp.pages(mode, start, this.#end * GUEST_PAGE_BYTES)) {
      const isAllowed = (run.somewhere & access) !== 0;
      for (let page = run.first; page < run.end; page++) {
        const index = page - this.#first;
        if (isAllowed) view[index] = (view[index] ?? 0) | perm;
        if (isSplit(run) && perm !== PERM.execute) this.#watchPage(view, page);
      }
    }
  }

  #watchPage(view: Uint8Array, page: number): void {
    const index = page - this.#first;
    view[index] = ((view[index] ?? 0) & ~(PERM.read | PERM.write)) | PERM.device;
  }

  #findRanges(): void {
    const last = this.#end * GUEST_PAGE_BYTES - 1;
    this.#memory.findRanges(last, last);
  }
}

const isSplit = ({ allowed }: PageRun): boolean => allowed === null;

const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;
