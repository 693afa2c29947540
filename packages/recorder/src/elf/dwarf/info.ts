/**
 * .debug_info of one file, and what its entries point to: texts, addresses, ranges, other entries.
 * A file that `dwz` made may lean on a second one that several share.
 */
import { AbbreviationTable } from './abbreviations.ts';
import { FORM, RLE, SLOT } from './codes.ts';
import { type Budget, type Cursor, DwarfDamage, type Origin } from './cursor.ts';
import { Entry } from './entry.ts';
import { type DebugSection, type DebugSections, SectionReader } from './sections.ts';
import { readUnits, type Unit, unitAt } from './units.ts';

/** A small entry is read from so many bytes; a larger one again, to the end of its unit. */
const PEEK_BYTES = 512;
/** An entry of .debug_rnglists: its kind and two numbers. */
const RANGE_ENTRY_BYTES_MAX = 32;
const TABLES_KEPT = 256;
const NAMES_KEPT = 1 << 18;
/** An instance leads to its abstract function, that to its declaration; some pass through more. */
const NAME_STEPS_MAX = 16;
/** References into the shared file are kept as numbers below 0. */
const toShared = (offset: number): number => -1 - offset;

/** What the first entry of a unit says of the unit. */
export interface Root {
  readonly unit: Unit;
  readonly tag: number;
  /** Bytes from the origin, in pairs: first, after the last. Empty if it does not say. */
  readonly ranges: readonly number[];
  /** Offset in .debug_line, or -1. */
  readonly stmtList: number;
  readonly name: string | null;
  readonly compDir: string | null;
}

interface Bases {
  readonly strOffsets: number;
  readonly addr: number;
  readonly rnglists: number;
  /** What range lists count from: bytes from the origin, or null for address 0. */
  readonly low: number | null;
}

const isAddressIndex = (form: number): boolean =>
  form === FORM.addrx || form === FORM.gnuAddrIndex || (form >= FORM.addrx1 && form <= FORM.addrx4);

export class DebugInfo {
  readonly sections: DebugSections;
  readonly units: readonly Unit[];
  /** What is wrong with the headers of units, or null. */
  readonly damage: string | null;
  readonly origin: Origin;
  readonly budget: Budget;
  readonly #shared: DebugInfo | null;
  readonly #info: DebugSection;
  #abbreviations: Cursor | null = null;
  readonly #tables = new Map<string, AbbreviationTable>();
  readonly #bases = new Map<Unit, Bases>();
  readonly #names = new Map<number, string | null>();

  /** @param shared the file that references into a supplementary file lead to. */
  constructor(
    sections: DebugSections,
    origin: Origin,
    budget: Budget,
    shared: DebugInfo | null = null,
  ) {
    this.sections = sections;
    this.origin = origin;
    this.budget = budget;
    this.#shared = shared;
    this.#info = sections.need('info');
    const { units, damage } = readUnits(this.#info);
    this.units = units;
    this.damage = damage;
  }

  /** A cursor over all entries of a unit; its positions count from the unit's start. */
  open(unit: Unit): Cursor {
    const bytes = unit.end - unit.start;
    this.budget.spend(bytes);
    const cursor = this.#info.part(unit.start, bytes);
    cursor.at = unit.first - unit.start;
    return cursor;
  }

  tableOf(unit: Unit): AbbreviationTable {
    const key = `${unit.abbreviations} ${unit.addressBytes} ${unit.offsetBytes} ${unit.version}`;
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    this.#abbreviations ??= this.sections.need('abbrev').part(0, this.sections.need('abbrev').size);
    const made = new AbbreviationTable(
      this.#abbreviations.from(unit.abbreviations),
      unit,
      this.budget,
    );
    if (this.#tables.size >= TABLES_KEPT) this.#tables.clear();
    this.#tables.set(key, made);
    return made;
  }

  /** Null for a unit that is empty. */
  rootOf(unit: Unit): Root | null {
    return this.#at(unit, unit.first, (cursor, entry, tag) => {
      this.#noteBases(unit, entry);
      const text = (slot: number): string | null =>
        entry.has(slot) ? this.text(unit, cursor, entry.form(slot), entry.value(slot)) : null;
      return {
        unit,
        tag,
        ranges: this.rangesOf(unit, entry),
        stmtList: entry.has(SLOT.stmtList) ? entry.value(SLOT.stmtList) : -1,
        name: text(SLOT.name),
        compDir: text(SLOT.compDir),
      };
    });
  }

  /** Ranges of code of an entry in pairs: first, after the last; bytes from the origin. */
  rangesOf(unit: Unit, entry: Entry): number[] {
    if (entry.has(SLOT.ranges)) {
      return this.#rangeList(unit, entry.form(SLOT.ranges), entry.value(SLOT.ranges));
    }
    if (!entry.has(SLOT.lowPc) || !entry.has(SLOT.highPc)) return [];
    const low = this.#address(unit, entry, SLOT.lowPc);
    const form = entry.form(SLOT.highPc);
    const isAddress = form === FORM.addr || isAddressIndex(form);
    const high = isAddress
      ? this.#address(unit, entry, SLOT.highPc)
      : low + entry.value(SLOT.highPc);
    return high > low ? [low, high] : [];
  }

  /** Null where the text lies in a file that is not there. @throws DwarfDamage */
  text(unit: Unit, cursor: Cursor, form: number, value: number): string | null {
    switch (form) {
      case FORM.string: {
        const end = cursor.bytes.indexOf(0, value);
        return cursor.bytes.toString('utf8', value, end < 0 ? cursor.bytes.length : end);
      }
      case FORM.strp:
        return this.sections.need('str').text(value);
      case FORM.lineStrp:
        return this.sections.need('line_str').text(value);
      case FORM.strpSup:
      case FORM.gnuStrpAlt:
        return this.#shared?.sections.need('str').text(value) ?? null;
      case FORM.strx:
      case FORM.gnuStrIndex:
      case FORM.strx1:
      case FORM.strx2:
      case FORM.strx3:
      case FORM.strx4: {
        const base = this.#basesOfUnit(unit).strOffsets;
        const at = base + value * unit.offsetBytes;
        const offset = this.sections.need('str_offsets').peek(at, unit.offsetBytes);
        return this.sections.need('str').text(offset.unsigned(unit.offsetBytes));
      }
      default:
        throw new DwarfDamage(`found form 0x${form.toString(16)}, expected one of a text`);
    }
  }

  /** Where a reference leads; null where that is in a file that is not there. */
  target(unit: Unit, form: number, value: number): number | null {
    switch (form) {
      case FORM.ref1:
      case FORM.ref2:
      case FORM.ref4:
      case FORM.ref8:
      case FORM.refUdata:
        return unit.start + value;
      case FORM.refAddr:
        return value;
      case FORM.gnuRefAlt:
      case FORM.refSup4:
      case FORM.refSup8:
        return this.#shared === null ? null : toShared(value);
      default:
        return null;
    }
  }

  /** Name of the function at an offset: as the linker sees it, else as in the source. */
  nameOf(reference: number): string | null {
    if (reference < 0) return this.#shared?.nameOf(toShared(reference)) ?? null;
    const known = this.#names.get(reference);
    if (known !== undefined) return known;
    const name = this.#findName(reference);
    if (this.#names.size >= NAMES_KEPT) this.#names.clear();
    this.#names.set(reference, name);
    return name;
  }

  /** A linkage name anywhere on the way goes before the first plain one. */
  #findName(reference: number): string | null {
    let plain: string | null = null;
    let next: number | null = reference;
    for (let step = 0; step < NAME_STEPS_MAX && next !== null; step++) {
      if (next < 0) return plain ?? this.nameOf(next);
      const found: NameStep | null = this.#nameStep(next);
      if (found === null) break;
      if (found.linkage !== null) return found.linkage;
      plain ??= found.name;
      next = found.next;
    }
    return plain;
  }

  #nameStep(offset: number): NameStep | null {
    const unit = this.units[unitAt(this.units, offset)];
    if (unit === undefined) return null;
    return this.#at(unit, offset, (cursor, entry) => {
      const text = (slot: number): string | null =>
        entry.has(slot) ? this.text(unit, cursor, entry.form(slot), entry.value(slot)) : null;
      const slot = entry.has(SLOT.specification) ? SLOT.specification : SLOT.abstractOrigin;
      return {
        linkage: text(SLOT.linkageName),
        name: text(SLOT.name),
        next: entry.has(slot) ? this.target(unit, entry.form(slot), entry.value(slot)) : null,
      };
    });
  }

  /** Reads one entry. Null for the entry that ends a list. */
  #at<T>(
    unit: Unit,
    offset: number,
    use: (cursor: Cursor, entry: Entry, tag: number) => T,
  ): T | null {
    const read = (bytes: number): T | null => {
      const cursor = this.#info.peek(offset, bytes);
      const from = cursor.at;
      const code = cursor.uleb();
      if (code === 0) return null;
      const abbreviation = this.tableOf(unit).get(code);
      const entry = new Entry();
      entry.read(cursor, abbreviation, unit, this.origin);
      this.budget.spend(cursor.at - from);
      return use(cursor, entry, abbreviation.tag);
    };
    const bytes = unit.end - offset;
    if (bytes <= PEEK_BYTES) return read(bytes);
    try {
      return read(PEEK_BYTES);
    } catch (error) {
      if (!(error instanceof DwarfDamage)) throw error;
      this.budget.spend(bytes);
      return read(bytes);
    }
  }

  #basesOfUnit(unit: Unit): Bases {
    const known = this.#bases.get(unit);
    if (known !== undefined) return known;
    const made = this.#at(unit, unit.first, (_cursor, entry) => this.#noteBases(unit, entry));
    if (made === null) throw new DwarfDamage('found an empty unit, expected one with bases');
    return made;
  }

  /** Reads the bases off the first entry of a unit, and keeps them. */
  #noteBases(unit: Unit, entry: Entry): Bases {
    // Where it says nothing, the table begins after the one header of its section.
    const head = unit.offsetBytes === 8 ? 16 : 8;
    const of = (slot: number, absent: number): number =>
      entry.has(slot) ? entry.value(slot) : absent;
    const bases = {
      strOffsets: of(SLOT.strOffsetsBase, unit.version < 5 ? 0 : head),
      addr: of(SLOT.addrBase, unit.version < 5 ? 0 : head),
      rnglists: of(SLOT.rnglistsBase, head + 4),
    };
    this.#bases.set(unit, { ...bases, low: null });
    const low = entry.has(SLOT.lowPc) ? this.#address(unit, entry, SLOT.lowPc) : null;
    const made = { ...bases, low: low === this.#zero ? null : low };
    this.#bases.set(unit, made);
    return made;
  }

  /** Address 0, as bytes from the origin. */
  get #zero(): number {
    return (0 - this.origin.high) * 0x1_0000_0000 + (0 - this.origin.low);
  }

  #address(unit: Unit, entry: Entry, slot: number): number {
    const value = entry.value(slot);
    return isAddressIndex(entry.form(slot)) ? this.#indexed(unit, value) : value;
  }

  #indexed(unit: Unit, index: number): number {
    const at = this.#basesOfUnit(unit).addr + index * unit.addressBytes;
    const cursor = this.sections.need('addr').peek(at, unit.addressBytes);
    return cursor.address(unit.addressBytes, this.origin);
  }

  #rangeList(unit: Unit, form: number, value: number): number[] {
    if (unit.version < 5) return this.#oldRanges(unit, value);
    if (form !== FORM.rnglistx) return this.#newRanges(unit, value);
    const { rnglists } = this.#basesOfUnit(unit);
    const at = rnglists + value * unit.offsetBytes;
    const cursor = this.sections.need('rnglists').peek(at, unit.offsetBytes);
    return this.#newRanges(unit, rnglists + cursor.unsigned(unit.offsetBytes));
  }

  /** .debug_ranges (DWARF 4, section 2.17.3): pairs of offsets from a base, to a pair of zeros. */
  #oldRanges(unit: Unit, offset: number): number[] {
    const section = this.sections.need('ranges');
    const { addressBytes } = unit;
    const ranges: number[] = [];
    let base = this.#basesOfUnit(unit).low;
    const reader = new SectionReader(section, offset, 2 * addressBytes);
    for (;;) {
      this.budget.spend(2 * addressBytes);
      const cursor = reader.next();
      if (cursor.isLastAddress(addressBytes)) {
        cursor.skip(addressBytes);
        base = cursor.address(addressBytes, this.origin);
        continue;
      }
      // Exact both ways: offsets are small, or they are addresses.
      const from = base === null ? this.origin : ABSOLUTE;
      const first = cursor.address(addressBytes, from) + (base ?? 0);
      const end = cursor.address(addressBytes, from) + (base ?? 0);
      if (first === end && first === (base ?? this.#zero)) return ranges;
      if (end > first) ranges.push(first, end);
    }
  }

  /** .debug_rnglists (DWARF 5, section 7.25). */
  #newRanges(unit: Unit, offset: number): number[] {
    const section = this.sections.need('rnglists');
    const { addressBytes } = unit;
    const ranges: number[] = [];
    let base = this.#basesOfUnit(unit).low ?? this.#zero;
    const reader = new SectionReader(section, offset, RANGE_ENTRY_BYTES_MAX);
    for (;;) {
      const cursor = reader.next();
      const from = cursor.at;
      const address = (): number => cursor.address(addressBytes, this.origin);
      const indexed = (): number => this.#indexed(unit, cursor.uleb());
      const kind = cursor.u8();
      let first = 0;
      let end = 0;
      if (kind === RLE.endOfList) return ranges;
      if (kind === RLE.baseAddress) base = address();
      else if (kind === RLE.baseAddressx) base = indexed();
      else if (kind === RLE.offsetPair) {
        first = base + cursor.uleb();
        end = base + cursor.uleb();
      } else if (kind === RLE.startEnd) {
        first = address();
        end = address();
      } else if (kind === RLE.startLength) {
        first = address();
        end = first + cursor.uleb();
      } else if (kind === RLE.startxEndx) {
        first = indexed();
        end = indexed();
      } else if (kind === RLE.startxLength) {
        first = indexed();
        end = first + cursor.uleb();
      } else throw new DwarfDamage(`found an entry of kind ${kind} in ranges, expected 0 to 7`);
      if (end > first) ranges.push(first, end);
      this.budget.spend(cursor.at - from);
    }
  }
}

interface NameStep {
  readonly linkage: string | null;
  readonly name: string | null;
  readonly next: number | null;
}

const ABSOLUTE: Origin = { high: 0, low: 0 };
