/**
 * The traps of a whole machine as QEMU logs them with `-d int`, of each ISA in its own way:
 *
 *   x86-64    `     0: v=0e e=0002 i=0 cpl=0 IP=0010:ffffffff810003a4 pc=ffffffff810003a4 …`
 *   AArch64   `Taking exception 5 [IRQ] …`, lines with ESR and ELR, `...to EL1 PC 0x… `
 *   RISC-V    `riscv_cpu_do_interrupt: hart:0, async:1, cause:5, epc:0x…, tval:0x…, …`
 */
import { readFileSync } from 'node:fs';
import type { LinuxIsa } from '../guests/linux.ts';

export interface LoggedTrap {
  /** As in a mark. */
  readonly number: number;
  /** What did not run, or was interrupted. */
  readonly source: bigint;
}

const X86 = /^ *\d+: v=([0-9a-f]+) e=[0-9a-f]+ i=\d cpl=\d IP=[0-9a-f]+:[0-9a-f]+ pc=([0-9a-f]+)/gm;
const RISCV = /^riscv_cpu_do_interrupt: .*?, cause:([0-9a-f]+), epc:0x([0-9a-f]+)/gm;
/** One exception: all lines up to the next. */
const AARCH64 = /^Taking exception \d+ \[([^\]]*)\](?:(?!^Taking exception)[\s\S])*/gm;
const ARM_INTERRUPTS = ['', 'IRQ', 'FIQ', 'SError'];
/** ELR is behind these; the mark names the instruction that called. */
const ARM_CALLS = [0x15, 0x16];

const hex = (digits = ''): bigint => BigInt(`0x${digits}`);

function armTrap([text, name = '']: RegExpMatchArray): LoggedTrap | null {
  // What firmware would do and QEMU does itself is no trap: it has no vector to go to.
  const link = /with ELR 0x([0-9a-f]+)/.exec(text)?.[1];
  if (link === undefined) return null;
  const interrupt = ARM_INTERRUPTS.indexOf(name);
  if (interrupt > 0) return { number: interrupt, source: hex(link) };
  const number = Number(hex(/with ESR 0x([0-9a-f]+)/.exec(text)?.[1]));
  return { number, source: hex(link) - (ARM_CALLS.includes(number) ? 4n : 0n) };
}

/** In order, of the only vCPU. */
export function readTrapLog(isa: LinuxIsa, file: string): LoggedTrap[] {
  const text = readFileSync(file, 'latin1');
  if (isa === 'aarch64') {
    return Array.from(text.matchAll(AARCH64), armTrap).filter((trap) => trap !== null);
  }
  return Array.from(text.matchAll(isa === 'x86_64' ? X86 : RISCV), ([, number, source]) => ({
    number: Number(hex(number)),
    source: hex(source),
  }));
}
