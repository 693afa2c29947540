/**
 * Control flow of PowerPC from the bits (Power ISA 3.1, book I, 2.4: branch facility; book III for
 * returns from interrupts). Instructions have the byte order of the guest. Twin of the recorder's
 * classify_ppc.c.
 *
 *   b    18 LI AA LK             bclr   19 BO BI … 16 LK        sc   17 … 1 0
 *   bc   16 BO BI BD AA LK       bcctr  19 BO BI … 528 LK
 */
import { FLOW, type FlowDecoder, PASSES, read32, SEQUENTIAL, signExtend } from './flow.ts';

const TRAP = 0x7fe0_0008;
/** Extended opcodes of rfid, rfi and their kin. */
const TRAP_RETURNS: readonly number[] = [18, 38, 39, 50, 51, 82, 274];

const isAlways = (word: number): boolean => ((word >>> 21) & 0x14) === 0x14;

function byRegister(word: number): number {
  const links = (word & 1) === 1;
  const extended = (word >>> 1) & 0x3ff;
  const passes = isAlways(word) ? 0 : PASSES;
  if (extended === 16) return (links ? FLOW.indirectCall : FLOW.return) | passes;
  if (extended === 528 || extended === 560) {
    return (links ? FLOW.indirectCall : FLOW.indirectJump) | passes;
  }
  return TRAP_RETURNS.includes(extended) ? FLOW.trapReturn : SEQUENTIAL;
}

function flowOf(word: number): number {
  const links = (word & 1) === 1;
  switch (word >>> 26) {
    case 16:
      if (links) return FLOW.call | (isAlways(word) ? 0 : PASSES);
      return isAlways(word) ? FLOW.jump : FLOW.branch;
    case 17:
      return (word & 3) === 1 || (word & 3) === 2 ? FLOW.syscall : SEQUENTIAL;
    case 18:
      return links ? FLOW.call : FLOW.jump;
    case 19:
      return byRegister(word);
    default:
      return word === TRAP ? FLOW.trap : SEQUENTIAL;
  }
}

export function ppcDecoder(isBig: boolean): FlowDecoder {
  const wordAt = (code: Uint8Array, at: number): number =>
    isBig ? swap32(read32(code, at)) : read32(code, at);
  return {
    // Those of 8 bytes are prefixed, and none of them moves control.
    flow: (code, at, sizeBytes) => (sizeBytes === 4 ? flowOf(wordAt(code, at)) : SEQUENTIAL),
    displacementBytes(code, at, sizeBytes) {
      const word = wordAt(code, at);
      if (sizeBytes !== 4 || (word & 2) !== 0) return Number.NaN;
      if (word >>> 26 === 18) return signExtend(word & 0x03ff_fffc, 26);
      return word >>> 26 === 16 ? signExtend(word & 0xfffc, 16) : Number.NaN;
    },
    sizeBytes: (code, at) => (wordAt(code, at) >>> 26 === 1 ? 8 : 4),
  };
}

export const swap32 = (word: number): number =>
  ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
