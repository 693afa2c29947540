/**
 * Writes the code of one region: where its registers, its account and its exits are.
 *
 * Local 0 is the account, local 1 the depth. What instructions and transfers have added to the
 * account is *pending* while it is known where control came from: the code for it is written where
 * ways meet, and where control leaves.
 */

import { CodeWriter } from '../../../wasm/code.ts';
import { I32, I64, type ValueType } from '../../../wasm/opcodes.ts';
import { STATE } from '../core/layout.ts';
import type { Helpers } from './helpers.ts';

export const ACCOUNT = 0;
export const DEPTH = 1;
const PARAMETERS = 2;

const FUEL_UNIT = 2 ** 32;
const EVENT_BYTES = 4;

/** What was not yet added to the account. */
export interface Pending {
  readonly events: number;
  readonly instructions: number;
}
export const NOTHING_PENDING: Pending = { events: 0, instructions: 0 };

/** Each register of the mask, lowest first. */
function eachBit(mask: number, visit: (register: number) => void): void {
  for (let rest = mask; rest !== 0; rest &= rest - 1) visit(31 - Math.clz32(rest & -rest));
}

export class RegionWriter {
  readonly code = new CodeWriter(PARAMETERS);
  readonly helpers: Helpers;
  readonly #localX = new Int32Array(32).fill(-1);
  readonly #localF = new Int32Array(32).fill(-1);
  readonly #scratch = new Map<number, number>();
  pending = NOTHING_PENDING;
  /** Registers that may differ from the state block. */
  dirtyX = 0;
  dirtyF = 0;

  constructor(helpers: Helpers) {
    this.helpers = helpers;
  }

  localX(register: number): number {
    const known = this.#localX[register] ?? -1;
    if (known >= 0) return known;
    const local = this.code.local(I64);
    this.#localX[register] = local;
    return local;
  }

  localF(register: number): number {
    const known = this.#localF[register] ?? -1;
    if (known >= 0) return known;
    const local = this.code.local(I64);
    this.#localF[register] = local;
    return local;
  }

  /** A variable for a moment; the same for the same type and slot. */
  scratch(type: ValueType, slot: number): number {
    const key = slot * 256 + type;
    const known = this.#scratch.get(key);
    if (known !== undefined) return known;
    const local = this.code.local(type);
    this.#scratch.set(key, local);
    return local;
  }

  pushX(register: number): void {
    if (register === 0) this.code.i64(0);
    else this.code.get(this.localX(register));
  }

  /** The value is on the stack. */
  setX(register: number): void {
    if (register === 0) {
      this.code.op('drop');
      return;
    }
    this.code.set(this.localX(register));
    this.dirtyX |= 1 << register;
  }

  setF(register: number): void {
    this.code.set(this.localF(register));
    this.dirtyF |= 1 << register;
  }

  /** Stores registers into the state block; which are dirty is left as it is. */
  spill(x = this.dirtyX, f = this.dirtyF): void {
    const { code } = this;
    eachBit(x, (register) => {
      code
        .i32(0)
        .get(this.localX(register))
        .store('i64.store', STATE.x + 8 * register);
    });
    eachBit(f, (register) => {
      code
        .i32(0)
        .get(this.localF(register))
        .store('i64.store', STATE.f + 8 * register);
    });
  }

  load(x: number, f: number): void {
    const { code } = this;
    eachBit(x, (register) => {
      code
        .i32(0)
        .load('i64.load', STATE.x + 8 * register)
        .set(this.localX(register));
    });
    eachBit(f, (register) => {
      code
        .i32(0)
        .load('i64.load', STATE.f + 8 * register)
        .set(this.localF(register));
    });
  }

  /** The account as it is after `pending`. */
  pushAccount({ events, instructions }: Pending = this.pending): void {
    this.code.get(ACCOUNT);
    this.#add(EVENT_BYTES * events - FUEL_UNIT * instructions);
  }

  #add(amount: number): void {
    if (amount !== 0) this.code.i64(amount).op('i64.add');
  }

  /** Brings the account to where `pending` is what the given one says. */
  settle(to: Pending = NOTHING_PENDING): void {
    const events = this.pending.events - to.events;
    const instructions = this.pending.instructions - to.instructions;
    this.pending = to;
    if (events === 0 && instructions === 0) return;
    this.code.get(ACCOUNT);
    this.#add(EVENT_BYTES * events - FUEL_UNIT * instructions);
    this.code.set(ACCOUNT);
  }

  retire(instructions: number): void {
    const { events, instructions: before } = this.pending;
    this.pending = { events, instructions: before + instructions };
  }

  /** Stores a transfer's edge number. */
  event(pushEdge: () => void): void {
    const { events, instructions } = this.pending;
    this.code.get(ACCOUNT).op('i32.wrap_i64');
    pushEdge();
    this.code.store('i32.store', EVENT_BYTES * events);
    this.pending = { events: events + 1, instructions };
  }

  /** Control goes to pc, outside; registers are already stored. */
  returnTo(pc: number): void {
    this.code.i64(pc);
    this.pushAccount();
    this.code.op('return');
  }

  /**
   * The instruction at pc is left to others; `before` instructions of its block ran.
   * Registers are stored here, since which are dirty differs from place to place.
   */
  bail(pc: number, before: number): void {
    const { events, instructions } = this.pending;
    this.spill();
    this.code.i32(0).i32(1).store('i32.store', STATE.bail);
    this.code.i64(pc);
    this.pushAccount({ events, instructions: instructions + before });
    this.code.op('return');
  }

  /**
   * Runs `write` and puts what is pending and dirty back to what it was: for code beside the way.
   */
  aside(write: () => void): void {
    const { pending, dirtyX, dirtyF } = this;
    write();
    this.pending = pending;
    this.dirtyX = dirtyX;
    this.dirtyF = dirtyF;
  }

  /**
   * The account is real. If it is negative: more fuel, or `leave`, which ends control. No register
   * is in a local variable here.
   * @param pushPc leaves i64: where control is.
   */
  look(pushPc: () => void, leave: () => void): void {
    this.code.get(ACCOUNT).i64(0).op('i64.lt_s').unlikely().if();
    this.refuel(pushPc, leave);
    this.code.end();
  }

  /** As `look`, when the tank is known to be empty. */
  refuel(pushPc: () => void, leave: () => void): void {
    const { code, helpers } = this;
    const isEmpty = this.scratch(I32, 90);
    code.get(ACCOUNT);
    pushPc();
    code.call(helpers.refuel).set(isEmpty).set(ACCOUNT);
    code.get(isEmpty).if();
    leave();
    code.end();
  }
}
