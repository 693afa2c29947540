/**
 * WebAssembly's instructions by opcode, with what follows each opcode.
 * Source: WebAssembly Core Specification 2.0, chapter 5.4; the threads proposal (0xfe); relaxed
 * SIMD (0xfd, from 256 on). The engine has a table of its own, of what it emits: this one is to
 * show what it did, and must not know what it meant.
 */

/** What follows an opcode, each as the binary format has it. */
export type WasmForm =
  | 'none'
  /** Type of a block. */
  | 'block'
  /** An index: label, function, local, global, table, segment. */
  | 'index'
  /** br_table: a vector of labels and one more. */
  | 'labels'
  /** call_indirect: type, table. */
  | 'type-table'
  /** memory.init and the like: what the text has first comes last. */
  | 'segment-memory'
  | 'segment-table'
  | 'two-indices'
  /** Memory indices and a reserved byte, not in the text as there is one memory. */
  | 'zero'
  | 'two-zeros'
  | 'types'
  | 'heap-type'
  | 'i32'
  | 'i64'
  | 'f32'
  | 'f64'
  | 'v128'
  | 'shuffle'
  | 'lane'
  | 'memory'
  | 'memory-lane';

export interface WasmOpcode {
  readonly name: string;
  readonly form: WasmForm;
}

/** Bytes that stand for a table of their own; the opcode's number follows as LEB128. */
export const WASM_PREFIXES = [0xfc, 0xfd, 0xfe] as const;

/** Key of a prefixed opcode in the table. */
export const wasmKey = (prefix: number, number: number): number => prefix * 0x1_0000 + number;

/** Names in a row from one key on; `-` is one that is not used. */
type Row = readonly [key: number, form: WasmForm, names: string];

/** `i8x16`, `eq ne` → `i8x16.eq i8x16.ne`. */
const each = (type: string, names: string): string =>
  names.replaceAll(/[\w]+/g, (name) => `${type}.${name}`);

const INTEGER_COMPARE = 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';
const FLOAT_COMPARE = 'eq ne lt gt le ge';
const INTEGER_ARITHMETIC =
  'clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr';
const FLOAT_ARITHMETIC = 'abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign';

const ROWS: readonly Row[] = [
  [0x00, 'none', 'unreachable nop'],
  [0x02, 'block', 'block loop if'],
  [0x05, 'none', 'else'],
  [0x0b, 'none', 'end'],
  [0x0c, 'index', 'br br_if'],
  [0x0e, 'labels', 'br_table'],
  [0x0f, 'none', 'return'],
  [0x10, 'index', 'call'],
  [0x11, 'type-table', 'call_indirect'],
  [0x12, 'index', 'return_call'],
  [0x13, 'type-table', 'return_call_indirect'],
  [0x1a, 'none', 'drop select'],
  [0x1c, 'types', 'select'],
  [0x20, 'index', 'local.get local.set local.tee global.get global.set table.get table.set'],
  [0x28, 'memory', 'i32.load i64.load f32.load f64.load'],
  [0x2c, 'memory', each('i32', 'load8_s load8_u load16_s load16_u')],
  [0x30, 'memory', each('i64', 'load8_s load8_u load16_s load16_u load32_s load32_u')],
  [0x36, 'memory', 'i32.store i64.store f32.store f64.store i32.store8 i32.store16'],
  [0x3c, 'memory', each('i64', 'store8 store16 store32')],
  [0x3f, 'zero', 'memory.size memory.grow'],
  [0x41, 'i32', 'i32.const'],
  [0x42, 'i64', 'i64.const'],
  [0x43, 'f32', 'f32.const'],
  [0x44, 'f64', 'f64.const'],
  [0x45, 'none', each('i32', `eqz ${INTEGER_COMPARE}`)],
  [0x50, 'none', each('i64', `eqz ${INTEGER_COMPARE}`)],
  [0x5b, 'none', each('f32', FLOAT_COMPARE)],
  [0x61, 'none', each('f64', FLOAT_COMPARE)],
  [0x67, 'none', each('i32', INTEGER_ARITHMETIC)],
  [0x79, 'none', each('i64', INTEGER_ARITHMETIC)],
  [0x8b, 'none', each('f32', FLOAT_ARITHMETIC)],
  [0x99, 'none', each('f64', FLOAT_ARITHMETIC)],
  [0xa7, 'none', each('i32', 'wrap_i64 trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u')],
  [0xac, 'none', each('i64', 'extend_i32_s extend_i32_u trunc_f32_s trunc_f32_u')],
  [0xb0, 'none', each('i64', 'trunc_f64_s trunc_f64_u')],
  [0xb2, 'none', each('f32', 'convert_i32_s convert_i32_u convert_i64_s convert_i64_u')],
  [0xb6, 'none', 'f32.demote_f64'],
  [0xb7, 'none', each('f64', 'convert_i32_s convert_i32_u convert_i64_s convert_i64_u')],
  [0xbb, 'none', 'f64.promote_f32 i32.reinterpret_f32 i64.reinterpret_f64'],
  [0xbe, 'none', 'f32.reinterpret_i32 f64.reinterpret_i64'],
  [0xc0, 'none', 'i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s'],
  [0xd0, 'heap-type', 'ref.null'],
  [0xd1, 'none', 'ref.is_null'],
  [0xd2, 'index', 'ref.func'],
];

const BULK: readonly Row[] = [
  [0, 'none', each('i32', 'trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u')],
  [4, 'none', each('i64', 'trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u')],
  [8, 'segment-memory', 'memory.init'],
  [9, 'index', 'data.drop'],
  [10, 'two-zeros', 'memory.copy'],
  [11, 'zero', 'memory.fill'],
  [12, 'segment-table', 'table.init'],
  [13, 'index', 'elem.drop'],
  [14, 'two-indices', 'table.copy'],
  [15, 'index', 'table.grow table.size table.fill'],
];

const LANES = 'shl shr_s shr_u add';
const MINMAX = 'min_s min_u max_s max_u';
const EXTEND = (of: string): string => `extend_low_${of}_s extend_high_${of}_s extend_low_${of}_u
  extend_high_${of}_u`;
const EXTMUL = (of: string): string => `extmul_low_${of}_s extmul_high_${of}_s
  extmul_low_${of}_u extmul_high_${of}_u`;

const VECTOR: readonly Row[] = [
  [0, 'memory', each('v128', 'load load8x8_s load8x8_u load16x4_s load16x4_u load32x2_s')],
  [6, 'memory', each('v128', 'load32x2_u load8_splat load16_splat load32_splat load64_splat')],
  [11, 'memory', 'v128.store'],
  [12, 'v128', 'v128.const'],
  [13, 'shuffle', 'i8x16.shuffle'],
  [14, 'none', 'i8x16.swizzle i8x16.splat i16x8.splat i32x4.splat i64x2.splat'],
  [19, 'none', 'f32x4.splat f64x2.splat'],
  [21, 'lane', each('i8x16', 'extract_lane_s extract_lane_u replace_lane')],
  [24, 'lane', each('i16x8', 'extract_lane_s extract_lane_u replace_lane')],
  [27, 'lane', `${each('i32x4', 'extract_lane replace_lane')} i64x2.extract_lane`],
  [30, 'lane', `i64x2.replace_lane ${each('f32x4', 'extract_lane replace_lane')}`],
  [33, 'lane', each('f64x2', 'extract_lane replace_lane')],
  [35, 'none', each('i8x16', INTEGER_COMPARE)],
  [45, 'none', each('i16x8', INTEGER_COMPARE)],
  [55, 'none', each('i32x4', INTEGER_COMPARE)],
  [65, 'none', each('f32x4', FLOAT_COMPARE)],
  [71, 'none', each('f64x2', FLOAT_COMPARE)],
  [77, 'none', each('v128', 'not and andnot or xor bitselect any_true')],
  [84, 'memory-lane', each('v128', 'load8_lane load16_lane load32_lane load64_lane')],
  [88, 'memory-lane', each('v128', 'store8_lane store16_lane store32_lane store64_lane')],
  [92, 'memory', 'v128.load32_zero v128.load64_zero'],
  [94, 'none', 'f32x4.demote_f64x2_zero f64x2.promote_low_f32x4'],
  [96, 'none', each('i8x16', 'abs neg popcnt all_true bitmask narrow_i16x8_s narrow_i16x8_u')],
  [103, 'none', each('f32x4', 'ceil floor trunc nearest')],
  [107, 'none', each('i8x16', `${LANES} add_sat_s add_sat_u sub sub_sat_s sub_sat_u`)],
  [116, 'none', `f64x2.ceil f64x2.floor ${each('i8x16', MINMAX)} f64x2.trunc i8x16.avgr_u`],
  [124, 'none', each('i16x8', 'extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u')],
  [126, 'none', each('i32x4', 'extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u')],
  [128, 'none', each('i16x8', 'abs neg q15mulr_sat_s all_true bitmask narrow_i32x4_s')],
  [134, 'none', each('i16x8', `narrow_i32x4_u ${EXTEND('i8x16')}`)],
  [139, 'none', each('i16x8', `${LANES} add_sat_s add_sat_u sub sub_sat_s sub_sat_u`)],
  [148, 'none', `f64x2.nearest ${each('i16x8', `mul ${MINMAX} - avgr_u ${EXTMUL('i8x16')}`)}`],
  [160, 'none', each('i32x4', `abs neg - all_true bitmask - - ${EXTEND('i16x8')}`)],
  [171, 'none', each('i32x4', `${LANES} - - sub - - - mul ${MINMAX} dot_i16x8_s`)],
  [188, 'none', each('i32x4', EXTMUL('i16x8'))],
  [192, 'none', each('i64x2', `abs neg - all_true bitmask - - ${EXTEND('i32x4')}`)],
  [203, 'none', each('i64x2', `${LANES} - - sub - - - mul eq ne lt_s gt_s le_s ge_s`)],
  [220, 'none', each('i64x2', EXTMUL('i32x4'))],
  [224, 'none', each('f32x4', 'abs neg - sqrt add sub mul div min max pmin pmax')],
  [236, 'none', each('f64x2', 'abs neg - sqrt add sub mul div min max pmin pmax')],
  [248, 'none', 'i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u'],
  [250, 'none', 'f32x4.convert_i32x4_s f32x4.convert_i32x4_u'],
  [252, 'none', 'i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero'],
  [254, 'none', 'f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u'],
  [256, 'none', 'i8x16.relaxed_swizzle'],
  [257, 'none', each('i32x4', 'relaxed_trunc_f32x4_s relaxed_trunc_f32x4_u')],
  [259, 'none', each('i32x4', 'relaxed_trunc_f64x2_s_zero relaxed_trunc_f64x2_u_zero')],
  [261, 'none', 'f32x4.relaxed_madd f32x4.relaxed_nmadd f64x2.relaxed_madd f64x2.relaxed_nmadd'],
  [265, 'none', 'i8x16.relaxed_laneselect i16x8.relaxed_laneselect'],
  [267, 'none', 'i32x4.relaxed_laneselect i64x2.relaxed_laneselect'],
  [269, 'none', 'f32x4.relaxed_min f32x4.relaxed_max f64x2.relaxed_min f64x2.relaxed_max'],
  [273, 'none', 'i16x8.relaxed_q15mulr_s i16x8.relaxed_dot_i8x16_i7x16_s'],
  [275, 'none', 'i32x4.relaxed_dot_i8x16_i7x16_add_s'],
];

/** The seven widths of one atomic operation. */
const atomic = (name: string): string =>
  `i32.atomic.rmw.${name} i64.atomic.rmw.${name} i32.atomic.rmw8.${name}_u
  i32.atomic.rmw16.${name}_u i64.atomic.rmw8.${name}_u i64.atomic.rmw16.${name}_u
  i64.atomic.rmw32.${name}_u`;

const ATOMIC: readonly Row[] = [
  [0, 'memory', 'memory.atomic.notify memory.atomic.wait32 memory.atomic.wait64'],
  [3, 'zero', 'atomic.fence'],
  [0x10, 'memory', 'i32.atomic.load i64.atomic.load i32.atomic.load8_u i32.atomic.load16_u'],
  [0x14, 'memory', 'i64.atomic.load8_u i64.atomic.load16_u i64.atomic.load32_u'],
  [0x17, 'memory', 'i32.atomic.store i64.atomic.store i32.atomic.store8 i32.atomic.store16'],
  [0x1b, 'memory', 'i64.atomic.store8 i64.atomic.store16 i64.atomic.store32'],
  [0x1e, 'memory', ['add', 'sub', 'and', 'or', 'xor', 'xchg', 'cmpxchg'].map(atomic).join(' ')],
];

function tableOf(rows: readonly Row[], prefix: number): (readonly [number, WasmOpcode])[] {
  return rows.flatMap(([first, form, names]) =>
    names
      .split(/\s+/)
      .map((name, index) => [wasmKey(prefix, first + index), { name, form }] as const)
      .filter(([, { name }]) => name !== '-'),
  );
}

/** By opcode, or by `wasmKey` of prefix and number. */
export const WASM_OPCODES: ReadonlyMap<number, WasmOpcode> = new Map([
  ...tableOf(ROWS, 0),
  ...tableOf(BULK, 0xfc),
  ...tableOf(VECTOR, 0xfd),
  ...tableOf(ATOMIC, 0xfe),
]);
