/**
 * The inner function of the threaded interpreter: runs entries until something happens that is not
 * its business. It calls nothing, so that V8 keeps its few variables in registers.
 *
 *   (entry i32, pcDelta i32, fuel i32, write i32) → (LEFT value i32, target i32)
 *
 * When it returns, pc and account are in the state block.
 */

import { CodeWriter } from '../../../wasm/code.ts';
import { I32, I64 } from '../../../wasm/opcodes.ts';
import { JUMP_MASK, JUMP_PLACE_SHIFT, JUMP_SOURCE_SHIFT } from '../core/jump-table.ts';
import {
  CODE_MAP,
  ENTRY,
  FUEL_SLACK,
  GUEST_PAGE_BYTES,
  GUEST_PAGE_SHIFT,
  JUMPS,
  STATE,
} from '../core/layout.ts';
import type { Handler } from './handlers.ts';
import { EntryOperands, STEP_SHIFT } from './operands.ts';

/** Why the inner function returned. */
export const LEFT = {
  /** Fuel is 0. */
  fuel: 0,
  /** Nothing is decoded at pc. */
  undecoded: 1,
  /** The instruction at pc is the plain interpreter's. */
  slow: 2,
  /** The instruction at pc goes to target by an edge that is not known; rd is written. */
  link: 3,
  /** At pc is a region. */
  region: 4,
  hot: 5,
  /** Control has arrived at pc, in a page without code; this was not yet counted. */
  arrived: 6,
} as const;

export interface StepsOptions {
  readonly handlers: readonly Handler[];
  readonly guestBase: number;
  readonly record: boolean;
  /** Whether edges are looked up: to record them, or to learn them for regions. */
  readonly learn: boolean;
  /** Arrivals after which a region should be made; 0: never. */
  readonly heatLimit: number;
}

export const STEPS_PARAMETERS = [I32, I32, I32, I32] as const;
export const STEPS_RESULTS = [I32, I32] as const;
const [ENTRY_AT, PC_DELTA, FUEL, WRITE] = [0, 1, 2, 3];
const NEVER = -1;

/** Labels, as `CodeWriter.depth` counts them. */
interface Labels {
  readonly out: number;
  readonly undecoded: number;
  readonly slow: number;
  readonly link: number;
  readonly linkNear: number;
  readonly next: number;
  readonly far: number;
  readonly arrived: number;
}

export class Steps {
  readonly code = new CodeWriter(STEPS_PARAMETERS.length);
  /** By handler: byte offset of its code in the function's body. */
  readonly handlerAt: number[] = [];
  readonly #options: StepsOptions;
  readonly #operands: EntryOperands;
  readonly #target: number;
  readonly #edge: number;
  readonly #reason: number;
  readonly #labels: Labels;

  constructor(options: StepsOptions) {
    this.#options = options;
    const { code } = this;
    this.#target = code.local(I32);
    this.#edge = code.local(I32);
    this.#reason = code.local(I32);
    const label = (): number => code.block().depth;
    const out = label();
    const fuel = label();
    const undecoded = label();
    const slow = label();
    const link = label();
    const linkNear = label();
    const next = code.loop().depth;
    code.get(FUEL).i32(1).op('i32.sub').tee(FUEL).i32(0).op('i32.lt_s').brIfTo(fuel);
    const arrived = label();
    const far = label();
    this.#labels = { out, undecoded, slow, link, linkNear, next, far, arrived };
    const places = { entry: ENTRY_AT, pcDelta: PC_DELTA, bail: slow, guestBase: options.guestBase };
    this.#operands = new EntryOperands(code, places);
    this.#dispatch();
    code.end();
    this.#findEntry();
    code.end();
    this.#countArrival();
    code.brTo(next).end().op('unreachable').end();
    this.#leaveAll();
  }

  /** One block for each handler; their code is behind the blocks' ends, in order of number. */
  #dispatch(): void {
    const { code } = this;
    const { handlers } = this.#options;
    const labels = handlers.map(() => code.block().depth).reverse();
    const otherwise = labels[0] ?? 0;
    code.get(ENTRY_AT).load('i32.load16_u', ENTRY.handler).brTable(labels, otherwise);
    for (const handler of handlers) {
      code.end();
      this.handlerAt.push(code.at);
      this.#handler(handler);
    }
  }

  #handler(handler: Handler): void {
    const { code } = this;
    if ('size' in handler) this.#operands.size = handler.size;
    switch (handler.kind) {
      case 'undecoded':
        code.brTo(this.#labels.undecoded);
        return;
      case 'slow':
        code.brTo(this.#labels.slow);
        return;
      case 'past-page':
        this.#pastPage();
        return;
      case 'branch':
        this.#operands.pushX('rs1');
        this.#operands.pushX('rs2');
        code.op(handler.compare).if();
        this.#direct(handler.isNear);
        code.end();
        break;
      case 'jal':
        if (handler.isLink) this.#operands.setX(() => this.#operands.pushNextPc());
        this.#direct(handler.isNear);
        return;
      case 'jalr':
        this.#indirect(handler.isLink);
        return;
      case 'op':
        this.#operands.roundingMode = handler.roundingMode;
        handler.emit(this.#operands);
        break;
    }
    code
      .get(ENTRY_AT)
      .i32(this.#operands.size << STEP_SHIFT)
      .op('i32.add')
      .set(ENTRY_AT);
    code.brTo(this.#labels.next);
  }

  /** Takes a direct transfer. */
  #direct(isNear: boolean): void {
    const { code } = this;
    if (!isNear) {
      this.#operands.pushPc32();
      this.#operands.pushImm32();
      code.op('i32.add').set(this.#target);
    }
    if (this.#options.learn) {
      code.get(ENTRY_AT).load('i32.load', ENTRY.edge).tee(this.#edge).op('i32.eqz');
      code.brIfTo(isNear ? this.#labels.linkNear : this.#labels.link);
      this.#store();
    }
    if (!isNear) {
      code.brTo(this.#labels.far);
      return;
    }
    // Only where a loop closes can control come by this way often and by no other: forward, there
    // is nothing to count, and no region to look for.
    const way = this.#edge;
    code.get(ENTRY_AT).load('i32.load', ENTRY.imm).set(way);
    code.get(ENTRY_AT).get(way).op('i32.add').set(ENTRY_AT);
    code.get(way).i32(0).op('i32.gt_s').brIfTo(this.#labels.next);
    code.brTo(this.#labels.arrived);
  }

  /** The entry of a near transfer's target. */
  #pushNear(): void {
    this.code.get(ENTRY_AT).get(ENTRY_AT).load('i32.load', ENTRY.imm).op('i32.add');
  }

  #indirect(isLink: boolean): void {
    const { code } = this;
    const target = this.#operands.scratch(I64, 0);
    this.#operands.pushX('rs1');
    this.#operands.pushImm();
    code.op('i64.add').i64(-2).op('i64.and').tee(target);
    // A trap that no 32-bit pc can tell of.
    code.i64(32).op('i64.shr_u').i64(0).op('i64.ne').brIfTo(this.#labels.slow);
    code.get(target).op('i32.wrap_i64').set(this.#target);
    if (isLink) this.#operands.setX(() => this.#operands.pushNextPc());
    if (this.#options.learn) this.#findJump(target);
    code.brTo(this.#labels.far);
  }

  /** Finds the edge from pc to target in JUMPS (core/jump-table.ts). */
  #findJump(target: number): void {
    const { code } = this;
    const [pc, place] = [this.#operands.scratch(I32, 0), this.#operands.scratch(I32, 1)];
    this.#operands.pushPc32();
    code.tee(pc).i32(JUMP_SOURCE_SHIFT).op('i32.shl').get(this.#target).op('i32.xor');
    code.i32(JUMP_MASK).op('i32.and').i32(JUMP_PLACE_SHIFT).op('i32.shl').tee(place);
    code.load('i64.load', JUMPS);
    code.get(target).i64(32).op('i64.shl').get(pc).op('i64.extend_i32_u', 'i64.or', 'i64.ne');
    code.brIfTo(this.#labels.link);
    if (!this.#options.record) return;
    code
      .get(place)
      .load('i32.load', JUMPS + 8)
      .set(this.#edge);
    this.#store();
  }

  /** Stores a transfer; its word, number + 1, is in the variable. */
  #store(): void {
    if (!this.#options.record) return;
    const { code } = this;
    code.get(WRITE).get(this.#edge).i32(1).op('i32.sub').store('i32.store', 0);
    code.get(WRITE).i32(4).op('i32.add').set(WRITE);
  }

  /** Leaves the address of the entries of target's page; 0: it has none. */
  #pushPage(): void {
    this.code.get(this.#target).i32(GUEST_PAGE_SHIFT).op('i32.shr_u').i32(2).op('i32.shl');
    this.code.load('i32.load', CODE_MAP);
  }

  /** Sets entry and delta for target; `ifNone` comes when its page has no entries, and leaves. */
  #setEntry(ifNone: () => void): void {
    const { code } = this;
    const base = this.#edge;
    this.#pushPage();
    code.tee(base).op('i32.eqz').if();
    // So the pc is right without an entry.
    code.i32(0).set(ENTRY_AT).get(this.#target).set(PC_DELTA);
    ifNone();
    code.end();
    code
      .get(this.#target)
      .i32(GUEST_PAGE_BYTES - 1)
      .op('i32.and')
      .i32(STEP_SHIFT)
      .op('i32.shl');
    code.get(base).op('i32.add').set(ENTRY_AT);
    code.get(this.#target).i32(-GUEST_PAGE_BYTES).op('i32.and');
    code.get(base).i32(STEP_SHIFT).op('i32.shr_u', 'i32.sub').set(PC_DELTA);
  }

  /** Goes on behind the page's last instruction: no instruction itself, and no transfer. */
  #pastPage(): void {
    this.#operands.pushPc32();
    this.code.set(this.#target);
    this.#setEntry(() => this.code.brTo(this.#labels.undecoded));
    this.code.get(FUEL).i32(1).op('i32.add').set(FUEL).brTo(this.#labels.next);
  }

  #findEntry(): void {
    this.#setEntry(() => this.#leave(LEFT.arrived));
  }

  /** Heat is at least the limit where a region is (CodeCache.setRegion): one question for both. */
  #countArrival(): void {
    const { code } = this;
    const { heatLimit } = this.#options;
    const heat = this.#edge;
    code.get(ENTRY_AT).get(ENTRY_AT).load('i32.load', ENTRY.heat).i32(1).op('i32.add').tee(heat);
    code.store('i32.store', ENTRY.heat);
    code
      .get(heat)
      .i32(heatLimit === 0 ? NEVER : heatLimit)
      .op('i32.ge_u')
      .if();
    code.get(ENTRY_AT).load('i32.load', ENTRY.region).i32(0).op('i32.ne');
    code.get(FUEL).i32(FUEL_SLACK).op('i32.ge_s', 'i32.and').if();
    this.#leave(LEFT.region);
    code.end();
    if (heatLimit !== 0) {
      code.get(heat).i32(heatLimit).op('i32.eq').if();
      this.#leave(LEFT.hot);
      code.end();
    }
    code.end();
  }

  #leave(reason: number): void {
    this.code.i32(reason).set(this.#reason).brTo(this.#labels.out);
  }

  /** What the labels around the loop are for, innermost first; then the end of the function. */
  #leaveAll(): void {
    const { code } = this;
    const giveBack = (): unknown => code.get(FUEL).i32(1).op('i32.add').set(FUEL);
    this.#pushNear();
    code.i32(STEP_SHIFT).op('i32.shr_u').get(PC_DELTA).op('i32.add').set(this.#target);
    for (const reason of [LEFT.link, LEFT.slow, LEFT.undecoded, LEFT.fuel]) {
      code.end();
      giveBack();
      this.#leave(reason);
    }
    code.end();
    code.i32(0);
    this.#operands.pushPc();
    code.store('i64.store', STATE.pc);
    code.i32(0).get(WRITE).store('i32.store', STATE.write);
    code.i32(0).get(FUEL).store('i32.store', STATE.fuel);
    code.get(this.#reason).get(this.#target);
  }
}
