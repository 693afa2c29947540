/**
 * How values of attributes are written (DWARF 5, section 7.5.6). Every value is read as one number;
 * what it means (a constant, an offset, an index, a text) its form says.
 */
import { FORM } from './codes.ts';
import { type Cursor, DwarfDamage, type Encoding, type Origin } from './cursor.ts';

export interface UnitEncoding extends Encoding {
  readonly version: number;
}

/** `indirect` may name `indirect`; nobody writes that twice. */
const INDIRECT_MAX = 4;

/** The form of a value that may be `indirect`: then it stands before the value. */
export function realForm(cursor: Cursor, form: number): number {
  let real = form;
  for (let i = 0; real === FORM.indirect && i < INDIRECT_MAX; i++) real = cursor.uleb();
  return real;
}

/** Bytes of a value, or -1 where they vary. */
export function fixedBytes(form: number, encoding: UnitEncoding): number {
  switch (form) {
    case FORM.flagPresent:
    case FORM.implicitConst:
      return 0;
    case FORM.data1:
    case FORM.flag:
    case FORM.ref1:
    case FORM.strx1:
    case FORM.addrx1:
      return 1;
    case FORM.data2:
    case FORM.ref2:
    case FORM.strx2:
    case FORM.addrx2:
      return 2;
    case FORM.strx3:
    case FORM.addrx3:
      return 3;
    case FORM.data4:
    case FORM.ref4:
    case FORM.strx4:
    case FORM.addrx4:
    case FORM.refSup4:
      return 4;
    case FORM.data8:
    case FORM.ref8:
    case FORM.refSig8:
    case FORM.refSup8:
      return 8;
    case FORM.data16:
      return 16;
    case FORM.addr:
      return encoding.addressBytes;
    case FORM.refAddr:
      return encoding.version <= 2 ? encoding.addressBytes : encoding.offsetBytes;
    case FORM.strp:
    case FORM.strpSup:
    case FORM.lineStrp:
    case FORM.secOffset:
    case FORM.gnuRefAlt:
    case FORM.gnuStrpAlt:
      return encoding.offsetBytes;
    default:
      return -1;
  }
}

/** Moves past a value. @throws DwarfDamage on a form that nobody knows. */
export function skipForm(cursor: Cursor, form: number, encoding: UnitEncoding): void {
  const bytes = fixedBytes(form, encoding);
  if (bytes >= 0) cursor.skip(bytes);
  else readVariable(cursor, form);
}

/**
 * A constant, offset, reference or index as it stands; an address as bytes from `origin`; of a text
 * in place its position in the cursor; of a block its length.
 * @param implicit the value of an implicit constant.
 */
export function readForm(
  cursor: Cursor,
  form: number,
  encoding: UnitEncoding,
  origin: Origin,
  implicit: number,
): number {
  switch (form) {
    case FORM.addr:
      return cursor.address(encoding.addressBytes, origin);
    case FORM.implicitConst:
      return implicit;
    case FORM.flagPresent:
      return 1;
    case FORM.data16:
      return cursor.skip(16);
    default: {
      const bytes = fixedBytes(form, encoding);
      return bytes < 0 ? readVariable(cursor, form) : cursor.unsigned(bytes);
    }
  }
}

function readVariable(cursor: Cursor, form: number): number {
  switch (form) {
    case FORM.udata:
    case FORM.refUdata:
    case FORM.strx:
    case FORM.addrx:
    case FORM.loclistx:
    case FORM.rnglistx:
    case FORM.gnuAddrIndex:
    case FORM.gnuStrIndex:
      return cursor.uleb();
    case FORM.sdata:
      return cursor.sleb();
    case FORM.string: {
      const from = cursor.at;
      cursor.skipText();
      return from;
    }
    case FORM.block1:
      return skipBlock(cursor, cursor.u8());
    case FORM.block2:
      return skipBlock(cursor, cursor.u16());
    case FORM.block4:
      return skipBlock(cursor, cursor.u32());
    case FORM.block:
    case FORM.exprloc:
      return skipBlock(cursor, cursor.uleb());
    default:
      break;
  }
  throw new DwarfDamage(`found form 0x${form.toString(16)}, expected one of DWARF 2 to 5`);
}

function skipBlock(cursor: Cursor, length: number): number {
  cursor.skip(length);
  return length;
}
