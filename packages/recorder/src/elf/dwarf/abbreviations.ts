/**
 * A table of .debug_abbrev: what attributes an entry of .debug_info has, by its code (DWARF 5,
 * section 7.5.3). Read as far as codes are asked for: of most units only the first is.
 *
 *   code  tag  has children (1 byte)  { attribute  form  [value of an implicit constant] } 0 0
 */
import { FORM, SLOT_OF, SLOT_UNWANTED } from './codes.ts';
import { type Budget, type Cursor, DwarfDamage } from './cursor.ts';
import { fixedBytes, type UnitEncoding } from './forms.ts';

export interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  /** For each attribute its slot, or SLOT_UNWANTED. */
  readonly slots: readonly number[];
  readonly forms: readonly number[];
  /** Of implicit constants; 0 for others. */
  readonly implicit: readonly number[];
  /** Bytes of all attributes where none is of a variable size, else -1. */
  readonly bytes: number;
}

/** Compilers number densely from 1; codes beyond are kept apart. */
const DENSE_MAX = 1 << 16;
const ATTRIBUTES_MAX = 4096;

export class AbbreviationTable {
  readonly #cursor: Cursor;
  readonly #encoding: UnitEncoding;
  readonly #dense: (Abbreviation | undefined)[] = [];
  readonly #sparse = new Map<number, Abbreviation>();
  readonly #budget: Budget;
  #isWhole = false;

  /** @param cursor at the start of the table. */
  constructor(cursor: Cursor, encoding: UnitEncoding, budget: Budget) {
    this.#cursor = cursor;
    this.#budget = budget;
    this.#encoding = encoding;
  }

  /** @throws DwarfDamage if there is none of that code. */
  get(code: number): Abbreviation {
    const known = code < DENSE_MAX ? this.#dense[code] : this.#sparse.get(code);
    if (known !== undefined) return known;
    while (!this.#isWhole) {
      const read = this.#cursor.uleb();
      if (read === 0) {
        this.#isWhole = true;
        break;
      }
      const made = this.#entry();
      // The first of two with one code counts.
      if (read >= DENSE_MAX) {
        if (!this.#sparse.has(read)) this.#sparse.set(read, made);
      } else this.#dense[read] ??= made;
      if (read === code) return made;
    }
    throw new DwarfDamage(`found no abbreviation ${code}, expected it in its table`);
  }

  #entry(): Abbreviation {
    const cursor = this.#cursor;
    const from = cursor.at;
    const tag = cursor.uleb();
    const hasChildren = cursor.u8() !== 0;
    const slots: number[] = [];
    const forms: number[] = [];
    const implicit: number[] = [];
    let bytes = 0;
    for (;;) {
      const attribute = cursor.uleb();
      const form = cursor.uleb();
      const value = form === FORM.implicitConst ? cursor.sleb() : 0;
      if (attribute === 0 && form === 0) break;
      if (slots.length === ATTRIBUTES_MAX) {
        throw new DwarfDamage(
          `found an abbreviation of more attributes, expected at most ${ATTRIBUTES_MAX}`,
        );
      }
      slots.push(SLOT_OF.get(attribute) ?? SLOT_UNWANTED);
      forms.push(form);
      implicit.push(value);
      const size = fixedBytes(form, this.#encoding);
      bytes = size < 0 || bytes < 0 ? -1 : bytes + size;
    }
    this.#budget.spend(cursor.at - from);
    return {
      tag,
      hasChildren,
      slots,
      forms,
      implicit,
      bytes,
    };
  }
}
