/**
 * Unit headers of .debug_info (DWARF 5, section 7.5.1).
 *
 *   32 bit  64 bit
 *        0       0   length: 4 bytes, or ffffffff and 8 bytes
 *        4      12   version, 2 bytes
 *        6      14   version 2 to 4: offset in .debug_abbrev, address bytes
 *                    version 5: type, address bytes, offset in .debug_abbrev
 *                    … what the type asks for; the first entry
 */
import { DwarfDamage } from './cursor.ts';
import type { UnitEncoding } from './forms.ts';
import type { DebugSection } from './sections.ts';

const UNIT_TYPE = { compile: 1, type: 2, partial: 3, skeleton: 4, splitType: 6 } as const;
const LONG_FORMAT = 0xffff_ffff;
const HEADER_BYTES_MAX = 64;

export interface Unit extends UnitEncoding {
  /** Offsets in .debug_info: of its header, its first entry, and what comes after it. */
  readonly start: number;
  readonly first: number;
  readonly end: number;
  /** Offset of its table in .debug_abbrev. */
  readonly abbreviations: number;
  /** False for units that describe types. */
  readonly hasCode: boolean;
}

export interface Units {
  readonly units: readonly Unit[];
  /** What is wrong with the first header that cannot be read, or null. */
  readonly damage: string | null;
}

/** Every unit in order, up to the first damaged header. */
export function readUnits(info: DebugSection): Units {
  const units: Unit[] = [];
  let at = 0;
  try {
    while (at < info.size) {
      const unit = readUnit(info, at);
      if (unit !== null) units.push(unit);
      at = unit?.end ?? info.size;
    }
  } catch (error) {
    if (!(error instanceof DwarfDamage)) throw error;
    return { units, damage: `unit at ${at}: ${error.message}` };
  }
  return { units, damage: null };
}

/** Null where only padding is left. */
function readUnit(info: DebugSection, start: number): Unit | null {
  const cursor = info.peek(start, HEADER_BYTES_MAX);
  const origin = cursor.at;
  const short = cursor.u32();
  if (short === 0) return null;
  const offsetBytes = short === LONG_FORMAT ? 8 : 4;
  const length = offsetBytes === 8 ? cursor.u64() : short;
  const end = start + (cursor.at - origin) + length;
  if (end > info.size) {
    throw new DwarfDamage(`found its end at ${end}, expected at most ${info.size}`);
  }
  const version = cursor.u16();
  if (version < 2 || version > 5) {
    throw new DwarfDamage(`found DWARF version ${version}, expected 2 to 5`);
  }
  const type = version === 5 ? cursor.u8() : UNIT_TYPE.compile;
  let addressBytes = version === 5 ? cursor.u8() : 0;
  const abbreviations = cursor.unsigned(offsetBytes);
  if (version < 5) addressBytes = cursor.u8();
  if (addressBytes !== 4 && addressBytes !== 8) {
    throw new DwarfDamage(`found addresses of ${addressBytes} bytes, expected 4 or 8`);
  }
  const isType = type === UNIT_TYPE.type || type === UNIT_TYPE.splitType;
  // A skeleton and a split unit have an id; a unit of a type its signature and an offset.
  if (type >= UNIT_TYPE.skeleton || isType) cursor.skip(8);
  if (isType) cursor.skip(offsetBytes);
  const first = start + (cursor.at - origin);
  if (first > end) throw new DwarfDamage(`found its end at ${end}, expected at least ${first}`);
  const { isLittle } = info;
  return {
    isLittle,
    addressBytes,
    offsetBytes,
    version,
    start,
    first,
    end,
    abbreviations,
    hasCode: !isType,
  };
}

/** The unit that holds an offset in .debug_info; -1 if none does. */
export function unitAt(units: readonly Unit[], offset: number): number {
  let low = 0;
  let high = units.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((units[middle]?.start ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  const unit = units[low - 1];
  return unit !== undefined && offset >= unit.first && offset < unit.end ? low - 1 : -1;
}
