/** The address space against the obvious: an array with one cell for each page. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PERM, STATE } from '../core/layout.ts';
import { GuestMemory } from '../core/memory.ts';
import { PAGE_BYTES, PROT } from './abi.ts';
import { Failure } from './errno.ts';
import { Mappings } from './mappings.ts';
import { ANONYMOUS } from './regions.ts';

const PAGES = 24;
const LOW = 0x1_0000;
const END = LOW + PAGES * PAGE_BYTES;
/** Pages that may be accessible at one time: so few that the limit is met. */
const LIMIT_PAGES = 18;
const memory = new GuestMemory({ guestBase: 0x200_0000, guestLimit: 0x10_0000 });

interface Page {
  isMapped: boolean;
  prot: number;
  byte: number;
}

const FREE: Page = { isMapped: false, prot: 0, byte: 0 };

/** The model: what each call does, page by page. */
class Model {
  pages: Page[] = Array.from({ length: PAGES }, () => FREE);

  get accessible(): number {
    return this.pages.filter(({ prot }) => prot !== 0).length;
  }

  #commit(pages: Page[]): boolean {
    const before = this.accessible;
    const after = pages.filter(({ prot }) => prot !== 0).length;
    if (after > before && after > LIMIT_PAGES) return false;
    this.pages = pages;
    return true;
  }

  #change(first: number, count: number, change: (page: Page) => Page): Page[] {
    return this.pages.map((page, at) => (at >= first && at < first + count ? change(page) : page));
  }

  map(first: number, count: number, prot: number): boolean {
    return this.#commit(this.#change(first, count, () => ({ isMapped: true, prot, byte: 0 })));
  }

  unmap(first: number, count: number): boolean {
    return this.#commit(this.#change(first, count, () => FREE));
  }

  isMapped(first: number, count: number): boolean {
    return this.pages.slice(first, first + count).every((page) => page.isMapped);
  }

  protect(first: number, count: number, prot: number): boolean {
    if (first + count > PAGES || !this.isMapped(first, count)) return false;
    return this.#commit(this.#change(first, count, (page) => ({ ...page, prot })));
  }

  discard(first: number, count: number): boolean {
    const zeroed = (page: Page): Page => (page.isMapped ? { ...page, byte: 0 } : page);
    return this.#commit(this.#change(first, count, zeroed));
  }

  /** Where the lowest of `count` free pages is that lie as high as possible; -1: nowhere. */
  gap(count: number): number {
    for (let first = PAGES - count; first >= 0; first--) {
      const part = this.pages.slice(first, first + count);
      if (part.every(({ isMapped }) => !isMapped)) return first;
    }
    return -1;
  }

  remap(first: number, old: number, count: number, to: number): boolean {
    const last = this.pages[first + old - 1] ?? FREE;
    const grown: Page = { isMapped: true, prot: last.prot, byte: 0 };
    const moved = Array.from({ length: count }, (_, at) =>
      at < old ? (this.pages[first + at] ?? FREE) : grown,
    );
    if (count > old && last.prot !== 0 && this.accessible + count - old > LIMIT_PAGES) {
      return false;
    }
    const pages = this.#change(first, old, () => FREE);
    pages.splice(to, count, ...moved);
    return this.#commit(pages);
  }
}

const PROTS = [0, PROT.read, PROT.read | PROT.write, PROT.read | PROT.execute, PROT.write];
const page = fc.nat(PAGES - 1);
const count = fc.integer({ min: 1, max: 8 });
const prot = fc.constantFrom(...PROTS);
const step = fc.oneof(
  fc.record({ do: fc.constant('map' as const), page, count, prot }),
  fc.record({ do: fc.constant('unmap' as const), page, count, prot }),
  fc.record({ do: fc.constant('protect' as const), page, count, prot }),
  fc.record({ do: fc.constant('discard' as const), page, count, prot }),
  fc.record({ do: fc.constant('place' as const), page, count, prot }),
  fc.record({ do: fc.constant('grow' as const), page, count, prot }),
  fc.record({ do: fc.constant('move' as const), page, count, prot }),
  fc.record({ do: fc.constant('write' as const), page, count, prot }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const at = (number: number): number => LOW + number * PAGE_BYTES;

/** Whether the call was made; a Failure is an answer, too. */
function done(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

const ranges = (): bigint[] =>
  [STATE.readStart, STATE.writeStart, STATE.stackStart].flatMap((field) => [
    memory.view.getBigUint64(field, true),
    memory.view.getBigUint64(field + 8, true),
  ]);

class Both {
  readonly model = new Model();
  readonly mappings: Mappings;
  #value = 0;

  constructor() {
    memory.perms.fill(0);
    memory.raw(LOW, END - LOW).fill(0);
    memory.findRanges(at(3), at(20));
    const limits = { low: LOW, top: END, end: END, bytesMax: LIMIT_PAGES * PAGE_BYTES };
    this.mappings = new Mappings(memory, limits);
  }

  run(given: Step): void {
    const { model, mappings } = this;
    const first = given.page;
    const pages = Math.min(given.count, PAGES - first);
    const [start, bytes] = [at(first), pages * PAGE_BYTES];
    switch (given.do) {
      case 'map':
        this.#same(model.map(first, pages, given.prot), () =>
          mappings.map(start, bytes, given.prot),
        );
        break;
      case 'unmap':
        this.#same(model.unmap(first, pages), () => mappings.unmap(start, bytes));
        break;
      case 'protect':
        this.#same(model.protect(first, given.count, given.prot), () =>
          mappings.protect(start, given.count * PAGE_BYTES, given.prot),
        );
        break;
      case 'discard':
        this.#same(model.discard(first, pages), () => mappings.discard(start, bytes));
        break;
      case 'place': {
        const gap = model.gap(given.count);
        this.#same(gap >= 0, () =>
          expect(mappings.place(0, given.count * PAGE_BYTES)).toBe(at(gap)),
        );
        break;
      }
      case 'write':
        this.#write(first);
        break;
      default:
        this.#remap(given, first, pages);
    }
  }

  /** Of one mapped stretch, as the system call makes sure. */
  #remap({ do: how, count: wanted }: Step, first: number, pages: number): void {
    const { model, mappings } = this;
    if (!model.isMapped(first, pages)) return;
    const behind = model.pages.slice(first + pages, first + wanted);
    const fits = first + wanted <= PAGES && behind.every(({ isMapped }) => !isMapped);
    const bytes = pages * PAGE_BYTES;
    const call = (to: 'stay' | 'may-move') =>
      mappings.remap(at(first), bytes, wanted * PAGE_BYTES, to);
    if (wanted <= pages) {
      model.unmap(first + wanted, pages - wanted);
      this.#same(true, () => expect(call('stay')).toBe(at(first)));
    } else if (fits || how === 'grow') {
      this.#same(fits && model.remap(first, pages, wanted, first), () => call('stay'));
    } else {
      const gap = model.gap(wanted);
      this.#same(gap >= 0 && model.remap(first, pages, wanted, gap), () =>
        expect(call('may-move')).toBe(at(gap)),
      );
    }
  }

  #write(first: number): void {
    const found = this.model.pages[first];
    if (found === undefined || (found.prot & PROT.write) === 0) return;
    this.#value = (this.#value % 255) + 1;
    this.model.pages[first] = { ...found, byte: this.#value };
    memory.store(BigInt(at(first)), 1, BigInt(this.#value));
  }

  /** What is adjusted after a change is what a look at everything finds. */
  compareRanges({ do: how, page: first, count: pages }: Step): void {
    const isMove = how === 'move' || how === 'grow';
    const [start, bytes] = isMove ? [LOW, END - LOW] : [at(first), pages * PAGE_BYTES];
    memory.findRangesAround(start, bytes, at(3), at(20));
    const adjusted = ranges();
    memory.findRanges(at(3), at(20));
    expect(adjusted).toEqual(ranges());
  }

  #same(expected: boolean, call: () => unknown): void {
    expect(done(call)).toBe(expected);
  }

  compare(): void {
    const found = this.model.pages.map((_, number) => {
      const perm = memory.perms[at(number) / PAGE_BYTES] ?? 0;
      const byte = (perm & PERM.read) !== 0 ? (memory.raw(at(number), 1)[0] ?? 0) : null;
      return { perm, byte, isTaken: this.mappings.regions.at(at(number)) !== null };
    });
    const expected = this.model.pages.map(({ isMapped, prot: wanted, byte }) => ({
      perm: permOf(isMapped, wanted),
      byte: wanted !== 0 ? byte : null,
      isTaken: isMapped,
    }));
    expect(found).toEqual(expected);
    expect(this.mappings.accessibleBytes).toBe(this.model.accessible * PAGE_BYTES);
    this.#compareRegions();
  }

  /** Ascending, disjoint, and as few as possible. */
  #compareRegions(): void {
    const { list } = this.mappings.regions;
    for (const [place, { start, end }] of list.entries()) {
      expect(start).toBeLessThan(end);
      expect(list[place - 1]?.end ?? 0).toBeLessThan(start);
    }
  }
}

function permOf(isMapped: boolean, wanted: number): number {
  if (!isMapped) return 0;
  return (
    PERM.mapped |
    (wanted !== 0 ? PERM.read : 0) |
    ((wanted & PROT.write) !== 0 ? PERM.write : 0) |
    ((wanted & PROT.execute) !== 0 ? PERM.execute : 0)
  );
}

describe('mappings', () => {
  test('as the model, after every step', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const both = new Both();
        for (const one of steps) {
          both.run(one);
          both.compareRanges(one);
          both.compare();
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a fixed target of mremap loses what was there', () => {
    const { mappings } = new Both();
    mappings.map(at(0), 4 * PAGE_BYTES, PROT.read | PROT.write);
    mappings.fill(at(0), 1).fill(7);
    mappings.map(at(10), 4 * PAGE_BYTES, PROT.read);
    mappings.remap(at(0), 2 * PAGE_BYTES, 3 * PAGE_BYTES, at(11));
    const bytes = [0, 1, 10, 11, 13].map((number) => memory.readable(BigInt(at(number)), 1)?.[0]);
    expect(bytes).toEqual([undefined, undefined, 0, 7, 0]);
    expect(mappings.accessibleBytes).toBe(6 * PAGE_BYTES);
  });

  test('the heap grows, shrinks and stops at what is mapped behind it', () => {
    const { mappings } = new Both();
    mappings.startBrk(at(2));
    expect(mappings.setBrk(0)).toBe(at(2));
    expect(mappings.setBrk(at(4) + 5)).toBe(at(4) + 5);
    expect(mappings.regions.list.map(({ start, end }) => [start, end])).toEqual([[at(2), at(5)]]);
    expect(mappings.setBrk(at(3))).toBe(at(3));
    mappings.map(at(6), PAGE_BYTES, PROT.read);
    expect(mappings.setBrk(at(7))).toBe(at(3));
    expect(mappings.setBrk(at(6))).toBe(at(6));
    expect(mappings.setBrk(at(1))).toBe(at(6));
  });

  test('pages that were never used are not touched: they cost the host nothing', () => {
    const { mappings } = new Both();
    const untouched = memory.raw(at(3), PAGE_BYTES);
    untouched.fill(0xee);
    mappings.map(at(0), 10 * PAGE_BYTES, PROT.read);
    expect(untouched[0]).toBe(0xee);
    mappings.protect(at(3), PAGE_BYTES, PROT.read | PROT.write);
    mappings.map(at(3), PAGE_BYTES, PROT.read);
    expect(untouched[0]).toBe(0);
  });

  test('a shared mapping of a file stays read-only; past its end nothing opens', () => {
    const { mappings } = new Both();
    const origin = { ...ANONYMOUS, name: '/file', isShared: true, mayWrite: false };
    mappings.map(at(0), PAGE_BYTES, PROT.read, origin);
    mappings.map(at(1), PAGE_BYTES, 0, { ...origin, isPastEnd: true });
    expect(done(() => mappings.protect(at(0), PAGE_BYTES, PROT.write))).toBe(false);
    mappings.protect(at(0), 2 * PAGE_BYTES, PROT.read | PROT.execute);
    expect(memory.perms[at(0) / PAGE_BYTES]).toBe(PERM.mapped | PERM.read | PERM.execute);
    expect(memory.perms[at(1) / PAGE_BYTES]).toBe(PERM.mapped);
    expect(mappings.accessibleBytes).toBe(PAGE_BYTES);
  });
});
