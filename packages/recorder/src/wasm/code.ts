/** The body of one function, written instruction by instruction. Checks nothing: the engine that
 * compiles the module does. */
import { ByteWriter } from './bytes.ts';
import {
  type BlockType,
  EMPTY,
  LOADS,
  type LoadOpcode,
  OPCODES,
  type Opcode,
  PREFIXED,
  type PrefixedOpcode,
  STORES,
  type StoreOpcode,
  type ValueType,
} from './opcodes.ts';

/** Alignment hints are log2 of the size; a smaller one is always valid and costs nothing in V8. */
const UNALIGNED = 0;
const EXTRACT_LANE = { i64x2: 29, f32x4: 31, f64x2: 33 } as const;

export class CodeWriter {
  readonly #out = new ByteWriter();
  readonly #parameters: number;
  readonly #locals: ValueType[] = [];
  /** Blocks that are open: what `br` counts. */
  #depth = 0;
  readonly #unlikely: number[] = [];

  /** @param parameters how many locals the function's type gives it. */
  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** Byte offset of the next instruction from the first one of this body. */
  get at(): number {
    return this.#out.at;
  }

  /** Open blocks. A label is `depth` just inside its block; see `brTo`. */
  get depth(): number {
    return this.#depth;
  }

  get localTypes(): readonly ValueType[] {
    return this.#locals;
  }

  view(): Uint8Array {
    return this.#out.view();
  }

  /** Offsets of conditional branches said to be hardly ever taken. */
  get unlikelyAt(): readonly number[] {
    return this.#unlikely;
  }

  /**
   * The next instruction, `if` or `brIf`, is hardly ever taken: engines that read the section
   * metadata.code.branch_hint then place that code apart.
   */
  unlikely(): this {
    this.#unlikely.push(this.at);
    return this;
  }

  /** A new local variable, 0 at first; its index. */
  local(type: ValueType): number {
    this.#locals.push(type);
    return this.#parameters + this.#locals.length - 1;
  }

  op(...names: Opcode[]): this {
    for (const name of names) this.#out.u8(OPCODES[name]);
    return this;
  }

  prefixed(name: PrefixedOpcode): this {
    const [prefix, number] = PREFIXED[name];
    this.#out.u8(prefix);
    this.#out.unsigned(number);
    return this;
  }

  i32(value: number): this {
    this.#out.u8(0x41);
    this.#out.signed(value);
    return this;
  }

  /** A number must be a safe integer; only the low 64 bits of a bigint count. */
  i64(value: number | bigint): this {
    this.#out.u8(0x42);
    if (typeof value === 'bigint') this.#out.signed64(value);
    else if (value === (value | 0)) this.#out.signed(value);
    else this.#out.signedSafe(value);
    return this;
  }

  f32(value: number): this {
    return this.#constant(0x43, new Uint8Array(new Float32Array([value]).buffer));
  }

  f64(value: number): this {
    return this.#constant(0x44, new Uint8Array(new Float64Array([value]).buffer));
  }

  #constant(opcode: number, bytes: Uint8Array): this {
    this.#out.u8(opcode);
    this.#out.bytes(bytes);
    return this;
  }

  get(local: number): this {
    return this.#index(0x20, local);
  }

  set(local: number): this {
    return this.#index(0x21, local);
  }

  tee(local: number): this {
    return this.#index(0x22, local);
  }

  #index(opcode: number, index: number): this {
    this.#out.u8(opcode);
    this.#out.unsigned(index);
    return this;
  }

  /** Stack: i32 address → value. Effective address is address + offset, without wrapping. */
  load(name: LoadOpcode, offset: number): this {
    return this.#memory(LOADS[name][0], offset);
  }

  /** Stack: i32 address, value → nothing. */
  store(name: StoreOpcode, offset: number): this {
    return this.#memory(STORES[name][0], offset);
  }

  /** v128.load. Stack: i32 address → v128. */
  loadVector(offset: number): this {
    this.#out.u8(0xfd);
    return this.#memory(0, offset);
  }

  /** v128.store. Stack: i32 address, v128 → nothing. */
  storeVector(offset: number): this {
    this.#out.u8(0xfd);
    return this.#memory(11, offset);
  }

  /** memory.fill. Stack: i32 address, byte, length → nothing. */
  memoryFill(): this {
    this.#out.u8(0xfc);
    this.#out.unsigned(11);
    this.#out.u8(0);
    return this;
  }

  #memory(opcode: number, offset: number): this {
    this.#out.u8(opcode);
    this.#out.unsigned(UNALIGNED);
    this.#out.unsigned(offset);
    return this;
  }

  block(type: BlockType = EMPTY): this {
    return this.#open(0x02, type);
  }

  loop(type: BlockType = EMPTY): this {
    return this.#open(0x03, type);
  }

  if(type: BlockType = EMPTY): this {
    return this.#open(0x04, type);
  }

  else(): this {
    this.#out.u8(0x05);
    return this;
  }

  /** Closes a block, loop or if. The function's own end is written by the module. */
  end(): this {
    this.#out.u8(0x0b);
    this.#depth--;
    return this;
  }

  #open(opcode: number, type: BlockType): this {
    this.#out.u8(opcode);
    this.#out.u8(type);
    this.#depth++;
    return this;
  }

  /** To the label `levels` blocks out; 0 is the innermost. */
  br(levels: number): this {
    return this.#index(0x0c, levels);
  }

  brIf(levels: number): this {
    return this.#index(0x0d, levels);
  }

  /** To a block by what `depth` was just after opening it. */
  brTo(label: number): this {
    return this.br(this.#depth - label);
  }

  brIfTo(label: number): this {
    return this.brIf(this.#depth - label);
  }

  /** Labels as in `brTo`. Stack: i32 index → nothing. */
  brTable(labels: readonly number[], otherwise: number): this {
    this.#out.u8(0x0e);
    this.#out.unsigned(labels.length);
    for (const label of labels) this.#out.unsigned(this.#depth - label);
    this.#out.unsigned(this.#depth - otherwise);
    return this;
  }

  call(functionIndex: number): this {
    return this.#index(0x10, functionIndex);
  }

  /** Stack: arguments, i32 place in table 0 → results. */
  callIndirect(type: number): this {
    this.#index(0x11, type);
    this.#out.unsigned(0);
    return this;
  }

  returnCall(functionIndex: number): this {
    return this.#index(0x12, functionIndex);
  }

  returnCallIndirect(type: number): this {
    this.#index(0x13, type);
    this.#out.unsigned(0);
    return this;
  }

  /** Stack: v128 → one of its numbers. */
  extractLane(type: keyof typeof EXTRACT_LANE, lane = 0): this {
    this.#out.u8(0xfd);
    this.#out.unsigned(EXTRACT_LANE[type]);
    this.#out.u8(lane);
    return this;
  }

  /** Atomic compare-exchange. Stack: i32 address, expected, new → old. Traps if not aligned. */
  atomicCompareExchange(type: 'i32' | 'i64', offset: number): this {
    this.#out.u8(0xfe);
    this.#out.unsigned(type === 'i32' ? 0x48 : 0x49);
    this.#out.unsigned(type === 'i32' ? 2 : 3);
    this.#out.unsigned(offset);
    return this;
  }
}
