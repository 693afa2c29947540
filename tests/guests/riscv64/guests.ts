/**
 * The programs of this folder: RISC-V Linux processes, small, static, committed as they were built,
 * so that engines can be tried on machines without a compiler. What each prints is in `expected/`,
 * written by QEMU; how each ends is said here. `UPDATE=1 npx vitest run tests/guests/riscv64`
 * builds all of them and writes `expected/` anew.
 *
 * A *kernel* is a program for benchmarks too: its first argument is how often it does its work, and
 * it is written so that it can be built for the machine itself as well (tiny.h).
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** As core/machine.ts of the embedded engine says it. */
export type End =
  | { readonly how: 'exit'; readonly status: number }
  | { readonly how: 'signal'; readonly number: number };

export interface Guest {
  readonly name: string;
  /** File in this folder. */
  readonly source: string;
  /** What it is written against: tiny.h alone, or a static C or C++ library. */
  readonly library: 'tiny' | 'c' | 'c++';
  /** Flags besides those of its library. */
  readonly flags: readonly string[];
  readonly runs: readonly GuestRun[];
}

/** One way to call a guest; what it prints is `expectedOutput`. */
export interface GuestRun {
  readonly guest: string;
  readonly args: readonly string[];
  readonly stdin: string;
  readonly end: End;
}

export interface Kernel {
  readonly name: string;
  /** A count for which the native build needs about 0.2 s on one core of an EPYC of 2024. */
  readonly benchIterations: number;
  /** For RISC-V and for the machine itself. */
  readonly flags?: readonly string[];
}

export const FOLDER = fileURLToPath(new URL('./', import.meta.url));

const SIGILL = 4;
const SIGTRAP = 5;
const SIGABRT = 6;
const SIGSEGV = 11;

/** RV64GC with Zba, Zbb and Zbs, as the embedded engine has it. */
export const QEMU_ARGS = ['-cpu', 'rv64,zbc=off'] as const;

const exit = (status: number): End => ({ how: 'exit', status });
const signal = (number: number): End => ({ how: 'signal', number });

type Call = readonly [args: readonly string[], end: End, stdin?: string];

function guest(
  name: string,
  calls: readonly Call[],
  more: Partial<Pick<Guest, 'source' | 'library' | 'flags'>> = {},
): Guest {
  const library = more.library ?? 'tiny';
  return {
    name,
    source: more.source ?? `${name}.${library === 'c++' ? 'cc' : 'c'}`,
    library,
    flags: more.flags ?? [],
    runs: calls.map(([args, end, stdin = '']) => ({ guest: name, args, stdin, end })),
  };
}

/** mandel does not fuse multiply-adds, for not every machine can, and its loop tells. */
export const KERNELS: readonly Kernel[] = [
  { name: 'core', benchIterations: 4000 },
  { name: 'crc', benchIterations: 11_000 },
  { name: 'fib', benchIterations: 10_000 },
  { name: 'gcd', benchIterations: 1_350_000 },
  { name: 'heap', benchIterations: 800 },
  { name: 'mandel', benchIterations: 425, flags: ['-ffp-contract=off'] },
  { name: 'matmul', benchIterations: 4500 },
  { name: 'nbody', benchIterations: 1_450_000 },
  { name: 'quick', benchIterations: 350 },
  { name: 'records', benchIterations: 1_750_000 },
  { name: 'sieve', benchIterations: 450 },
  { name: 'text', benchIterations: 340 },
  { name: 'vm', benchIterations: 2_000_000 },
];

const CRASHES: readonly Guest[] = [
  // The function whose return address is overwritten is to return by itself.
  guest('smash', [[[], signal(SIGSEGV)]], { flags: ['-fno-optimize-sibling-calls'] }),
  guest('wild-jump', [
    [['0'], signal(SIGSEGV)],
    [['1'], signal(SIGSEGV)],
    [['2'], signal(SIGTRAP)],
    [['3'], signal(SIGSEGV)],
  ]),
  guest('null-call', [[[], signal(SIGSEGV)]]),
  guest('illegal', [
    [['0'], signal(SIGILL)],
    [['1'], signal(SIGILL)],
    [['2'], signal(SIGILL)],
    [['3'], signal(SIGILL)],
  ]),
  guest('overflow', [[[], signal(SIGSEGV)]]),
];

const SYSTEM: readonly Guest[] = [
  guest('timer', [[[], exit(0)]]),
  guest('nested', [
    [[], exit(0)],
    [['1'], signal(SIGSEGV)],
  ]),
  guest('mmap', [[[], exit(0)]]),
  guest('smc', [
    [[], exit(0)],
    [['20000'], exit(0)],
  ]),
  guest('hostile', [[[], exit(0)]]),
  guest('rounding', [[[], exit(0)]]),
  // Its handlers work whatever is in gp.
  guest(
    'random-instructions',
    [
      [['1', '2000'], exit(0)],
      [['2', '2000'], exit(0)],
    ],
    { flags: ['-Wl,--no-relax'] },
  ),
];

/** Loaded wherever the engine likes, and relocates itself. */
const PIE_FLAGS = ['-fPIE', '-static-pie', '-Wl,--no-dynamic-linker'] as const;

const LIBRARIES: readonly Guest[] = [
  guest('quick-pie', [[[], exit(0)]], { source: 'quick.c', flags: PIE_FLAGS }),
  guest('longjmp', [[[], signal(SIGABRT)]], { library: 'c' }),
  guest('threads', [[[], exit(0)]], { library: 'c' }),
  guest('libc', [[['one', 'two'], exit(3), 'a line\nand another\n']], { library: 'c' }),
  guest(
    'exceptions',
    [
      [[], exit(5)],
      [['uncaught'], signal(SIGABRT)],
    ],
    { library: 'c++' },
  ),
];

export const GUESTS: readonly Guest[] = [
  ...CRASHES,
  ...SYSTEM,
  ...LIBRARIES,
  ...KERNELS.map(({ name, flags = [] }) => guest(name, [[[], exit(0)]], { flags })),
];

export const RUNS: readonly GuestRun[] = GUESTS.flatMap(({ runs }) => runs);

/** Path of the committed ELF file. */
export const guestFile = (name: string): string => path.join(FOLDER, 'bin', `${name}.elf`);

/** For titles and file names: `wild-jump-2`. */
export const runName = ({ guest: name, args }: GuestRun): string => [name, ...args].join('-');

export const expectedFile = (run: GuestRun): string =>
  path.join(FOLDER, 'expected', `${runName(run)}.txt`);

/** Standard output of a run, byte for byte. */
export const expectedOutput = (run: GuestRun): string => readFileSync(expectedFile(run), 'utf8');

const COMMON_FLAGS = ['-O2', '-Wall', '-Wextra'] as const;
const BARE_FLAGS = [
  '-std=gnu17',
  '-nostdlib',
  '-nostartfiles',
  '-ffreestanding',
  '-fno-pic',
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
] as const;
/** Symbols stay; a build id or debug information would differ from folder to folder. */
const LINK_FLAGS = [
  '-Wl,--build-id=none',
  '-Wl,--strip-debug',
  '-Wl,-z,noexecstack',
  '-Wl,-z,separate-code',
] as const;
const LIBRARY_FLAGS = { tiny: BARE_FLAGS, c: ['-std=gnu17'], 'c++': ['-std=gnu++17'] } as const;

/** The build line for RISC-V: compiler and arguments, to be run in this folder. */
export function buildLine(of: Guest, into: string): readonly [string, ...string[]] {
  const compiler = of.library === 'c++' ? 'riscv64-linux-gnu-g++' : 'riscv64-linux-gnu-gcc';
  const how = of.flags.includes('-static-pie') ? [] : ['-static'];
  const flags = [...COMMON_FLAGS, ...LIBRARY_FLAGS[of.library], ...LINK_FLAGS, ...how, ...of.flags];
  return [compiler, ...flags, '-o', into, of.source, ...(of.library === 'c' ? ['-lm'] : [])];
}

/** The build line of a kernel for the machine itself, with the same flags. */
export function nativeBuildLine(kernel: Kernel, into: string): readonly [string, ...string[]] {
  const more = kernel.flags ?? [];
  const flags = [...COMMON_FLAGS, ...BARE_FLAGS, '-static', '-no-pie', ...LINK_FLAGS, ...more];
  return ['cc', ...flags, '-o', into, `${kernel.name}.c`];
}
