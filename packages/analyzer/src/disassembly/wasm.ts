/**
 * Text of WebAssembly instructions, for host code of the embedded engine: what a block or a
 * function body was translated to, one instruction after the other, in the words of the text
 * format. Indices stay numbers: a range of code knows no names.
 */
import { WASM_OPCODES, WASM_PREFIXES, type WasmForm, wasmKey } from './wasm-opcodes.ts';

export interface WasmInstruction {
  /** Host address: that of the range and the offset in it. */
  readonly pc: bigint;
  readonly sizeBytes: number;
  /** E.g. `local.get`; `.byte` for a byte that begins no instruction. */
  readonly mnemonic: string;
  /** E.g. `offset=8`; empty where there are none. */
  readonly operands: string;
  /**
   * Blocks around it that the range has opened, for indentation. Negative behind an `end` whose
   * beginning lies before the range.
   */
  readonly depth: number;
}

const VALUE_TYPES: Readonly<Record<number, string>> = {
  0x7f: 'i32',
  0x7e: 'i64',
  0x7d: 'f32',
  0x7c: 'f64',
  0x7b: 'v128',
  0x70: 'funcref',
  0x6f: 'externref',
};
const HEAP_TYPES: Readonly<Record<number, string>> = { 0x70: 'func', 0x6f: 'extern' };
const EMPTY_BLOCK = 0x40;

/** Thrown where the bytes are no instruction, or end within one. */
class NoInstruction extends Error {}

/** Reads numbers; where it stands moves on. */
class Cursor {
  readonly #code: Uint8Array;
  readonly #view: DataView;
  at: number;

  constructor(code: Uint8Array, at: number) {
    this.#code = code;
    this.#view = new DataView(code.buffer, code.byteOffset, code.byteLength);
    this.at = at;
  }

  u8(): number {
    const byte = this.#code[this.at];
    if (byte === undefined) throw new NoInstruction();
    this.at++;
    return byte;
  }

  /** LEB128, at most as many bits; the specification bounds its bytes accordingly. */
  #leb(bits: number): { readonly value: bigint; readonly bitsRead: number } {
    let value = 0n;
    for (let shift = 0; shift < bits; shift += 7) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte < 0x80) return { value, bitsRead: shift + 7 };
    }
    throw new NoInstruction();
  }

  u32(): number {
    const { value } = this.#leb(32);
    if (value >= 1n << 32n) throw new NoInstruction();
    return Number(value);
  }

  signed(bits: number): bigint {
    const { value, bitsRead } = this.#leb(bits);
    const signed = BigInt.asIntN(bitsRead, value);
    if (BigInt.asIntN(bits, signed) !== signed) throw new NoInstruction();
    return signed;
  }

  #word(bytes: number): number {
    const { at } = this;
    if (at + bytes > this.#code.length) throw new NoInstruction();
    this.at += bytes;
    return at;
  }

  word32(): number {
    return this.#view.getUint32(this.#word(4), true);
  }

  word64(): bigint {
    return this.#view.getBigUint64(this.#word(8), true);
  }
}

/** Every instruction of `code`, whose first byte lies at host address `pc`. */
export function disassembleWasm(code: Uint8Array, pc: bigint): WasmInstruction[] {
  const list: WasmInstruction[] = [];
  let depth = 0;
  for (let at = 0; at < code.length; ) {
    const { sizeBytes, mnemonic, operands } = readInstruction(code, at);
    if (mnemonic === 'end' || mnemonic === 'else') depth--;
    list.push({ pc: pc + BigInt(at), sizeBytes, mnemonic, operands, depth });
    if (opensBlock(mnemonic)) depth++;
    at += sizeBytes;
  }
  return list;
}

const opensBlock = (mnemonic: string): boolean =>
  ['block', 'loop', 'if', 'else'].includes(mnemonic);

type Read = Pick<WasmInstruction, 'sizeBytes' | 'mnemonic' | 'operands'>;

function readInstruction(code: Uint8Array, at: number): Read {
  const cursor = new Cursor(code, at);
  try {
    const first = cursor.u8();
    const isPrefix = WASM_PREFIXES.some((prefix) => prefix === first);
    const opcode = WASM_OPCODES.get(isPrefix ? wasmKey(first, cursor.u32()) : first);
    if (opcode !== undefined) {
      const operands = FORMS[opcode.form](cursor, opcode.name);
      return { sizeBytes: cursor.at - at, mnemonic: opcode.name, operands };
    }
  } catch (error) {
    if (!(error instanceof NoInstruction)) throw error;
  }
  const byte = (code[at] ?? 0).toString(16).padStart(2, '0');
  return { sizeBytes: 1, mnemonic: '.byte', operands: `0x${byte}` };
}

/** Reads what follows an opcode and says it as the text format does. */
const FORMS: Readonly<Record<WasmForm, (cursor: Cursor, name: string) => string>> = {
  none: () => '',
  block: blockType,
  index: (cursor) => String(cursor.u32()),
  labels(cursor) {
    const labels: number[] = [];
    // One more than the vector has: the label of all other values.
    for (let left = cursor.u32(); left >= 0; left--) labels.push(cursor.u32());
    return labels.join(' ');
  },
  'type-table'(cursor) {
    const type = cursor.u32();
    const table = cursor.u32();
    return table === 0 ? `(type ${type})` : `${table} (type ${type})`;
  },
  'segment-memory'(cursor) {
    const segment = cursor.u32();
    zero(cursor);
    return String(segment);
  },
  'segment-table'(cursor) {
    const segment = cursor.u32();
    return `${cursor.u32()} ${segment}`;
  },
  'two-indices': (cursor) => `${cursor.u32()} ${cursor.u32()}`,
  zero,
  'two-zeros': (cursor) => zero(cursor) + zero(cursor),
  types(cursor) {
    const types: string[] = [];
    for (let left = cursor.u32(); left > 0; left--) types.push(named(VALUE_TYPES, cursor.u8()));
    return `(result ${types.join(' ')})`;
  },
  'heap-type': (cursor) => named(HEAP_TYPES, cursor.u8()),
  i32: (cursor) => String(cursor.signed(32)),
  i64: (cursor) => String(cursor.signed(64)),
  f32: (cursor) => singleText(cursor.word32()),
  f64: (cursor) => doubleText(cursor.word64()),
  v128(cursor) {
    const lanes = [cursor.word32(), cursor.word32(), cursor.word32(), cursor.word32()];
    return `i32x4 ${lanes.map((lane) => `0x${lane.toString(16)}`).join(' ')}`;
  },
  shuffle: (cursor) => Array.from({ length: 16 }, () => cursor.u8()).join(' '),
  lane: (cursor) => String(cursor.u8()),
  memory: memoryArgument,
  'memory-lane'(cursor, name) {
    const argument = memoryArgument(cursor, name);
    return `${argument} ${cursor.u8()}`.trim();
  },
};

function zero(cursor: Cursor): string {
  if (cursor.u8() !== 0) throw new NoInstruction();
  return '';
}

function named(names: Readonly<Record<number, string>>, code: number): string {
  const name = names[code];
  if (name === undefined) throw new NoInstruction();
  return name;
}

/** Nothing, one result, or the index of a type: one signed number in 33 bits. */
function blockType(cursor: Cursor): string {
  const type = cursor.signed(33);
  if (type >= 0n) return `(type ${type})`;
  const code = Number(type & 0x7fn);
  return code === EMPTY_BLOCK ? '' : `(result ${named(VALUE_TYPES, code)})`;
}

/** Alignment is a hint, said only if it is not the size of what is moved. */
function memoryArgument(cursor: Cursor, name: string): string {
  const alignment = cursor.u32();
  // From bit 6 on it says that a memory's index follows, which no engine here emits.
  if (alignment > 5) throw new NoInstruction();
  const offset = cursor.u32();
  const parts: string[] = [];
  if (offset !== 0) parts.push(`offset=${offset}`);
  if (2 ** alignment !== movedBytes(name)) parts.push(`align=${2 ** alignment}`);
  return parts.join(' ');
}

/** `i64.load32_u` 4, `v128.load8x8_s` 8, `i32.atomic.rmw16.add_u` 2, `f64.store` 8. */
function movedBytes(name: string): number {
  const narrow = /(?:load|store|rmw|wait)(\d+)(?:x(\d+))?/.exec(name);
  if (narrow !== null) return (Number(narrow[1]) * Number(narrow[2] ?? 1)) / 8;
  const type = /^[ifv](\d+)/.exec(name);
  // memory.atomic.notify wakes those that wait for a word of 32 bits.
  return type === null ? 4 : Number(type[1]) / 8;
}

const SINGLE_DIGITS_MAX = 9;

/** The shortest decimal that reads back as the same single. */
function singleText(bits: number): string {
  const fraction = bits & 0x7f_ffff;
  if ((bits & 0x7f80_0000) === 0x7f80_0000) {
    return specialText(bits >>> 31 === 1, BigInt(fraction), 1n << 22n);
  }
  const value = new Float32Array(Uint32Array.of(bits).buffer)[0] ?? 0;
  // toPrecision has no sign for it.
  if (value === 0) return numberText(value);
  for (let digits = 1; digits < SINGLE_DIGITS_MAX; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return numberText(short);
  }
  return numberText(Number(value.toPrecision(SINGLE_DIGITS_MAX)));
}

function doubleText(bits: bigint): string {
  const fraction = bits & ((1n << 52n) - 1n);
  if (((bits >> 52n) & 0x7ffn) === 0x7ffn) {
    return specialText(bits >> 63n === 1n, fraction, 1n << 51n);
  }
  return numberText(new Float64Array(BigUint64Array.of(bits).buffer)[0] ?? 0);
}

const numberText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

/** Infinity, or what is no number; its payload is said unless it is the usual one. */
function specialText(isNegative: boolean, fraction: bigint, quiet: bigint): string {
  const sign = isNegative ? '-' : '';
  if (fraction === 0n) return `${sign}inf`;
  return fraction === quiet ? `${sign}nan` : `${sign}nan:0x${fraction.toString(16)}`;
}
