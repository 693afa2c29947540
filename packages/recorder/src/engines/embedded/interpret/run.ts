/**
 * The outer function of the threaded interpreter, `run(): i32 EXIT`: everything that happens
 * between stretches of the inner one. pc and account are in the state block throughout.
 */

import { CodeWriter } from '../../../wasm/code.ts';
import { I32, I64 } from '../../../wasm/opcodes.ts';
import {
  CODE_MAP,
  DEPTH_LIMIT,
  ENTRY,
  EXIT,
  FUEL_SLACK,
  GUEST_PAGE_BYTES,
  GUEST_PAGE_SHIFT,
  STATE,
} from '../core/layout.ts';
import { STEP_SHIFT } from './operands.ts';
import { LEFT } from './steps.ts';

/** Function and type numbers in the module. */
export interface Indexes {
  readonly decode: number;
  readonly slow: number;
  readonly link: number;
  readonly returned: number;
  readonly steps: number;
  readonly regionType: number;
}

export interface RunOptions {
  readonly record: boolean;
  readonly heatLimit: number;
}

/** How control came to pc, in a local variable. */
const CAME = {
  /** From anywhere: a region may go on. */
  anyhow: 0,
  /** By a transfer that is not counted yet. */
  arriving: 1,
  /** Out of a region that leaves the instruction at pc to the interpreter. */
  bailed: 2,
} as const;

const BITS_NO_PC = ~0xffff_fffen;
const SLACK = BigInt(FUEL_SLACK) << 32n;

export class Run {
  readonly code = new CodeWriter(0);
  readonly #indexes: Indexes;
  readonly #options: RunOptions;
  readonly #pc = this.code.local(I64);
  readonly #account = this.code.local(I64);
  readonly #came = this.code.local(I32);
  readonly #entry = this.code.local(I32);
  readonly #base = this.code.local(I32);
  readonly #target = this.code.local(I32);
  readonly #answer = this.code.local(I32);
  readonly #again: number;

  constructor(indexes: Indexes, options: RunOptions) {
    this.#indexes = indexes;
    this.#options = options;
    const { code } = this;
    this.#again = code.loop().depth;
    this.#loadFuel();
    code.i32(0).op('i32.le_s').if().i32(EXIT.fuel).op('return').end();
    this.#findEntry();
    this.#countArrival();
    this.#enterRegion();
    this.#step();
    code.end().op('unreachable');
  }

  #loadFuel(): void {
    this.code.i32(0).load('i32.load', STATE.fuel);
  }

  /** Stack: address of the i32, which then is `more` greater. */
  #add(address: number, more: number): void {
    this.code.i32(0).i32(0).load('i32.load', address).i32(more).op('i32.add');
    this.code.store('i32.store', address);
  }

  #setCame(came: number): void {
    this.code.i32(came).set(this.#came);
  }

  /** Finds the entry at pc. What is not decoded yet is, and then control comes here again. */
  #findEntry(): void {
    const { code } = this;
    const found = code.block().depth;
    const missing = code.block().depth;
    code.i32(0).load('i64.load', STATE.pc).tee(this.#pc).i64(BITS_NO_PC).op('i64.and');
    code.i64(0).op('i64.ne').brIfTo(missing);
    code.get(this.#pc).op('i32.wrap_i64').i32(GUEST_PAGE_SHIFT).op('i32.shr_u');
    code.i32(2).op('i32.shl').load('i32.load', CODE_MAP).tee(this.#base).op('i32.eqz');
    code.brIfTo(missing);
    code
      .get(this.#pc)
      .op('i32.wrap_i64')
      .i32(GUEST_PAGE_BYTES - 1)
      .op('i32.and');
    code.i32(STEP_SHIFT).op('i32.shl').get(this.#base).op('i32.add').tee(this.#entry);
    code.load('i32.load16_u', ENTRY.handler).brIfTo(found);
    code.end();
    code.call(this.#indexes.decode).tee(this.#answer);
    code.if().get(this.#answer).op('return').end().brTo(this.#again);
    code.end();
  }

  #countArrival(): void {
    const { code } = this;
    code.get(this.#came).i32(CAME.arriving).op('i32.eq').if();
    this.#setCame(CAME.anyhow);
    code.get(this.#entry).get(this.#entry).load('i32.load', ENTRY.heat).i32(1).op('i32.add');
    code.tee(this.#answer).store('i32.store', ENTRY.heat);
    if (this.#options.heatLimit !== 0) {
      code.get(this.#answer).i32(this.#options.heatLimit).op('i32.eq');
      code.get(this.#entry).load('i32.load', ENTRY.region).op('i32.eqz', 'i32.and');
      code.if().i32(EXIT.hot).op('return').end();
    }
    code.end();
  }

  /** If a region begins at pc, runs it and begins again where it ends. */
  #enterRegion(): void {
    const { code } = this;
    code.get(this.#came).i32(CAME.bailed).op('i32.ne');
    code.get(this.#entry).load('i32.load', ENTRY.region).i32(0).op('i32.ne', 'i32.and');
    this.#loadFuel();
    code.i32(FUEL_SLACK).op('i32.ge_s', 'i32.and').if();
    this.#loadFuel();
    code.set(this.#answer);
    code.i32(0).load('i64.load', STATE.account).i64(SLACK).op('i64.sub').i32(DEPTH_LIMIT);
    code.get(this.#entry).load('i32.load', ENTRY.region).callIndirect(this.#indexes.regionType);
    code.i64(SLACK).op('i64.add').set(this.#account).set(this.#pc);
    code.i32(0).get(this.#account).store('i64.store', STATE.account);
    code.i32(0).get(this.#pc).i64(0xffff_ffff).op('i64.and').store('i64.store', STATE.pc);
    if (this.#options.record) this.#landReturn();
    // A region that ran nothing would be entered for ever. What regions leave to may become hot
    // without a transfer in the interpreter: a function that only regions call.
    this.#loadFuel();
    code.get(this.#answer).op('i32.eq').i32(0).load('i32.load', STATE.bail).op('i32.or');
    code.if(I32).i32(CAME.bailed).else().i32(CAME.arriving).end().set(this.#came);
    code.i32(0).i32(0).store('i32.store', STATE.bail);
    code.brTo(this.#again).end();
    this.#setCame(CAME.anyhow);
  }

  /** A guest return out of the last region: its transfer is stored where it lands, here. */
  #landReturn(): void {
    const { code } = this;
    code.get(this.#pc).i64(32).op('i64.shr_u', 'i32.wrap_i64').tee(this.#target).if();
    code.get(this.#target).get(this.#pc).op('i32.wrap_i64').call(this.#indexes.returned);
    this.#storeTransfer();
    code.end();
  }

  /** Stack: edge number. */
  #storeTransfer(): void {
    const { code } = this;
    code.set(this.#base);
    code.i32(0).load('i32.load', STATE.write).get(this.#base).store('i32.store', 0);
    this.#add(STATE.write, 4);
  }

  /** Runs the inner function from pc and sees to what ended it. */
  #step(): void {
    const { code } = this;
    code.get(this.#entry);
    code.get(this.#pc).op('i32.wrap_i64').i32(-GUEST_PAGE_BYTES).op('i32.and');
    code.get(this.#base).i32(STEP_SHIFT).op('i32.shr_u', 'i32.sub');
    this.#loadFuel();
    code.i32(0).load('i32.load', STATE.write).call(this.#indexes.steps);
    code.set(this.#target).set(this.#answer);
    this.#left(LEFT.link, () => this.#link());
    this.#left(LEFT.slow, () => {
      code.call(this.#indexes.slow).tee(this.#answer);
      code.if().get(this.#answer).op('return').end();
      this.#add(STATE.fuel, -1);
    });
    this.#left(LEFT.arrived, () => this.#setCame(CAME.arriving));
    this.#left(LEFT.fuel, () => code.i32(EXIT.fuel).op('return'));
    this.#left(LEFT.hot, () => code.i32(EXIT.hot).op('return'));
    // A region, or nothing decoded: both are seen at the beginning.
    code.brTo(this.#again);
  }

  #left(reason: number, then: () => void): void {
    this.code.get(this.#answer).i32(reason).op('i32.eq').if();
    then();
    this.code.brTo(this.#again).end();
  }

  /** The instruction at pc goes to target by an edge that was not known, and retires. */
  #link(): void {
    const { code } = this;
    code.i32(0).load('i32.load', STATE.pc).get(this.#target).call(this.#indexes.link);
    if (this.#options.record) this.#storeTransfer();
    else code.op('drop');
    this.#add(STATE.fuel, -1);
    code.i32(0).get(this.#target).op('i64.extend_i32_u').store('i64.store', STATE.pc);
    this.#setCame(CAME.arriving);
  }
}
