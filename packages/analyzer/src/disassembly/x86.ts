/**
 * Control flow of x86-64 and i386 from prefixes and opcode (Intel 64 and IA-32 Architectures
 * Software Developer's Manual, volume 2, appendix A: opcode maps). The size of the instruction is
 * given, so operands need no decoding: a displacement is what its last bytes hold.
 */
import { FLOW, type FlowDecoder, read16, read32, SEQUENTIAL, signExtend } from './flow.ts';

const PREFIX = 1;
const REPEAT_PREFIX = 2;
const REX_PREFIX = 4;

/** What each byte is when it stands before the opcode. */
function prefixTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0]) table[byte] = PREFIX;
  table[0xf2] = REPEAT_PREFIX;
  table[0xf3] = REPEAT_PREFIX;
  for (let byte = 0x40; byte < 0x50; byte++) table[byte] = REX_PREFIX;
  return table;
}

/** ins, outs, movs, cmps, stos, lods, scas: with a repeat prefix they run again and again. */
const isString = (opcode: number): boolean =>
  (opcode >= 0x6c && opcode <= 0x6f) ||
  (opcode >= 0xa4 && opcode <= 0xa7) ||
  (opcode >= 0xaa && opcode <= 0xaf);

/** Opcodes after 0x0f. */
function twoByteFlow(opcode: number, modrm: number): number {
  if ((opcode & 0xf0) === 0x80) return FLOW.branch;
  switch (opcode) {
    case 0x05: // syscall
    case 0x34: // sysenter
      return FLOW.syscall;
    case 0x07: // sysret
    case 0x35: // sysexit
    case 0xaa: // rsm
      return FLOW.trapReturn;
    case 0x0b: // ud2
    case 0xb9: // ud1
    case 0xff: // ud0
      return FLOW.trap;
    case 0x01: // vmcall, vmmcall: the hypervisor answers, then control goes on
      return modrm === 0xc1 || modrm === 0xd9 ? FLOW.passingTrap : SEQUENTIAL;
    default:
      return SEQUENTIAL;
  }
}

/** Opcode 0xff: only some of its eight operations move control. */
function groupFiveFlow(modrm: number): number {
  const operation = (modrm >>> 3) & 7;
  if (operation === 2 || operation === 3) return FLOW.indirectCall;
  return operation === 4 || operation === 5 ? FLOW.indirectJump : SEQUENTIAL;
}

/** One-byte opcodes that depend neither on the mode nor on the bytes that follow. */
const ONE_BYTE_FLOWS: Readonly<Record<number, number>> = {
  0xc2: FLOW.return,
  0xc3: FLOW.return,
  0xca: FLOW.return,
  0xcb: FLOW.return,
  0xcc: FLOW.passingTrap, // int3: its handler sees the next address
  0xcf: FLOW.trapReturn, // iret
  0xe0: FLOW.branch, // loopne
  0xe1: FLOW.branch, // loope
  0xe2: FLOW.branch, // loop
  0xe3: FLOW.branch, // jcxz, jecxz, jrcxz
  0xe8: FLOW.call,
  0xe9: FLOW.jump,
  0xeb: FLOW.jump,
  0xf1: FLOW.passingTrap, // int1
  0xf4: FLOW.halt,
};

function oneByteFlow(opcode: number, next: number, is64: boolean): number {
  if ((opcode & 0xf0) === 0x70) return FLOW.branch;
  switch (opcode) {
    case 0xff:
      return groupFiveFlow(next);
    case 0xcd: // int n: 0x80 is Linux' system call
      return next === 0x80 ? FLOW.syscall : FLOW.passingTrap;
    case 0xc7: // xbegin: goes to its operand when the transaction fails
      return next === 0xf8 ? FLOW.branch : SEQUENTIAL;
    case 0x9a: // far call, direct
      return is64 ? SEQUENTIAL : FLOW.call;
    case 0xea: // far jump, direct
      return is64 ? SEQUENTIAL : FLOW.jump;
    case 0xce: // into
      return is64 ? SEQUENTIAL : FLOW.passingTrap;
    default:
      return ONE_BYTE_FLOWS[opcode] ?? SEQUENTIAL;
  }
}

export function x86Decoder(is64: boolean): FlowDecoder {
  const prefixes = prefixTable();
  const isPrefix = (byte: number): boolean => {
    const role = prefixes[byte] ?? 0;
    return role !== 0 && (role !== REX_PREFIX || is64);
  };

  const opcodeAt = (code: Uint8Array, at: number, end: number): number => {
    let opcode = at;
    while (opcode < end && isPrefix(code[opcode] ?? 0)) opcode++;
    return opcode;
  };

  const repeats = (code: Uint8Array, at: number, opcode: number): boolean => {
    for (let i = at; i < opcode; i++) {
      if (prefixes[code[i] ?? 0] === REPEAT_PREFIX) return true;
    }
    return false;
  };

  const flow = (code: Uint8Array, at: number, sizeBytes: number): number => {
    const end = at + sizeBytes;
    const opcode = opcodeAt(code, at, end);
    if (opcode >= end) return SEQUENTIAL;
    const byte = code[opcode] ?? 0;
    const next = opcode + 1 < end ? (code[opcode + 1] ?? 0) : 0;
    if (isString(byte)) return repeats(code, at, opcode) ? FLOW.repeat : SEQUENTIAL;
    if (byte !== 0x0f) return oneByteFlow(byte, next, is64);
    return twoByteFlow(next, opcode + 2 < end ? (code[opcode + 2] ?? 0) : 0);
  };

  const displacementBytes = (code: Uint8Array, at: number, sizeBytes: number): number => {
    const end = at + sizeBytes;
    const opcode = opcodeAt(code, at, end);
    const byte = code[opcode] ?? 0;
    const short = (byte & 0xf0) === 0x70 || byte === 0xeb || (byte >= 0xe0 && byte <= 0xe3);
    if (short && end - opcode === 2) return sizeBytes + signExtend(code[end - 1] ?? 0, 8);
    const isNear =
      byte === 0xe8 ||
      byte === 0xe9 ||
      (byte === 0x0f && ((code[opcode + 1] ?? 0) & 0xf0) === 0x80) ||
      (byte === 0xc7 && code[opcode + 1] === 0xf8);
    if (!isNear) return Number.NaN;
    const operandBytes = end - opcode - (byte === 0x0f || byte === 0xc7 ? 2 : 1);
    if (operandBytes === 4) return sizeBytes + read32(code, end - 4);
    // A 16-bit operand also cuts the target to 16 bits, except that of xbegin.
    if (operandBytes === 2 && byte === 0xc7)
      return sizeBytes + signExtend(read16(code, end - 2), 16);
    return Number.NaN;
  };

  return { flow, displacementBytes, sizeBytes: () => 0 };
}
