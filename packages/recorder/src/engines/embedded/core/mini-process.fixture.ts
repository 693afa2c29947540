/** A process with the least of an operating system: write, exit, nothing else. For tests. */
import { readFileSync } from 'node:fs';
import { readElfHeader, readSegments } from '../../../elf/elf.ts';
import type { Hart } from './hart.ts';
import { GUEST_PAGE_BYTES, PERM } from './layout.ts';
import type { Clock, Machine, Next, Observer } from './machine.ts';
import { TRAP, Trap } from './trap.ts';

const STACK_TOP = 0x4000_0000;
const STACK_BYTES = 1 << 20;
const CALL = { write: 64, exit: 93, exitGroup: 94 };
const [SP, A0, A1, A2, A7] = [2, 10, 11, 12, 17];

export class MiniProcess implements Machine {
  readonly running = 0;
  readonly ending = null;
  readonly unknownCalls = new Map<string, number>();
  readonly output: Uint8Array[] = [];
  readonly #hart: Hart;
  readonly #observer: Observer;
  readonly #clock: Clock;

  constructor(hart: Hart, observer: Observer, clock: Clock) {
    this.#hart = hart;
    this.#observer = observer;
    this.#clock = clock;
  }

  /** Loads a static program, with these arguments on its stack. */
  load(program: string, args: readonly string[] = []): void {
    const { memory } = this.#hart;
    const bytes = readFileSync(program);
    let end = 0;
    for (const { vaddr, offset, fileSize, memSize, flags } of readSegments(program)) {
      const at = Number(vaddr);
      const first = at - (at % GUEST_PAGE_BYTES);
      const perm =
        PERM.mapped |
        ((flags & 4) !== 0 ? PERM.read : 0) |
        ((flags & 2) !== 0 ? PERM.write : 0) |
        ((flags & 1) !== 0 ? PERM.execute : 0);
      memory.raw(at, fileSize).set(bytes.subarray(offset, offset + fileSize));
      memory.protect(first, at + Number(memSize) - first, perm);
      end = Math.max(end, at + Number(memSize));
    }
    const top = Math.min(STACK_TOP, memory.guestLimit) - GUEST_PAGE_BYTES;
    memory.protect(top - STACK_BYTES, STACK_BYTES, PERM.mapped | PERM.read | PERM.write);
    this.#hart.x[SP] = BigInt(this.#arguments(top, [program, ...args]));
    this.#hart.pc = readElfHeader(program).entry;
    memory.findRanges(end - 1, top - 1);
    this.#observer.started(1, this.#hart.pc);
    this.#observer.switched(1);
  }

  /** argc, argv, an empty environment and auxiliary vector; where the stack then begins. */
  #arguments(top: number, words: readonly string[]): number {
    const { memory } = this.#hart;
    let at = top;
    const pointers = words.map((word) => {
      const text = new TextEncoder().encode(`${word}\0`);
      at -= text.length;
      memory.raw(at, text.length).set(text);
      return BigInt(at);
    });
    const vector = [BigInt(words.length), ...pointers, 0n, 0n, 0n, 0n];
    at = (at - vector.length * 8) & ~15;
    for (const [i, word] of vector.entries()) {
      memory.view.setBigUint64(at + memory.guestBase + i * 8, word, true);
    }
    return at;
  }

  handle(trap: Trap): Next {
    const { x, memory } = this.#hart;
    if (trap.code !== TRAP.ecallUser) return { how: 'signal', number: 11 };
    const call = Number(x[A7] ?? 0n);
    if (call === CALL.exit || call === CALL.exitGroup) {
      return { how: 'exit', status: Number((x[A0] ?? 0n) & 0xffn) };
    }
    if (call === CALL.write) {
      const bytes = memory.readable(x[A1] ?? 0n, Number(x[A2] ?? 0n));
      if (bytes !== null) this.output.push(bytes.slice());
      x[A0] = x[A2] ?? 0n;
    } else {
      x[A0] = -38n;
    }
    this.#hart.pc += 4n;
    return { how: 'run' };
  }

  get text(): string {
    return Buffer.concat(this.output).toString('utf8');
  }

  deadline(): number {
    return Number.POSITIVE_INFINITY;
  }

  tick(): Next {
    return { how: 'run' };
  }

  isPending(): boolean {
    return false;
  }

  deliver(): void {}

  readCsr(csr: number): bigint {
    // cycle, time, instret.
    if (csr >= 0xc00 && csr <= 0xc02) return BigInt(this.#clock.instructions());
    throw new Trap(TRAP.illegal, 0n);
  }

  writeCsr(): void {
    throw new Trap(TRAP.illegal, 0n);
  }

  system(): void {
    throw new Trap(TRAP.illegal, 0n);
  }

  ecallCause(): number {
    return TRAP.ecallUser;
  }

  readDevice(): bigint {
    throw new Trap(TRAP.loadAccess, 0n);
  }

  writeDevice(): void {
    throw new Trap(TRAP.storeAccess, 0n);
  }
}
