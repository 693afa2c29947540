/**
 * Which registers an instruction reads and writes, as bits. The 64 registers are two words of 32:
 * x0 to x31 and f0 to f31; x0 is in neither, since nothing about it can change.
 */
import { FORMATS, type Format } from '../isa/formats.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OP_NAMES, type OpName, opInfo } from '../isa/table.ts';

/** What the fields of an instruction mean; one small integer, for the inner loops of dataflow. */
export const SHAPE = {
  rdX: 1,
  rdF: 2,
  rs1X: 4,
  rs1F: 8,
  rs2X: 16,
  rs2F: 32,
  rs3F: 64,
  /** Its code may leave the region before the instruction took effect. */
  mayLeave: 128,
} as const;

/** Formats whose instructions always run to their end. */
const ALWAYS_RUNS: ReadonlySet<Format> = new Set<Format>([
  'r',
  'unary',
  'i',
  'shift6',
  'shift5',
  'u',
  'fence',
  'branch',
  'jal',
]);

function shapeOfFormat(format: Format): number {
  const { rd, rs1, rs2, rs3 } = FORMATS[format];
  return (
    (rd === 'x' ? SHAPE.rdX : 0) |
    (rd === 'f' ? SHAPE.rdF : 0) |
    (rs1 === 'x' ? SHAPE.rs1X : 0) |
    (rs1 === 'f' ? SHAPE.rs1F : 0) |
    (rs2 === 'x' ? SHAPE.rs2X : 0) |
    (rs2 === 'f' ? SHAPE.rs2F : 0) |
    (rs3 === 'f' ? SHAPE.rs3F : 0) |
    (ALWAYS_RUNS.has(format) ? 0 : SHAPE.mayLeave)
  );
}

const SHAPES: ReadonlyMap<OpName, number> = new Map(
  OP_NAMES.map((op) => [op, shapeOfFormat(opInfo(op).format)]),
);

/** SHAPE bits. */
export const shapeOf = (op: OpName): number => SHAPES.get(op) ?? 0;

/** Bit of a register in its word; 0 for x0. */
export const bitX = (register: number): number => (register === 0 ? 0 : 1 << register);

/** Integer registers that are read. */
export function readsX({ rs1, rs2 }: Instruction, shape: number): number {
  return (
    ((shape & SHAPE.rs1X) !== 0 ? bitX(rs1) : 0) | ((shape & SHAPE.rs2X) !== 0 ? bitX(rs2) : 0)
  );
}

export function readsF({ rs1, rs2, rs3 }: Instruction, shape: number): number {
  return (
    ((shape & SHAPE.rs1F) !== 0 ? 1 << rs1 : 0) |
    ((shape & SHAPE.rs2F) !== 0 ? 1 << rs2 : 0) |
    ((shape & SHAPE.rs3F) !== 0 ? 1 << rs3 : 0)
  );
}

export const writesX = ({ rd }: Instruction, shape: number): number =>
  (shape & SHAPE.rdX) !== 0 ? bitX(rd) : 0;

export const writesF = ({ rd }: Instruction, shape: number): number =>
  (shape & SHAPE.rdF) !== 0 ? 1 << rd : 0;
