/**
 * Programs of random control flow: functions of random blocks with loops that nest, overlap and are
 * entered in the middle, calls, recursion, function pointers, switch tables, tail calls, jumps into
 * other functions. They never end; no loop goes on for ever, since a random number decides.
 */
import type { OpName } from '../isa/table.ts';
import { Assembler } from './assembler.fixture.ts';
import {
  DATA_OFFSET,
  POINTERS,
  POOL,
  pick,
  type Random,
  REGISTER,
  randomInstruction,
} from './random-instruction.fixture.ts';

export const LAYOUT = {
  code: 0x1_0000,
  /** Jump tables and function pointers; may be read. */
  tables: 0x2_0000,
  tablesBytes: 0x1000,
  /** May be read and written; behind it nothing is mapped. */
  data: 0x3_0000,
  dataBytes: 0x2000,
  stack: 0x5_0000,
  stackBytes: 0x1000,
} as const;

const FRAME_BYTES = 32;
const TABLE_ENTRIES_MAX = 128;
const BRANCHES: readonly OpName[] = ['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'];
const { ra, sp, frame, data, end, tables, limit, multiplier, chance, temporary } = REGISTER;

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
  readonly #entries: string[] = [];
  /** Blocks of each function. */
  readonly #functions: readonly number[];
  #labels = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#functions = Array.from({ length: 2 + random(4) }, () => 2 + random(8));
  }

  program(): Program {
    const out = this.#out;
    const stackTop = LAYOUT.stack + LAYOUT.stackBytes - 16;
    out.label('start');
    out.li(data, LAYOUT.data + DATA_OFFSET);
    out.li(end, LAYOUT.data + LAYOUT.dataBytes - 40);
    out.li(tables, LAYOUT.tables);
    out.li(multiplier, 0x5851_f42d);
    // Some have no limit: their stack overflows.
    out.li(limit, this.#random(4) === 0 ? 0 : LAYOUT.stack + 0x200);
    out.label('again');
    out.li(sp, stackTop);
    for (const pointer of POINTERS) out.i('addi', pointer, data, this.#random(512));
    out.jal(ra, 'f0');
    out.jal(0, 'again');
    for (let f = 0; f < this.#functions.length; f++) this.#function(f);
    const view = new DataView(new ArrayBuffer(LAYOUT.tablesBytes));
    for (const [k, label] of this.#tables.entries()) {
      view.setUint32(k * 8, out.addressOf(label), true);
    }
    return {
      bytes: out.bytes(),
      tables: new Uint8Array(view.buffer),
      start: out.addressOf('start'),
      entries: [...new Set(this.#entries.map((label) => out.addressOf(label)))],
    };
  }

  #function(f: number): void {
    const out = this.#out;
    const random = this.#random;
    const blocks = this.#functions[f] ?? 0;
    out.label(`f${f}`);
    this.#entries.push(`f${f}`);
    out.i('addi', sp, sp, -FRAME_BYTES);
    out.store('sd', ra, sp, 24);
    out.store('sd', random(2) === 0 ? frame : POOL[0], sp, 16);
    out.i('addi', frame, sp, FRAME_BYTES);
    for (let b = 0; b < blocks; b++) {
      out.label(`f${f}b${b}`);
      if (random(3) !== 0) this.#entries.push(`f${f}b${b}`);
      for (let n = random(6); n > 0; n--) randomInstruction(out, random);
      this.#end(f, blocks, b);
    }
    out.label(`f${f}b${blocks}`);
    out.i('ld', ra, sp, 24);
    out.i('ld', pick(random, [frame, frame, 28]), sp, 16);
    // Some return with another stack pointer.
    const astray = [16, 16, -2000][random(36)] ?? 0;
    out.i('addi', sp, sp, FRAME_BYTES - astray);
    if (f + 1 < this.#functions.length && random(5) === 0) out.jal(0, `f${f + 1}`);
    else out.i('jalr', 0, ra, 0);
  }

  /** Leaves a random number below a power of two in the register for it. */
  #chance(below: number): void {
    const out = this.#out;
    out.r('mul', chance, chance, multiplier);
    out.i('addi', chance, chance, 1013);
    out.i('srli', temporary, chance, 16 + this.#random(16));
    out.i('andi', temporary, temporary, below - 1);
  }

  /** What follows is skipped most of the time. */
  #seldom(below: number, write: () => void): void {
    const skip = `skip${this.#labels++}`;
    this.#chance(below);
    this.#out.branch('bne', temporary, 0, skip);
    write();
    this.#out.label(skip);
  }

  #end(f: number, blocks: number, b: number): void {
    const out = this.#out;
    const random = this.#random;
    const anywhere = (): string => `f${f}b${random(blocks + 1)}`;
    const later = (): string => `f${f}b${b + 1 + random(blocks - b)}`;
    switch (random(12)) {
      case 0:
      case 1:
        out.branch(pick(random, BRANCHES), pick(random, POOL), pick(random, POOL), later());
        break;
      case 2:
      case 3:
      case 4:
        this.#chance(2 << random(3));
        out.branch(random(2) === 0 ? 'bne' : 'beq', temporary, 0, later());
        this.#seldom(2, () => out.jal(0, anywhere()));
        break;
      case 5:
        this.#chance(4);
        out.branch('bne', temporary, 0, anywhere());
        break;
      case 6:
        out.jal(0, later());
        break;
      case 7:
        this.#call(() => out.jal(ra, this.#anyFunction()));
        break;
      case 8:
        this.#call(() => {
          this.#table([0, 1].map(() => this.#anyFunction()));
          out.i('jalr', ra, temporary, 0);
        });
        break;
      case 9:
        this.#table([...Array.from({ length: (2 << random(4)) - 1 }, anywhere), `f${f}b${blocks}`]);
        out.i('jalr', 0, temporary, 0);
        break;
      case 10:
        this.#seldom(8, () => out.jal(0, this.#anyBlock()));
        break;
      case 11:
        break;
    }
  }

  #anyFunction(): string {
    return `f${this.#random(this.#functions.length)}`;
  }

  #anyBlock(): string {
    const f = this.#random(this.#functions.length);
    return `f${f}b${this.#random(this.#functions[f] ?? 0)}`;
  }

  #call(write: () => void): void {
    const skip = `skip${this.#labels++}`;
    this.#out.branch('bltu', sp, limit, skip);
    this.#seldom(4, write);
    this.#out.label(skip);
  }

  /** Loads a random one of the labels' addresses. There are a power of two of them. */
  #table(labels: readonly string[]): void {
    const out = this.#out;
    const isFull = this.#tables.length + labels.length > TABLE_ENTRIES_MAX;
    const first = isFull ? 0 : this.#tables.length * 8;
    if (!isFull) this.#tables.push(...labels);
    this.#chance(isFull ? 1 : labels.length);
    out.i('slli', temporary, temporary, 3);
    out.r('add', temporary, temporary, tables);
    out.i('lw', temporary, temporary, first);
  }
}

export const randomProgram = (random: Random): Program => new Generator(random).program();
