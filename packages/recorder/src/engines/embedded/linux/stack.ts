/**
 * The first stack of a program (psABI, "Process initialisation"; fs/binfmt_elf.c):
 *
 *   sp → argc, argv pointers, 0, environment pointers, 0, auxiliary vector (pairs, AT_NULL last)
 *        16 random bytes, argument strings, environment strings, path of the program, 8 zero bytes
 */
import type { LoadedProgram } from './loader.ts';

/** Numbers of the auxiliary vector: include/uapi/linux/auxvec.h. */
const AT = {
  null: 0,
  programHeaders: 3,
  headerBytes: 4,
  headerCount: 5,
  pageBytes: 6,
  base: 7,
  flags: 8,
  entry: 9,
  uid: 11,
  euid: 12,
  gid: 13,
  egid: 14,
  hwcap: 16,
  clockTicks: 17,
  secure: 23,
  random: 25,
  execName: 31,
} as const;

const PROGRAM_HEADER_BYTES = 56;
const TICKS_PER_S = 100;
const PAGE_BYTES = 4096;
/** One bit for each single-letter extension: A, C, D, F, I, M. */
const HWCAP = ['a', 'c', 'd', 'f', 'i', 'm'].reduce(
  (bits, letter) => bits | (1 << (letter.charCodeAt(0) - 97)),
  0,
);

export interface StackContents {
  readonly program: LoadedProgram;
  readonly arguments: readonly string[];
  /** `NAME=value` each. */
  readonly environment: readonly string[];
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly random: Uint8Array;
}

/** Largest part of the stack that arguments and environment may take: a quarter of it. */
export const ARGUMENT_BYTES_MAX = 2 << 20;

/** Bytes of the stack that ends at `top`, and where sp is in it; null: they are too many. */
export function buildStack(
  top: number,
  contents: StackContents,
): { readonly sp: number; readonly bytes: Uint8Array } | null {
  const texts = [...contents.arguments, ...contents.environment, contents.path];
  const strings = texts.map((text) => Buffer.from(`${text}\0`, 'utf8'));
  const stringBytes = strings.reduce((sum, text) => sum + text.length, 0);
  if (stringBytes > ARGUMENT_BYTES_MAX) return null;
  const stringsAt = top - 8 - stringBytes;
  const addresses: number[] = [];
  let at = stringsAt;
  for (const text of strings) {
    addresses.push(at);
    at += text.length;
  }
  const randomAt = stringsAt - 16 - (stringsAt % 16);
  const argc = contents.arguments.length;
  const envEnd = argc + contents.environment.length;
  const words = [
    argc,
    ...addresses.slice(0, argc),
    0,
    ...addresses.slice(argc, envEnd),
    0,
    ...auxiliary(contents, randomAt, addresses[envEnd] ?? 0),
  ];
  const sp = (randomAt - 8 * words.length) & ~15;
  const start = sp >>> 0;
  const bytes = new Uint8Array(top - start);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setBigUint64(8 * index, BigInt(word), true);
  bytes.set(contents.random, randomAt - start);
  for (const [index, text] of strings.entries()) bytes.set(text, (addresses[index] ?? 0) - start);
  return { sp: start, bytes };
}

/** In the order in which qemu-riscv64 has them. */
function auxiliary(contents: StackContents, randomAt: number, pathAt: number): number[] {
  const { program, uid, gid } = contents;
  return [
    [AT.programHeaders, program.headers],
    [AT.headerBytes, PROGRAM_HEADER_BYTES],
    [AT.headerCount, program.headerCount],
    [AT.pageBytes, PAGE_BYTES],
    [AT.base, 0],
    [AT.flags, 0],
    [AT.entry, program.entry],
    [AT.uid, uid],
    [AT.euid, uid],
    [AT.gid, gid],
    [AT.egid, gid],
    [AT.hwcap, HWCAP],
    [AT.clockTicks, TICKS_PER_S],
    [AT.random, randomAt],
    [AT.secure, 0],
    [AT.execName, pathAt],
    [AT.null, 0],
  ].flat();
}
