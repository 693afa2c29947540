/**
 * Control flow of the 68000 family from the bits (M68000 Family Programmer's Reference Manual,
 * sections 4 and 5). Twin of the recorder's classify_m68k.c.
 */
import { FLOW, type FlowDecoder, SEQUENTIAL, signExtend } from './flow.ts';

const halfAt = (code: Uint8Array, at: number): number =>
  ((code[at] ?? 0) << 8) | (code[at + 1] ?? 0);
const longAt = (code: Uint8Array, at: number): number =>
  (halfAt(code, at) << 16) | halfAt(code, at + 2);

/** Addressing modes of jmp and jsr that name one place. */
const ABSOLUTE_SHORT = 0x38;
const ABSOLUTE_LONG = 0x39;
const FROM_PC = 0x3a;

const isBranch = (word: number): boolean => (word & 0xf000) === 0x6000;
const isJump = (word: number): boolean => (word & 0xff80) === 0x4e80;
/** Decrement and branch. */
const isLoop = (word: number): boolean => (word & 0xf0f8) === 0x50c8;
const isFloatBranch = (word: number): boolean => (word & 0xff80) === 0xf280;
const isFloatLoop = (word: number): boolean => (word & 0xfff8) === 0xf248;

function jumpFlow(word: number): number {
  const calls = (word & 0x40) === 0;
  const mode = word & 0x3f;
  if (mode === ABSOLUTE_SHORT || mode === ABSOLUTE_LONG || mode === FROM_PC) {
    return calls ? FLOW.call : FLOW.jump;
  }
  return calls ? FLOW.indirectCall : FLOW.indirectJump;
}

function branchFlow(word: number): number {
  const condition = (word >>> 8) & 15;
  if (condition > 1) return FLOW.branch;
  return condition === 0 ? FLOW.jump : FLOW.call;
}

function flowOf(word: number): number {
  if (isBranch(word)) return branchFlow(word);
  if (isJump(word)) return jumpFlow(word);
  if (isLoop(word) || isFloatBranch(word) || isFloatLoop(word)) return FLOW.branch;
  if ((word & 0xfff0) === 0x4e40) return (word & 15) === 0 ? FLOW.syscall : FLOW.passingTrap;
  switch (word) {
    case 0x4e73: // rte
      return FLOW.trapReturn;
    case 0x4e74: // rtd
    case 0x4e75: // rts
    case 0x4e77: // rtr
      return FLOW.return;
    case 0x4afc: // illegal
      return FLOW.trap;
    default:
      return SEQUENTIAL;
  }
}

function branchDistance(code: Uint8Array, at: number, word: number): number {
  const short = word & 0xff;
  if (short === 0) return 2 + signExtend(halfAt(code, at + 2), 16);
  return 2 + (short === 0xff ? longAt(code, at + 2) : signExtend(short, 8));
}

export const M68K_DECODER: FlowDecoder = {
  flow: (code, at, sizeBytes) => (sizeBytes >= 2 ? flowOf(halfAt(code, at)) : SEQUENTIAL),
  displacementBytes(code, at, sizeBytes) {
    const word = halfAt(code, at);
    if (sizeBytes < 2) return Number.NaN;
    if (isBranch(word)) return branchDistance(code, at, word);
    if (isFloatBranch(word) && (word & 0x40) !== 0) return 2 + longAt(code, at + 2);
    if (isFloatLoop(word)) return 4 + signExtend(halfAt(code, at + 4), 16);
    // Absolute targets are no distances.
    const isNear =
      isLoop(word) || isFloatBranch(word) || (isJump(word) && (word & 0x3f) === FROM_PC);
    return isNear ? 2 + signExtend(halfAt(code, at + 2), 16) : Number.NaN;
  },
  sizeBytes: () => 0,
};
