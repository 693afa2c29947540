/** What the numbers of exceptions and interrupts mean, by the guest's instruction set. */

/** Exceptions of RISC-V by mcause: The RISC-V Instruction Set Manual II, table of mcause. */
const RISCV_EXCEPTIONS: readonly string[] = [
  'instruction address misaligned',
  'instruction access fault',
  'illegal instruction',
  'breakpoint',
  'load address misaligned',
  'load access fault',
  'store address misaligned',
  'store access fault',
  'environment call from U-mode',
  'environment call from S-mode',
  'environment call from VS-mode',
  'environment call from M-mode',
  'instruction page fault',
  'load page fault',
  '',
  'store page fault',
];
const RISCV_INTERRUPTS: Readonly<Record<number, string>> = {
  1: 'supervisor software',
  3: 'machine software',
  5: 'supervisor timer',
  7: 'machine timer',
  9: 'supervisor external',
  11: 'machine external',
};

/** Vectors of x86: Intel SDM vol. 3, table 6-1. */
const X86_EXCEPTIONS: readonly string[] = [
  'divide error',
  'debug',
  'non-maskable interrupt',
  'breakpoint',
  'overflow',
  'bound range exceeded',
  'invalid opcode',
  'device not available',
  'double fault',
  '',
  'invalid TSS',
  'segment not present',
  'stack-segment fault',
  'general protection',
  'page fault',
  '',
  'x87 floating-point error',
  'alignment check',
  'machine check',
  'SIMD floating-point error',
  'virtualization exception',
  'control protection',
];

/** Exception classes of AArch64: Arm ARM (DDI 0487), ESR_ELx.EC. */
const AARCH64_EXCEPTIONS: Readonly<Record<number, string>> = {
  0: 'unknown or undefined instruction',
  1: 'trapped WFI or WFE',
  7: 'trapped SIMD or floating point',
  14: 'illegal execution state',
  17: 'SVC of AArch32',
  21: 'SVC',
  22: 'HVC',
  23: 'SMC',
  24: 'trapped system instruction',
  32: 'instruction abort from a lower level',
  33: 'instruction abort',
  34: 'PC alignment fault',
  36: 'data abort from a lower level',
  37: 'data abort',
  38: 'SP alignment fault',
  44: 'trapped floating-point exception',
  48: 'breakpoint from a lower level',
  49: 'breakpoint',
  50: 'software step from a lower level',
  51: 'software step',
  52: 'watchpoint from a lower level',
  53: 'watchpoint',
  60: 'BRK',
};
/** By the vector's place in its group of four, which is what is recorded. */
const AARCH64_INTERRUPTS: Readonly<Record<number, string>> = { 1: 'IRQ', 2: 'FIQ', 3: 'SError' };

/** `load access fault`, `machine timer`, `page fault`; null where there is no name for it. */
export function trapName(isa: string, kind: string, number: number | null): string | null {
  if (number === null || (kind !== 'exception' && kind !== 'interrupt')) return null;
  const isException = kind === 'exception';
  if (isa.startsWith('riscv')) {
    return (isException ? RISCV_EXCEPTIONS[number] : RISCV_INTERRUPTS[number]) || null;
  }
  if (isa === 'x86_64' || isa === 'i386') return X86_EXCEPTIONS[number] || null;
  if (isa !== 'aarch64') return null;
  return (isException ? AARCH64_EXCEPTIONS[number] : AARCH64_INTERRUPTS[number]) ?? null;
}
