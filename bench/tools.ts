/** The tools that bench/peers.ts compares: how each is started, and what it leaves behind. */
import { join } from 'node:path';

export const CLI = new URL('../packages/cli/bin/backtrail.js', import.meta.url).pathname;

export interface Programs {
  /** The small microbenchmark for this machine, and for RISC-V; null: no compiler for that. */
  readonly native: string;
  readonly riscv: string | null;
  readonly folder: string;
}

export interface Tool {
  readonly name: string;
  readonly keeps: string;
  /** Program that must be there; null: it comes with backtrail. */
  readonly needs: string | null;
  readonly isa: 'x86_64' | 'riscv64';
  /** @param output where it may write; a file or a folder */
  readonly command: (program: string, rounds: string, output: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether what it writes grows with the run. */
  readonly writes: boolean;
  /** So that it takes some seconds; and how often. */
  readonly rounds: number;
  readonly repeats: number;
  /** In the smoke test; 0: only that it starts. */
  readonly smokeRounds: number;
}

const backtrail = (engine: string, more: readonly string[]) => {
  return (program: string, rounds: string, output: string): readonly string[] => {
    const record = ['record', '-q', '--engine', engine, ...more, '-o', output];
    return [process.execPath, CLI, ...record, '--', program, rounds];
  };
};

const QEMU = 'qemu-x86_64';
const LOG = ['-d', 'exec,nochain', '-D'];

/** gdb cannot record AVX instructions: the C library is told that there are none. */
const NO_AVX =
  'glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-AVX_Fast_Unaligned_Load,' +
  '-BMI2,-RTM,-ERMS,-FSRM';

function gdb(program: string, rounds: string, output: string): readonly string[] {
  const commands = ['set confirm off', 'set pagination off', 'break main', 'run'];
  const record = ['set record full insn-number-max unlimited', 'record full', 'continue'];
  const all = [...commands, ...record, `record save ${output}`, 'kill'];
  const words = all.flatMap((command) => ['-ex', command]);
  return ['gdb', '-nx', '-batch', ...words, '--args', program, rounds];
}

const X86 = { isa: 'x86_64', repeats: 3, smokeRounds: 1 } as const;

export const TOOLS: readonly Tool[] = [
  {
    ...X86,
    name: 'native',
    keeps: 'nothing',
    needs: null,
    command: (program, rounds) => [program, rounds],
    writes: false,
    rounds: 40_000,
  },
  {
    ...X86,
    name: 'qemu-x86_64',
    keeps: 'nothing',
    needs: QEMU,
    command: (program, rounds) => [QEMU, program, rounds],
    writes: false,
    rounds: 20_000,
  },
  {
    ...X86,
    name: 'backtrail on QEMU',
    keeps: 'every transfer, on disk',
    needs: QEMU,
    command: backtrail('qemu', []),
    writes: true,
    rounds: 20_000,
  },
  {
    ...X86,
    name: 'backtrail on QEMU, --keep last',
    keeps: 'the last transfers',
    needs: QEMU,
    command: backtrail('qemu', ['--keep', 'last']),
    writes: false,
    rounds: 20_000,
  },
  {
    ...X86,
    name: 'backtrail, embedded engine (RISC-V build)',
    keeps: 'every transfer, on disk',
    needs: null,
    isa: 'riscv64',
    command: backtrail('embedded', []),
    writes: true,
    rounds: 20_000,
  },
  {
    ...X86,
    name: 'QEMU -d exec,nochain',
    keeps: 'every block, as text',
    needs: QEMU,
    command: (program, rounds, output) => [QEMU, ...LOG, output, program, rounds],
    writes: true,
    rounds: 100,
  },
  {
    ...X86,
    name: 'QEMU -singlestep -d exec,nochain',
    keeps: 'every instruction, as text',
    needs: QEMU,
    command: (program, rounds, output) => [QEMU, '-singlestep', ...LOG, output, program, rounds],
    writes: true,
    rounds: 20,
  },
  {
    ...X86,
    name: 'valgrind --tool=lackey --trace-superblocks',
    keeps: 'every superblock, as text',
    needs: 'valgrind',
    command: (program, rounds, output) => {
      const lackey = ['--tool=lackey', '--basic-counts=no', '--trace-superblocks=yes'];
      return ['valgrind', ...lackey, `--log-file=${output}`, program, rounds];
    },
    writes: true,
    rounds: 100,
  },
  {
    ...X86,
    name: 'valgrind --tool=callgrind',
    keeps: 'counts, no order',
    needs: 'valgrind',
    command: (program, rounds, output) => {
      const callgrind = ['--tool=callgrind', '--dump-instr=yes', '--collect-jumps=yes'];
      return ['valgrind', ...callgrind, `--callgrind-out-file=${output}`, program, rounds];
    },
    writes: false,
    rounds: 1000,
  },
  {
    ...X86,
    name: 'gdb record full',
    keeps: 'every instruction, registers and memory, in memory',
    needs: 'gdb',
    command: gdb,
    env: { GLIBC_TUNABLES: NO_AVX },
    writes: true,
    // Some 10,000 instructions a second.
    rounds: 1,
    repeats: 1,
    smokeRounds: 0,
  },
  {
    ...X86,
    name: 'perf record -e branches:u -c 1',
    keeps: 'every branch that the processor counts',
    needs: 'perf',
    command: (program, rounds, output) => {
      return ['perf', 'record', '-q', '-e', 'branches:u', '-c', '1', '-o', output, program, rounds];
    },
    writes: true,
    rounds: 100,
  },
  {
    ...X86,
    name: 'rr record',
    keeps: 'what is not deterministic: the run can be made again',
    needs: 'rr',
    command: (program, rounds, output) => ['rr', 'record', '-o', output, program, rounds],
    writes: true,
    rounds: 10_000,
  },
];

export const outputOf = ({ folder }: Programs, number: number): string =>
  join(folder, `peer-${number}`);
