/**
 * Programs of random control flow: functions of random blocks with loops that nest, overlap and are
 * entered in the middle, calls, recursion, function pointers, switch tables, tail calls, memory
 * accesses that mostly succeed. They never end by themselves.
 */
import type { OpName } from '../isa/table.ts';
import { Assembler } from './assembler.fixture.ts';

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

export const LAYOUT = {
  code: 0x1_0000,
  /** Jump tables and function pointers; may be read. */
  tables: 0x2_0000,
  tablesBytes: 0x1000,
  /** May be read and written; behind it nothing is mapped. */
  data: 0x3_0000,
  dataBytes: 0x2000,
  stack: 0x5_0000,
  stackBytes: 0x8000,
} as const;

const [RA, SP, S0, S1, S2, S3] = [1, 2, 8, 9, 18, 19];
/** Registers that random instructions use. */
const POOL = [10, 11, 12, 13, 14, 15, 5, 6, 7, 28] as const;
const TEMP = 31;
const COUNTER = 30;

const ALU: readonly OpName[] = ['add', 'sub', 'xor', 'or', 'and', 'sll', 'sltu', 'mul', 'addw'];
const ALU_IMMEDIATE: readonly OpName[] = ['addi', 'xori', 'andi', 'slti', 'addiw'];
const LOADS: readonly OpName[] = ['lb', 'lbu', 'lh', 'lhu', 'lw', 'lwu', 'ld'];
const STORES: readonly OpName[] = ['sb', 'sh', 'sw', 'sd'];
const BRANCHES: readonly OpName[] = ['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'];

export interface Program {
  readonly bytes: Uint8Array;
  readonly tables: Uint8Array;
  readonly start: number;
  /** Addresses of functions and of some blocks inside them. */
  readonly entries: readonly number[];
}

class Generator {
  readonly #random: Random;
  readonly #out = new Assembler(LAYOUT.code);
  readonly #tables: string[] = [];
  readonly #functions: number;

  constructor(random: Random) {
    this.#random = random;
    this.#functions = 2 + random(4);
  }

  #pick<T>(list: readonly T[]): T {
    const item = list[this.#random(list.length)];
    if (item === undefined) throw new Error('an empty list');
    return item;
  }

  program(): Program {
    const out = this.#out;
    out.label('start');
    out.li(SP, LAYOUT.stack + LAYOUT.stackBytes - 16);
    out.li(S1, LAYOUT.data + 0x400);
    out.li(S2, LAYOUT.data + LAYOUT.dataBytes - 40);
    out.li(S3, LAYOUT.tables);
    out.label('again');
    // Recursion may have eaten the stack.
    out.li(SP, LAYOUT.stack + LAYOUT.stackBytes - 16);
    out.jal(RA, 'f0');
    out.jal(0, 'again');
    const entries: string[] = [];
    for (let f = 0; f < this.#functions; f++) this.#function(f, entries);
    const tables = new DataView(new ArrayBuffer(LAYOUT.tablesBytes));
    for (const [k, label] of this.#tables.entries()) {
      tables.setUint32(k * 8, out.addressOf(label), true);
    }
    return {
      bytes: out.bytes(),
      tables: new Uint8Array(tables.buffer),
      start: out.addressOf('start'),
      entries: [...new Set(entries.map((label) => out.addressOf(label)))],
    };
  }

  #function(f: number, entries: string[]): void {
    const out = this.#out;
    const blocks = 2 + this.#random(8);
    out.label(`f${f}`);
    entries.push(`f${f}`);
    out.i('addi', SP, SP, -32);
    out.store('sd', RA, SP, 24);
    if (this.#random(2) === 0) out.store('sd', S0, SP, 16);
    else out.store('sd', POOL[0], SP, 16);
    out.i('addi', S0, SP, 32);
    for (let b = 0; b < blocks; b++) {
      out.label(`f${f}b${b}`);
      if (this.#random(3) === 0) entries.push(`f${f}b${b}`);
      for (let n = this.#random(6); n > 0; n--) this.#instruction();
      this.#end(f, blocks, b);
    }
    out.label(`f${f}b${blocks}`);
    out.i('ld', RA, SP, 24);
    out.i('ld', this.#pick([S0, S0, 28]), SP, 16);
    out.i('addi', SP, SP, 32);
    if (f + 1 < this.#functions && this.#random(5) === 0) out.jal(0, `f${f + 1}`);
    else out.i('jalr', 0, RA, 0);
  }

  #instruction(): void {
    const out = this.#out;
    const random = this.#random;
    const rd = this.#pick(POOL);
    const [a, b] = [this.#pick(POOL), this.#pick(POOL)];
    switch (random(14)) {
      case 0:
      case 1:
        out.r(this.#pick(ALU), rd, a, b);
        break;
      case 2:
        out.i(this.#pick(ALU_IMMEDIATE), rd, a, random(4096) - 2048);
        break;
      case 3:
        out.compressedAddi(rd, 1 + random(31));
        break;
      case 4:
        out.compressedAdd(rd, a);
        break;
      case 5:
        out.i(this.#pick(LOADS), rd, S1, random(64) * 4 - 100);
        break;
      case 6:
        out.store(this.#pick(STORES), a, S1, random(64) * 4 - 100);
        break;
      case 7:
        out.store(this.#pick(STORES), a, S0, -8 - 8 * random(8));
        break;
      case 8:
        out.i(this.#pick(LOADS), rd, SP, 8 * random(4));
        break;
      case 9:
        this.#computed(rd, a);
        break;
      case 10:
        this.#atEdge(rd, a);
        break;
      case 11:
        if (random(2) === 0) out.r(this.#pick<OpName>(['fmv.d.x', 'fmv.x.d']), rd, a, 0);
        else out.r(this.#pick<OpName>(['div', 'remu', 'divw', 'mulh']), rd, a, b);
        break;
      case 12:
        if (random(4) === 0) this.#anywhere(rd, a);
        break;
      case 13:
        this.#atomic(rd, a);
        break;
    }
  }

  /** Mostly no address at all: below 0, 0, beyond 32 bits. */
  #anywhere(rd: number, a: number): void {
    const out = this.#out;
    const offset = this.#random(4096) - 2048;
    if (this.#random(3) === 0) out.i('addi', a, 0, this.#random(4096) - 2048);
    if (this.#random(2) === 0) out.i(this.#pick(LOADS), rd, this.#random(8) === 0 ? 0 : a, offset);
    else out.store(this.#pick(STORES), rd, a, offset);
  }

  /** One may be misaligned. The bits for order are not set. */
  #atomic(rd: number, a: number): void {
    const out = this.#out;
    out.i('addi', TEMP, S1, 8 * this.#random(20) + (this.#random(6) === 0 ? 2 : 0));
    if (this.#random(2) === 0) {
      out.r('lr.w', rd, TEMP, 0);
      out.r('sc.w', rd, TEMP, a);
    } else out.r(this.#pick<OpName>(['amoadd.d', 'amoswap.w', 'amomaxu.w']), rd, TEMP, a);
  }

  /** An access at a computed address inside the data. */
  #computed(rd: number, a: number): void {
    const out = this.#out;
    out.i('andi', TEMP, a, 0x3f8);
    out.r('add', TEMP, TEMP, S1);
    if (this.#random(2) === 0) out.i('ld', rd, TEMP, this.#random(8));
    else out.store('sd', rd, TEMP, -this.#random(8));
  }

  /** Accesses around the end of the data: some fault. */
  #atEdge(rd: number, a: number): void {
    const out = this.#out;
    const offset = 8 * this.#random(7) - this.#random(3);
    switch (this.#random(10)) {
      case 0:
        out.i('ld', rd, S2, offset);
        break;
      case 1:
        out.store('sd', a, S2, offset);
        break;
      case 2:
        out.store('sw', a, S3, 256);
        break;
      default:
        out.i('lw', rd, S2, Math.min(offset, 32));
    }
  }

  #end(f: number, blocks: number, b: number): void {
    const out = this.#out;
    const random = this.#random;
    const block = (): string => `f${f}b${random(blocks + 1)}`;
    switch (random(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        out.branch(this.#pick(BRANCHES), this.#pick(POOL), this.#pick(POOL), block());
        break;
      case 4:
        // A loop that counts down, so that not all runs for ever.
        out.i('addi', COUNTER, COUNTER, -1);
        out.i('andi', TEMP, COUNTER, 7);
        out.branch('bne', TEMP, 0, `f${f}b${random(b + 1)}`);
        break;
      case 5:
        out.jal(0, block());
        break;
      case 6:
        out.jal(RA, `f${random(this.#functions)}`);
        break;
      case 7:
        this.#table([0, 1].map(() => `f${random(this.#functions)}`));
        out.i('jalr', RA, TEMP, 0);
        break;
      case 8:
        this.#table(Array.from({ length: 2 ** (1 + random(3)) }, block));
        out.i('jalr', 0, TEMP, 0);
        break;
      case 9:
        break;
    }
  }

  /** Loads one of the labels' addresses by a random register. */
  #table(labels: readonly string[]): void {
    const out = this.#out;
    const isFull = this.#tables.length + labels.length > 128;
    const first = isFull ? 0 : this.#tables.length * 8;
    if (!isFull || this.#tables.length === 0) this.#tables.push(...labels);
    out.i('andi', TEMP, this.#pick(POOL), isFull ? 0 : labels.length - 1);
    out.i('slli', TEMP, TEMP, 3);
    out.r('add', TEMP, TEMP, S3);
    out.i('lw', TEMP, TEMP, first);
  }
}

export const randomProgram = (random: Random): Program => new Generator(random).program();
