/**
 * What a build of QEMU lets its plugins see beyond the plugin interface. Debian's export all names;
 * where one is missing, something cannot be told (docs/qemu.md).
 */
import { readSymbols } from '../../elf/elf.ts';
import { BacktrailError } from '../../errors.ts';

interface Wanted {
  /** Any of them will do. */
  readonly names: readonly string[];
  /** What is lost without it. */
  readonly lost: string;
}

const FOR_ALL: readonly Wanted[] = [
  { names: ['tcg_tb_lookup'], lost: 'host addresses' },
  { names: ['tb_flush', 'queue_tb_flush'], lost: '--start' },
];

const TRAPS = 'causes of interrupts and exceptions, privilege';
const FOR_MACHINES: Readonly<Record<string, readonly Wanted[]>> = {
  riscv64: [{ names: ['riscv_csrrw_debug'], lost: TRAPS }],
  x86_64: [
    { names: ['vmstate_x86_cpu'], lost: TRAPS },
    { names: ['cpu_memory_rw_debug'], lost: TRAPS },
  ],
  aarch64: [{ names: ['vmstate_arm_cpu'], lost: TRAPS }],
};

/** Whole machines whose traps are told. */
export const TOLD_MACHINES: readonly string[] = Object.keys(FOR_MACHINES);

/**
 * What is lost with this QEMU, each thing once.
 * @param machine the ISA of an emulator of whole machines; null: of programs
 * @returns null where it cannot be told: the program is a script that runs another one
 */
export function lostWith(path: string, machine: string | null): readonly string[] | null {
  const wanted = [...FOR_ALL, ...(machine === null ? [] : (FOR_MACHINES[machine] ?? []))];
  try {
    const symbols = readSymbols(path, { debugRoots: [] });
    const found = new Set<string>();
    const all = new Set(wanted.flatMap(({ names }) => names));
    for (let symbol = 0; symbol < symbols.count; symbol++) {
      const name = symbols.name(symbol);
      if (all.has(name)) found.add(name);
    }
    const lost = wanted.filter(({ names }) => !names.some((name) => found.has(name)));
    return [...new Set(lost.map((one) => one.lost))];
  } catch (error) {
    if (error instanceof BacktrailError) return null;
    throw error;
  }
}
