/** PMP against the specification's words, an address at a time; and how it falls on pages. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { STATE } from '../core/layout.ts';
import { TRAP, Trap } from '../core/trap.ts';
import { BareRun, codeProgram } from './board.fixture.ts';
import { ACCESS, Pmp } from './pmp.ts';
import { MODE } from './registers.ts';

const SEED = 20_260_801;
const START = 0x8000_0000;
const BYTES = 0x8000;
const RAM_BYTES = 0x1_0000;

interface Entry {
  readonly config: number;
  readonly address: bigint;
}

/** Most addresses lie in the first pages of RAM, so that entries meet. */
const entries = fc.array(
  fc.record({
    config: fc
      .integer({ min: 0, max: 31 })
      .chain((low) => fc.constantFrom(low, low, low, low | 0x80)),
    address: fc.oneof(
      fc.bigInt({ min: 0x2000_0000n, max: 0x2000_0000n + BigInt(BYTES / 4) }),
      // Trailing ones: regions of all sizes.
      fc
        .tuple(fc.integer({ min: 0, max: 14 }), fc.integer({ min: 0, max: 3 }))
        .map(([ones, page]) => 0x2000_0000n | BigInt(page * 0x400) | ((1n << BigInt(ones)) - 1n)),
      fc.bigInt({ min: 0n, max: (1n << 54n) - 1n }),
    ),
  }),
  { minLength: 0, maxLength: 6 },
);

/** Whether an entry holds the byte at `address`: section 3.7.1, "Address Matching". */
function matches(all: readonly Entry[], index: number, address: bigint): boolean {
  const entry = all[index];
  if (entry === undefined) return false;
  const word = address >> 2n;
  const mode = (entry.config >> 3) & 3;
  if (mode === 0) return false;
  if (mode === 1) return word >= (all[index - 1]?.address ?? 0n) && word < entry.address;
  if (mode === 2) return word === entry.address;
  const bits = entry.address.toString(2).padStart(54, '0');
  const ones = bits.length - 1 - bits.lastIndexOf('0');
  // All ones is everything there is.
  if (!bits.includes('0')) return true;
  return (
    word
      .toString(2)
      .padStart(54, '0')
      .slice(0, 53 - ones) === bits.slice(0, 53 - ones)
  );
}

function oracle(
  all: readonly Entry[],
  mode: number,
  address: bigint,
  bytes: number,
  access: number,
): boolean {
  // Not the specification's: see Pmp.isOpen.
  const hasLock = all.some(({ config }) => config > 0x7f);
  if (mode === MODE.machine && !hasLock) return true;
  const each = Array.from({ length: bytes }, (_, i) => address + BigInt(i));
  for (const [index, { config }] of all.entries()) {
    const held = each.filter((byte) => matches(all, index, byte)).length;
    if (held === 0) continue;
    if (held < bytes) return false;
    const isBound = mode !== MODE.machine || (config & 0x80) !== 0;
    return !isBound || (config & access) === access;
  }
  return mode === MODE.machine;
}

/** Addresses first: a locked entry takes none. */
function write(pmp: Pmp, all: readonly Entry[]): void {
  for (const [index, { address }] of all.entries()) pmp.writeAddress(index, address);
  const value = all.reduce((sum, { config }, i) => sum | (BigInt(config) << BigInt(8 * i)), 0n);
  pmp.writeConfig(0, value);
}

const accesses = fc.array(
  fc.record({
    offset: fc.oneof(
      fc.integer({ min: 0, max: BYTES + 64 }),
      // Around the borders of pages.
      fc
        .tuple(fc.integer({ min: 1, max: BYTES / 4096 }), fc.integer({ min: -8, max: 1 }))
        .map(([page, way]) => page * 4096 + way),
    ),
    bytes: fc.constantFrom(1, 2, 4, 8),
    access: fc.constantFrom(ACCESS.read, ACCESS.write),
  }),
  { minLength: 20, maxLength: 60 },
);
const modes = fc.constantFrom(MODE.user, MODE.supervisor, MODE.machine);

describe('PMP', () => {
  test('allows what the specification allows', () => {
    const property = fc.property(entries, modes, accesses, (all, mode, wanted) => {
      const pmp = new Pmp();
      write(pmp, all);
      for (const { offset, bytes, access } of wanted) {
        const address = BigInt(START + offset);
        const expected = oracle(all, mode, address, bytes, access);
        expect(pmp.allows(mode, address, bytes, access)).toBe(expected);
        if (pmp.isOpen(mode)) expect(expected).toBe(true);
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 150 });
  });

  test('falls on pages without gaps, and whole pages allow the same everywhere', () => {
    const property = fc.property(entries, modes, (all, mode) => {
      const pmp = new Pmp();
      write(pmp, all);
      const runs = pmp.pages(mode, START, START + BYTES);
      let next = START / 4096;
      for (const { first, end, allowed, somewhere } of runs) {
        expect(first).toBe(next);
        next = end;
        const step = allowed === null ? 4 : 1024;
        let union = 0;
        for (let at = first * 4096; at < end * 4096; at += step) {
          const here = [1, 2, 4].filter((access) => oracle(all, mode, BigInt(at), 4, access));
          const bits = here.reduce((sum, access) => sum | access, 0);
          union |= bits;
          if (allowed !== null) expect(bits).toBe(allowed);
        }
        expect(union).toBe(somewhere);
      }
      expect(next).toBe((START + BYTES) / 4096);
    });
    fc.assert(property, { seed: SEED, numRuns: 60 });
  });

  test('locked entries keep what they hold, and the address below a locked top', () => {
    const pmp = new Pmp();
    pmp.writeAddress(0, 0x111n);
    pmp.writeAddress(1, 0x222n);
    pmp.writeConfig(0, 0x8f00n);
    pmp.writeAddress(0, 0x333n);
    pmp.writeAddress(1, 0x444n);
    pmp.writeConfig(0, 0x1f1f1fn);
    expect([pmp.readAddress(0), pmp.readAddress(1)]).toEqual([0x111n, 0x222n]);
    expect(pmp.readConfig(0)).toBe(0x1f_8f1fn);
    pmp.writeConfig(8, ~0n);
    expect(pmp.readConfig(8)).toBe(0x9f9f_9f9f_9f9f_9f9fn);
  });
});

const PMPCFG0 = 0x3a0;
const PMPADDR0 = 0x3b0;
const MSTATUS = 0x300;
const MPRV = 1n << 17n;

/** Tries one access; the trap's code, or null. */
function attempt(run: BareRun, address: bigint, bytes: number, access: number): Trap | null {
  try {
    if (access === ACCESS.read) run.hart.memory.load(address, bytes);
    else run.hart.memory.store(address, bytes, 0n);
    return null;
  } catch (error) {
    if (!(error instanceof Trap)) throw error;
    return error;
  }
}

/** Where an access faults; null: it does not. One over the end of a page is two. */
function faultOf(
  all: readonly Entry[],
  mode: number,
  address: bigint,
  bytes: number,
  access: number,
): bigint | null {
  const border = (address | 0xfffn) + 1n;
  const first = border - address < bytes ? Number(border - address) : bytes;
  if (!oracle(all, mode, address, first, access)) return address;
  if (first === bytes || oracle(all, mode, border, bytes - first, access)) return null;
  return border;
}

describe('PMP on the board', () => {
  const tried = fc.tuple(entries, accesses, fc.boolean());

  test('loads and stores trap as the specification says, in each mode and with MPRV', () => {
    const property = fc.property(tried, ([all, wanted, isByMprv]) => {
      const run = new BareRun(codeProgram([]), { ramBytes: RAM_BYTES });
      const { board } = run;
      for (const [i, { address }] of all.entries()) board.writeCsr(PMPADDR0 + i, address);
      const config = all.reduce((sum, one, i) => sum | (BigInt(one.config) << BigInt(8 * i)), 0n);
      board.writeCsr(PMPCFG0, config);
      for (const mode of [MODE.machine, MODE.user, MODE.machine]) {
        // MPP 0 is user mode.
        board.writeCsr(MSTATUS, mode === MODE.user && isByMprv ? MPRV : 0n);
        if (mode === MODE.user && !isByMprv) board.system('mret');
        for (const { offset, bytes, access } of wanted) {
          const address = BigInt(START + offset);
          const trap = attempt(run, address, bytes, access);
          const fault = faultOf(all, mode, address, bytes, access);
          expect(trap?.value ?? null).toBe(fault);
          if (trap === null) continue;
          expect(trap.code).toBe(access === ACCESS.read ? TRAP.loadAccess : TRAP.storeAccess);
        }
        if (mode === MODE.user && !isByMprv) board.handle(new Trap(TRAP.ecallUser, 0n));
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 60 });
  });

  test('code may be executed where the page allows it', () => {
    const run = new BareRun(codeProgram([]), { ramBytes: RAM_BYTES });
    const { board, hart } = run;
    board.writeCsr(PMPADDR0, 0x2000_0400n);
    board.writeCsr(PMPADDR0 + 1, 0x2000_0800n);
    // Up to the second page all but execution, then all but writing.
    board.writeCsr(PMPCFG0, 0x0d_0bn);
    const canFetch = (address: bigint): boolean => {
      try {
        hart.memory.fetch16(address);
        return true;
      } catch (error) {
        if (!(error instanceof Trap)) throw error;
        expect(error.code).toBe(TRAP.instructionAccess);
        return false;
      }
    };
    const places = [0x8000_0000n, 0x8000_1000n, 0x8000_2000n];
    expect(places.map(canFetch)).toEqual([true, true, true]);
    board.system('mret');
    expect(places.map(canFetch)).toEqual([false, true, false]);
    board.handle(new Trap(TRAP.ecallUser, 0n));
    expect(places.map(canFetch)).toEqual([true, true, true]);
  });

  test('what generated code may touch without a look follows the mode', () => {
    const run = new BareRun(codeProgram([]), { ramBytes: RAM_BYTES });
    const { board, hart } = run;
    const range = (): bigint[] => {
      const start = hart.view.getBigUint64(STATE.writeStart, true);
      return [start, start + hart.view.getBigUint64(STATE.writeStart + 8, true) + 7n];
    };
    const [start, end] = [BigInt(START), BigInt(START + RAM_BYTES)];
    expect(range()).toEqual([start, end]);
    // The last three pages for all, the others for machine mode.
    board.writeCsr(PMPADDR0, (end - 0x3000n) >> 2n);
    board.writeCsr(PMPADDR0 + 1, end >> 2n);
    board.writeCsr(PMPCFG0, 0x0f_08n);
    board.system('mret');
    expect(range()).toEqual([end - 0x3000n, end]);
    board.handle(new Trap(TRAP.ecallUser, 0n));
    expect(range()).toEqual([start, end]);
  });

  test('what was decoded is forgotten when its page changes for another mode', () => {
    const run = new BareRun(codeProgram([]), { ramBytes: RAM_BYTES });
    const { board, hart } = run;
    const forgotten: number[] = [];
    hart.memory.onCodeChange = (page) => {
      forgotten.push(page);
      hart.memory.unmarkCode(page);
    };
    board.writeCsr(PMPADDR0, 0x2000_0400n);
    board.writeCsr(PMPCFG0, 0x0fn);
    hart.memory.markCode(0x8_0000);
    hart.memory.markCode(0x8_0001);
    board.system('mret');
    // The first page allows user mode everything, too.
    expect(forgotten).toEqual([0x8_0001]);
    hart.memory.store(0x8000_0000n, 8, 1n);
    expect(forgotten).toEqual([0x8_0001, 0x8_0000]);
  });
});
