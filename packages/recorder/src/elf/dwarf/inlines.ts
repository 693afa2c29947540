/** From the tree of a unit's entries to the functions that were inlined into code. */
import { SLOT, TAG } from './codes.ts';
import { type Cursor, DwarfDamage } from './cursor.ts';
import { Entry, skipEntry } from './entry.ts';
import type { DebugInfo, Root } from './info.ts';
import { NO_PATH, type ProgramFiles } from './paths.ts';
import { orderOfNumbers, type Stretches } from './stretches.ts';

/** In one file. */
const ROWS_MAX = 1 << 22;
/** Of all names together, a name counted with each of its rows. */
const NAME_CHARACTERS_MAX = 1 << 28;
/** Trees of real programs are some tens of entries deep. */
const NESTING_MAX = 1 << 12;
/** Tags under which there is no code, and often much else. */
const BARREN: readonly number[] = [TAG.arrayType, TAG.enumerationType, TAG.subroutineType];
const NUMBER_MAX = 0xffff_ffff;

/** Columns of inlined functions; addresses are bytes from the origin; by address, then depth. */
export interface InlineColumns {
  readonly count: number;
  readonly address: Float64Array;
  readonly size: Float64Array;
  readonly depth: Uint32Array;
  readonly name: readonly string[];
  /** Number of a path, or NO_PATH. */
  readonly callSource: Uint32Array;
  readonly callLine: Uint32Array;
  readonly callColumn: Uint32Array;
}

interface Row {
  readonly first: number;
  readonly end: number;
  readonly depth: number;
  readonly name: string;
  readonly callSource: number;
  readonly callLine: number;
  readonly callColumn: number;
}

export class InlineRows {
  readonly #info: DebugInfo;
  readonly #wanted: Stretches;
  readonly #rows: Row[] = [];
  readonly #entry = new Entry();
  #charactersLeft = NAME_CHARACTERS_MAX;

  /** @param wanted what is to be kept. */
  constructor(info: DebugInfo, wanted: Stretches) {
    this.#info = info;
    this.#wanted = wanted;
  }

  /** Goes through the entries of a unit. @throws DwarfDamage; rows before the damage are kept. */
  add(root: Root, files: ProgramFiles | null): void {
    const { unit } = root;
    const table = this.#info.tableOf(unit);
    const cursor = this.#info.open(unit);
    /** For each open entry how deep its children are inlined. */
    const depths = new Uint32Array(NESTING_MAX);
    let nesting = 0;
    while (!cursor.isAtEnd) {
      const code = cursor.uleb();
      if (code === 0) {
        nesting--;
        if (nesting <= 0) return;
        continue;
      }
      const abbreviation = table.get(code);
      const { tag } = abbreviation;
      let depth = depths[nesting] ?? 0;
      let isSkipped = false;
      if (tag === TAG.inlinedSubroutine || tag === TAG.subprogram || BARREN.includes(tag)) {
        const entry = this.#entry;
        entry.read(cursor, abbreviation, unit, this.#info.origin);
        if (tag === TAG.inlinedSubroutine) {
          depth++;
          this.#addRows(root, cursor, depth, files);
        } else if (tag === TAG.subprogram) {
          depth = 0;
          isSkipped = this.#isElsewhere(root);
        } else isSkipped = true;
        isSkipped &&= abbreviation.hasChildren && this.#skipChildren(root, cursor);
      } else skipEntry(cursor, abbreviation, unit);
      if (!abbreviation.hasChildren || isSkipped) {
        if (nesting === 0) return;
        continue;
      }
      if (nesting + 1 >= NESTING_MAX) {
        throw new DwarfDamage(
          `found entries nested deeper, expected at most ${NESTING_MAX} levels`,
        );
      }
      nesting++;
      depths[nesting] = depth;
    }
  }

  /** True of a function that has code, none of it wanted. */
  #isElsewhere({ unit }: Root): boolean {
    const ranges = this.#info.rangesOf(unit, this.#entry);
    return ranges.length > 0 && !this.#touches(ranges);
  }

  #touches(ranges: readonly number[]): boolean {
    for (let i = 0; i < ranges.length; i += 2) {
      if (this.#wanted.touches(ranges[i] ?? 0, ranges[i + 1] ?? 0)) return true;
    }
    return false;
  }

  /** Moves to the next sibling where the entry names it. */
  #skipChildren({ unit }: Root, cursor: Cursor): boolean {
    const entry = this.#entry;
    if (!entry.has(SLOT.sibling)) return false;
    const target = this.#info.target(unit, entry.form(SLOT.sibling), entry.value(SLOT.sibling));
    const at = (target ?? -1) - unit.start;
    // Backward, it would go round for ever.
    if (at <= cursor.at || at > cursor.end) return false;
    cursor.at = at;
    return true;
  }

  #addRows({ unit }: Root, cursor: Cursor, depth: number, files: ProgramFiles | null): void {
    const entry = this.#entry;
    const ranges = this.#info.rangesOf(unit, entry);
    if (!this.#touches(ranges)) return;
    const number = (slot: number): number => {
      const value = entry.has(slot) ? entry.value(slot) : 0;
      return value > 0 && value <= NUMBER_MAX ? value : 0;
    };
    const isFileKnown = files !== null && entry.has(SLOT.callFile);
    const row = {
      depth,
      name: this.#nameOf(unit, cursor),
      callSource: isFileKnown ? files.numberOf(entry.value(SLOT.callFile)) : NO_PATH,
      callLine: number(SLOT.callLine),
      callColumn: number(SLOT.callColumn),
    };
    for (let i = 0; i < ranges.length; i += 2) {
      const [first = 0, end = 0] = [ranges[i], ranges[i + 1]];
      if (!this.#wanted.touches(first, end)) continue;
      this.#charactersLeft -= row.name.length;
      if (this.#rows.length === ROWS_MAX || this.#charactersLeft < 0) {
        throw new DwarfDamage(`found more inlined functions, expected at most ${ROWS_MAX}`);
      }
      this.#rows.push({ first, end: Math.min(end, Number.MAX_SAFE_INTEGER), ...row });
    }
  }

  #nameOf(unit: Root['unit'], cursor: Cursor): string {
    const entry = this.#entry;
    const slot = entry.has(SLOT.abstractOrigin) ? SLOT.abstractOrigin : SLOT.specification;
    const target = entry.has(slot)
      ? this.#info.target(unit, entry.form(slot), entry.value(slot))
      : null;
    const found = target === null ? null : this.#info.nameOf(target);
    if (found !== null || !entry.has(SLOT.name)) return found ?? '';
    return this.#info.text(unit, cursor, entry.form(SLOT.name), entry.value(SLOT.name)) ?? '';
  }

  /** Sorted. Of two that overlap at one depth the one that begins first, then that read first. */
  finish(): InlineColumns {
    const rows = this.#sorted();
    const covered = new Map<number, number>();
    const kept: Row[] = [];
    for (const row of rows) {
      const first = Math.max(row.first, covered.get(row.depth) ?? 0);
      if (row.end <= first || !this.#wanted.touches(first, row.end)) continue;
      covered.set(row.depth, row.end);
      kept.push(first === row.first ? row : { ...row, first });
    }
    return {
      count: kept.length,
      address: Float64Array.from(kept, (row) => row.first),
      size: Float64Array.from(kept, (row) => row.end - row.first),
      depth: Uint32Array.from(kept, (row) => row.depth),
      name: kept.map((row) => row.name),
      callSource: Uint32Array.from(kept, (row) => row.callSource),
      callLine: Uint32Array.from(kept, (row) => row.callLine),
      callColumn: Uint32Array.from(kept, (row) => row.callColumn),
    };
  }

  /** By address, then depth: sorts are stable. */
  #sorted(): Row[] {
    const pick = (rows: readonly Row[], by: (row: Row) => number): Row[] => {
      const order = orderOfNumbers(rows.map(by));
      return Array.from(order, (row) => rows[row]).filter((row) => row !== undefined);
    };
    return pick(
      pick(this.#rows, (row) => row.depth),
      (row) => Math.max(0, row.first),
    );
  }
}
