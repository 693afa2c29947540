import { beforeEach, describe, expect, test } from 'vitest';
import { HandlerTable } from '../interpret/handlers.ts';
import { encode } from '../isa/encode.fixture.ts';
import { CodeCache } from './code-cache.ts';
import { CODE_CACHE, CODE_PAGE_BYTES, ENTRY, PERM } from './layout.ts';
import { GuestMemory } from './memory.ts';

const PAGES = 4;
const GUEST_BASE = 0x200_0000;
const HEAT_LIMIT = 8;
const RWX = PERM.mapped | PERM.read | PERM.write | PERM.execute;
const RX = PERM.mapped | PERM.read | PERM.execute;

let memory: GuestMemory;
let cache: CodeCache;

/** Puts instructions, one behind the other; numbers below 2^16 are compressed ones. */
function put(pc: number, ...words: number[]): void {
  let at = GUEST_BASE + pc;
  for (const word of words) {
    if ((word & 3) === 3) memory.view.setUint32(at, word, true);
    else memory.view.setUint16(at, word, true);
    at += (word & 3) === 3 ? 4 : 2;
  }
}

const field = (pc: number, offset: number): number =>
  memory.view.getUint32(cache.entryAt(pc) + offset, true);
const isDecoded = (pc: number): boolean => {
  const entry = cache.entryAt(pc);
  return entry !== 0 && memory.view.getUint16(entry + ENTRY.handler, true) !== 0;
};

const ADDI = encode('addi', { rd: 10, rs1: 10, imm: 1 });
const C_NOP = 0x0001;
const RET = encode('jalr', { rs1: 1 });

beforeEach(() => {
  memory = new GuestMemory({ guestBase: GUEST_BASE, guestLimit: 0x10_0000 });
  const limit = CODE_CACHE + PAGES * CODE_PAGE_BYTES;
  cache = new CodeCache({
    memory,
    limit,
    handlers: new HandlerTable(false),
    heatLimit: HEAT_LIMIT,
  });
  memory.onCodeChange = (page) => cache.forgetPage(page);
  memory.protect(0x1000, 0xf000, RWX);
});

describe('blocks', () => {
  test('end with a transfer', () => {
    put(0x1000, ADDI, C_NOP, RET, ADDI);
    expect(cache.blockSizes(0x1000)).toEqual(Uint8Array.of(4, 2, 4));
    expect(isDecoded(0x1006)).toBe(true);
    expect(isDecoded(0x100a)).toBe(false);
  });

  test('end with the page', () => {
    put(0x1ffa, ADDI, C_NOP, ADDI);
    expect(cache.blockSizes(0x1ffa)).toEqual(Uint8Array.of(4, 2));
  });

  test('end before an instruction that crosses into the next page, which is one by itself', () => {
    put(0x1ffa, ADDI, ADDI, ADDI);
    expect(cache.blockSizes(0x1ffa)).toEqual(Uint8Array.of(4));
    expect(cache.blockSizes(0x1ffe)).toEqual(Uint8Array.of(4));
    memory.protect(0x2000, 0x1000, PERM.mapped | PERM.read);
    expect(cache.blockSizes(0x1ffa)).toEqual(Uint8Array.of(4));
    expect(cache.blockSizes(0x1ffe)).toBeNull();
  });

  test('end after 512 instructions', () => {
    put(0x3000, ...Array.from({ length: 600 }, () => C_NOP), RET);
    expect(cache.blockSizes(0x3000)).toHaveLength(512);
  });

  test('are none where nothing can run', () => {
    expect(cache.blockSizes(0x1000)).toBeNull();
    put(0x1000, C_NOP);
    expect(cache.blockSizes(0x1001)).toBeNull();
    expect(cache.blockSizes(0x1_0000)).toBeNull();
    expect(cache.blockSizes(2 ** 32)).toBeNull();
    expect(cache.blockSizes(0x1000)).toEqual(Uint8Array.of(2));
  });

  test('hold their instructions, of two the last', () => {
    put(0x1000, ADDI, ADDI, ADDI, RET);
    cache.setBlock(0x1000, 7);
    expect([0x1000, 0x1008, 0x100c].map((pc) => cache.blockAround(pc))).toEqual([7, 7, 7]);
    cache.setBlock(0x1008, 8);
    expect([0x1004, 0x1008, 0x100c].map((pc) => cache.blockAround(pc))).toEqual([7, 8, 8]);
    expect([0x1000, 0x1004, 0x1008].map((pc) => cache.blockAt(pc))).toEqual([7, -1, 8]);
    expect(cache.hasRun(0x1004)).toBe(true);
    expect(cache.hasRun(0x1010)).toBe(false);
  });
});

/** A jump at 0x1000 to a return at 0x3000. */
function putJump(): void {
  put(0x1000, encode('jal', { imm: 0x2000 }));
  put(0x3000, RET);
  for (const pc of [0x1000, 0x3000]) cache.blockSizes(pc);
}

describe('edges', () => {
  beforeEach(putJump);

  test('are remembered at the instruction, or by source and target', () => {
    cache.remember(0x1000, 0x3000, 41);
    cache.remember(0x3000, 0x1004, 42);
    cache.remember(0x3000, 0x2004, 43);
    expect(field(0x1000, ENTRY.edge)).toBe(42);
    expect(cache.wasTaken(0x1000)).toBe(true);
    expect(cache.wasTaken(0x3000)).toBe(false);
    expect(cache.targets(0x3000)).toEqual([0x2004, 0x1004]);
  });

  test('keep 16 targets, the last that missed first', () => {
    for (let target = 0; target < 20; target++) cache.remember(0x3000, target * 2, target);
    cache.remember(0x3000, 20, 20);
    expect(cache.targets(0x3000)).toHaveLength(16);
    expect(cache.targets(0x3000).slice(0, 3)).toEqual([20, 38, 36]);
  });

  test('are forgotten with their target', () => {
    cache.remember(0x1000, 0x3000, 41);
    memory.store(0x3003n, 1, 0n);
    expect(field(0x1000, ENTRY.edge)).toBe(0);
    expect(isDecoded(0x1000)).toBe(true);
    expect(isDecoded(0x3000)).toBe(false);
    expect(memory.perms[3]).toBe(RWX);
  });

  test('are forgotten when a target moves, others are not', () => {
    put(0x1004, encode('jal', { imm: 0x2000 }));
    cache.blockSizes(0x1004);
    cache.remember(0x1000, 0x3000, 41);
    cache.remember(0x1004, 0x3004, 42);
    cache.forgetTargets(0x3000);
    expect(field(0x1000, ENTRY.edge)).toBe(0);
    expect(field(0x1004, ENTRY.edge)).toBe(43);
  });

  test('are not remembered where nothing is decoded', () => {
    cache.remember(0x5000, 0x3000, 41);
    expect(cache.entryAt(0x5000)).toBe(0);
  });
});

describe('changes', () => {
  test('of the second page forget an instruction that crosses into it', () => {
    put(0x1ffa, ADDI, ADDI);
    cache.blockSizes(0x1ffa);
    cache.blockSizes(0x1ffe);
    memory.store(0x2000n, 2, 0xffffn);
    expect(isDecoded(0x1ffe)).toBe(false);
    expect(cache.blockSizes(0x1ffe)).toEqual(Uint8Array.of(4));
  });

  test('of permissions forget code that could not be written, too', () => {
    memory.protect(0x4000, 0x1000, RX);
    put(0x4000, RET);
    cache.blockSizes(0x4000);
    expect(isDecoded(0x4000)).toBe(true);
    memory.protect(0x4000, 0x1000, RWX);
    expect(isDecoded(0x4000)).toBe(false);
    expect(memory.perms[4]).toBe(RWX);
  });
});

describe('regions', () => {
  beforeEach(putJump);

  test('are entered where they begin, and heat says that there is one', () => {
    cache.setRegion(0x3000, 5);
    expect(field(0x3000, ENTRY.region)).toBe(5);
    expect(field(0x3000, ENTRY.heat)).toBe(HEAT_LIMIT);
    expect(cache.isRegion(0x3000)).toBe(true);
    cache.setRegion(0x3000, 0);
    expect(field(0x3000, ENTRY.region)).toBe(0);
    expect(field(0x3000, ENTRY.heat)).toBe(0);
    expect(cache.isRegion(0x3000)).toBe(false);
  });

  test('go with the page, and outlast a full cache', () => {
    cache.setRegion(0x3000, 5);
    for (let page = 8; page < 12; page++) {
      put(page * 4096, RET);
      cache.blockSizes(page * 4096);
    }
    expect(cache.overflows).toBe(1);
    expect(cache.entryAt(0x3000)).toBe(0);
    cache.blockSizes(0x3000);
    expect(field(0x3000, ENTRY.region)).toBe(5);
    memory.store(0x3000n, 1, 0n);
    expect(cache.isRegion(0x3000)).toBe(false);
  });
});

test('a full cache forgets everything', () => {
  putJump();
  cache.remember(0x1000, 0x3000, 41);
  for (let page = 8; page < 11; page++) {
    put(page * 4096, RET);
    expect(cache.blockSizes(page * 4096)).toEqual(Uint8Array.of(4));
  }
  expect(cache.overflows).toBe(1);
  expect([0x1000, 0x3000, 0x8000, 0x9000].map(isDecoded)).toEqual([false, false, false, false]);
  expect(isDecoded(0xa000)).toBe(true);
  expect(cache.targets(0x3000)).toEqual([]);
  // Stores to the pages are still looked at, since regions may hold their code.
  expect((memory.perms[1] ?? 0) & PERM.code).toBe(PERM.code);
});

describe('data beside code', () => {
  beforeEach(putJump);

  test('changes without forgetting the code, until the code changes', () => {
    cache.remember(0x1000, 0x3000, 41);
    memory.store(0x3004n, 8, 0n);
    memory.store(0x2ffen, 2, 0n);
    expect(isDecoded(0x3000)).toBe(true);
    expect(field(0x1000, ENTRY.edge)).toBe(42);
    memory.store(0x2fffn, 2, 0n);
    expect(isDecoded(0x3000)).toBe(false);
    expect(field(0x1000, ENTRY.edge)).toBe(0);
  });

  test('is told from code that only a region knows', () => {
    put(0x3100, ADDI);
    expect(cache.instruction(0x3100)?.op).toBe('addi');
    memory.store(0x3104n, 1, 0n);
    expect(isDecoded(0x3000)).toBe(true);
    memory.store(0x3103n, 1, 0n);
    expect(isDecoded(0x3000)).toBe(false);
  });
});
