/** Control, traps, memory and CSRs, one fact at a time; values are written by hand. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Hart, type Platform } from '../core/hart.ts';
import { PERM } from '../core/layout.ts';
import { TRAP, Trap } from '../core/trap.ts';
import { compressedJumpTo, encode, type Fields } from '../isa/encode.fixture.ts';
import type { OpName } from '../isa/table.ts';
import { NO_PLATFORM, smallMemory } from './process.fixture.ts';
import { fetch, step } from './step.ts';

const CODE = 0x1000;
/** Three pages: readable and writable, readable, none. */
const DATA = 0x3000;
const READ_ONLY = 0x4000;
const NOTHING = 0x5000;

const memory = smallMemory();
const hart = new Hart(memory);

const RD = 10;
const RS1 = 11;
const RS2 = 12;

const WORD_MIN = -(1n << 31n);

beforeEach(() => {
  memory.perms.fill(0);
  memory.protect(CODE, 4096, PERM.mapped | PERM.read | PERM.execute);
  memory.protect(DATA, 4096, PERM.mapped | PERM.read | PERM.write);
  memory.protect(READ_ONLY, 4096, PERM.mapped | PERM.read);
  memory.raw(CODE, NOTHING - CODE).fill(0);
  hart.x.fill(0n);
  hart.fcsr = 0;
  hart.reserve(null, 0n);
  hart.pc = BigInt(CODE);
});

function place(bits: number, address = hart.pc): void {
  memory.view.setUint32(memory.guestBase + Number(address), bits, true);
}

/** Runs one instruction at pc. */
function run(op: OpName, fields: Fields, platform: Platform = NO_PLATFORM): void {
  place(encode(op, fields));
  step(hart, platform, fetch(hart));
}

/** The trap that `work` throws; registers, pc and DATA must be as before. */
function trapOf(work: () => void): { code: number; value: bigint } {
  const state = (): unknown => [[...hart.x], hart.pc, hart.fcsr, [...memory.raw(DATA, 4096)]];
  const before = state();
  try {
    work();
  } catch (error) {
    if (!(error instanceof Trap)) throw error;
    expect(state()).toEqual(before);
    return { code: error.code, value: error.value };
  }
  throw new Error('no trap');
}

describe('control', () => {
  test('lui and auipc extend their sign', () => {
    run('lui', { rd: RD, imm: 0x8000_0000 | 0 });
    expect(hart.x[RD]).toBe(WORD_MIN);
    run('auipc', { rd: RD, imm: 0xffff_f000 | 0 });
    expect(hart.x[RD]).toBe(BigInt(CODE + 4 - 0x1000));
  });

  test('x0 stays 0', () => {
    hart.x[RS1] = 5n;
    for (const op of ['add', 'mul', 'clz', 'bset'] as const) run(op, { rs1: RS1, rs2: RS1 });
    run('lui', { imm: 0x1000 });
    run('jal', { imm: 8 });
    expect(hart.x[0]).toBe(0n);
  });

  test('jalr clears bit 0, and finds its target before it writes its link', () => {
    hart.x[RS1] = BigInt(CODE + 0x21);
    run('jalr', { rd: RS1, rs1: RS1, imm: 2 });
    expect(hart.pc).toBe(BigInt(CODE + 0x22));
    expect(hart.x[RS1]).toBe(BigInt(CODE + 4));
  });

  test('c.jalr links behind its 2 bytes', () => {
    hart.x[5] = 0x2000n;
    place(compressedJumpTo('c.jalr', 5));
    step(hart, NO_PLATFORM, fetch(hart));
    expect([hart.pc, hart.x[1]]).toEqual([0x2000n, BigInt(CODE + 2)]);
  });

  test('addresses wrap at 64 bits', () => {
    run('jal', { rd: RD, imm: -0x2000 });
    expect(hart.pc).toBe(BigInt.asUintN(64, BigInt(CODE - 0x2000)));
    expect(trapOf(() => fetch(hart))).toEqual({ code: TRAP.instructionAccess, value: hart.pc });
  });

  test('branches compare signed or unsigned', () => {
    const taken = (op: OpName, a: bigint, b: bigint): boolean => {
      hart.pc = BigInt(CODE);
      hart.x[RS1] = a;
      hart.x[RS2] = b;
      run(op, { rs1: RS1, rs2: RS2, imm: 64 });
      return hart.pc === BigInt(CODE + 64);
    };
    const ops = ['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'] as const;
    expect(ops.map((op) => taken(op, -1n, 1n))).toEqual([false, true, true, false, false, true]);
    expect(ops.map((op) => taken(op, 1n, -1n))).toEqual([false, true, false, true, true, false]);
    expect(ops.map((op) => taken(op, 3n, 3n))).toEqual([true, false, false, true, false, true]);
  });

  test('ecall and ebreak', () => {
    expect(trapOf(() => run('ecall', {}))).toEqual({ code: TRAP.ecallUser, value: 0n });
    const value = BigInt(CODE);
    expect(trapOf(() => run('ebreak', {}))).toEqual({ code: TRAP.breakpoint, value });
  });
});

describe('fetch', () => {
  const edge = BigInt(CODE + 4094);

  test('across pages: the fault address is where the missing half begins', () => {
    hart.pc = edge;
    memory.view.setUint16(memory.guestBase + Number(edge), 0x0013, true);
    const missing = { code: TRAP.instructionAccess, value: edge + 2n };
    expect(trapOf(() => fetch(hart))).toEqual(missing);
    memory.protect(CODE + 4096, 4096, PERM.mapped | PERM.read);
    expect(trapOf(() => fetch(hart))).toEqual(missing);
    memory.protect(CODE + 4096, 4096, PERM.mapped | PERM.execute);
    expect(fetch(hart)).toMatchObject({ op: 'addi', size: 4 });
  });

  test('a compressed instruction at the end of a page needs no next one', () => {
    hart.pc = edge;
    memory.view.setUint16(memory.guestBase + Number(edge), 0x0001, true);
    expect(fetch(hart)).toMatchObject({ op: 'addi', size: 2 });
  });

  test('what is no instruction traps with its bits', () => {
    place(0xffff_0000);
    expect(trapOf(() => fetch(hart))).toEqual({ code: TRAP.illegal, value: 0n });
    place(0xffff_ffff);
    expect(trapOf(() => fetch(hart))).toEqual({ code: TRAP.illegal, value: 0xffff_ffffn });
  });
});

describe('memory', () => {
  const at = (address: number): void => {
    hart.x[RS1] = BigInt(address);
  };

  test('loads extend', () => {
    memory.raw(DATA, 8).fill(0x80);
    at(DATA + 8);
    const load = (op: OpName): bigint => {
      run(op, { rd: RD, rs1: RS1, imm: -8 });
      return hart.x[RD] ?? 0n;
    };
    const ops = ['lb', 'lbu', 'lh', 'lhu', 'lw', 'lwu'] as const;
    const expected = [-128n, 0x80n, -0x7f80n, 0x8080n, -0x7f7f_7f80n, 0x8080_8080n];
    expect(ops.map(load)).toEqual(expected);
  });

  test('misaligned ones work, across pages too', () => {
    at(READ_ONLY - 3);
    memory.raw(READ_ONLY - 3, 8).set([1, 2, 3, 4, 5, 6, 7, 8]);
    run('ld', { rd: RD, rs1: RS1 });
    expect(hart.x[RD]).toBe(0x0807_0605_0403_0201n);
    at(DATA + 1);
    run('sd', { rs1: RS1, rs2: RD });
    expect([...memory.raw(DATA, 10)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
  });

  test('a fault names the first byte that cannot be reached, and nothing is stored', () => {
    at(READ_ONLY - 3);
    const store = { code: TRAP.storeAccess, value: BigInt(READ_ONLY) };
    expect(trapOf(() => run('sd', { rs1: RS1, rs2: RS1 }))).toEqual(store);
    at(NOTHING - 1);
    const load = { code: TRAP.loadAccess, value: BigInt(NOTHING) };
    expect(trapOf(() => run('lh', { rd: RD, rs1: RS1 }))).toEqual(load);
    at(-8);
    const far = { code: TRAP.loadAccess, value: (1n << 64n) - 8n };
    expect(trapOf(() => run('ld', { rd: 0, rs1: RS1 }))).toEqual(far);
  });
});

describe('atomics', () => {
  const word = (): bigint => memory.load(BigInt(DATA), 4);
  const set = (address: number, value: bigint): void => {
    hart.x[RS1] = BigInt(address);
    hart.x[RS2] = value;
  };
  const registers = { rd: RD, rs1: RS1, rs2: RS2 } as const;

  test('word forms extend what they read and compare words', () => {
    memory.store(BigInt(DATA), 8, 0xffff_ffff_8000_0000n);
    set(DATA, 0x1_0000_0001n);
    run('amomax.w', registers);
    expect([hart.x[RD], word()]).toEqual([WORD_MIN, 1n]);
    memory.store(BigInt(DATA), 4, 0x8000_0000n);
    run('amominu.w', registers);
    expect([hart.x[RD], word()]).toEqual([WORD_MIN, 1n]);
    expect(memory.load(BigInt(DATA + 4), 4)).toBe(0xffff_ffffn);
  });

  test('rd may be the address or the operand', () => {
    memory.store(BigInt(DATA), 8, 5n);
    set(DATA, 3n);
    run('amoadd.d', { ...registers, rd: RS2 });
    expect([hart.x[RS2], word()]).toEqual([5n, 8n]);
    run('amoswap.d', { ...registers, rd: RS1 });
    expect([hart.x[RS1], word()]).toEqual([8n, 5n]);
  });

  test('misaligned ones trap', () => {
    set(DATA + 4, 0n);
    const value = BigInt(DATA + 4);
    const load = { code: TRAP.loadMisaligned, value };
    const store = { code: TRAP.storeMisaligned, value };
    expect(trapOf(() => run('lr.d', { rd: RD, rs1: RS1 }))).toEqual(load);
    expect(trapOf(() => run('sc.d', registers))).toEqual(store);
    expect(trapOf(() => run('amoor.d', registers))).toEqual(store);
  });

  test('faults are those of stores, of lr those of loads', () => {
    set(NOTHING, 0n);
    const store = { code: TRAP.storeAccess, value: BigInt(NOTHING) };
    expect(trapOf(() => run('amoadd.w', registers))).toEqual(store);
    const load = { code: TRAP.loadAccess, value: BigInt(NOTHING) };
    expect(trapOf(() => run('lr.w', { rd: RD, rs1: RS1 }))).toEqual(load);
    set(READ_ONLY, 0n);
    const readOnly = { code: TRAP.storeAccess, value: BigInt(READ_ONLY) };
    expect(trapOf(() => run('amoadd.w', registers))).toEqual(readOnly);
    run('lr.w', { rd: RD, rs1: RS1 });
    expect(trapOf(() => run('sc.w', registers))).toEqual(readOnly);
  });

  test('sc succeeds once, where lr was, while the value is the same', () => {
    const conditional = (): bigint => {
      run('sc.w', registers);
      return hart.x[RD] ?? -1n;
    };
    memory.store(BigInt(DATA), 4, 0x8000_0000n);
    set(DATA, 7n);
    expect(conditional()).toBe(1n);
    run('lr.w', { rd: RD, rs1: RS1 });
    expect(hart.x[RD]).toBe(WORD_MIN);
    expect([conditional(), conditional(), word()]).toEqual([0n, 1n, 7n]);
    run('lr.w', { rd: RD, rs1: RS1 });
    memory.store(BigInt(DATA), 4, 8n);
    expect([conditional(), word()]).toEqual([1n, 8n]);
    run('lr.w', { rd: RD, rs1: RS1 });
    set(DATA + 4, 7n);
    expect(conditional()).toBe(1n);
    set(DATA, 7n);
    expect([conditional(), word()]).toEqual([1n, 8n]);
  });
});

describe('CSRs', () => {
  /** A platform with one register, which notes what is done to it. */
  function noting(): { platform: Platform; notes: string[] } {
    const notes: string[] = [];
    const platform: Platform = {
      ...NO_PLATFORM,
      readCsr: (csr) => {
        notes.push(`read ${csr.toString(16)}`);
        return 0xf0n;
      },
      writeCsr: (csr, value) => {
        notes.push(`write ${csr.toString(16)} ${value.toString(16)}`);
      },
      system: (op) => {
        notes.push(op);
        hart.pc = 0x8000n;
      },
    };
    return { platform, notes };
  }
  const CSR = 0x340;
  const done = (op: OpName, fields: Fields): string[] => {
    const { platform, notes } = noting();
    run(op, { imm: CSR, ...fields }, platform);
    return notes;
  };

  test('x0 as rd is no read, x0 as rs1 no write: table 9.1', () => {
    hart.x[RS1] = -1n;
    const all = `write 340 ${'f'.repeat(16)}`;
    expect(done('csrrw', { rs1: RS1 })).toEqual([all]);
    expect(done('csrrw', { rd: RD, rs1: 0 })).toEqual(['read 340', 'write 340 0']);
    expect(done('csrrwi', { rs1: 31 })).toEqual(['write 340 1f']);
    expect(done('csrrs', { rs1: RS1 })).toEqual(['read 340', all]);
    expect(done('csrrs', { rd: RD })).toEqual(['read 340']);
    expect(hart.x[RD]).toBe(0xf0n);
    expect(done('csrrc', { rd: RD, rs1: RS1 })).toEqual(['read 340', 'write 340 0']);
    expect(done('csrrsi', { rd: RD, rs1: 0 })).toEqual(['read 340']);
    expect(done('csrrsi', { rd: RD, rs1: 1 })).toEqual(['read 340', 'write 340 f1']);
    expect(done('csrrci', { rd: RD, rs1: 0x10 })).toEqual(['read 340', 'write 340 e0']);
    hart.x[RS1] = 0n;
    expect(done('csrrs', { rd: RD, rs1: RS1 })).toEqual(['read 340', 'write 340 f0']);
  });

  test('the old value goes to rd after rs1 was read', () => {
    hart.x[RS1] = 3n;
    expect(done('csrrw', { rd: RS1, rs1: RS1 })).toEqual(['read 340', 'write 340 3']);
    expect(hart.x[RS1]).toBe(0xf0n);
  });

  test('a read-only one may be read by csrrs with x0 and not be written', () => {
    expect(done('csrrs', { rd: RD, imm: 0xc00 })).toEqual(['read c00']);
    const bits = encode('csrrs', { rd: RD, rs1: RS1, imm: 0xc00 });
    const { platform, notes } = noting();
    const trap = trapOf(() => run('csrrs', { rd: RD, rs1: RS1, imm: 0xc00 }, platform));
    expect(trap).toEqual({ code: TRAP.illegal, value: BigInt(bits) });
    expect(notes).toEqual([]);
  });

  test('what the platform refuses traps with the bits of the instruction', () => {
    const bits = encode('csrrw', { rd: RD, rs1: RS1, imm: CSR });
    const trap = trapOf(() => run('csrrw', { rd: RD, rs1: RS1, imm: CSR }));
    expect(trap).toEqual({ code: TRAP.illegal, value: BigInt(bits) });
    const mret = trapOf(() => run('mret', {}));
    expect(mret).toEqual({ code: TRAP.illegal, value: 0x3020_0073n });
  });

  test('fcsr is made of frm and fflags', () => {
    hart.x[RS1] = -1n;
    run('csrrw', { rd: RD, rs1: RS1, imm: 3 });
    expect(hart.fcsr).toBe(0xff);
    run('csrrwi', { rd: RD, rs1: 1, imm: 1 });
    expect([hart.x[RD], hart.fcsr]).toEqual([0x1fn, 0xe1]);
    run('csrrwi', { rd: RD, rs1: 0b1_0010, imm: 2 });
    expect([hart.x[RD], hart.fcsr]).toEqual([7n, 0x41]);
    run('csrrs', { rd: RD, imm: 3 });
    expect(hart.x[RD]).toBe(0x41n);
  });

  test('the platform is asked before floating point and its CSRs, while it wants to be', () => {
    const asked = (op: OpName, imm = 0): boolean => {
      const notes: string[] = [];
      hart.pc = BigInt(CODE);
      hart.isFloatOff = true;
      hart.onFloatOff = () => {
        notes.push('asked');
      };
      run(op, { rd: RD, imm }, noting().platform);
      hart.isFloatOff = false;
      return notes.length > 0;
    };
    expect([1, 2, 3, CSR].map((csr) => asked('csrrs', csr))).toEqual([true, true, true, false]);
    expect(asked('csrrw', 1)).toBe(true);
    expect([asked('fadd.d'), asked('fmv.x.w'), asked('addi')]).toEqual([true, true, false]);
  });

  test('the platform says where privileged instructions go', () => {
    const { platform, notes } = noting();
    for (const op of ['mret', 'sret', 'wfi', 'sfence.vma'] as const) {
      hart.pc = BigInt(CODE);
      run(op, {}, platform);
      expect(hart.pc).toBe(0x8000n);
    }
    expect(notes).toEqual(['mret', 'sret', 'wfi', 'sfence.vma']);
  });
});
