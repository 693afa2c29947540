/** Random instructions in a row: arithmetic, and accesses to memory of which some fault. */
import type { OpName } from '../isa/table.ts';
import type { Assembler } from './assembler.fixture.ts';

export type Random = (below: number) => number;

/** xorshift32: the same program for the same seed everywhere. */
export function randomOf(seed: number): Random {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export function pick<T>(random: Random, list: readonly T[]): T {
  const item = list[random(list.length)];
  if (item === undefined) throw new Error('an empty list');
  return item;
}

/** From the start of the data to where its register is. */
export const DATA_OFFSET = 0x400;

/** What registers are for. */
export const REGISTER = {
  ra: 1,
  sp: 2,
  frame: 8,
  /** Inside the data. */
  data: 9,
  /** 40 bytes before the end of the data: behind it nothing is mapped. */
  end: 18,
  /** Tables, which may be read only. */
  tables: 19,
  /** Below it the stack is too deep for another call. */
  limit: 26,
  multiplier: 27,
  /** Random numbers of the program itself. */
  chance: 29,
  temporary: 31,
} as const;

/** Operands of arithmetic. */
export const POOL = [10, 11, 12, 13, 14, 15, 5, 6, 7, 28] as const;
/** Addresses that change now and then. */
export const POINTERS = [20, 21, 22] as const;

const ALU: readonly OpName[] = ['add', 'sub', 'xor', 'or', 'and', 'sll', 'sltu', 'mul', 'addw'];
const ALU_IMMEDIATE: readonly OpName[] = ['addi', 'xori', 'andi', 'slti', 'addiw'];
const SLOW: readonly OpName[] = ['div', 'remu', 'divw', 'mulh'];
const MOVES: readonly OpName[] = ['fmv.d.x', 'fmv.x.d'];
const LOADS: readonly OpName[] = ['lb', 'lbu', 'lh', 'lhu', 'lw', 'lwu', 'ld'];
const STORES: readonly OpName[] = ['sb', 'sh', 'sw', 'sd'];
const ATOMICS: readonly OpName[] = ['amoadd.d', 'amoswap.w', 'amomaxu.w'];

const { sp, frame, data, end, tables, temporary } = REGISTER;

/** One instruction, or a few that belong together. */
export function randomInstruction(out: Assembler, random: Random): void {
  const rd = pick(random, POOL);
  const a = pick(random, POOL);
  switch (random(16)) {
    case 0:
    case 1:
      out.r(pick(random, ALU), rd, a, pick(random, POOL));
      break;
    case 2:
      out.i(pick(random, ALU_IMMEDIATE), rd, a, random(4096) - 2048);
      break;
    case 3:
      out.compressedAddi(rd, 1 + random(31));
      break;
    case 4:
      out.compressedAdd(rd, a);
      break;
    case 5:
      out.r(pick(random, SLOW), rd, a, pick(random, POOL));
      break;
    case 6:
      out.r(pick(random, MOVES), rd, a, 0);
      break;
    case 7:
      access(out, random, data, random(256) - 100);
      break;
    case 8:
      access(out, random, frame, -8 - random(64));
      break;
    case 9:
      out.i(pick(random, LOADS), rd, sp, 8 * random(4));
      break;
    case 10:
    case 11:
      access(out, random, pick(random, POINTERS), random(48) - 16);
      break;
    case 12:
    case 13:
      movePointer(out, random);
      break;
    case 14:
      if (random(4) === 0) anywhere(out, random);
      break;
    case 15:
      atomic(out, random);
      break;
  }
}

/** A load or a store. */
function access(out: Assembler, random: Random, base: number, offset: number): void {
  const register = pick(random, POOL);
  if (random(2) === 0) out.i(pick(random, LOADS), register, base, offset);
  else out.store(pick(random, STORES), register, base, offset);
}

function movePointer(out: Assembler, random: Random): void {
  const pointer = pick(random, POINTERS);
  switch (random(12)) {
    case 0:
      if (random(2) === 0) out.i('addi', pointer, end, random(32) - 24);
      else out.i('addi', pointer, data, random(24) - 4 - DATA_OFFSET);
      break;
    case 1:
      out.i('addi', pointer, tables, random(64));
      break;
    case 2:
      out.r('add', pointer, 0, pick(random, POINTERS));
      break;
    case 3:
    case 4:
      out.i('addi', pointer, pointer, random(64) - 32);
      break;
    case 5:
      out.i('addi', pointer, sp, random(64));
      break;
    case 6:
      if (random(3) === 0) out.i('lw', pointer, data, 4 * random(20));
      break;
    default:
      out.i('andi', pointer, pick(random, POOL), 0x3f8);
      out.r('add', pointer, pointer, data);
  }
}

/** Mostly no address at all: below 0, 0, beyond 32 bits. */
function anywhere(out: Assembler, random: Random): void {
  const base = random(6) === 0 ? 0 : pick(random, POOL);
  const reach = random(2) === 0 ? 2048 : 64;
  if (random(2) === 0 && base !== 0) out.i('addi', base, 0, random(2 * reach) - reach);
  access(out, random, base, random(2 * reach) - reach);
}

/** One may be misaligned. */
function atomic(out: Assembler, random: Random): void {
  const [rd, a] = [pick(random, POOL), pick(random, POOL)];
  out.i('addi', temporary, data, 8 * random(20) + (random(6) === 0 ? 2 : 0));
  if (random(2) === 0) {
    out.r('lr.w', rd, temporary, 0);
    out.r('sc.w', rd, temporary, a);
  } else out.r(pick(random, ATOMICS), rd, temporary, a);
}
