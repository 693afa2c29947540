/**
 * Control flow of 32-bit Arm from the bits (Arm Architecture Reference Manual, ARMv7-A and -R: A5
 * for A32, A6 for Thumb). Any A32 instruction may be conditional and many may write the pc; an IT
 * instruction of Thumb makes up to four conditional. Twin of the recorder's classify_arm.c.
 */
import { FLOW, type FlowDecoder, PASSES, read16, read32, SEQUENTIAL, signExtend } from './flow.ts';

const SP = 13;
const LR = 14;
const PC = 15;
const ALWAYS = 14;
/** An IT instruction that a block does not show may still cover this many of its first ones. */
const UNSEEN_MAX = 3;

const byRegister = (register: number): number =>
  register === LR ? FLOW.return : FLOW.indirectJump;

/** Data processing with the pc as its destination. */
function a32Data(word: number): number {
  const isImmediate = ((word >>> 25) & 1) === 1;
  const opcode = (word >>> 21) & 15;
  if (((word >>> 12) & 15) !== PC || (!isImmediate && (word & 0x90) === 0x90)) return SEQUENTIAL;
  if (opcode >= 8 && opcode <= 11) return SEQUENTIAL;
  if (((word >>> 20) & 1) === 1) return FLOW.trapReturn;
  return (word & 0x0fff_ffff) === 0x01a0_f00e ? FLOW.return : FLOW.indirectJump;
}

function a32Miscellaneous(word: number): number {
  switch (word & 0x0ff0_00f0) {
    case 0x0120_0010: // bx
    case 0x0120_0020: // bxj
      return byRegister(word & 15);
    case 0x0120_0030: // blx
      return FLOW.indirectCall;
    case 0x0120_0070: // bkpt
    case 0x0140_0070: // hvc
    case 0x0160_0070: // smc
      return FLOW.trap;
    case 0x0160_0060: // eret
      return FLOW.trapReturn;
    default:
      return a32Data(word);
  }
}

function a32Load(word: number): number {
  if (((word >>> 25) & 1) === 1 && (word & 0x10) !== 0) {
    return (word & 0x0ff0_00f0) === 0x07f0_00f0 ? FLOW.trap : SEQUENTIAL; // udf
  }
  if ((word & 0x0050_0000) !== 0x0010_0000 || ((word >>> 12) & 15) !== PC) return SEQUENTIAL;
  return (word & 0x0fff_ffff) === 0x049d_f004 ? FLOW.return : FLOW.indirectJump; // pop {pc}
}

function a32LoadMany(word: number): number {
  if ((word & 0x0010_8000) !== 0x0010_8000) return SEQUENTIAL;
  if ((word & 0x0040_0000) !== 0) return FLOW.trapReturn;
  return ((word >>> 16) & 15) === SP ? FLOW.return : FLOW.indirectJump;
}

function a32Any(word: number): number {
  switch ((word >>> 25) & 7) {
    case 0:
      return a32Miscellaneous(word);
    case 1:
      return a32Data(word);
    case 2:
    case 3:
      return a32Load(word);
    case 4:
      return a32LoadMany(word);
    case 5:
      if (((word >>> 24) & 1) === 1) return FLOW.call;
      return word >>> 28 === ALWAYS ? FLOW.jump : FLOW.branch;
    case 7:
      return ((word >>> 24) & 1) === 1 ? FLOW.syscall : SEQUENTIAL;
    default:
      return SEQUENTIAL;
  }
}

/** blx to a label. */
const isExchange = (word: number): boolean => (word & 0xfe00_0000) === (0xfa00_0000 | 0);
/** Return from exception, of the space without conditions. */
const isRfe = (word: number): boolean => (word & 0xfe50_0000) === (0xf810_0000 | 0);

function a32Flow(word: number): number {
  const condition = word >>> 28;
  if (condition === 15) {
    if (isExchange(word)) return FLOW.call;
    return isRfe(word) ? FLOW.trapReturn : SEQUENTIAL;
  }
  const flow = a32Any(word);
  return condition === ALWAYS ? flow : flow | PASSES;
}

export const A32_DECODER: FlowDecoder = {
  flow: (code, at, sizeBytes) => (sizeBytes === 4 ? a32Flow(read32(code, at)) : SEQUENTIAL),
  displacementBytes(code, at, sizeBytes) {
    const word = read32(code, at);
    if (sizeBytes !== 4 || ((word >>> 25) & 7) !== 5) return Number.NaN;
    const half = word >>> 28 === 15 ? (word >>> 23) & 2 : 0;
    return 8 + signExtend(word, 24) * 4 + half;
  },
  sizeBytes: () => 4,
};

function thumb16Flow(half: number): number {
  if ((half & 0xf000) === 0xd000) {
    if ((half & 0x0f00) === 0x0f00) return FLOW.syscall;
    return (half & 0x0f00) === 0x0e00 ? FLOW.trap : FLOW.branch;
  }
  if ((half & 0xf800) === 0xe000) return FLOW.jump;
  if ((half & 0xf500) === 0xb100) return FLOW.branch; // cbz, cbnz
  switch (half & 0xff87) {
    case 0x4780: // blx
      return FLOW.indirectCall;
    case 0x4700: // bx
    case 0x4687: // mov pc, …
      return byRegister((half >>> 3) & 15);
    case 0x4487: // add pc, …
      return FLOW.indirectJump;
  }
  if ((half & 0xff00) === 0xbd00) return FLOW.return; // pop {…, pc}
  return (half & 0xff00) === 0xbe00 ? FLOW.trap : SEQUENTIAL;
}

/** Branches and miscellaneous control. */
function thumb32BranchFlow(first: number, second: number): number {
  switch (second & 0xd000) {
    case 0xd000: // bl
    case 0xc000: // blx
      return FLOW.call;
    case 0x9000:
      return FLOW.jump;
  }
  if ((first & 0x0380) !== 0x0380) return FLOW.branch;
  if ((first & 0xffe0) === 0xf7e0) return FLOW.trap; // udf, smc, hvc
  if (first === 0xf3de && (second & 0xff00) === 0x8f00) return FLOW.trapReturn;
  return (first & 0xfff0) === 0xf3c0 ? FLOW.indirectJump : SEQUENTIAL; // bxj
}

const isThumb32Branch = (first: number, second: number): boolean =>
  (first & 0xf800) === 0xf000 && (second & 0x8000) !== 0;

function thumb32Flow(first: number, second: number): number {
  if (isThumb32Branch(first, second)) return thumb32BranchFlow(first, second);
  if ((first & 0xfff0) === 0xe8d0 && (second & 0xffe0) === 0xf000) return FLOW.indirectJump; // tbb
  const load = first & 0xffd0;
  if (load === 0xe890 || load === 0xe910) {
    if ((second & 0x8000) === 0) return SEQUENTIAL;
    return (first & 15) === SP ? FLOW.return : FLOW.indirectJump; // ldm
  }
  if ((first & 0xff70) === 0xf850 && second >>> 12 === PC) {
    return first === 0xf85d && second === 0xfb04 ? FLOW.return : FLOW.indirectJump; // ldr pc
  }
  return (load === 0xe990 || load === 0xe810) && second === 0xc000 ? FLOW.trapReturn : SEQUENTIAL;
}

const thumbSize = (half: number): number => (half >>> 11 >= 0b11101 ? 4 : 2);

/** Whether an IT instruction makes the one at `at` conditional; `code` begins with its block. */
function itCovers(code: Uint8Array, at: number): 'no' | 'yes' | 'unseen' {
  let left = 0;
  let condition = ALWAYS;
  let isSeen = false;
  let count = 0;
  for (let i = 0; i < at; count++) {
    const half = read16(code, i);
    i += thumbSize(half);
    if (left > 0) left--;
    if ((half & 0xff00) !== 0xbf00 || (half & 15) === 0) continue;
    isSeen = true;
    condition = (half >>> 4) & 15;
    left = 4 - (31 - Math.clz32(half & -half & 15));
  }
  if (!isSeen && count < UNSEEN_MAX) return 'unseen';
  return left > 0 && condition !== ALWAYS ? 'yes' : 'no';
}

function thumb32Displacement(first: number, second: number): number {
  const s = (first >>> 10) & 1;
  const j1 = (second >>> 13) & 1;
  const j2 = (second >>> 11) & 1;
  const low = (second & 0x7ff) << 1;
  if ((second & 0xd000) === 0x8000) {
    if ((first & 0x0380) === 0x0380) return Number.NaN;
    return 4 + signExtend((s << 20) | (j2 << 19) | (j1 << 18) | ((first & 0x3f) << 12) | low, 21);
  }
  const i1 = 1 - (j1 ^ s);
  const i2 = 1 - (j2 ^ s);
  return 4 + signExtend((s << 24) | (i1 << 23) | (i2 << 22) | ((first & 0x3ff) << 12) | low, 25);
}

export const THUMB_DECODER: FlowDecoder = {
  flow(code, at, sizeBytes) {
    if (sizeBytes !== 2 && sizeBytes !== 4) return SEQUENTIAL;
    const half = read16(code, at);
    const flow = sizeBytes === 2 ? thumb16Flow(half) : thumb32Flow(half, read16(code, at + 2));
    if (flow === SEQUENTIAL || flow === FLOW.branch) return flow;
    const covered = itCovers(code, at);
    const isDirect = flow === FLOW.jump || flow === FLOW.call;
    if (covered === 'no' || (covered === 'unseen' && isDirect)) return flow;
    return flow === FLOW.jump ? FLOW.branch : flow | PASSES;
  },
  displacementBytes(code, at, sizeBytes) {
    const first = read16(code, at);
    if (sizeBytes === 4) {
      const second = read16(code, at + 2);
      return isThumb32Branch(first, second) ? thumb32Displacement(first, second) : Number.NaN;
    }
    if (sizeBytes !== 2) return Number.NaN;
    if ((first & 0xf000) === 0xd000 && (first & 0x0e00) !== 0x0e00) {
      return 4 + signExtend(first, 8) * 2;
    }
    if ((first & 0xf800) === 0xe000) return 4 + signExtend(first, 11) * 2;
    if ((first & 0xf500) !== 0xb100) return Number.NaN;
    return 4 + (((first >>> 3) & 0x40) | ((first >>> 2) & 0x3e));
  },
  sizeBytes: (code, at) => thumbSize(read16(code, at)),
  // blx, which arrives at an A32 instruction.
  isFromWord: (code, at, sizeBytes) =>
    sizeBytes === 4 &&
    isThumb32Branch(read16(code, at), read16(code, at + 2)) &&
    (read16(code, at + 2) & 0xd000) === 0xc000,
};

/**
 * Which of the two sets a block is of. A half-word instruction is Thumb; a word whose first half
 * cannot begin a Thumb instruction of two halves is A32. Null: it may be either.
 */
export function armDecoder(code: Uint8Array, sizesBytes: Uint8Array): FlowDecoder | null {
  if (sizesBytes.includes(2)) return THUMB_DECODER;
  for (let at = 0; at + 3 < code.length; at += 4) {
    if (thumbSize(read16(code, at)) === 2) return A32_DECODER;
  }
  return null;
}
