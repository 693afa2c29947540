/** One entry of .debug_info, read into the same place again and again: trees have millions. */
import type { Abbreviation } from './abbreviations.ts';
import { SLOT_COUNT, SLOT_UNWANTED } from './codes.ts';
import type { Cursor, Origin } from './cursor.ts';
import { readForm, realForm, skipForm, type UnitEncoding } from './forms.ts';

export class Entry {
  /** By slot, as readForm() has them; addresses are bytes from the origin. */
  readonly #values = new Float64Array(SLOT_COUNT);
  /** By slot; 0: the entry does not have it. */
  readonly #forms = new Uint32Array(SLOT_COUNT);

  has(slot: number): boolean {
    return this.#forms[slot] !== 0;
  }

  form(slot: number): number {
    return this.#forms[slot] ?? 0;
  }

  value(slot: number): number {
    return this.#values[slot] ?? 0;
  }

  /** Reads the attributes after an abbreviation's code. */
  read(cursor: Cursor, abbreviation: Abbreviation, encoding: UnitEncoding, origin: Origin): void {
    this.#forms.fill(0);
    const { slots, forms, implicit } = abbreviation;
    for (let i = 0; i < slots.length; i++) {
      const form = realForm(cursor, forms[i] ?? 0);
      const slot = slots[i] ?? SLOT_UNWANTED;
      if (slot === SLOT_UNWANTED) {
        skipForm(cursor, form, encoding);
        continue;
      }
      this.#values[slot] = readForm(cursor, form, encoding, origin, implicit[i] ?? 0);
      this.#forms[slot] = form;
    }
  }
}

/** Moves past the attributes after an abbreviation's code. */
export function skipEntry(
  cursor: Cursor,
  { bytes, forms }: Abbreviation,
  encoding: UnitEncoding,
): void {
  if (bytes >= 0) {
    cursor.skip(bytes);
    return;
  }
  for (let i = 0; i < forms.length; i++) {
    skipForm(cursor, realForm(cursor, forms[i] ?? 0), encoding);
  }
}
