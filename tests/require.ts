/**
 * For tests that need a tool of the machine. A missing tool skips them by name, with the line that
 * installs it in the title. With BACKTRAIL_REQUIRE_ALL=1 (CI) a missing tool is a failing test: a
 * run that silently skipped the QEMU tests must not look green.
 *
 *   const qemu = needs('qemu-x86_64');
 *   describe.skipIf(qemu.missing)(`record${qemu.note}`, () => { … qemu.path … });
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'vitest';

/** What tests may need, and how a Debian or Ubuntu user gets it. */
const INSTALL = {
  'qemu-x86_64': 'apt-get install qemu-user',
  'qemu-riscv64': 'apt-get install qemu-user',
  'qemu-aarch64': 'apt-get install qemu-user',
  'qemu-i386': 'apt-get install qemu-user',
  'qemu-arm': 'apt-get install qemu-user',
  'qemu-m68k': 'apt-get install qemu-user',
  'qemu-sh4': 'apt-get install qemu-user',
  'qemu-mips': 'apt-get install qemu-user',
  'qemu-mipsel': 'apt-get install qemu-user',
  'qemu-mips64el': 'apt-get install qemu-user',
  'qemu-ppc': 'apt-get install qemu-user',
  'qemu-ppc64': 'apt-get install qemu-user',
  'qemu-ppc64le': 'apt-get install qemu-user',
  'qemu-s390x': 'apt-get install qemu-user',
  'qemu-riscv32': 'apt-get install qemu-user',
  'qemu-sparc': 'apt-get install qemu-user',
  'qemu-sparc32plus': 'apt-get install qemu-user',
  'qemu-sparc64': 'apt-get install qemu-user',
  'qemu-alpha': 'apt-get install qemu-user',
  'qemu-hppa': 'apt-get install qemu-user',
  'qemu-mipsn32el': 'apt-get install qemu-user',
  'qemu-aarch64_be': 'apt-get install qemu-user',
  'qemu-armeb': 'apt-get install qemu-user',
  'qemu-loongarch64': 'apt-get install qemu-user',
  'qemu-nios2': 'apt-get install qemu-user',
  'qemu-or1k': 'apt-get install qemu-user',
  'qemu-microblaze': 'apt-get install qemu-user',
  'qemu-microblazeel': 'apt-get install qemu-user',
  'qemu-hexagon': 'apt-get install qemu-user',
  'qemu-cris': 'apt-get install qemu-user',
  'qemu-xtensa': 'apt-get install qemu-user',
  'qemu-system-riscv64': 'apt-get install qemu-system-misc',
  'qemu-system-x86_64': 'apt-get install qemu-system-x86',
  'qemu-system-aarch64': 'apt-get install qemu-system-arm',
  cc: 'apt-get install gcc libc6-dev',
  'c++': 'apt-get install g++',
  'g++': 'apt-get install g++',
  'riscv64-linux-gnu-gcc': 'apt-get install gcc-riscv64-linux-gnu libc6-dev-riscv64-cross',
  'riscv64-linux-gnu-g++': 'apt-get install g++-riscv64-linux-gnu',
  'riscv64-linux-gnu-objdump': 'apt-get install binutils-riscv64-linux-gnu',
  'aarch64-linux-gnu-gcc': 'apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
  'i686-linux-gnu-gcc': 'apt-get install gcc-i686-linux-gnu libc6-dev-i386-cross',
  'arm-linux-gnueabihf-gcc': 'apt-get install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross',
  'm68k-linux-gnu-gcc': 'apt-get install gcc-m68k-linux-gnu',
  'sparc64-linux-gnu-gcc': 'apt-get install gcc-sparc64-linux-gnu',
  'alpha-linux-gnu-gcc': 'apt-get install gcc-alpha-linux-gnu',
  'hppa-linux-gnu-gcc': 'apt-get install gcc-hppa-linux-gnu',
  'sh4-linux-gnu-gcc': 'apt-get install gcc-sh4-linux-gnu',
  'mips-linux-gnu-gcc': 'apt-get install gcc-mips-linux-gnu',
  'mipsel-linux-gnu-gcc': 'apt-get install gcc-mipsel-linux-gnu',
  'mips64el-linux-gnuabi64-gcc': 'apt-get install gcc-mips64el-linux-gnuabi64',
  'powerpc64le-linux-gnu-gcc': 'apt-get install gcc-powerpc64le-linux-gnu',
  'powerpc64-linux-gnu-gcc': 'apt-get install gcc-powerpc64-linux-gnu',
  'powerpc-linux-gnu-gcc': 'apt-get install gcc-powerpc-linux-gnu',
  's390x-linux-gnu-gcc': 'apt-get install gcc-s390x-linux-gnu',
  'llvm-mc': 'apt-get install llvm',
  'cris-linux-gnu-as': 'build GNU binutils with --target=cris-linux-gnu',
  'or1k-elf-as': 'apt-get install binutils-or1k-elf',
  'microblaze-linux-gnu-as': 'build GNU binutils with --target=microblaze-linux-gnu',
  'xtensa-linux-gnu-as': 'build GNU binutils with --target=xtensa-linux-gnu',
  'loongarch64-linux-gnu-as': 'build GNU binutils with --target=loongarch64-linux-gnu',
  'nios2-linux-gnu-as': 'build GNU binutils with --target=nios2-linux-gnu',
  go: 'apt-get install golang-go',
  gdb: 'apt-get install gdb',
  readelf: 'apt-get install binutils',
  nm: 'apt-get install binutils',
  objdump: 'apt-get install binutils',
  addr2line: 'apt-get install binutils',
  'llvm-symbolizer': 'apt-get install llvm',
  /** The system's own: one found on PATH may be a wrapper script, no ELF program. */
  '/usr/bin/python3': 'apt-get install python3',
} as const;

export type Tool = keyof typeof INSTALL;

export interface Need {
  /** True: skip. */
  readonly missing: boolean;
  /** Where the tool is; its bare name if it is missing. */
  readonly path: string;
  /** For the title: empty, or what is missing and the line that installs it. */
  readonly note: string;
}

/** Where `tool` is on the PATH (or itself, if it is an absolute path); null if nowhere. */
export function findTool(tool: string, searchPath = process.env['PATH'] ?? ''): string | null {
  const folders = path.isAbsolute(tool) ? [''] : searchPath.split(path.delimiter);
  for (const folder of folders) {
    const candidate = folder === '' ? tool : path.join(folder, tool);
    if (path.isAbsolute(candidate) && isExecutableFile(candidate)) return candidate;
  }
  return null;
}

/**
 * Looks for one tool. Call it at the top of a test file or inside a describe: where everything is
 * required and the tool is missing, it adds a failing test there.
 */
export function needs(tool: Tool, install: string = INSTALL[tool]): Need {
  return need(tool, install, isAllRequired());
}

/** As needs(), but never a failing test: for what no machine is asked to have, ten compilers. */
export const wants = (tool: Tool): Need => need(tool, INSTALL[tool], false);

/** A file that is no program: a cross library, a header. */
export function needsFile(file: string, install: string): Need {
  const find = (): string | null => (existsSync(file) ? file : null);
  return need(file, install, isAllRequired(), addFailingTest, find);
}

/** Several tools at once: missing if any is. The path is that of the first. */
export function needsAll(first: Tool, ...others: readonly Tool[]): Need {
  const found = [first, ...others].map((tool) => needs(tool));
  const lines = found.map((one) => one.note).filter((note) => note !== '');
  return {
    missing: found.some((one) => one.missing),
    path: found[0]?.path ?? first,
    note: lines.join(''),
  };
}

const isAllRequired = (): boolean => process.env['BACKTRAIL_REQUIRE_ALL'] === '1';

/** needs() with the answer of the environment given; `addFailing` adds the failing test. */
export function need(
  tool: string,
  install: string,
  requireAll: boolean,
  addFailing: (title: string, message: string) => void = addFailingTest,
  find: (tool: string) => string | null = findTool,
): Need {
  const found = find(tool);
  if (found !== null) return { missing: false, path: found, note: '' };
  if (requireAll) {
    const title = `needs ${tool} (BACKTRAIL_REQUIRE_ALL=1)`;
    addFailing(title, `found no ${tool}, expected it on this machine. Run: ${install}`);
  }
  return { missing: true, path: tool, note: ` [skipped: no ${tool}; ${install}]` };
}

function addFailingTest(title: string, message: string): void {
  test(title, () => {
    throw new Error(message);
  });
}

function isExecutableFile(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
