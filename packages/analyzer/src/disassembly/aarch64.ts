/**
 * Control flow of AArch64 from the bits (Arm Architecture Reference Manual for A-profile, C4.1:
 * "Branches, Exception Generating and System instructions"). Instructions are little-endian words
 * whatever the byte order of data.
 *
 *   b, bl        op 00101 imm26                  br, blr, ret, eret…  1101011 opc 11111 op3 Rn op4
 *   b.cond       01010100 imm19 o0 cond          svc, hvc, smc, brk…  11010100 opc imm16 op2 LL
 *   cbz, cbnz    sf 011010 op imm19 Rt           tbz, tbnz            b5 011011 op b40 imm14 Rt
 */
import { FLOW, type FlowDecoder, read32, SEQUENTIAL, signExtend } from './flow.ts';

/** opc of the register forms; bit 3 marks br and blr with an authentication modifier register. */
const REGISTER_FLOWS: Readonly<Record<number, number>> = {
  0: FLOW.indirectJump, // br, braaz, brabz
  1: FLOW.indirectCall, // blr, blraaz, blrabz
  2: FLOW.return, // ret, retaa, retab
  4: FLOW.trapReturn, // eret, eretaa, eretab
  5: FLOW.trapReturn, // drps: return from debug state
  8: FLOW.indirectJump, // braa, brab
  9: FLOW.indirectCall, // blraa, blrab
};

/** opc, op2 and LL of the exception-generating group, all other bits being the immediate. */
function exceptionFlow(word: number): number {
  switch (word & 0xffe0_001f) {
    case 0xd400_0001 | 0:
      return FLOW.syscall;
    case 0xd400_0002 | 0: // hvc
    case 0xd400_0003 | 0: // smc
      return FLOW.passingTrap;
    case 0xd420_0000 | 0: // brk
    case 0xd440_0000 | 0: // hlt: halting debug, no wait
    case 0xd4a0_0001 | 0: // dcps1
    case 0xd4a0_0002 | 0: // dcps2
    case 0xd4a0_0003 | 0: // dcps3
      return FLOW.trap;
    default:
      return SEQUENTIAL;
  }
}

const isImmediateJump = (word: number): boolean => (word & 0x7c00_0000) === 0x1400_0000;
/** b.cond and, with o0 set, the consistent form bc.cond. */
const isConditional = (word: number): boolean => (word & 0xff00_0000) === 0x5400_0000;
const isCompare = (word: number): boolean => (word & 0x7e00_0000) === 0x3400_0000;
const isTest = (word: number): boolean => (word & 0x7e00_0000) === 0x3600_0000;
const isRegister = (word: number): boolean => (word & 0xfe1f_0000) === (0xd61f_0000 | 0);
/** Also those of FEAT_WFxT, which name a register. */
const isWait = (word: number): boolean =>
  word === (0xd503_205f | 0) || word === (0xd503_207f | 0) || (word & -64) === (0xd503_1000 | 0);
/** udf #imm16: the permanently undefined instruction. */
const isUndefined = (word: number): boolean => (word & 0xffff_0000) === 0;

function flowOf(word: number): number {
  if (isImmediateJump(word)) return word < 0 ? FLOW.call : FLOW.jump;
  if (isConditional(word)) {
    // Conditions 14 and 15 are both "always".
    return (word & 14) === 14 ? FLOW.branch & 0x7f : FLOW.branch;
  }
  if (isCompare(word) || isTest(word)) return FLOW.branch;
  if (isRegister(word)) return REGISTER_FLOWS[(word >>> 21) & 15] ?? SEQUENTIAL;
  if ((word & 0xff00_0000) === (0xd400_0000 | 0)) return exceptionFlow(word);
  if (isWait(word)) return FLOW.halt;
  return isUndefined(word) ? FLOW.trap : SEQUENTIAL;
}

export const AARCH64_DECODER: FlowDecoder = {
  flow: (code, at, sizeBytes) => (sizeBytes === 4 ? flowOf(read32(code, at)) : SEQUENTIAL),
  displacementBytes(code, at, sizeBytes) {
    const word = read32(code, at);
    if (sizeBytes !== 4) return Number.NaN;
    if (isImmediateJump(word)) return signExtend(word, 26) * 4;
    if (isConditional(word) || isCompare(word)) return signExtend(word >>> 5, 19) * 4;
    return isTest(word) ? signExtend(word >>> 5, 14) * 4 : Number.NaN;
  },
  sizeBytes: () => 4,
};
