/** What the numbers of signals and traps mean, in words. */
import { signalName } from '../guest-names.ts';
import { trapName } from '../trap-names.ts';

/** si_code of Linux, asm-generic/siginfo.h; by the signal's name. */
const CODES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  SIGILL: {
    1: 'no such instruction',
    2: 'no such operand',
    4: 'a trap',
    5: 'not permitted to this program',
  },
  SIGFPE: {
    1: 'integer divided by zero',
    2: 'integer overflow',
    3: 'floating point divided by zero',
    4: 'floating-point overflow',
    5: 'floating-point underflow',
    7: 'floating-point operation without a result',
  },
  SIGSEGV: { 1: 'nothing is mapped there', 2: 'what is mapped there does not permit it' },
  SIGBUS: { 1: 'address not aligned', 2: 'no memory behind it', 3: 'memory failed' },
  SIGTRAP: { 1: 'breakpoint instruction', 2: 'single step' },
};
const SENT: Readonly<Record<number, string>> = {
  0: 'sent by a process, not by a fault',
  [-6]: 'sent by a thread, not by a fault: as abort() does',
};

/** SVC, HVC, SMC, of AArch32 and AArch64. */
const AARCH64_CALLS: readonly number[] = [0x11, 0x12, 0x13, 0x15, 0x16, 0x17];
/** An exception with such a vector is an `int` instruction. */
const X86_FIRST_FREE = 32;
const RISCV_CALLS: readonly number[] = [8, 9, 10, 11];

/** What a signal's code says; null where it says nothing more than the signal. */
export function signalCodeSays(signal: string | null, code: number | null): string | null {
  if (code === null) return null;
  return SENT[code] ?? CODES[signal ?? '']?.[code] ?? null;
}

/** `SIGSEGV`, `load access fault`, `machine timer`; null where there is no name for it. */
export function eventName(isa: string, kind: string, number: number | null): string | null {
  if (number === null) return null;
  if (kind === 'signal') return signalName(isa, BigInt(number));
  return trapName(isa, kind, number);
}

/** Whether an exception only asks the code above for a service. */
export function isEnvironmentCall(isa: string, number: number | null): boolean {
  if (number === null) return true; // x86's syscall instruction has no vector
  if (isa === 'aarch64') return AARCH64_CALLS.includes(number);
  if (isa === 'x86_64' || isa === 'i386') return number >= X86_FIRST_FREE;
  return isa.startsWith('riscv') && RISCV_CALLS.includes(number);
}
