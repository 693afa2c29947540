/** From the rows of line tables to stretches of code that come from one place in the source. */
import { DwarfDamage, type Origin } from './cursor.ts';
import { type LineProgram, type LineRow, runLineProgram } from './line-program.ts';
import { NO_PATH, type ProgramFiles } from './paths.ts';
import { orderOfNumbers, type Stretches } from './stretches.ts';

/** In one file; a stretch covers code in a trace, of which there is less. */
const ROWS_MAX = 1 << 23;
/** To begin with; most functions have fewer. */
const SEQUENCE_ROWS = 1024;
const NUMBER_MAX = 0xffff_ffff;

/** Columns of lines; addresses are bytes from the origin, ascending, stretches apart. */
export interface LineColumns {
  readonly count: number;
  readonly address: Float64Array;
  readonly size: Float64Array;
  /** Number of a path, or NO_PATH. */
  readonly source: Uint32Array;
  readonly line: Uint32Array;
  readonly column: Uint32Array;
  readonly isStatement: Uint32Array;
}

const clamped = (value: number): number => (value > 0 && value <= NUMBER_MAX ? value : 0);

/** The rows of one sequence, and all stretches that were kept. */
export class LineRows {
  readonly #wanted: Stretches;
  readonly #code: Stretches;
  readonly #address: number[] = [];
  readonly #end: number[] = [];
  readonly #source: number[] = [];
  readonly #line: number[] = [];
  readonly #column: number[] = [];
  readonly #isStatement: number[] = [];
  /** The sequence that is being read, by columns that are used again for the next. */
  #rowCount = 0;
  #rowAddress = new Float64Array(SEQUENCE_ROWS);
  #rowFile = new Float64Array(SEQUENCE_ROWS);
  #rowLine = new Float64Array(SEQUENCE_ROWS);
  #rowColumn = new Float64Array(SEQUENCE_ROWS);
  #rowIsStatement = new Uint8Array(SEQUENCE_ROWS);

  /**
   * @param wanted what is to be kept.
   * @param code the program's code: a sequence that begins elsewhere was thrown out by the linker.
   */
  constructor(wanted: Stretches, code: Stretches) {
    this.#wanted = wanted;
    this.#code = code;
  }

  /** Runs a program. @throws DwarfDamage; what came before the damage is kept. */
  add(program: LineProgram, files: ProgramFiles, origin: Origin): void {
    this.#rowCount = 0;
    runLineProgram(
      program,
      origin,
      (row) => this.#push(row),
      (end) => this.#endSequence(end, files),
    );
  }

  #push(row: LineRow): void {
    const at = this.#rowCount++;
    if (at === this.#rowAddress.length) this.#grow();
    this.#rowAddress[at] = row.address;
    this.#rowFile[at] = row.file;
    this.#rowLine[at] = row.line;
    this.#rowColumn[at] = row.column;
    this.#rowIsStatement[at] = row.isStatement ? 1 : 0;
  }

  #grow(): void {
    const larger = (column: Float64Array): Float64Array<ArrayBuffer> => {
      const made = new Float64Array(2 * column.length);
      made.set(column);
      return made;
    };
    this.#rowAddress = larger(this.#rowAddress);
    this.#rowFile = larger(this.#rowFile);
    this.#rowLine = larger(this.#rowLine);
    this.#rowColumn = larger(this.#rowColumn);
    this.#rowIsStatement = Uint8Array.from(larger(Float64Array.from(this.#rowIsStatement)));
  }

  #endSequence(end: number, files: ProgramFiles): void {
    const address = this.#rowAddress.subarray(0, this.#rowCount);
    const first = address[0] ?? end;
    if (this.#code.has(first) && this.#wanted.touches(first, end)) {
      const order = isAscending(address) ? null : orderOfNumbers(address.map(wholeOrZero));
      for (let i = 0; i < address.length; i++) {
        const row = order === null ? i : (order[i] ?? 0);
        const next = order === null ? i + 1 : (order[i + 1] ?? address.length);
        this.#keep(row, address[next] ?? end, files);
      }
    }
    this.#rowCount = 0;
  }

  /** Of rows at one address only the last has bytes. */
  #keep(row: number, end: number, files: ProgramFiles): void {
    const from = this.#rowAddress[row] ?? 0;
    if (!this.#wanted.touches(from, end)) return;
    const source = files.numberOf(this.#rowFile[row] ?? 0);
    const line = clamped(this.#rowLine[row] ?? 0);
    const column = clamped(this.#rowColumn[row] ?? 0);
    const isStatement = this.#rowIsStatement[row] ?? 0;
    const last = this.#address.length - 1;
    const isSame =
      this.#end[last] === from &&
      this.#source[last] === source &&
      this.#line[last] === line &&
      this.#column[last] === column &&
      this.#isStatement[last] === isStatement;
    if (isSame) {
      this.#end[last] = end;
      return;
    }
    if (last + 1 === ROWS_MAX)
      throw new DwarfDamage(`found more lines, expected at most ${ROWS_MAX}`);
    this.#address.push(from);
    this.#end.push(end);
    this.#source.push(source);
    this.#line.push(line);
    this.#column.push(column);
    this.#isStatement.push(isStatement);
  }

  /** Sorted. Of two that overlap, the one that begins first, then the one read first, wins. */
  finish(): LineColumns {
    const order = orderOfNumbers(this.#address);
    const count = order.length;
    const columns = {
      address: new Float64Array(count),
      size: new Float64Array(count),
      source: new Uint32Array(count).fill(NO_PATH),
      line: new Uint32Array(count),
      column: new Uint32Array(count),
      isStatement: new Uint32Array(count),
    };
    let kept = 0;
    let covered = 0;
    for (const row of order) {
      const from = Math.max(covered, this.#address[row] ?? 0);
      const end = Math.min(this.#end[row] ?? 0, Number.MAX_SAFE_INTEGER);
      if (end <= from || !this.#wanted.touches(from, end)) continue;
      columns.address[kept] = from;
      columns.size[kept] = end - from;
      columns.source[kept] = this.#source[row] ?? NO_PATH;
      columns.line[kept] = this.#line[row] ?? 0;
      columns.column[kept] = this.#column[row] ?? 0;
      columns.isStatement[kept] = this.#isStatement[row] ?? 0;
      covered = end;
      kept++;
    }
    return { count: kept, ...columns };
  }
}

const wholeOrZero = (value: number): number => (value > 0 ? value : 0);

function isAscending(values: Float64Array): boolean {
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) < (values[i - 1] ?? 0)) return false;
  return true;
}
