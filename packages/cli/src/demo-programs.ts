/** What `backtrail demo` and `demo --files` have. Imports nothing: scripts/prepack.ts reads it. */

export interface DemoProgram {
  /** Name of the ELF file without `.elf`. */
  readonly name: string;
  readonly says: string;
  /** What it is built from, from the root of the project. */
  readonly sources: readonly string[];
}

/**
 * Of the package: the ELF files, which tests/guests/tutorial/build.ts puts there, and when it is
 * packed the sources, which the project keeps where its tests have them.
 */
export const DEMO_FOLDER = 'demo';

export const DEMO_PROGRAMS: readonly DemoProgram[] = [
  {
    name: 'smash',
    says: 'smashes its stack',
    sources: ['tests/guests/riscv64/smash.c', 'tests/guests/riscv64/tiny.h'],
  },
  {
    name: 'jit',
    says: 'compiles code, and jumps wrong',
    sources: ['tests/guests/tutorial/jit.c', 'tests/guests/riscv64/tiny.h'],
  },
  {
    name: 'kernel',
    says: 'a kernel that faults in an interrupt',
    sources: [
      'tests/guests/tutorial/kernel.c',
      'tests/guests/bare/bare.h',
      'tests/guests/bare/start.S',
      'tests/guests/bare/bare.ld',
    ],
  },
];

/** Sources of all programs, each once. */
export const DEMO_SOURCES: readonly string[] = [
  ...new Set(DEMO_PROGRAMS.flatMap(({ sources }) => sources)),
];
