/**
 * What one instruction does to control flow, as a number: an index into FLOW_KINDS, with PASSES set
 * where control may also just go on to the next instruction. An ordinary instruction is SEQUENTIAL.
 * Tables of millions of instructions hold these numbers; classify.ts turns one into words.
 */
import { KINDS, type Kind } from '@backtrail/recorder/trace';

/**
 * Kinds of a jump, and what else an instruction may be: `syscall` asks the guest's own kernel,
 * `trap` raises an exception or calls a hypervisor, `repeat` may run again without having moved on,
 * `halt` waits.
 */
export type FlowKind = Kind | 'trap' | 'repeat' | 'halt';
export const FLOW_KINDS: readonly FlowKind[] = [...KINDS, 'trap', 'repeat', 'halt'];

/** Control may also reach the next instruction by just going on. */
export const PASSES = 0x80;
/** All bits set, so that PASSES is too. */
export const SEQUENTIAL = 0xff;

const code = (kind: FlowKind): number => FLOW_KINDS.indexOf(kind);

/** The numbers decoders return. */
export const FLOW = {
  branch: code('branch') | PASSES,
  jump: code('jump'),
  indirectJump: code('indirect-jump'),
  call: code('call'),
  indirectCall: code('indirect-call'),
  return: code('return'),
  trapReturn: code('trap-return'),
  syscall: code('syscall') | PASSES,
  trap: code('trap'),
  /** Its handler comes back to the next instruction. */
  passingTrap: code('trap') | PASSES,
  repeat: code('repeat') | PASSES,
  halt: code('halt') | PASSES,
} as const;

/** Says what the bits of one instruction do; one value per instruction set. */
export interface FlowDecoder {
  /** A FLOW number or SEQUENTIAL. Bytes that are no whole instruction are SEQUENTIAL. */
  flow(code: Uint8Array, at: number, sizeBytes: number): number;
  /** Direct target minus address of the instruction, bytes; NaN where there is no direct target. */
  displacementBytes(code: Uint8Array, at: number, sizeBytes: number): number;
  /** Size of the instruction at `at` in bytes, or 0 where only a full decoder could tell. */
  sizeBytes(code: Uint8Array, at: number): number;
  /** Whether a direct target is told from the address rounded down to a multiple of 4. */
  isFromWord?(code: Uint8Array, at: number, sizeBytes: number): boolean;
}

/** The lowest `bits` bits of `value` as a signed number; `bits` from 1 to 32. */
export function signExtend(value: number, bits: number): number {
  const shift = 32 - bits;
  return (value << shift) >> shift;
}

/** Little-endian reads; bytes past the end read as 0. */
export const read16 = (code: Uint8Array, at: number): number =>
  (code[at] ?? 0) | ((code[at + 1] ?? 0) << 8);
/** Signed, as JavaScript's bit operators want it. */
export const read32 = (code: Uint8Array, at: number): number =>
  read16(code, at) | (read16(code, at + 2) << 16);
