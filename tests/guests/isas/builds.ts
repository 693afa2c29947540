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
  /** True: of NAME.S by an assembler and the linker beside it; else of ways.c. */
  readonly isAssembled?: boolean;
  /** Of the linker, if they are others. */
  readonly linkOptions?: readonly string[];
  /** False: what moves control is recorded, how is not. */
  readonly hasKinds?: boolean;
}

const FOLDER = fileURLToPath(new URL('./', import.meta.url));

export const SOURCE = `${FOLDER}ways.c`;
/** Where the code of assembled programs lies. */
export const ASSEMBLED_AT = '0x10000';
/** The two microblaze programs are of one source. */
export const assemblyOf = ({ name }: Build): string => `${FOLDER}${name.replace(/el$/, '')}.S`;
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
  {
    name: 'sparc',
    isa: 'sparc',
    emulator: 'qemu-sparc',
    compiler: 'sparc64-linux-gnu-gcc',
    options: ['-m32', '-mcpu=v8'],
  },
  {
    name: 'sparc32plus',
    isa: 'sparc32plus',
    emulator: 'qemu-sparc32plus',
    compiler: 'sparc64-linux-gnu-gcc',
    options: ['-m32', '-mcpu=v9'],
  },
  {
    name: 'sparc64',
    isa: 'sparc64',
    emulator: 'qemu-sparc64',
    compiler: 'sparc64-linux-gnu-gcc',
    options: ['-m64'],
  },
  {
    name: 'alpha',
    isa: 'alpha',
    emulator: 'qemu-alpha',
    compiler: 'alpha-linux-gnu-gcc',
    options: ['-s'],
  },
  {
    name: 'hppa',
    isa: 'hppa',
    emulator: 'qemu-hppa',
    compiler: 'hppa-linux-gnu-gcc',
    options: ['-mfast-indirect-calls', '-s'],
  },
  {
    name: 'mipsn32el',
    isa: 'mipsn32el',
    emulator: 'qemu-mipsn32el',
    compiler: 'mips64el-linux-gnuabi64-gcc',
    options: ['-mabi=n32', ...MIPS_OPTIONS],
  },
  {
    name: 'aarch64_be',
    isa: 'aarch64_be',
    emulator: 'qemu-aarch64_be',
    compiler: 'aarch64-linux-gnu-gcc',
    options: ['-mbig-endian'],
  },
  {
    name: 'armeb',
    isa: 'armeb',
    emulator: 'qemu-armeb',
    compiler: 'arm-linux-gnueabihf-gcc',
    options: ['-marm', '-mbig-endian', '-Wl,--be8'],
  },
  {
    name: 'or1k',
    isa: 'or1k',
    emulator: 'qemu-or1k',
    compiler: 'or1k-elf-as',
    options: [],
    isAssembled: true,
  },
  {
    name: 'microblaze',
    isa: 'microblaze',
    emulator: 'qemu-microblaze',
    compiler: 'microblaze-linux-gnu-as',
    options: ['-EB'],
    isAssembled: true,
  },
  {
    name: 'microblazeel',
    isa: 'microblazeel',
    emulator: 'qemu-microblazeel',
    compiler: 'microblaze-linux-gnu-as',
    options: ['-EL'],
    isAssembled: true,
  },
  {
    name: 'xtensa',
    isa: 'xtensa',
    emulator: 'qemu-xtensa',
    compiler: 'xtensa-linux-gnu-as',
    options: [],
    isAssembled: true,
  },
  {
    name: 'loongarch64',
    isa: 'loongarch64',
    emulator: 'qemu-loongarch64',
    compiler: 'loongarch64-linux-gnu-as',
    options: [],
    isAssembled: true,
  },
  {
    name: 'nios2',
    isa: 'nios2',
    emulator: 'qemu-nios2',
    compiler: 'nios2-linux-gnu-as',
    options: [],
    isAssembled: true,
  },
  {
    name: 'hexagon',
    isa: 'hexagon',
    emulator: 'qemu-hexagon',
    compiler: 'llvm-mc',
    options: ['-triple=hexagon', '-filetype=obj'],
    isAssembled: true,
  },
  {
    name: 'cris',
    isa: 'cris',
    emulator: 'qemu-cris',
    compiler: 'cris-linux-gnu-as',
    options: ['--march=v32'],
    isAssembled: true,
    linkOptions: ['-m', 'crislinux'],
    hasKinds: false,
  },
];
