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
];
