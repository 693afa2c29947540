/**
 * Control flow of z/Architecture from the bits (Principles of Operation, chapter 7). The first two
 * bits tell the size: 2, 4, 4 or 6 bytes. Twin of the recorder's classify_s390x.c.
 */
import { FLOW, type FlowDecoder, PASSES, SEQUENTIAL, signExtend } from './flow.ts';

const LINK = 14;
const ALWAYS = 15;

const CONDITIONAL_JUMP = FLOW.indirectJump | PASSES;

function byRegister(mask: number, register: number): number {
  if (mask === 0 || register === 0) return SEQUENTIAL;
  const flow = register === LINK ? FLOW.return : FLOW.indirectJump;
  return mask === ALWAYS ? flow : flow | PASSES;
}

function relative(mask: number): number {
  if (mask === 0) return SEQUENTIAL;
  return mask === ALWAYS ? FLOW.jump : FLOW.branch;
}

function byStorage(mask: number): number {
  if (mask === 0) return SEQUENTIAL;
  return mask === ALWAYS ? FLOW.indirectJump : CONDITIONAL_JUMP;
}

function flowOfTwo(first: number, second: number): number {
  const r1 = second >>> 4;
  const r2 = second & 15;
  switch (first) {
    case 0x07: // bcr
      return byRegister(r1, r2);
    case 0x05: // balr
    case 0x0c: // bassm
    case 0x0d: // basr
      return r2 === 0 ? SEQUENTIAL : FLOW.indirectCall;
    case 0x0b: // bsm
      return r2 === 0 ? SEQUENTIAL : FLOW.indirectJump;
    case 0x06: // bctr
      return r2 === 0 ? SEQUENTIAL : CONDITIONAL_JUMP;
    case 0x0a:
      return FLOW.syscall;
    case 0x01: // pr, trap2
      if (second === 0x01) return FLOW.trapReturn;
      return second === 0xff ? FLOW.trap : SEQUENTIAL;
    default:
      return SEQUENTIAL;
  }
}

function flowOfFour(first: number, second: number): number {
  switch (first) {
    case 0x47: // bc
      return byStorage(second >>> 4);
    case 0x45: // bal
    case 0x4d: // bas
      return FLOW.indirectCall;
    case 0x46: // bct
    case 0x86: // bxh
    case 0x87: // bxle
      return CONDITIONAL_JUMP;
    case 0x84: // brxh
    case 0x85: // brxle
      return FLOW.branch;
    case 0xa7: // brc, bras, brct, brctg
      if ((second & 15) === 4) return relative(second >>> 4);
      if ((second & 15) === 5) return FLOW.call;
      return (second & 14) === 6 ? FLOW.branch : SEQUENTIAL;
    case 0x82: // lpsw
      return FLOW.trapReturn;
    case 0xb2: // lpswe, trap4
      if (second === 0xb2) return FLOW.trapReturn;
      return second === 0xff ? FLOW.trap : SEQUENTIAL;
    default:
      return SEQUENTIAL;
  }
}

/** Compare and branch, and branches on an index, by their last byte. */
const COMPARES_RELATIVE: readonly number[] = [
  0x44, 0x45, 0x64, 0x65, 0x76, 0x77, 0x7c, 0x7d, 0x7e, 0x7f,
];
const COMPARES_BY_STORAGE: readonly number[] = [0xe4, 0xe5, 0xf6, 0xf7, 0xfc, 0xfd, 0xfe, 0xff];

function flowOfSix(first: number, second: number, last: number): number {
  switch (first) {
    case 0xc0: // brcl, brasl
      if ((second & 15) === 4) return relative(second >>> 4);
      return (second & 15) === 5 ? FLOW.call : SEQUENTIAL;
    case 0xcc: // brcth
      return (second & 15) === 6 ? FLOW.branch : SEQUENTIAL;
    case 0xec:
      if (COMPARES_RELATIVE.includes(last)) return FLOW.branch;
      return COMPARES_BY_STORAGE.includes(last) ? CONDITIONAL_JUMP : SEQUENTIAL;
    case 0xe3: // bctg, bic
      if (last === 0x46) return CONDITIONAL_JUMP;
      return last === 0x47 ? byStorage(second >>> 4) : SEQUENTIAL;
    case 0xeb: // bxhg, bxleg
      return last === 0x44 || last === 0x45 ? CONDITIONAL_JUMP : SEQUENTIAL;
    default:
      return SEQUENTIAL;
  }
}

const sizeOf = (first: number): number => [2, 4, 4, 6][first >>> 6] ?? 2;

const isDirect = (flow: number): boolean =>
  flow === FLOW.branch || flow === FLOW.jump || flow === FLOW.call;

function flowAt(code: Uint8Array, at: number, sizeBytes: number): number {
  const first = code[at] ?? 0;
  const second = code[at + 1] ?? 0;
  if (sizeBytes !== sizeOf(first)) return SEQUENTIAL;
  if (sizeBytes === 2) return flowOfTwo(first, second);
  return sizeBytes === 4 ? flowOfFour(first, second) : flowOfSix(first, second, code[at + 5] ?? 0);
}

export const S390X_DECODER: FlowDecoder = {
  flow: flowAt,
  displacementBytes(code, at, sizeBytes) {
    if (!isDirect(flowAt(code, at, sizeBytes))) return Number.NaN;
    const high = ((code[at + 2] ?? 0) << 8) | (code[at + 3] ?? 0);
    const first = code[at] ?? 0;
    if (first !== 0xc0 && first !== 0xcc) return signExtend(high, 16) * 2;
    return ((high << 16) | ((code[at + 4] ?? 0) << 8) | (code[at + 5] ?? 0)) * 2;
  },
  sizeBytes: (code, at) => sizeOf(code[at] ?? 0),
};
