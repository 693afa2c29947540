/** Machine code that writes bits, the lowest of a byte first. */
import {
  add,
  and,
  type Formula,
  i32,
  op,
  type Statements,
  shr,
  type Variable,
} from '../../wasm/formula.ts';
import { I32, I64 } from '../../wasm/opcodes.ts';

const wide = (value: Formula): Formula => op('i64.extend_i32_u', value);

/** The bits that are not written yet, 64 at most, and where they go. */
export class BitWriter {
  private readonly s: Statements;
  private readonly out: Variable;
  private readonly held: Variable;
  private readonly count: Variable;

  constructor(s: Statements, out: Variable) {
    this.s = s;
    this.out = out;
    this.held = s.local(I64);
    this.count = s.local(I32);
  }

  put(value: Formula, count: Formula): void {
    const { s, held } = this;
    s.set(held, op('i64.or', held.get, op('i64.shl', wide(value), wide(this.count.get))));
    s.set(this.count, add(this.count.get, count));
  }

  /** Leaves up to 7 bits. */
  flush(): void {
    const { s, out, held, count } = this;
    s.store('i64.store', out.get, held.get);
    s.set(out, add(out.get, shr(count.get, i32(3))));
    s.set(held, op('i64.shr_u', held.get, wide(and(count.get, i32(-8)))));
    s.set(count, and(count.get, i32(7)));
  }

  /** Writes what is left; the last byte may be a part of one. */
  finish(): void {
    const { s, out, count } = this;
    this.flush();
    s.set(out, add(out.get, op('i32.ne', count.get, i32(0))));
  }
}
