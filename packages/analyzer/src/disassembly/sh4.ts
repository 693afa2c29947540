/**
 * Control flow of SuperH from the bits (SH-4 Software Manual, chapter 9). A branch and the
 * instruction in its delay slot are one instruction of 4 bytes in a trace. Twin of the recorder's
 * classify_sh4.c.
 */
import { FLOW, type FlowDecoder, read16, SEQUENTIAL, signExtend } from './flow.ts';

const PAIR_BYTES = 4;

const isFar = (half: number): boolean => (half & 0xe000) === 0xa000;
/** bt/s and bf/s. */
const isSlottedBranch = (half: number): boolean => (half & 0xfd00) === 0x8d00;
/** bt and bf. */
const isBranch = (half: number): boolean => (half & 0xfd00) === 0x8900;

function pairFlow(half: number): number {
  if (isFar(half)) return (half & 0x1000) === 0 ? FLOW.jump : FLOW.call;
  if (isSlottedBranch(half)) return FLOW.branch;
  switch (half & 0xf0ff) {
    case 0x0023: // braf
    case 0x402b: // jmp
      return FLOW.indirectJump;
    case 0x0003: // bsrf
    case 0x400b: // jsr
      return FLOW.indirectCall;
  }
  if (half === 0x002b) return FLOW.trapReturn;
  return half === 0x000b ? FLOW.return : SEQUENTIAL;
}

function singleFlow(half: number): number {
  if (isBranch(half)) return FLOW.branch;
  return (half & 0xff00) === 0xc300 ? FLOW.syscall : SEQUENTIAL; // trapa
}

export function sh4Decoder(isBig: boolean): FlowDecoder {
  const halfAt = (code: Uint8Array, at: number): number => {
    const half = read16(code, at);
    return isBig ? ((half & 0xff) << 8) | (half >>> 8) : half;
  };
  return {
    flow(code, at, sizeBytes) {
      const half = halfAt(code, at);
      if (sizeBytes === PAIR_BYTES) return pairFlow(half);
      return sizeBytes === 2 ? singleFlow(half) : SEQUENTIAL;
    },
    displacementBytes(code, at, sizeBytes) {
      const half = halfAt(code, at);
      const isPair = sizeBytes === PAIR_BYTES;
      if (isPair && isFar(half)) return 4 + signExtend(half, 12) * 2;
      const isNear = isPair ? isSlottedBranch(half) : sizeBytes === 2 && isBranch(half);
      return isNear ? 4 + signExtend(half, 8) * 2 : Number.NaN;
    },
    sizeBytes: () => 0,
  };
}
