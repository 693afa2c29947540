/**
 * Addresses of loads and stores. An address is right if it lies in a range of the state block known
 * to be accessible, or if its page's permission byte says so. Which accesses are checked is settled
 * before (spans.ts).
 */

import { I64 } from '../../../wasm/opcodes.ts';
import { GUEST_PAGE_BYTES, GUEST_PAGE_SHIFT, PERM, PERMS, STATE } from '../core/layout.ts';
import type { RegionOptions } from './region.ts';
import type { Check, Plan } from './spans.ts';
import type { RegionWriter } from './writer.ts';

/** Up to so many bytes the size of a range is compared, beyond its size less SPAN_BYTES. */
const ACCESS_BYTES_MAX = 8;

export class AccessWriter {
  readonly #out: RegionWriter;
  readonly #options: RegionOptions;
  #plan: Plan = [];

  constructor(out: RegionWriter, options: RegionOptions) {
    this.#out = out;
    this.#options = options;
  }

  /** What follows is the code of the block with this plan. */
  begin(plan: Plan): void {
    this.#plan = plan;
  }

  /**
   * The access of the instruction at this place of its block, at register + offset. `bail` ends
   * control. `use` runs with an i32 on the stack and the offset to give to the load or store.
   */
  push(
    { base, offset, index }: { base: number; offset: number; index: number },
    bail: () => void,
    use: (offset: number) => void,
  ): void {
    const check = this.#plan[index];
    if (check === undefined) throw new Error(`instruction ${index} has no plan`);
    if (check !== null) this.#check(base, check, bail);
    // No address below 4096 passes a check, so that the register is not below 0.
    this.#out.pushX(base);
    this.#out.code.op('i32.wrap_i64');
    use(this.#options.guestBase + offset);
  }

  /** Start of the range if it stays while the region is in use. */
  #fixedStart({ isStack, isWrite }: Check): number | null {
    const starts = this.#options.rangeStarts?.();
    if (starts === undefined || isStack) return null;
    return isWrite ? starts.write : starts.read;
  }

  #check(base: number, check: Check, bail: () => void): void {
    const { code } = this.#out;
    const address = this.#out.scratch(I64, 91);
    const [start, size] = rangeOf(check);
    const fixed = this.#fixedStart(check);
    this.#out.pushX(base);
    if (fixed !== null) code.i64(check.first - fixed).op('i64.add');
    else {
      if (check.first !== 0) code.i64(check.first).op('i64.add');
      code.i32(0).load('i64.load', start).op('i64.sub');
    }
    code.i32(0).load('i64.load', size).op('i64.ge_u').unlikely().if();
    const outer = code.depth;
    code.block();
    this.#out.pushX(base);
    if (check.first !== 0) code.i64(check.first).op('i64.add');
    code.set(address);
    const refused = code.depth;
    code.get(address).i64(GUEST_PAGE_BYTES).op('i64.sub');
    code.i64(this.#options.guestLimit - GUEST_PAGE_BYTES - check.bytes).op('i64.gt_u');
    code.brIfTo(refused);
    for (const byte of check.bytes === 1 ? [0] : [0, check.bytes - 1]) {
      code.get(address).op('i32.wrap_i64');
      if (byte !== 0) code.i32(byte).op('i32.add');
      code.i32(GUEST_PAGE_SHIFT).op('i32.shr_u').load('i32.load8_u', PERMS);
      if (byte !== 0) code.op('i32.and');
    }
    code
      .i32(check.isWrite ? PERM.write : PERM.read)
      .op('i32.and')
      .brIfTo(outer);
    code.end();
    bail();
    code.end();
  }
}

/** Addresses of the range's start, and of what is compared. */
function rangeOf({ isStack, isWrite, bytes }: Check): [start: number, size: number] {
  const isSpan = bytes > ACCESS_BYTES_MAX;
  if (isStack) return [STATE.stackStart, isSpan ? STATE.stackSpan : STATE.stackSize];
  if (isWrite) return [STATE.writeStart, isSpan ? STATE.writeSpan : STATE.writeSize];
  return [STATE.readStart, isSpan ? STATE.readSpan : STATE.readSize];
}
