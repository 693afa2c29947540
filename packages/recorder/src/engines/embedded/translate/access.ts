/**
 * Addresses of loads and stores. An address is right if it lies in a range of the state block known
 * to be accessible, or if its page's permission byte says so.
 */
import { GUEST_PAGE_SHIFT, PERM, PERMS, STATE } from '../core/layout.ts';
import { I64 } from '../wasm/opcodes.ts';
import type { RegionOptions } from './region.ts';
import type { RegionWriter } from './writer.ts';

export interface Access {
  /** Integer register that the address is relative to, and what is added. */
  readonly base: number;
  readonly offset: number;
  readonly bytes: number;
  readonly kind: 'load' | 'store';
}

const SP = 2;
const FP = 8;

/** The range to look at first; its size is the word behind it. */
function rangeOf({ base, kind }: Access): number {
  if (base === SP || base === FP) return STATE.stackStart;
  return kind === 'load' ? STATE.readStart : STATE.writeStart;
}

export class AccessWriter {
  readonly #out: RegionWriter;
  readonly #options: RegionOptions;

  constructor(out: RegionWriter, options: RegionOptions) {
    this.#out = out;
    this.#options = options;
  }

  /** `bail` ends control. `use` runs with the i32 address on the stack. */
  push(access: Access, _index: number, bail: () => void, use: (offset: number) => void): void {
    const { code } = this.#out;
    const address = this.#out.scratch(I64, 91);
    this.#out.pushX(access.base);
    if (access.offset !== 0) code.i64(access.offset).op('i64.add');
    code.set(address);
    this.#check(access, address, bail);
    code.get(address).op('i32.wrap_i64');
    use(this.#options.guestBase);
  }

  #check(access: Access, address: number, bail: () => void): void {
    const { code } = this.#out;
    const range = rangeOf(access);
    code.get(address).i32(0).load('i64.load', range).op('i64.sub');
    code
      .i32(0)
      .load('i64.load', range + 8)
      .op('i64.ge_u')
      .unlikely()
      .if();
    const outer = code.depth;
    code.block();
    const refused = code.depth;
    code
      .get(address)
      .i64(this.#options.guestLimit - access.bytes)
      .op('i64.gt_u')
      .brIfTo(refused);
    for (const byte of access.bytes === 1 ? [0] : [0, access.bytes - 1]) {
      code.get(address).op('i32.wrap_i64');
      if (byte !== 0) code.i32(byte).op('i32.add');
      code.i32(GUEST_PAGE_SHIFT).op('i32.shr_u').load('i32.load8_u', PERMS);
      if (byte !== 0) code.op('i32.and');
    }
    code
      .i32(access.kind === 'load' ? PERM.read : PERM.write)
      .op('i32.and')
      .brIfTo(outer);
    code.end();
    bail();
    code.end();
  }
}
