/**
 * What one instruction does to control flow, told from its bits alone. It is written apart from the
 * recorder's plugin on purpose: `check` holds what the recorder said against what is said here.
 */
import type { Trace } from '@backtrail/recorder/trace';
import { AARCH64_DECODER } from './aarch64.ts';
import { A32_DECODER, armDecoder } from './arm.ts';
import { FLOW_KINDS, type FlowDecoder, type FlowKind, PASSES, SEQUENTIAL } from './flow.ts';
import { M68K_DECODER } from './m68k.ts';
import { mipsDecoder } from './mips.ts';
import { ppcDecoder } from './ppc.ts';
import { riscvDecoder } from './riscv.ts';
import { S390X_DECODER } from './s390x.ts';
import { sh4Decoder } from './sh4.ts';
import { x86Decoder } from './x86.ts';

export { FLOW_KINDS, type FlowKind, PASSES, SEQUENTIAL } from './flow.ts';

export interface Flow {
  /** Null for an instruction after which the next one always runs. */
  readonly kind: FlowKind | null;
  /** Where a direct transfer goes; null where there is none or only the run can tell. */
  readonly target: bigint | null;
  /** Whether control may also just go on to the next instruction. */
  readonly conditional: boolean;
}

export interface Classifier extends FlowDecoder {
  readonly isa: string;
  /**
   * Classifies the instruction in `code[at, at + sizeBytes)`, which lies at guest address `pc`.
   * Bytes that are no whole instruction are sequential.
   */
  classify(code: Uint8Array, at: number, sizeBytes: number, pc: bigint): Flow;
  /**
   * The one for the instructions of a block, which begins with `code`: where a guest has two
   * instruction sets, a block is of one of them. Null where it cannot be told which.
   */
  forBlock(code: Uint8Array, sizesBytes: Uint8Array): Classifier | null;
  /** Direct target, or null. */
  target(code: Uint8Array, at: number, sizeBytes: number, pc: bigint): bigint | null;
}

/**
 * The reader of one recorded block; null where its code cannot be read as the guest's: that of
 * which the trace keeps the text is in another mode, as 16-bit code of x86-64 is.
 */
export const classifierAt = (
  classifier: Classifier,
  blocks: Trace['blocks'],
  block: number,
): Classifier | null =>
  blocks.text(block) === null
    ? classifier.forBlock(blocks.code(block), blocks.instructionSizes(block))
    : null;

interface Known {
  readonly decoder: FlowDecoder;
  readonly addressBits: 32 | 64;
}

function decoderFor(isa: string): Known | null {
  switch (isa) {
    case 'x86_64':
      return { decoder: x86Decoder(true), addressBits: 64 };
    case 'i386':
      return { decoder: x86Decoder(false), addressBits: 32 };
    case 'riscv64':
      return { decoder: riscvDecoder(false), addressBits: 64 };
    case 'riscv32':
      return { decoder: riscvDecoder(true), addressBits: 32 };
    case 'aarch64':
    case 'aarch64_be':
      return { decoder: AARCH64_DECODER, addressBits: 64 };
    case 'arm':
    case 'armeb':
      return { decoder: A32_DECODER, addressBits: 32 };
    case 'mips':
    case 'mipsn32':
      return { decoder: mipsDecoder(true), addressBits: 32 };
    case 'mipsel':
    case 'mipsn32el':
      return { decoder: mipsDecoder(false), addressBits: 32 };
    case 'mips64':
      return { decoder: mipsDecoder(true), addressBits: 64 };
    case 'mips64el':
      return { decoder: mipsDecoder(false), addressBits: 64 };
    case 'm68k':
      return { decoder: M68K_DECODER, addressBits: 32 };
    case 'sh4':
      return { decoder: sh4Decoder(false), addressBits: 32 };
    case 'sh4eb':
      return { decoder: sh4Decoder(true), addressBits: 32 };
    case 'ppc':
      return { decoder: ppcDecoder(true), addressBits: 32 };
    case 'ppc64':
      return { decoder: ppcDecoder(true), addressBits: 64 };
    case 'ppc64le':
      return { decoder: ppcDecoder(false), addressBits: 64 };
    case 's390x':
      return { decoder: S390X_DECODER, addressBits: 64 };
    default:
      return null;
  }
}

/** @param isa in QEMU's names, e.g. `x86_64`. Null for an instruction set not known here. */
export function createClassifier(isa: string): Classifier | null {
  const known = decoderFor(isa);
  return known === null ? null : classifierOf(isa, known);
}

function classifierOf(isa: string, { decoder, addressBits }: Known): Classifier {
  const target = (code: Uint8Array, at: number, sizeBytes: number, pc: bigint): bigint | null => {
    const displacementBytes = decoder.displacementBytes(code, at, sizeBytes);
    if (Number.isNaN(displacementBytes)) return null;
    const from = decoder.isFromWord?.(code, at, sizeBytes) === true ? pc & ~3n : pc;
    return BigInt.asUintN(addressBits, from + BigInt(displacementBytes));
  };
  const made = new Map<FlowDecoder, Classifier>();
  const own: Classifier = {
    ...decoder,
    isa,
    target,
    forBlock(code, sizesBytes) {
      const wanted = decoder === A32_DECODER ? armDecoder(code, sizesBytes) : decoder;
      if (wanted === null || wanted === decoder) return wanted === null ? null : own;
      const found = made.get(wanted) ?? classifierOf(isa, { decoder: wanted, addressBits });
      made.set(wanted, found);
      return found;
    },
    classify(code, at, sizeBytes, pc) {
      const flow = decoder.flow(code, at, sizeBytes);
      if (flow === SEQUENTIAL) return { kind: null, target: null, conditional: false };
      return {
        kind: FLOW_KINDS[flow & ~PASSES] ?? null,
        target: target(code, at, sizeBytes, pc),
        conditional: (flow & PASSES) !== 0,
      };
    },
  };
  return own;
}
