/**
 * Where an instruction keeps its operands: RISC-V Unprivileged ISA, "Immediate Encoding Variants",
 * and the instruction listings chapter.
 */

/** How imm is made from the bits; 'shamt5' and 'shamt6' are shift amounts. */
export type ImmediateForm =
  | 'none'
  | 'i'
  | 's'
  | 'b'
  | 'u'
  | 'j'
  | 'shamt5'
  | 'shamt6'
  /** The number of a CSR; unsigned. */
  | 'csr';

/** x: integer register, f: floating point, uimm: the field is a 5-bit value, null: not used. */
export type Register = 'x' | 'f' | 'uimm' | null;

/** Why a block ends with the instruction; null: it does not. */
export type Ends = 'branch' | 'jump' | 'indirect' | 'system' | null;

interface FormatRow {
  readonly rd: Register;
  readonly rs1: Register;
  readonly rs2: Register;
  readonly rs3: Register;
  readonly imm: ImmediateForm;
  /** Has a rounding mode field. */
  readonly rm: boolean;
  readonly ends: Ends;
}

const NO_OPERANDS: FormatRow = {
  rd: null,
  rs1: null,
  rs2: null,
  rs3: null,
  imm: 'none',
  rm: false,
  ends: null,
};

const row = (fields: Partial<FormatRow>): FormatRow => ({ ...NO_OPERANDS, ...fields });

export const FORMATS = {
  /** Three integer registers. */
  r: row({ rd: 'x', rs1: 'x', rs2: 'x' }),
  /** rd and rs1; the place of rs2 belongs to the opcode. */
  unary: row({ rd: 'x', rs1: 'x' }),
  i: row({ rd: 'x', rs1: 'x', imm: 'i' }),
  shift6: row({ rd: 'x', rs1: 'x', imm: 'shamt6' }),
  shift5: row({ rd: 'x', rs1: 'x', imm: 'shamt5' }),
  u: row({ rd: 'x', imm: 'u' }),
  load: row({ rd: 'x', rs1: 'x', imm: 'i' }),
  store: row({ rs1: 'x', rs2: 'x', imm: 's' }),
  branch: row({ rs1: 'x', rs2: 'x', imm: 'b', ends: 'branch' }),
  jal: row({ rd: 'x', imm: 'j', ends: 'jump' }),
  jalr: row({ rd: 'x', rs1: 'x', imm: 'i', ends: 'indirect' }),
  /** Order bits in imm: fm, predecessor, successor. rd and rs1 are reserved and ignored. */
  fence: row({ imm: 'i' }),
  /** No operands, and control may go anywhere: ecall, mret, fence.i and their kin. */
  system: row({ ends: 'system' }),
  sfence: row({ rs1: 'x', rs2: 'x', ends: 'system' }),
  csr: row({ rd: 'x', rs1: 'x', imm: 'csr' }),
  csri: row({ rd: 'x', rs1: 'uimm', imm: 'csr' }),
  lr: row({ rd: 'x', rs1: 'x' }),
  amo: row({ rd: 'x', rs1: 'x', rs2: 'x' }),
  fload: row({ rd: 'f', rs1: 'x', imm: 'i' }),
  fstore: row({ rs1: 'x', rs2: 'f', imm: 's' }),
  /** Floating point with a rounding mode: fadd, fsqrt, fmadd. */
  f2: row({ rd: 'f', rs1: 'f', rs2: 'f', rm: true }),
  f1: row({ rd: 'f', rs1: 'f', rm: true }),
  f3: row({ rd: 'f', rs1: 'f', rs2: 'f', rs3: 'f', rm: true }),
  /** Without: fsgnj, fmin. */
  fexact: row({ rd: 'f', rs1: 'f', rs2: 'f' }),
  fcompare: row({ rd: 'x', rs1: 'f', rs2: 'f' }),
  /** Conversions from and to integers, and the moves, which do not round. */
  ftox: row({ rd: 'x', rs1: 'f', rm: true }),
  xtof: row({ rd: 'f', rs1: 'x', rm: true }),
  fmvx: row({ rd: 'x', rs1: 'f' }),
  xmvf: row({ rd: 'f', rs1: 'x' }),
} as const satisfies Record<string, FormatRow>;

export type Format = keyof typeof FORMATS;
