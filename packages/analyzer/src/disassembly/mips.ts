/**
 * Control flow of MIPS below release 6 from the bits (MIPS Architecture For Programmers, volume
 * II-A). A branch or jump and the instruction in its delay slot are one instruction of 8 bytes in a
 * trace. Twin of the recorder's classify_mips.c.
 */
import { FLOW, type FlowDecoder, PASSES, read32, SEQUENTIAL, signExtend } from './flow.ts';
import { swap32 } from './ppc.ts';

const RA = 31;
const ERET = 0x4200_0018;
const DERET = 0x4200_001f;
const PAIR_BYTES = 8;

function special(word: number): number {
  const rs = (word >>> 21) & 31;
  const rd = (word >>> 11) & 31;
  const which = word & 63;
  if (which === 9 && rd !== 0) return FLOW.indirectCall;
  if (which !== 8 && which !== 9) return SEQUENTIAL;
  return rs === RA ? FLOW.return : FLOW.indirectJump;
}

/** Compares with zero; some of them link, whether they are taken or not. */
function compareZero(word: number): number {
  const which = (word >>> 16) & 31;
  if ((which & ~16) > 3) return SEQUENTIAL;
  const isAlways = ((word >>> 21) & 31) === 0 && (which & 1) === 1;
  if ((which & 16) !== 0) return FLOW.call | (isAlways ? 0 : PASSES);
  return isAlways ? FLOW.jump : FLOW.branch;
}

function pairFlow(word: number): number {
  const rs = (word >>> 21) & 31;
  const rt = (word >>> 16) & 31;
  switch (word >>> 26) {
    case 0:
      return special(word);
    case 1:
      return compareZero(word);
    case 2:
      return FLOW.jump;
    case 3:
    case 0x1d: // jalx
      return FLOW.call;
    case 4: // beq, beql
    case 0x14:
      return rs === 0 && rt === 0 ? FLOW.jump : FLOW.branch;
    case 5: // bne, blez, bgtz, and their likely forms
    case 6:
    case 7:
    case 0x15:
    case 0x16:
    case 0x17:
      return FLOW.branch;
    case 0x11: // bc1, bc2
    case 0x12:
      return rs === 8 ? FLOW.branch : SEQUENTIAL;
    default:
      return SEQUENTIAL;
  }
}

function singleFlow(word: number): number {
  if ((word & (0xfc00_003f | 0)) === 0x0c) return FLOW.syscall;
  if ((word & (0xfc00_003f | 0)) === 0x0d) return FLOW.passingTrap; // break
  return word === ERET || word === DERET ? FLOW.trapReturn : SEQUENTIAL;
}

const isFar = (word: number): boolean => [2, 3, 0x1d].includes(word >>> 26);

export function mipsDecoder(isBig: boolean): FlowDecoder {
  const wordAt = (code: Uint8Array, at: number): number =>
    isBig ? swap32(read32(code, at)) : read32(code, at);
  return {
    flow(code, at, sizeBytes) {
      const word = wordAt(code, at);
      if (sizeBytes === PAIR_BYTES) return pairFlow(word);
      return sizeBytes === 4 ? singleFlow(word) : SEQUENTIAL;
    },
    displacementBytes(code, at, sizeBytes) {
      const word = wordAt(code, at);
      const flow = sizeBytes === PAIR_BYTES ? pairFlow(word) : SEQUENTIAL;
      const isDirect = [FLOW.branch, FLOW.jump, FLOW.call, FLOW.call | PASSES].includes(flow);
      // Those of j and jal are no distances.
      if (!isDirect || isFar(word)) return Number.NaN;
      return 4 + signExtend(word, 16) * 4;
    },
    sizeBytes: () => 0,
  };
}
