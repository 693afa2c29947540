/** A process without a system: runs a program in the plain interpreter up to its first ecall. */
import { Hart, type Platform } from '../core/hart.ts';
import { PERM } from '../core/layout.ts';
import { GuestMemory } from '../core/memory.ts';
import { TRAP, Trap } from '../core/trap.ts';
import { CODE, DATA, DATA_BYTES, type Program } from './programs.fixture.ts';
import { fetch, step } from './step.ts';

const refuse = (): never => {
  throw new Trap(TRAP.illegal, 0n);
};

/** No CSRs but those of floating point, no privileged instruction, no device. */
export const NO_PLATFORM: Platform = {
  readCsr: refuse,
  writeCsr: refuse,
  system: refuse,
  ecallCause: () => TRAP.ecallUser,
  readDevice: refuse,
  writeDevice: refuse,
};

export const smallMemory = (): GuestMemory =>
  new GuestMemory({ guestBase: 0x200_0000, guestLimit: 0x40_0000 });

/** A hart that may run the program. */
export function loaded(memory: GuestMemory, { code, data }: Program): Hart {
  memory.protect(CODE, code.length, PERM.mapped | PERM.read | PERM.execute);
  memory.protect(DATA, DATA_BYTES, PERM.mapped | PERM.read | PERM.write);
  memory.raw(CODE, code.length).set(code);
  memory.raw(DATA, data.length).set(data);
  const hart = new Hart(memory);
  hart.x.fill(0n);
  hart.f.fill(0n);
  hart.fcsr = 0;
  hart.reserve(null, 0n);
  hart.pc = BigInt(CODE);
  return hart;
}

/** What DATA holds when the program makes its first system call, and how many steps it took. */
export function runPlain(memory: GuestMemory, program: Program): { data: Buffer; steps: number } {
  const hart = loaded(memory, program);
  for (let steps = 0; steps < program.code.length; steps++) {
    try {
      step(hart, NO_PLATFORM, fetch(hart));
    } catch (error) {
      if (!(error instanceof Trap) || !error.isCall) throw error;
      return { data: Buffer.from(memory.raw(DATA, DATA_BYTES)), steps };
    }
  }
  throw new Error('the program did not end');
}
