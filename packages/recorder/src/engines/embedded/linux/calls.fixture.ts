/** A process whose system calls the test makes itself, by setting registers. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Hart } from '../core/hart.ts';
import type { Next } from '../core/machine.ts';
import { TRAP, Trap } from '../core/trap.ts';
import { buildProgram } from '../plain/elf.fixture.ts';
import { Process, type ProcessOptions } from './process.ts';
import { MemoryIo, newHart, Witness } from './run.fixture.ts';

/** Where the program's only segment is: 64 KiB that may be read, written and executed. */
export const DATA = 0x2_0000n;
const DATA_BYTES = 0x1_0000;
const A0 = 10;
const A7 = 17;
const MIB = 1 << 20;

export class Bench {
  readonly hart: Hart = newHart(64 * MIB);
  readonly witness = new Witness();
  readonly io: MemoryIo;
  readonly process: Process;
  readonly folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'backtrail-linux-calls-')));
  /** Retired instructions; the test lets time pass. */
  instructions = 0;
  last: Next = { how: 'run' };

  constructor(options: Partial<ProcessOptions> = {}, io = new MemoryIo()) {
    this.io = io;
    const program = path.join(this.folder, 'program');
    const segment = { address: Number(DATA), bytes: new Uint8Array(DATA_BYTES), flags: 7 };
    writeFileSync(program, buildProgram(Number(DATA), [segment]));
    const clock = { instructions: () => this.instructions };
    this.process = new Process(
      { hart: this.hart, clock, observer: this.witness, io },
      {
        program,
        name: 'program',
        args: [],
        environment: [],
        folder: this.folder,
        root: null,
        writable: [],
        seed: 0,
        realTime: false,
        ...options,
      },
    );
  }

  /** Makes a call; what is in a0 afterwards, of whichever thread runs then. */
  call(number: number, ...args: readonly (number | bigint)[]): bigint {
    const { hart } = this;
    hart.xUnsigned[A7] = BigInt(number);
    for (const [place, value] of args.entries()) hart.x[A0 + place] = BigInt(value);
    this.instructions++;
    this.last = this.process.handle(new Trap(TRAP.ecallUser, 0n));
    return hart.x[A0] ?? 0n;
  }

  /** Lets instructions pass up to the deadline, if there is one. */
  tick(instructions = this.process.deadline()): void {
    this.instructions = Math.max(this.instructions, instructions);
    this.last = this.process.tick();
  }

  bytes(address: bigint, count: number): Buffer {
    return Buffer.from(this.hart.memory.raw(Number(address), count));
  }

  word(address: bigint): bigint {
    return this.hart.memory.load(address, 8);
  }

  put(address: bigint, ...words: readonly bigint[]): void {
    for (const [place, word] of words.entries()) {
      this.hart.memory.store(address + 8n * BigInt(place), 8, word);
    }
  }

  /** A string with its NUL; its address. */
  text(text: string, address = DATA + 0x8000n): bigint {
    const bytes = Buffer.from(`${text}\0`);
    for (const [place, byte] of bytes.entries()) {
      this.hart.memory.store(address + BigInt(place), 1, BigInt(byte));
    }
    return address;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
