/**
 * The instructions of RV64GC (I M A F D C, Zicsr, Zifencei) with Zba, Zbb, Zbs and the privileged
 * ones that a bare machine needs. A word is the instruction whose `match` it equals under `mask`;
 * no word is two of them. Source: RISC-V Unprivileged ISA 20191213, "RV32/64G Instruction Set
 * Listings"; Bit-Manipulation 1.0.0; Privileged Architecture 20211203.
 *
 * Compressed instructions have no rows: the decoder expands them. Hints (pause and its kin) are the
 * instructions whose encodings they use.
 */
import { type Ends, FORMATS, type Format } from './formats.ts';

export type Extension =
  | 'I'
  | 'M'
  | 'A'
  | 'F'
  | 'D'
  | 'Zicsr'
  | 'Zifencei'
  | 'Zba'
  | 'Zbb'
  | 'Zbs'
  | 'Priv';

type Row = readonly [match: number, mask: number, format: Format, extension: Extension];

export const TABLE = {
  // RV32I and RV64I.
  lui: [0x00000037, 0x0000007f, 'u', 'I'],
  auipc: [0x00000017, 0x0000007f, 'u', 'I'],
  jal: [0x0000006f, 0x0000007f, 'jal', 'I'],
  jalr: [0x00000067, 0x0000707f, 'jalr', 'I'],
  beq: [0x00000063, 0x0000707f, 'branch', 'I'],
  bne: [0x00001063, 0x0000707f, 'branch', 'I'],
  blt: [0x00004063, 0x0000707f, 'branch', 'I'],
  bge: [0x00005063, 0x0000707f, 'branch', 'I'],
  bltu: [0x00006063, 0x0000707f, 'branch', 'I'],
  bgeu: [0x00007063, 0x0000707f, 'branch', 'I'],
  lb: [0x00000003, 0x0000707f, 'load', 'I'],
  lh: [0x00001003, 0x0000707f, 'load', 'I'],
  lw: [0x00002003, 0x0000707f, 'load', 'I'],
  ld: [0x00003003, 0x0000707f, 'load', 'I'],
  lbu: [0x00004003, 0x0000707f, 'load', 'I'],
  lhu: [0x00005003, 0x0000707f, 'load', 'I'],
  lwu: [0x00006003, 0x0000707f, 'load', 'I'],
  sb: [0x00000023, 0x0000707f, 'store', 'I'],
  sh: [0x00001023, 0x0000707f, 'store', 'I'],
  sw: [0x00002023, 0x0000707f, 'store', 'I'],
  sd: [0x00003023, 0x0000707f, 'store', 'I'],
  addi: [0x00000013, 0x0000707f, 'i', 'I'],
  slti: [0x00002013, 0x0000707f, 'i', 'I'],
  sltiu: [0x00003013, 0x0000707f, 'i', 'I'],
  xori: [0x00004013, 0x0000707f, 'i', 'I'],
  ori: [0x00006013, 0x0000707f, 'i', 'I'],
  andi: [0x00007013, 0x0000707f, 'i', 'I'],
  slli: [0x00001013, 0xfc00707f, 'shift6', 'I'],
  srli: [0x00005013, 0xfc00707f, 'shift6', 'I'],
  srai: [0x40005013, 0xfc00707f, 'shift6', 'I'],
  add: [0x00000033, 0xfe00707f, 'r', 'I'],
  sub: [0x40000033, 0xfe00707f, 'r', 'I'],
  sll: [0x00001033, 0xfe00707f, 'r', 'I'],
  slt: [0x00002033, 0xfe00707f, 'r', 'I'],
  sltu: [0x00003033, 0xfe00707f, 'r', 'I'],
  xor: [0x00004033, 0xfe00707f, 'r', 'I'],
  srl: [0x00005033, 0xfe00707f, 'r', 'I'],
  sra: [0x40005033, 0xfe00707f, 'r', 'I'],
  or: [0x00006033, 0xfe00707f, 'r', 'I'],
  and: [0x00007033, 0xfe00707f, 'r', 'I'],
  addiw: [0x0000001b, 0x0000707f, 'i', 'I'],
  slliw: [0x0000101b, 0xfe00707f, 'shift5', 'I'],
  srliw: [0x0000501b, 0xfe00707f, 'shift5', 'I'],
  sraiw: [0x4000501b, 0xfe00707f, 'shift5', 'I'],
  addw: [0x0000003b, 0xfe00707f, 'r', 'I'],
  subw: [0x4000003b, 0xfe00707f, 'r', 'I'],
  sllw: [0x0000103b, 0xfe00707f, 'r', 'I'],
  srlw: [0x0000503b, 0xfe00707f, 'r', 'I'],
  sraw: [0x4000503b, 0xfe00707f, 'r', 'I'],
  fence: [0x0000000f, 0x0000707f, 'fence', 'I'],
  ecall: [0x00000073, 0xffffffff, 'system', 'I'],
  ebreak: [0x00100073, 0xffffffff, 'system', 'I'],
  // Zifencei: the reserved fields are ignored.
  'fence.i': [0x0000100f, 0x0000707f, 'system', 'Zifencei'],
  // Privileged.
  sret: [0x10200073, 0xffffffff, 'system', 'Priv'],
  mret: [0x30200073, 0xffffffff, 'system', 'Priv'],
  wfi: [0x10500073, 0xffffffff, 'system', 'Priv'],
  'sfence.vma': [0x12000073, 0xfe007fff, 'sfence', 'Priv'],
  // Zicsr.
  csrrw: [0x00001073, 0x0000707f, 'csr', 'Zicsr'],
  csrrs: [0x00002073, 0x0000707f, 'csr', 'Zicsr'],
  csrrc: [0x00003073, 0x0000707f, 'csr', 'Zicsr'],
  csrrwi: [0x00005073, 0x0000707f, 'csri', 'Zicsr'],
  csrrsi: [0x00006073, 0x0000707f, 'csri', 'Zicsr'],
  csrrci: [0x00007073, 0x0000707f, 'csri', 'Zicsr'],
  // M.
  mul: [0x02000033, 0xfe00707f, 'r', 'M'],
  mulh: [0x02001033, 0xfe00707f, 'r', 'M'],
  mulhsu: [0x02002033, 0xfe00707f, 'r', 'M'],
  mulhu: [0x02003033, 0xfe00707f, 'r', 'M'],
  div: [0x02004033, 0xfe00707f, 'r', 'M'],
  divu: [0x02005033, 0xfe00707f, 'r', 'M'],
  rem: [0x02006033, 0xfe00707f, 'r', 'M'],
  remu: [0x02007033, 0xfe00707f, 'r', 'M'],
  mulw: [0x0200003b, 0xfe00707f, 'r', 'M'],
  divw: [0x0200403b, 0xfe00707f, 'r', 'M'],
  divuw: [0x0200503b, 0xfe00707f, 'r', 'M'],
  remw: [0x0200603b, 0xfe00707f, 'r', 'M'],
  remuw: [0x0200703b, 0xfe00707f, 'r', 'M'],
  // A: aq and rl order nothing in an engine that runs one hart at a time.
  'lr.w': [0x1000202f, 0xf9f0707f, 'lr', 'A'],
  'sc.w': [0x1800202f, 0xf800707f, 'amo', 'A'],
  'amoswap.w': [0x0800202f, 0xf800707f, 'amo', 'A'],
  'amoadd.w': [0x0000202f, 0xf800707f, 'amo', 'A'],
  'amoxor.w': [0x2000202f, 0xf800707f, 'amo', 'A'],
  'amoand.w': [0x6000202f, 0xf800707f, 'amo', 'A'],
  'amoor.w': [0x4000202f, 0xf800707f, 'amo', 'A'],
  'amomin.w': [0x8000202f, 0xf800707f, 'amo', 'A'],
  'amomax.w': [0xa000202f, 0xf800707f, 'amo', 'A'],
  'amominu.w': [0xc000202f, 0xf800707f, 'amo', 'A'],
  'amomaxu.w': [0xe000202f, 0xf800707f, 'amo', 'A'],
  'lr.d': [0x1000302f, 0xf9f0707f, 'lr', 'A'],
  'sc.d': [0x1800302f, 0xf800707f, 'amo', 'A'],
  'amoswap.d': [0x0800302f, 0xf800707f, 'amo', 'A'],
  'amoadd.d': [0x0000302f, 0xf800707f, 'amo', 'A'],
  'amoxor.d': [0x2000302f, 0xf800707f, 'amo', 'A'],
  'amoand.d': [0x6000302f, 0xf800707f, 'amo', 'A'],
  'amoor.d': [0x4000302f, 0xf800707f, 'amo', 'A'],
  'amomin.d': [0x8000302f, 0xf800707f, 'amo', 'A'],
  'amomax.d': [0xa000302f, 0xf800707f, 'amo', 'A'],
  'amominu.d': [0xc000302f, 0xf800707f, 'amo', 'A'],
  'amomaxu.d': [0xe000302f, 0xf800707f, 'amo', 'A'],
  // F.
  flw: [0x00002007, 0x0000707f, 'fload', 'F'],
  fsw: [0x00002027, 0x0000707f, 'fstore', 'F'],
  'fmadd.s': [0x00000043, 0x0600007f, 'f3', 'F'],
  'fmsub.s': [0x00000047, 0x0600007f, 'f3', 'F'],
  'fnmsub.s': [0x0000004b, 0x0600007f, 'f3', 'F'],
  'fnmadd.s': [0x0000004f, 0x0600007f, 'f3', 'F'],
  'fadd.s': [0x00000053, 0xfe00007f, 'f2', 'F'],
  'fsub.s': [0x08000053, 0xfe00007f, 'f2', 'F'],
  'fmul.s': [0x10000053, 0xfe00007f, 'f2', 'F'],
  'fdiv.s': [0x18000053, 0xfe00007f, 'f2', 'F'],
  'fsqrt.s': [0x58000053, 0xfff0007f, 'f1', 'F'],
  'fsgnj.s': [0x20000053, 0xfe00707f, 'fexact', 'F'],
  'fsgnjn.s': [0x20001053, 0xfe00707f, 'fexact', 'F'],
  'fsgnjx.s': [0x20002053, 0xfe00707f, 'fexact', 'F'],
  'fmin.s': [0x28000053, 0xfe00707f, 'fexact', 'F'],
  'fmax.s': [0x28001053, 0xfe00707f, 'fexact', 'F'],
  'fle.s': [0xa0000053, 0xfe00707f, 'fcompare', 'F'],
  'flt.s': [0xa0001053, 0xfe00707f, 'fcompare', 'F'],
  'feq.s': [0xa0002053, 0xfe00707f, 'fcompare', 'F'],
  'fclass.s': [0xe0001053, 0xfff0707f, 'fmvx', 'F'],
  'fcvt.w.s': [0xc0000053, 0xfff0007f, 'ftox', 'F'],
  'fcvt.wu.s': [0xc0100053, 0xfff0007f, 'ftox', 'F'],
  'fcvt.l.s': [0xc0200053, 0xfff0007f, 'ftox', 'F'],
  'fcvt.lu.s': [0xc0300053, 0xfff0007f, 'ftox', 'F'],
  'fcvt.s.w': [0xd0000053, 0xfff0007f, 'xtof', 'F'],
  'fcvt.s.wu': [0xd0100053, 0xfff0007f, 'xtof', 'F'],
  'fcvt.s.l': [0xd0200053, 0xfff0007f, 'xtof', 'F'],
  'fcvt.s.lu': [0xd0300053, 0xfff0007f, 'xtof', 'F'],
  'fmv.x.w': [0xe0000053, 0xfff0707f, 'fmvx', 'F'],
  'fmv.w.x': [0xf0000053, 0xfff0707f, 'xmvf', 'F'],
  // D.
  fld: [0x00003007, 0x0000707f, 'fload', 'D'],
  fsd: [0x00003027, 0x0000707f, 'fstore', 'D'],
  'fmadd.d': [0x02000043, 0x0600007f, 'f3', 'D'],
  'fmsub.d': [0x02000047, 0x0600007f, 'f3', 'D'],
  'fnmsub.d': [0x0200004b, 0x0600007f, 'f3', 'D'],
  'fnmadd.d': [0x0200004f, 0x0600007f, 'f3', 'D'],
  'fadd.d': [0x02000053, 0xfe00007f, 'f2', 'D'],
  'fsub.d': [0x0a000053, 0xfe00007f, 'f2', 'D'],
  'fmul.d': [0x12000053, 0xfe00007f, 'f2', 'D'],
  'fdiv.d': [0x1a000053, 0xfe00007f, 'f2', 'D'],
  'fsqrt.d': [0x5a000053, 0xfff0007f, 'f1', 'D'],
  'fsgnj.d': [0x22000053, 0xfe00707f, 'fexact', 'D'],
  'fsgnjn.d': [0x22001053, 0xfe00707f, 'fexact', 'D'],
  'fsgnjx.d': [0x22002053, 0xfe00707f, 'fexact', 'D'],
  'fmin.d': [0x2a000053, 0xfe00707f, 'fexact', 'D'],
  'fmax.d': [0x2a001053, 0xfe00707f, 'fexact', 'D'],
  'fcvt.s.d': [0x40100053, 0xfff0007f, 'f1', 'D'],
  'fcvt.d.s': [0x42000053, 0xfff0007f, 'f1', 'D'],
  'fle.d': [0xa2000053, 0xfe00707f, 'fcompare', 'D'],
  'flt.d': [0xa2001053, 0xfe00707f, 'fcompare', 'D'],
  'feq.d': [0xa2002053, 0xfe00707f, 'fcompare', 'D'],
  'fclass.d': [0xe2001053, 0xfff0707f, 'fmvx', 'D'],
  'fcvt.w.d': [0xc2000053, 0xfff0007f, 'ftox', 'D'],
  'fcvt.wu.d': [0xc2100053, 0xfff0007f, 'ftox', 'D'],
  'fcvt.l.d': [0xc2200053, 0xfff0007f, 'ftox', 'D'],
  'fcvt.lu.d': [0xc2300053, 0xfff0007f, 'ftox', 'D'],
  'fcvt.d.w': [0xd2000053, 0xfff0007f, 'xtof', 'D'],
  'fcvt.d.wu': [0xd2100053, 0xfff0007f, 'xtof', 'D'],
  'fcvt.d.l': [0xd2200053, 0xfff0007f, 'xtof', 'D'],
  'fcvt.d.lu': [0xd2300053, 0xfff0007f, 'xtof', 'D'],
  'fmv.x.d': [0xe2000053, 0xfff0707f, 'fmvx', 'D'],
  'fmv.d.x': [0xf2000053, 0xfff0707f, 'xmvf', 'D'],
  // Zba.
  'add.uw': [0x0800003b, 0xfe00707f, 'r', 'Zba'],
  sh1add: [0x20002033, 0xfe00707f, 'r', 'Zba'],
  sh2add: [0x20004033, 0xfe00707f, 'r', 'Zba'],
  sh3add: [0x20006033, 0xfe00707f, 'r', 'Zba'],
  'sh1add.uw': [0x2000203b, 0xfe00707f, 'r', 'Zba'],
  'sh2add.uw': [0x2000403b, 0xfe00707f, 'r', 'Zba'],
  'sh3add.uw': [0x2000603b, 0xfe00707f, 'r', 'Zba'],
  'slli.uw': [0x0800101b, 0xfc00707f, 'shift6', 'Zba'],
  // Zbb.
  andn: [0x40007033, 0xfe00707f, 'r', 'Zbb'],
  orn: [0x40006033, 0xfe00707f, 'r', 'Zbb'],
  xnor: [0x40004033, 0xfe00707f, 'r', 'Zbb'],
  max: [0x0a006033, 0xfe00707f, 'r', 'Zbb'],
  maxu: [0x0a007033, 0xfe00707f, 'r', 'Zbb'],
  min: [0x0a004033, 0xfe00707f, 'r', 'Zbb'],
  minu: [0x0a005033, 0xfe00707f, 'r', 'Zbb'],
  rol: [0x60001033, 0xfe00707f, 'r', 'Zbb'],
  ror: [0x60005033, 0xfe00707f, 'r', 'Zbb'],
  rolw: [0x6000103b, 0xfe00707f, 'r', 'Zbb'],
  rorw: [0x6000503b, 0xfe00707f, 'r', 'Zbb'],
  rori: [0x60005013, 0xfc00707f, 'shift6', 'Zbb'],
  roriw: [0x6000501b, 0xfe00707f, 'shift5', 'Zbb'],
  clz: [0x60001013, 0xfff0707f, 'unary', 'Zbb'],
  ctz: [0x60101013, 0xfff0707f, 'unary', 'Zbb'],
  cpop: [0x60201013, 0xfff0707f, 'unary', 'Zbb'],
  clzw: [0x6000101b, 0xfff0707f, 'unary', 'Zbb'],
  ctzw: [0x6010101b, 0xfff0707f, 'unary', 'Zbb'],
  cpopw: [0x6020101b, 0xfff0707f, 'unary', 'Zbb'],
  'sext.b': [0x60401013, 0xfff0707f, 'unary', 'Zbb'],
  'sext.h': [0x60501013, 0xfff0707f, 'unary', 'Zbb'],
  'zext.h': [0x0800403b, 0xfff0707f, 'unary', 'Zbb'],
  'orc.b': [0x28705013, 0xfff0707f, 'unary', 'Zbb'],
  rev8: [0x6b805013, 0xfff0707f, 'unary', 'Zbb'],
  // Zbs.
  bclr: [0x48001033, 0xfe00707f, 'r', 'Zbs'],
  bext: [0x48005033, 0xfe00707f, 'r', 'Zbs'],
  binv: [0x68001033, 0xfe00707f, 'r', 'Zbs'],
  bset: [0x28001033, 0xfe00707f, 'r', 'Zbs'],
  bclri: [0x48001013, 0xfc00707f, 'shift6', 'Zbs'],
  bexti: [0x48005013, 0xfc00707f, 'shift6', 'Zbs'],
  binvi: [0x68001013, 0xfc00707f, 'shift6', 'Zbs'],
  bseti: [0x28001013, 0xfc00707f, 'shift6', 'Zbs'],
} as const satisfies Record<string, Row>;

export type OpName = keyof typeof TABLE;

const isOpName = (name: string): name is OpName => Object.hasOwn(TABLE, name);

/** In the order of the table; an instruction's place here is its number, from 0. */
export const OP_NAMES: readonly OpName[] = Object.keys(TABLE).filter(isOpName);

const NUMBERS: ReadonlyMap<OpName, number> = new Map(OP_NAMES.map((op, number) => [op, number]));

/** Dense and the same in every run, but not from version to version. */
export function opNumber(op: OpName): number {
  const number = NUMBERS.get(op);
  if (number === undefined) throw new RangeError(`no instruction ${op}`);
  return number;
}

export interface OpInfo {
  readonly op: OpName;
  readonly match: number;
  readonly mask: number;
  readonly format: Format;
  readonly extension: Extension;
  readonly ends: Ends;
}

export function opInfo(op: OpName): OpInfo {
  const [match, mask, format, extension]: Row = TABLE[op];
  return { op, match, mask, format, extension, ends: FORMATS[format].ends };
}
