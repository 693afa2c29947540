/**
 * A real Linux from Debian, booted to its end and recorded: every trap that QEMU logs is in the
 * trace with the same number and place and no other is, every hop is proven, and what is not told
 * is only in the 16-bit code of the PC's firmware.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CAUSES, KINDS, MARK_KINDS, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { privilegeName } from '../../packages/analyzer/src/privilege.ts';
import { temporaryFolder } from '../guests/build.ts';
import { bootArguments, buildInitrd, linuxKernel, MACHINES, newerQemu } from '../guests/linux.ts';
import { recordMachine } from '../guests/system.ts';
import { wants } from '../require.ts';
import { type LoggedTrap, readTrapLog } from './trap-log.ts';

const folder = temporaryFolder('linux');
/** Where a PC's firmware runs in 16-bit code, and its first instruction. */
const FIRMWARE_END = 1n << 20n;
const RESET = 0xffff_fff0n;

function markedTraps({ marks }: Trace): LoggedTrap[] {
  const traps: LoggedTrap[] = [];
  for (let mark = 0; mark < marks.count; mark++) {
    const kind = MARK_KINDS[marks.kind[mark] ?? 255];
    if (kind !== 'exception' && kind !== 'interrupt') continue;
    if (marks.hasNumber[mark] === 0) continue; // x86's syscall instruction is no trap
    traps.push({ number: Number(marks.number[mark]), source: marks.pc[mark] ?? 0n });
  }
  return traps;
}

/** Transfers by cause and kind; and whether one outside the firmware has no cause. */
function causes({ edges }: Trace) {
  const counts = new Map<string, number>();
  let isUntold = false;
  for (let edge = 0; edge < edges.count; edge++) {
    const cause = CAUSES[edges.cause[edge] ?? 255];
    const name = `${cause ?? 'untold'} ${KINDS[edges.kind[edge] ?? 255] ?? ''}`.trim();
    counts.set(name, (counts.get(name) ?? 0) + (edges.taken[edge] ?? 0));
    const isFirmware = (pc = 0n): boolean => pc < FIRMWARE_END || pc === RESET;
    isUntold ||=
      cause === undefined && !(isFirmware(edges.source[edge]) && isFirmware(edges.target[edge]));
  }
  return { counts, isUntold };
}

const addressSpaces = ({ marks }: Trace): Set<bigint> => {
  const spaces = new Set<bigint>();
  for (let mark = 0; mark < marks.count; mark++) {
    if (MARK_KINDS[marks.kind[mark] ?? 255] === 'address-space')
      spaces.add(marks.address[mark] ?? 0n);
  }
  return spaces;
};

const levels = ({ blocks, manifest }: Trace): (string | null)[] =>
  [...new Set(blocks.privilege)].map((level) => privilegeName(manifest.guest.isa, level));

const ISAS = ['x86_64', 'aarch64', 'riscv64'] as const;
const RUNS = ISAS.flatMap((isa) => [
  { isa, version: 'installed', qemu: wants(`qemu-system-${isa}`) },
  ...(['10', '11'] as const).map((version) => ({ isa, version, qemu: newerQemu(version, isa) })),
]);

describe.each(RUNS)('Linux, $isa, QEMU $version', ({ isa, version, qemu }) => {
  const kernel = linuxKernel(isa);
  const compiler = wants(MACHINES[isa].compiler);
  const note = [kernel.note, qemu.note, compiler.note].join('');
  test.skipIf(note !== '')(`boots and is switched off${note}`, () => {
    const name = path.join(folder, `${isa}-${version}`);
    const [serial, log, output] = [`${name}.txt`, `${name}.log`, `${name}.trace`];
    const files = { initrd: buildInitrd(isa, folder), serial };
    const args = [...bootArguments(isa, files, 'off'), '-d', 'int', '-D', log];
    const trace = recordMachine({ qemu: qemu.path, args, output });
    expect(readFileSync(serial, 'latin1')).toMatch(/timer[\s\S]*reboot: Power down/);
    const logged = readTrapLog(isa, log);
    const marked = markedTraps(trace);
    expect(marked).toEqual(logged.slice(0, marked.length));
    // One may be logged when the machine is off, and its handler runs no more.
    expect(logged.length - marked.length).toBeLessThanOrEqual(1);
    expect(logged.length).toBeGreaterThan(300);
    const { counts, isUntold } = causes(trace);
    expect(isUntold).toBe(false);
    for (const cause of ['interrupt', 'exception', 'exception syscall', 'jump trap-return']) {
      expect(counts.get(cause) ?? 0, cause).toBeGreaterThan(50);
    }
    // Each of the five processes, and the kernel's own.
    expect(addressSpaces(trace).size).toBeGreaterThan(5);
    const kernelLevel = isa === 'riscv64' ? 'supervisor' : 'kernel';
    expect(levels(trace)).toEqual(expect.arrayContaining(['user', kernelLevel]));
    expect(checkTrace(trace).findings).toEqual([]);
  });
});
