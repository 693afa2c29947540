/**
 * ways.c for each guest: who builds it and how. The programs are committed beside this file, so
 * that only QEMU is needed to run them.
 */
import { fileURLToPath } from 'node:url';
import type { Tool } from '../../require.ts';

export interface Build {
  /** Of the program: `NAME.elf`. */
  readonly name: string;
  /** As in `qemu-ISA`. */
  readonly isa: string;
  readonly emulator: Tool;
  readonly compiler: Tool;
  readonly options: readonly string[];
}

const FOLDER = fileURLToPath(new URL('./', import.meta.url));

export const SOURCE = `${FOLDER}ways.c`;
export const programOf = ({ name }: Build): string => `${FOLDER}${name}.elf`;

const OPTIONS = [
  '-O1',
  '-ffreestanding',
  '-fno-pic',
  '-no-pie',
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
  '-nostdlib',
  '-static',
  '-Wl,--build-id=none',
  '-Wl,-z,noseparate-code',
];

/** The build line without its last words: `-o NAME.elf ways.c`. */
export const optionsOf = ({ options }: Build): string[] => [...OPTIONS, ...options];

const MIPS_OPTIONS = [
  '-mno-abicalls',
  '-G0',
  '-Wl,-z,max-page-size=4096',
  '-Wl,-Ttext-segment=0x400000',
  '-Wl,--section-start=.slot=0x402ff0',
];

export const BUILDS: readonly Build[] = [
  {
    name: 'i386',
    isa: 'i386',
    emulator: 'qemu-i386',
    compiler: 'i686-linux-gnu-gcc',
    options: ['-march=i686', '-fcf-protection=none'],
  },
  {
    name: 'arm',
    isa: 'arm',
    emulator: 'qemu-arm',
    compiler: 'arm-linux-gnueabihf-gcc',
    options: ['-marm'],
  },
  {
    name: 'thumb',
    isa: 'arm',
    emulator: 'qemu-arm',
    compiler: 'arm-linux-gnueabihf-gcc',
    options: ['-mthumb'],
  },
  {
    name: 'ppc64le',
    isa: 'ppc64le',
    emulator: 'qemu-ppc64le',
    compiler: 'powerpc64le-linux-gnu-gcc',
    options: [],
  },
  {
    name: 'ppc64',
    isa: 'ppc64',
    emulator: 'qemu-ppc64',
    compiler: 'powerpc64-linux-gnu-gcc',
    options: [],
  },
  {
    name: 'ppc',
    isa: 'ppc',
    emulator: 'qemu-ppc',
    compiler: 'powerpc-linux-gnu-gcc',
    options: [],
  },
  {
    name: 's390x',
    isa: 's390x',
    emulator: 'qemu-s390x',
    compiler: 's390x-linux-gnu-gcc',
    options: ['-march=z10'],
  },
  {
    name: 'riscv32',
    isa: 'riscv32',
    emulator: 'qemu-riscv32',
    compiler: 'riscv64-linux-gnu-gcc',
    options: ['-march=rv32imac', '-mabi=ilp32'],
  },
  {
    name: 'mipsel',
    isa: 'mipsel',
    emulator: 'qemu-mipsel',
    compiler: 'mipsel-linux-gnu-gcc',
    options: MIPS_OPTIONS,
  },
  {
    name: 'mips',
    isa: 'mips',
    emulator: 'qemu-mips',
    compiler: 'mips-linux-gnu-gcc',
    options: MIPS_OPTIONS,
  },
  {
    name: 'mips64el',
    isa: 'mips64el',
    emulator: 'qemu-mips64el',
    compiler: 'mips64el-linux-gnuabi64-gcc',
    options: MIPS_OPTIONS,
  },
  {
    name: 'm68k',
    isa: 'm68k',
    emulator: 'qemu-m68k',
    compiler: 'm68k-linux-gnu-gcc',
    options: [],
  },
  {
    name: 'sh4',
    isa: 'sh4',
    emulator: 'qemu-sh4',
    compiler: 'sh4-linux-gnu-gcc',
    options: [],
  },
];
