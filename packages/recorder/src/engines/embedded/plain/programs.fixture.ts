/**
 * Random programs for the plain interpreter and QEMU. Control only goes forward, so each ends. A
 * program loads all registers from its data, runs, stores all registers there and writes its data:
 *
 *   DATA + 0x000  x1 to x31 at the start, at 8 × their number
 *        + 0x100  x0 to x31 at the end        + 0x200  f0 to f31 at the end     + 0x300  fcsr
 *        + 0x400  what was written to registers that address memory             (SAVED)
 *        + 0x600  f0 to f31 at the start
 *        + 0x1000 bytes that loads and stores reach
 */
import { decode, endsBlock } from '../isa/decode.ts';
import {
  compressedBranch,
  compressedJump,
  compressedJumpTo,
  encode,
} from '../isa/encode.fixture.ts';
import { FORMATS } from '../isa/formats.ts';
import { type Random, randomWord } from '../isa/random.fixture.ts';
import { OP_NAMES, type OpName, opInfo } from '../isa/table.ts';

export const CODE = 0x1_0000;
export const DATA = 0x20_0000;
export const DATA_BYTES = 0x2010;

const FINAL_X = 0x100;
const FINAL_F = 0x200;
const FINAL_FCSR = 0x300;
const SAVED = 0x400;
const SAVED_COUNT = 64;
const START_F = 0x600;

/** These address memory: what is written to them is saved, then they are loaded again. */
const POINTERS: ReadonlyMap<number, number> = new Map([
  [2, DATA + 0x1400],
  [8, DATA + 0x1800],
  [30, DATA + 0x1800],
]);
/** Always DATA; never written. */
const BASE = 31;
const FCSR = 3;

/** Machine code, 2 or 4 bytes each. */
interface Piece {
  readonly bits: number;
  readonly size: 2 | 4;
}

const long = (bits: number): Piece => ({ bits, size: 4 });
const short = (bits: number): Piece => ({ bits, size: 2 });
const sizeOfAll = (pieces: readonly Piece[]): number =>
  pieces.reduce((sum, { size }) => sum + size, 0);

export interface Program {
  readonly code: Uint8Array;
  readonly data: Uint8Array;
}

/** By what their operands must be. */
const isFormat = (...formats: readonly string[]): OpName[] =>
  OP_NAMES.filter((op) => formats.includes(opInfo(op).format));
const REGISTER_OPS = isFormat('r', 'unary', 'i', 'shift5', 'shift6', 'u', 'fence');
const FLOAT_OPS = OP_NAMES.filter((op) => {
  const { extension, format } = opInfo(op);
  return (extension === 'F' || extension === 'D') && FORMATS[format].imm === 'none';
});
const LOADS = isFormat('load', 'fload');
const STORES = isFormat('store', 'fstore');
const AMOS = isFormat('amo').filter((op) => op.startsWith('amo'));
const BRANCHES = isFormat('branch');

export class ProgramMaker {
  readonly #random: Random;
  #saved = 0;
  readonly #drawn = {
    pick: <T>(from: readonly T[]): T => this.#random.pick(from),
    below: (limit: number): number => this.#random.below(limit),
  };

  constructor(random: Random) {
    this.#random = random;
  }

  make(items: number): Program {
    const body = Array.from({ length: items }, () => this.#item(0)).flat();
    const pieces = [...PROLOGUE, ...body, ...EPILOGUE];
    const code = Buffer.alloc(sizeOfAll(pieces));
    let at = 0;
    for (const { bits, size } of pieces) {
      code.writeUIntLE(bits, at, size);
      at += size;
    }
    return { code, data: this.#data() };
  }

  #data(): Uint8Array {
    const data = Buffer.alloc(DATA_BYTES);
    for (let at = 0; at < 0x100; at += 8) data.writeBigUInt64LE(this.#random.value64(), at);
    for (const [register, value] of POINTERS) data.writeBigUInt64LE(BigInt(value), register * 8);
    data.writeBigUInt64LE(BigInt(DATA), BASE * 8);
    for (let at = START_F; at < DATA_BYTES; at += 8) {
      data.writeBigUInt64LE(this.#random.value64(), at);
    }
    return data;
  }

  /** Any register but the base. */
  #register(): number {
    return this.#random.below(31);
  }

  /** One that may be written at will, and is not x0. */
  #free(...not: readonly number[]): number {
    for (;;) {
      const register = 1 + this.#random.below(30);
      if (!POINTERS.has(register) && !not.includes(register)) return register;
    }
  }

  #item(depth: number): Piece[] {
    const kind = this.#random.below(depth < 3 ? 20 : 15);
    if (kind < 5) return this.#registers(this.#random.pick(REGISTER_OPS));
    if (kind < 6) return this.#registers(this.#random.pick(FLOAT_OPS));
    if (kind < 8) return this.#memory(this.#random.pick(LOADS));
    if (kind < 9) return this.#memory(this.#random.pick(STORES));
    if (kind < 10) return this.#atomic();
    if (kind < 11) return this.#reservation();
    if (kind < 12) return this.#csr();
    if (kind < 15) return this.#compressed();
    return this.#control(this.#item(depth + 1));
  }

  #registers(op: OpName): Piece[] {
    if (op === 'ctzw') return this.#trailingZeros();
    const word = randomWord(this.#random, op) & ~(31 << 7);
    return this.#written(long((word | (this.#register() << 7)) >>> 0));
  }

  /**
   * ctzw of a word that is not 0. QEMU before 8.0 counts on into the upper half ("target/riscv: fix
   * ctzw behavior", 2023); the specification says 32.
   */
  #trailingZeros(): Piece[] {
    const rs1 = this.#free();
    const bit = 1 << this.#random.below(11);
    return [
      long(encode('ori', { rd: rs1, rs1: this.#random.below(32), imm: bit })),
      ...this.#written(long(encode('ctzw', { rd: this.#register(), rs1 }))),
    ];
  }

  /** With what an instruction asks for that wrote a pointer. */
  #written(piece: Piece): Piece[] {
    const rd = writtenX(piece.bits);
    if (rd === null || !POINTERS.has(rd)) return [piece];
    return [piece, ...this.#restore(rd)];
  }

  #restore(register: number): Piece[] {
    const place = SAVED + (this.#saved++ % SAVED_COUNT) * 8;
    return [
      long(encode('sd', { rs1: BASE, rs2: register, imm: place })),
      long(encode('ld', { rd: register, rs1: BASE, imm: register * 8 })),
    ];
  }

  /** Any alignment, anywhere within reach of x30. */
  #memory(op: OpName): Piece[] {
    const imm = this.#random.below(4096) - 2048;
    const rs2 = this.#random.below(32);
    return this.#written(long(encode(op, fieldsOf(op, this.#register(), rs2, imm))));
  }

  /** Puts an aligned address into the register. */
  #address(register: number): Piece {
    const imm = this.#random.below(512) * 8 - 2048;
    return long(encode('addi', { rd: register, rs1: 30, imm }));
  }

  #order(): number {
    return this.#random.below(4) << 25;
  }

  #atomic(): Piece[] {
    const rs1 = this.#free();
    const op = this.#random.pick(AMOS);
    const word = encode(op, { rd: this.#register(), rs1, rs2: this.#random.below(32) });
    return [this.#address(rs1), ...this.#written(long((word | this.#order()) >>> 0))];
  }

  /**
   * lr, perhaps something between, sc; sometimes elsewhere, sometimes twice. Both of one size: QEMU
   * stores and says it failed, where an lr.d and an sc.w meet.
   */
  #reservation(): Piece[] {
    const { pick, below } = this.#drawn;
    const suffix = pick(['w', 'd'] as const);
    const address = this.#free();
    const elsewhere = this.#free(address);
    const loaded = this.#free(address, elsewhere);
    const result = this.#free(address, elsewhere, loaded);
    const size = suffix === 'w' ? 4 : 8;
    const between = [
      [],
      [long(encode('sb', { rs1: address, rs2: below(32), imm: below(size) }))],
      [long(encode('sd', { rs1: address, rs2: below(32), imm: 8 }))],
      [long(encode(`amoadd.${suffix}`, { rs1: address, rs2: this.#register() }))],
    ];
    const conditional = (rd: number): Piece => {
      const rs1 = pick([address, address, address, elsewhere]);
      return long((encode(`sc.${suffix}`, { rd, rs1, rs2: below(32) }) | this.#order()) >>> 0);
    };
    return [
      this.#address(address),
      this.#address(elsewhere),
      long((encode(`lr.${suffix}`, { rd: loaded, rs1: address }) | this.#order()) >>> 0),
      ...pick(between),
      conditional(result),
      ...pick([[], [conditional(this.#free(address, elsewhere, result))]]),
    ];
  }

  /** fcsr and its parts; frm stays one that exists. */
  #csr(): Piece[] {
    const { pick, below } = this.#drawn;
    const rd = this.#register();
    const flags = pick(['csrrw', 'csrrs', 'csrrc', 'csrrwi', 'csrrsi', 'csrrci'] as const);
    const word = pick([
      encode(flags, { rd, rs1: below(32), imm: 1 }),
      encode('csrrwi', { rd, rs1: below(5), imm: 2 }),
      encode('csrrs', { rd, imm: pick([1, 2, FCSR]) }),
      encode('csrrwi', { rd, rs1: below(32), imm: FCSR }),
    ]);
    return this.#written(long(word));
  }

  /** Any that neither jumps nor uses another pointer than x2 and x8. */
  #compressed(): Piece[] {
    for (;;) {
      const half = this.#random.below(0x1_0000);
      const found = (half & 3) === 3 ? null : decode(half);
      if (found === null || endsBlock(found) || writtenX(half) === BASE) continue;
      const isMemory = /load|store/.test(opInfo(found.op).format);
      if (!isMemory || POINTERS.has(found.rs1)) return this.#written(short(half));
    }
  }

  /** A jump or branch over `inner`, or into nothing: right behind itself. */
  #control(inner: readonly Piece[]): Piece[] {
    const over = sizeOfAll(inner);
    const rs1 = this.#register();
    switch (this.#random.below(6)) {
      case 0:
        return [long(encode('jal', { rd: this.#link(this.#free()), imm: over + 4 })), ...inner];
      case 1:
        return this.#indirect(inner, over);
      case 2:
        return over < 200 ? [short(compressedJump(over + 2)), ...inner] : [...inner];
      case 3: {
        const op = this.#random.pick(['c.beqz', 'c.bnez'] as const);
        const register = 8 + this.#random.below(8);
        return over < 200
          ? [short(compressedBranch(op, register, over + 2)), ...inner]
          : [...inner];
      }
      default: {
        const rs2 = this.#random.pick([rs1, this.#register(), this.#register()]);
        const op = this.#random.pick(BRANCHES);
        return [long(encode(op, { rs1, rs2, imm: over + 4 })), ...inner];
      }
    }
  }

  /** Where jumps leave their return address. */
  #link(other: number): number {
    return this.#random.pick([0, 1, 5, other]);
  }

  /** Through a register that holds pc plus something, perhaps odd. */
  #indirect(inner: readonly Piece[], over: number): Piece[] {
    const { pick, below } = this.#drawn;
    const register = this.#free();
    const isShort = pick([true, false]);
    const part = isShort ? 0 : below(100) - 50;
    const target = 8 + (isShort ? 2 : 4) + over + below(2) - part;
    const jump = isShort
      ? short(compressedJumpTo(pick(['c.jr', 'c.jalr'] as const), register))
      : long(encode('jalr', { rd: this.#link(register), rs1: register, imm: part }));
    return [
      long(encode('auipc', { rd: register })),
      long(encode('addi', { rd: register, rs1: register, imm: target })),
      jump,
      ...inner,
    ];
  }
}

const fieldsOf = (op: OpName, rd: number, rs2: number, imm: number) =>
  FORMATS[opInfo(op).format].rd === null ? { rs1: 30, rs2, imm } : { rd, rs1: 30, imm };

/** The integer register that the instruction writes; null if none. */
function writtenX(bits: number): number | null {
  const found = decode(bits);
  if (found === null || FORMATS[opInfo(found.op).format].rd !== 'x') return null;
  return found.rd;
}

const REGISTERS = Array.from({ length: 32 }, (_, register) => register);

const PROLOGUE: readonly Piece[] = [
  long(encode('lui', { rd: BASE, imm: DATA })),
  ...REGISTERS.map((f) => long(encode('fld', { rd: f, rs1: BASE, imm: START_F + f * 8 }))),
  ...REGISTERS.slice(1, BASE).map((x) => long(encode('ld', { rd: x, rs1: BASE, imm: x * 8 }))),
];

const EPILOGUE: readonly Piece[] = [
  ...REGISTERS.map((x) => long(encode('sd', { rs1: BASE, rs2: x, imm: FINAL_X + x * 8 }))),
  ...REGISTERS.map((f) => long(encode('fsd', { rs1: BASE, rs2: f, imm: FINAL_F + f * 8 }))),
  long(encode('csrrs', { rd: 1, imm: FCSR })),
  long(encode('sd', { rs1: BASE, rs2: 1, imm: FINAL_FCSR })),
  // write(1, DATA, DATA_BYTES), exit(0).
  long(encode('addi', { rd: 10, imm: 1 })),
  long(encode('addi', { rd: 11, rs1: BASE })),
  long(encode('lui', { rd: 12, imm: DATA_BYTES & ~0xfff })),
  long(encode('addi', { rd: 12, rs1: 12, imm: DATA_BYTES & 0xfff })),
  long(encode('addi', { rd: 17, imm: 64 })),
  long(encode('ecall')),
  long(encode('addi', { rd: 10 })),
  long(encode('addi', { rd: 17, imm: 94 })),
  long(encode('ecall')),
];
