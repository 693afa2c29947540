/**
 * Line tables: a program for a small machine whose output is rows of address, file, line, column
 * (DWARF 5, section 6.2; versions 2 to 5).
 *
 *   length  version  [address bytes, segment bytes: 5]  header length  instruction bytes
 *   [operations per instruction: 4, 5]  default is_stmt  line base  line range  opcode base
 *   lengths of standard opcodes  directories and files (texts, or formats and entries: 5)  program
 */
import { FORM } from './codes.ts';
import { type Cursor, DwarfDamage, type Encoding, type Origin } from './cursor.ts';
import { readForm, realForm, skipForm } from './forms.ts';
import type { DebugSections } from './sections.ts';

const CONTENT = { path: 1, directory: 2 } as const;
const LONG_FORMAT = 0xffff_ffff;
const FILES_MAX = 1 << 20;

export interface LineFile {
  readonly name: string;
  /** Index of its directory, as the version counts. */
  readonly directory: number;
}

export interface LineProgram extends Encoding {
  readonly version: number;
  readonly instructionBytes: number;
  readonly operationsMax: number;
  readonly isStatement: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Operands of standard opcodes, by opcode. */
  readonly operands: readonly number[];
  readonly directories: readonly string[];
  /** As they are numbered: from 0 in version 5, before that from 1. */
  readonly files: readonly (LineFile | null)[];
  /** At its first opcode. */
  readonly cursor: Cursor;
}

/** One row, as the machine has it; addresses are bytes from the origin. */
export interface LineRow {
  address: number;
  file: number;
  line: number;
  column: number;
  isStatement: boolean;
}

/** @param addressBytes of the unit: before version 5 a program does not say. */
export function readLineProgram(
  sections: DebugSections,
  offset: number,
  addressBytes: number,
): LineProgram {
  const section = sections.need('line');
  const start = section.peek(offset, 16);
  const from = start.at;
  const short = start.u32();
  const offsetBytes = short === LONG_FORMAT ? 8 : 4;
  const length = offsetBytes === 8 ? start.u64() : short;
  const cursor = section.part(offset + (start.at - from), length);
  const version = cursor.u16();
  if (version < 2 || version > 5) {
    throw new DwarfDamage(`line table at ${offset}: found version ${version}, expected 2 to 5`);
  }
  const ownBytes = version === 5 ? cursor.u8() : addressBytes;
  if (ownBytes !== 4 && ownBytes !== 8) {
    const found = `found addresses of ${ownBytes} bytes, expected 4 or 8`;
    throw new DwarfDamage(`line table at ${offset}: ${found}`);
  }
  if (version === 5) cursor.skip(1);
  const encoding = { isLittle: section.isLittle, addressBytes: ownBytes, offsetBytes, version };
  const headerBytes = cursor.unsigned(offsetBytes);
  const code = cursor.at + headerBytes;
  const instructionBytes = cursor.u8();
  const operationsMax = version >= 4 ? Math.max(1, cursor.u8()) : 1;
  const isStatement = cursor.u8() !== 0;
  const lineBase = cursor.i8();
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  const operands = [0];
  for (let opcode = 1; opcode < opcodeBase; opcode++) operands.push(cursor.u8());
  const names = version === 5 ? newNames(cursor, sections, encoding) : oldNames(cursor);
  cursor.at = code;
  cursor.skip(0);
  return {
    ...encoding,
    ...names,
    instructionBytes,
    operationsMax,
    isStatement,
    lineBase,
    lineRange,
    opcodeBase,
    operands,
    cursor,
  };
}

type Names = Pick<LineProgram, 'directories' | 'files'>;

/** Versions 2 to 4: texts, each list ended by an empty one. */
function oldNames(cursor: Cursor): Names {
  const directories = [''];
  for (let text = cursor.text(); text !== ''; text = cursor.text()) directories.push(text);
  const files: (LineFile | null)[] = [null];
  for (let name = cursor.text(); name !== ''; name = cursor.text()) {
    files.push({ name, directory: cursor.uleb() });
    cursor.skipLeb();
    cursor.skipLeb();
  }
  return { directories, files };
}

interface FileEncoding extends Encoding {
  readonly version: number;
}

/** Version 5: the columns of each list are told before it. */
function newNames(cursor: Cursor, sections: DebugSections, encoding: FileEncoding): Names {
  const directories = newList(cursor, sections, encoding).map((one) => one.name);
  return { directories, files: newList(cursor, sections, encoding) };
}

function newList(cursor: Cursor, sections: DebugSections, encoding: FileEncoding): LineFile[] {
  const columns: { content: number; form: number }[] = [];
  for (let left = cursor.u8(); left > 0; left--) {
    columns.push({ content: cursor.uleb(), form: cursor.uleb() });
  }
  const count = cursor.uleb();
  // An entry without bytes would let a count stand for any number of them.
  if (count > FILES_MAX || (columns.length === 0 && count > 0)) {
    throw new DwarfDamage(`found ${count} files in a line table, expected at most ${FILES_MAX}`);
  }
  const list: LineFile[] = [];
  for (let i = 0; i < count; i++) {
    let name = '';
    let directory = 0;
    for (const column of columns) {
      const form = realForm(cursor, column.form);
      if (column.content === CONTENT.path) name = pathText(cursor, sections, form, encoding);
      else if (column.content === CONTENT.directory) {
        directory = readForm(cursor, form, encoding, NOWHERE, 0);
      } else skipForm(cursor, form, encoding);
    }
    list.push({ name, directory });
  }
  return list;
}

const NOWHERE: Origin = { high: 0, low: 0 };

function pathText(
  cursor: Cursor,
  sections: DebugSections,
  form: number,
  { offsetBytes }: Encoding,
): string {
  switch (form) {
    case FORM.string:
      return cursor.text();
    case FORM.lineStrp:
      return sections.need('line_str').text(cursor.unsigned(offsetBytes));
    case FORM.strp:
      return sections.need('str').text(cursor.unsigned(offsetBytes));
    default:
      throw new DwarfDamage(`found form 0x${form.toString(16)}, expected one of a path`);
  }
}

/** Path of a file as the compiler saw it; null if the table has none of that number. */
export function pathOf(
  { version, directories, files }: Pick<LineProgram, 'version' | 'directories' | 'files'>,
  number: number,
  compDir: string | null,
): string | null {
  const file = files[number] ?? null;
  if (file === null || file.name === '') return null;
  const { name, directory } = file;
  if (name.startsWith('/')) return name;
  // Before version 5 directory 0 is where the compiler ran, and is not in the list.
  const own = version < 5 && directory === 0 ? '' : (directories[directory] ?? '');
  const relative = own === '' ? name : `${own.replace(/\/$/, '')}/${name}`;
  if (relative.startsWith('/') || compDir === null || compDir === '') return relative;
  return `${compDir.replace(/\/$/, '')}/${relative}`;
}

/** Standard opcodes. */
const LNS = {
  copy: 1,
  advancePc: 2,
  advanceLine: 3,
  setFile: 4,
  setColumn: 5,
  negateStmt: 6,
  constAddPc: 8,
  fixedAdvancePc: 9,
} as const;
/** Extended opcodes. */
const LNE = { endSequence: 1, setAddress: 2 } as const;

/** What runs a program. */
class Machine {
  address = 0;
  file = 1;
  line = 1;
  column = 0;
  isStatement: boolean;
  #operation = 0;
  readonly #program: LineProgram;

  constructor(program: LineProgram) {
    this.#program = program;
    this.isStatement = program.isStatement;
  }

  reset(zero: number): void {
    this.address = zero;
    this.file = 1;
    this.line = 1;
    this.column = 0;
    this.#operation = 0;
    this.isStatement = this.#program.isStatement;
  }

  advance(operations: number): void {
    const { instructionBytes, operationsMax } = this.#program;
    if (operationsMax === 1) {
      this.address += instructionBytes * operations;
      return;
    }
    const sum = this.#operation + operations;
    this.address += instructionBytes * Math.floor(sum / operationsMax);
    this.#operation = sum % operationsMax;
  }

  setAddress(address: number): void {
    this.address = address;
    this.#operation = 0;
  }
}

/**
 * Runs a program.
 * @param onRow told of each row; the same object each time.
 * @param onEnd told of the address after the last byte of a sequence: the rows since the last.
 * @throws DwarfDamage; sequences that ended before it are whole.
 */
export function runLineProgram(
  program: LineProgram,
  origin: Origin,
  onRow: (row: LineRow) => void,
  onEnd: (end: number) => void,
): void {
  const { lineBase, lineRange, opcodeBase } = program;
  const cursor = program.cursor.from(program.cursor.at);
  const zero = (0 - origin.high) * 0x1_0000_0000 - origin.low;
  const machine = new Machine(program);
  machine.reset(zero);
  while (!cursor.isAtEnd) {
    const opcode = cursor.u8();
    if (opcode >= opcodeBase) {
      if (lineRange === 0) throw new DwarfDamage('found a line range of 0, expected at least 1');
      const adjusted = opcode - opcodeBase;
      machine.advance(Math.floor(adjusted / lineRange));
      machine.line += lineBase + (adjusted % lineRange);
      onRow(machine);
    } else if (opcode === 0) {
      extended(cursor, program, machine, origin, zero, onEnd);
    } else standard(cursor, program, machine, opcode, onRow);
  }
}

function extended(
  cursor: Cursor,
  program: LineProgram,
  machine: Machine,
  origin: Origin,
  zero: number,
  onEnd: (end: number) => void,
): void {
  const length = cursor.uleb();
  const next = cursor.at + length;
  if (length === 0) return;
  const opcode = cursor.u8();
  if (opcode === LNE.endSequence) {
    onEnd(machine.address);
    machine.reset(zero);
  } else if (opcode === LNE.setAddress) {
    const bytes = length - 1;
    if (bytes !== 4 && bytes !== 8) {
      throw new DwarfDamage(`found an address of ${bytes} bytes, expected ${program.addressBytes}`);
    }
    machine.setAddress(cursor.address(bytes, origin));
  }
  // Others, also of a file that is defined in passing, matter to no row that compilers make.
  cursor.at = next;
  cursor.skip(0);
}

function standard(
  cursor: Cursor,
  program: LineProgram,
  machine: Machine,
  opcode: number,
  onRow: (row: LineRow) => void,
): void {
  switch (opcode) {
    case LNS.copy:
      onRow(machine);
      break;
    case LNS.advancePc:
      machine.advance(cursor.uleb());
      break;
    case LNS.advanceLine:
      machine.line += cursor.sleb();
      break;
    case LNS.setFile:
      machine.file = cursor.uleb();
      break;
    case LNS.setColumn:
      machine.column = cursor.uleb();
      break;
    case LNS.negateStmt:
      machine.isStatement = !machine.isStatement;
      break;
    case LNS.constAddPc:
      if (program.lineRange === 0)
        throw new DwarfDamage('found a line range of 0, expected at least 1');
      machine.advance(Math.floor((255 - program.opcodeBase) / program.lineRange));
      break;
    case LNS.fixedAdvancePc:
      machine.setAddress(machine.address + cursor.u16());
      break;
    default:
      for (let left = program.operands[opcode] ?? 0; left > 0; left--) cursor.skipLeb();
  }
}
