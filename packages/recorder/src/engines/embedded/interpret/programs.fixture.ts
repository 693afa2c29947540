/** Random guest programs: loops, calls, memory accesses, faults, code that changes itself. */
import { encode, type Fields } from '../isa/encode.fixture.ts';
import { FORMATS } from '../isa/formats.ts';
import { OP_NAMES, type OpName, opInfo } from '../isa/table.ts';

export type Random = () => number;

/** mulberry32: 32 bits of state suffice to choose instructions. */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);

function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[below(random, from.length)];
  if (found === undefined) throw new RangeError('nothing to pick from');
  return found;
}

/** As `encode`, without the fields that the instruction does not have. */
function encodeAny(op: OpName, { rd, rs1, rs2, rs3, rm, imm }: Required<Fields>): number {
  const has = FORMATS[opInfo(op).format];
  return encode(op, {
    rd: has.rd === null ? 0 : rd,
    rs1: has.rs1 === null ? 0 : rs1,
    rs2: has.rs2 === null ? 0 : rs2,
    rs3: has.rs3 === null ? 0 : rs3,
    rm: has.rm ? rm : 0,
    imm,
  });
}

/** Base registers that programs do not write: of data, and of their own code. */
export const DATA_REGISTER = 8;
export const CODE_REGISTER = 9;
const KEPT: readonly number[] = [DATA_REGISTER, CODE_REGISTER];
const FREE = Array.from({ length: 32 }, (_, number) => number).filter((x) => !KEPT.includes(x));

const COMPUTING = OP_NAMES.filter((op) => {
  const { extension, ends, format } = opInfo(op);
  if (!['I', 'M', 'Zba', 'Zbb', 'Zbs'].includes(extension)) return false;
  return ends === null && format !== 'load' && format !== 'store';
});
const ofFormat = (...formats: string[]): OpName[] =>
  OP_NAMES.filter((op) => formats.includes(opInfo(op).format));
const LOADS = ofFormat('load');
const STORES = ofFormat('store');
const BRANCHES = ofFormat('branch');
const ATOMICS = ofFormat('amo', 'lr');
const FLOATS = ofFormat('f2', 'f1', 'f3', 'fexact', 'fcompare', 'ftox', 'xtof', 'fmvx', 'xmvf');
const FLOAT_MEMORY = ofFormat('fload', 'fstore');

/** A piece of a program: its bytes, once it is known where it and all others begin. */
interface Piece {
  readonly size: number;
  readonly bytes: (at: number, target: (piece: number) => number) => number[];
}

const word = (value: number): number[] => [
  value & 255,
  (value >> 8) & 255,
  (value >> 16) & 255,
  value >>> 24,
];
const fixed = (value: number): Piece => ({ size: 4, bytes: () => word(value) });
const half = (value: number): Piece => ({ size: 2, bytes: () => [value & 255, value >> 8] });

export interface ProgramOptions {
  readonly pieces: number;
  /** Whether it stores into its own code. */
  readonly changesItself: boolean;
  /** Whether it may use any register as an address, and so fault. */
  readonly faults: boolean;
  readonly float: boolean;
}

/** One kind of piece and how often it comes. */
type Maker = readonly [weight: number, make: (piece: number) => Piece];

class PieceMaker {
  readonly #random: Random;
  readonly #options: ProgramOptions;
  readonly #makers: readonly Maker[];

  constructor(random: Random, options: ProgramOptions) {
    this.#random = random;
    this.#options = options;
    this.#makers = [
      [40, () => this.#compute(pick(random, COMPUTING))],
      [8, () => this.#compressed()],
      [9, () => this.#access(pick(random, LOADS))],
      [7, () => this.#access(pick(random, STORES))],
      [12, (piece) => this.#branch(piece)],
      [4, (piece) => this.#jump(piece)],
      [3, (piece) => this.#indirect(piece)],
      [3, () => fixed(encode('jalr', { rd: 0, rs1: pick(random, [1, 5]) }))],
      [4, () => this.#atomic()],
      [options.float ? 14 : 0, () => this.#float()],
      [1, () => this.#slow()],
      [options.changesItself ? 1 : 0, () => this.#change()],
    ];
  }

  piece(number: number): Piece {
    let left = this.#random() * this.#makers.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, make] of this.#makers) {
      left -= weight;
      if (left < 0) return make(number);
    }
    return half(1);
  }

  #register(): number {
    return pick(this.#random, FREE);
  }

  #any(): Required<Fields> {
    const random = this.#random;
    return {
      rd: this.#register(),
      rs1: below(random, 32),
      rs2: below(random, 32),
      rs3: below(random, 32),
      rm: 0,
      imm: 0,
    };
  }

  #compute(op: OpName): Piece {
    const random = this.#random;
    const imm = below(random, 4096) - 2048;
    const shift = below(random, opInfo(op).format === 'shift5' ? 32 : 64);
    const isShift = opInfo(op).format.startsWith('shift');
    const upper = opInfo(op).format === 'u' ? below(random, 2 ** 32) | 0 : imm;
    return fixed(encodeAny(op, { ...this.#any(), imm: isShift ? shift : upper }));
  }

  #compressed(): Piece {
    const rd = this.#register();
    const rs2 = 1 + below(this.#random, 31);
    // c.addi rd, imm, or c.mv rd, rs2; both with rd = x0 are hints.
    if (this.#random() < 0.5) return half(0x0001 | (rd << 7) | (below(this.#random, 32) << 2));
    return half(0x8002 | ((Math.max(rd, 1) === 8 ? 3 : Math.max(rd, 1)) << 7) | (rs2 << 2));
  }

  #base(): number {
    const isWild = this.#options.faults && this.#random() < 0.04;
    return isWild ? below(this.#random, 32) : DATA_REGISTER;
  }

  #access(op: OpName): Piece {
    const imm = below(this.#random, 2200) - 100;
    return fixed(encodeAny(op, { ...this.#any(), rs1: this.#base(), imm: Math.min(imm, 2047) }));
  }

  #atomic(): Piece {
    const op = pick(this.#random, ATOMICS);
    return fixed(encodeAny(op, { ...this.#any(), rs1: this.#base() }));
  }

  #float(): Piece {
    const random = this.#random;
    const op = pick(random, random() < 0.2 ? FLOAT_MEMORY : FLOATS);
    const isMemory = opInfo(op).format === 'fload' || opInfo(op).format === 'fstore';
    const rm = pick(random, [0, 7, 7, 1, 2, 3, 4]);
    const imm = 8 * below(random, 40);
    const base = isMemory ? { rs1: DATA_REGISTER, imm } : {};
    return fixed(encodeAny(op, { ...this.#any(), rm, ...base }));
  }

  #near(piece: number, reach: number): number {
    const { pieces } = this.#options;
    // Mostly forward: too many loops would be endless ones.
    const by = 1 + below(this.#random, reach);
    return (piece + pieces + (this.#random() < 0.75 ? by : -by)) % pieces;
  }

  #branch(piece: number): Piece {
    const random = this.#random;
    const to = this.#near(piece, Math.min(20, this.#options.pieces));
    const op = pick(random, BRANCHES);
    const [rs1, rs2] = [below(random, 32), random() < 0.5 ? 0 : below(random, 32)];
    return {
      size: 4,
      bytes: (at, target) => {
        const imm = target(to) - at;
        return word(Math.abs(imm) < 4000 ? encode(op, { rs1, rs2, imm }) : encode('addi', {}));
      },
    };
  }

  #jump(piece: number): Piece {
    const to = this.#near(piece, Math.min(60, this.#options.pieces));
    const rd = pick(this.#random, [0, 1, 5, 10]);
    return { size: 4, bytes: (at, target) => word(encode('jal', { rd, imm: target(to) - at })) };
  }

  #indirect(piece: number): Piece {
    const to = this.#near(piece, Math.min(100, this.#options.pieces));
    const rd = pick(this.#random, [0, 1, 5]);
    return {
      size: 8,
      bytes: (at, target) => {
        const imm = Math.max(-2048, Math.min(2047, target(to) - at));
        return [
          ...word(encode('auipc', { rd: 6 })),
          ...word(encode('jalr', { rd, rs1: 6, imm: target(to) - at === imm ? imm : 8 })),
        ];
      },
    };
  }

  #slow(): Piece {
    const csr = pick(this.#random, [1, 2, 3]);
    const op = pick(this.#random, ['csrrs', 'csrrwi', 'csrrc', 'fence', 'fence.i'] as const);
    const rs1 = op === 'csrrs' ? 0 : below(this.#random, 32);
    return fixed(encode(op, { rd: this.#register(), rs1, imm: op.startsWith('f') ? 0 : csr }));
  }

  /** Stores a register into the code: hardly ever a good instruction, which is the point. */
  #change(): Piece {
    const imm = 2 * below(this.#random, 1000);
    const rs2 = pick(this.#random, [28, 29, 29, 10]);
    return fixed(encode(pick(this.#random, ['sw', 'sh']), { rs1: CODE_REGISTER, rs2, imm }));
  }
}

/** Bytes of a program that begins at `start`; at its end it jumps back there. */
export function randomProgram(random: Random, start: number, options: ProgramOptions): Uint8Array {
  const maker = new PieceMaker(random, options);
  const pieces = Array.from({ length: options.pieces }, (_, number) => maker.piece(number));
  const starts: number[] = [];
  let at = start;
  for (const { size } of pieces) {
    starts.push(at);
    at += size;
  }
  const target = (piece: number): number => starts[piece] ?? start;
  const bytes = pieces.flatMap((piece, number) => piece.bytes(target(number), target));
  bytes.push(...word(encode('jal', { imm: start - at })));
  return Uint8Array.from(bytes);
}
