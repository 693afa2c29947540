/** Results of SQL as text and as Arrow. Pure: what is written where is the caller's business. */
import {
  type ResultBatch,
  type ResultCell,
  type ResultColumnType,
  writeResultArrow,
} from '@backtrail/recorder/trace';
import type { Result, ResultColumn, SqlValue } from './database.ts';

const LINES_A_PIECE = 1024;

export interface TableOptions {
  /** Rows shown; what is left out is told in the last line. */
  readonly rowsMax?: number;
  /** Characters of a value shown. */
  readonly cellWidthMax?: number;
  /**
   * Columns of the screen: texts are shortened until a line fits, then the last columns are left
   * out and named; a single row that is too wide is shown as a list; fractions are rounded.
   */
  readonly lineWidthMax?: number;
}

const ROWS_MAX = 1000;
const CELL_WIDTH_MAX = 80;

const hexBytes = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const formatAddress = (address: bigint): string =>
  `0x${BigInt.asUintN(64, address).toString(16)}`;

const isList = (value: SqlValue): value is readonly SqlValue[] => Array.isArray(value);

/** A value inside a list or a struct. */
function nested(value: SqlValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : plain(value, false);
}

/** A value as people read it; null is `null`. */
function plain(value: SqlValue, isAddress: boolean): string {
  if (value === null) return 'null';
  if (isAddress && typeof value === 'bigint') return formatAddress(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof Uint8Array) return hexBytes(value);
  if (isList(value)) return `[${value.map(nested).join(', ')}]`;
  const entries = Object.entries(value).map(([name, entry]) => `${name}: ${nested(entry)}`);
  return `{${entries.join(', ')}}`;
}

/**
 * Controls, and what turns a line around or is not seen: names come from the guest, and must not
 * steer the terminal or pass for others.
 */
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Most texts are such, and need no second look. */
const PRINTABLE_ASCII = /^[ -~]*$/;

export const visible = (text: string): string =>
  PRINTABLE_ASCII.test(text) ? text : escaped(text);

const escaped = (text: string): string =>
  text.replace(CONTROL, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    return hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
  });

/** Code points: close enough to columns for names of symbols. */
const characters = (text: string): number =>
  PRINTABLE_ASCII.test(text) ? text.length : Array.from(text).length;

function shorten(text: string, widthMax: number): string {
  if (text.length <= widthMax) return text;
  const list = Array.from(text);
  return list.length <= widthMax ? text : `${list.slice(0, widthMax - 1).join('')}…`;
}

function* rowsOf(result: Result): Generator<SqlValue[]> {
  for (const { rowCount, columns } of result.chunks()) {
    for (let row = 0; row < rowCount; row++) yield columns.map((values) => values[row] ?? null);
  }
}

const isNumber = ({ type }: ResultColumn): boolean => /INT|FLOAT|DOUBLE|DECIMAL/.test(type);

/** Characters between two columns. */
const BETWEEN = 2;
/** A text is not shortened below. */
const TEXT_WIDTH_MIN = 16;

/** Widths that fit into a line, of as many columns as do; at least one. */
function fittedWidths(
  widths: readonly number[],
  isShortened: (column: number) => boolean,
  lineWidthMax: number,
): number[] {
  const fitted = [...widths];
  const total = (): number => fitted.reduce((sum, width) => sum + width + BETWEEN, -BETWEEN);
  while (total() > lineWidthMax) {
    const texts = fitted.map((width, i) => (isShortened(i) ? width : 0));
    const widest = Math.max(...texts);
    if (widest <= TEXT_WIDTH_MIN) break;
    // Down to the second widest, or as far as is needed.
    const next = Math.max(TEXT_WIDTH_MIN, ...texts.filter((width) => width < widest));
    fitted[texts.indexOf(widest)] = Math.max(next, widest - (total() - lineWidthMax), widest - 8);
  }
  while (fitted.length > 1 && total() > lineWidthMax) fitted.pop();
  return fitted;
}

/** One row, a column a line. */
function listText(names: readonly string[], row: readonly string[], lineWidthMax: number): string {
  const width = Math.max(...names.map(characters));
  const lines = names.map((name, i) => {
    const space = ' '.repeat(width - characters(name) + BETWEEN);
    return shorten(`${name}${space}${row[i] ?? ''}`, lineWidthMax);
  });
  return `${lines.join('\n')}\n`;
}

/** Digits of a fraction on a screen; files have all of them. */
const SCREEN_DIGITS = 6;

function rounded(value: SqlValue): SqlValue {
  if (typeof value !== 'number' || !Number.isFinite(value)) return value;
  // Digits before the point are never rounded away.
  if (Math.abs(value) >= 10 ** SCREEN_DIGITS) return Math.round(value);
  return Number.isInteger(value) ? value : Number(value.toPrecision(SCREEN_DIGITS));
}

/** The first rows as texts, as wide as they may be. */
function shownCells(result: Result, rowsMax: number, isScreen: boolean): string[][] {
  const cells: string[][] = [];
  for (const row of rowsOf(result)) {
    if (cells.length === rowsMax) break;
    const values = isScreen ? row.map(rounded) : row;
    cells.push(values.map((value, i) => plain(value, result.columns[i]?.isAddress ?? false)));
  }
  return cells;
}

/** Aligned columns under their names. A text with lines of its own, as of EXPLAIN, keeps them. */
export function* formatTable(result: Result, options: TableOptions = {}): Generator<string> {
  const widthMax = options.cellWidthMax ?? CELL_WIDTH_MAX;
  const lineWidthMax = options.lineWidthMax ?? Number.POSITIVE_INFINITY;
  const { columns } = result;
  if (columns.length === 0) return;
  const isScreen = options.lineWidthMax !== undefined;
  const cells = shownCells(result, options.rowsMax ?? ROWS_MAX, isScreen);
  if (columns[0]?.name === 'explain_key') {
    yield `${cells.map((row) => row[1] ?? '').join('\n')}\n`;
    return;
  }
  const shown = cells.map((row) => row.map((text) => shorten(visible(text), widthMax)));
  const names = columns.map(({ name }) => shorten(visible(name), widthMax));
  const wide = names.map((name, i) =>
    shown.reduce((width, row) => Math.max(width, characters(row[i] ?? '')), characters(name)),
  );
  const isRight = columns.map((column) => isNumber(column) && !column.isAddress);
  const isText = (i: number): boolean => !isRight[i] && columns[i]?.isAddress !== true;
  const widths = fittedWidths(wide, isText, lineWidthMax);
  const [only] = shown;
  if (shown.length === 1 && only !== undefined && widths.join() !== wide.join()) {
    yield listText(names, only, lineWidthMax);
    return;
  }
  const line = (row: readonly string[]): string => {
    const padded = widths.map((width, i) => {
      const text = shorten(row[i] ?? '', width);
      const space = ' '.repeat(Math.max(0, width - characters(text)));
      return isRight[i] === true ? space + text : text + space;
    });
    return `${padded.join(' '.repeat(BETWEEN)).trimEnd()}\n`;
  };
  yield line(names);
  yield line(widths.map((width) => '─'.repeat(width)));
  const lines = function* (): Generator<string> {
    for (const row of shown) yield line(row);
  };
  yield* inPieces(lines());
  yield* leftOut(result, shown.length, names.slice(widths.length));
}

/** What a table does not show. */
function* leftOut(result: Result, rows: number, columns: readonly string[]): Generator<string> {
  if (columns.length > 0) yield `… not shown, too wide: ${columns.join(', ')}\n`;
  const count = rows.toLocaleString('en-US');
  if (result.isCut) {
    yield `… more than ${count} rows; LIMIT, or a file, takes as many as you want\n`;
  } else if (result.rowCount > rows) {
    yield `… ${result.rowCount.toLocaleString('en-US')} rows in all, ${count} shown\n`;
  }
}

/** Pieces of many lines: one write a line would be slow. */
function* inPieces(lines: Iterable<string>): Generator<string> {
  let piece = '';
  let count = 0;
  for (const line of lines) {
    piece += line;
    if (++count % LINES_A_PIECE !== 0) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

const csvText = (text: string): string =>
  text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** RFC 4180 with \n: a header, null as nothing, an empty text as "". */
export function* formatCsv(result: Result): Generator<string> {
  const { columns } = result;
  if (columns.length === 0) return;
  const cell = (value: SqlValue, i: number): string =>
    value === null ? '' : csvText(plain(value, columns[i]?.isAddress ?? false));
  yield `${columns.map(({ name }) => csvText(name)).join(',')}\n`;
  const lines = function* (): Generator<string> {
    for (const row of rowsOf(result)) yield `${row.map(cell).join(',')}\n`;
  };
  yield* inPieces(lines());
}

/** Names of a result may repeat; the second `a` becomes `a_1`. */
export function distinctNames(columns: readonly ResultColumn[]): string[] {
  const taken = new Set<string>();
  return columns.map(({ name }) => {
    let distinct = name;
    for (let i = 1; taken.has(distinct); i++) distinct = `${name}_${i}`;
    taken.add(distinct);
    return distinct;
  });
}

function json(value: SqlValue, isAddress: boolean): string {
  if (value === null) return 'null';
  if (typeof value === 'bigint') return isAddress ? `"${formatAddress(value)}"` : String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value !== 'object') return JSON.stringify(value);
  if (value instanceof Uint8Array) return `"${hexBytes(value)}"`;
  if (isList(value)) return `[${value.map((one) => json(one, false)).join(',')}]`;
  const fields = Object.entries(value).map(
    ([name, one]) => `${JSON.stringify(name)}:${json(one, false)}`,
  );
  return `{${fields.join(',')}}`;
}

/**
 * A JSON array, one object and line a row. Addresses and bytes are texts in hex; other integers
 * have all their digits, which may be more than a double holds.
 */
export function* formatJson(result: Result): Generator<string> {
  const { columns } = result;
  const names = distinctNames(columns).map((name) => JSON.stringify(name));
  const lines = function* (): Generator<string> {
    let before = '\n';
    for (const row of rowsOf(result)) {
      const fields = row.map((value, i) => {
        return `${names[i]}:${json(value, columns[i]?.isAddress ?? false)}`;
      });
      yield `${before}{${fields.join(',')}}`;
      before = ',\n';
    }
  };
  yield '[';
  yield* inPieces(lines());
  yield '\n]\n';
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

const fitsInt64 = (value: SqlValue): boolean =>
  value === null || (typeof value === 'bigint' && value >= INT64_MIN && value <= INT64_MAX);

/** Sums are HUGEINT in DuckDB: a 64-bit integer if all values fit, else text. */
function arrowType({ type }: ResultColumn, all: () => Iterable<SqlValue>): ResultColumnType {
  switch (type) {
    case 'BOOLEAN':
      return 'bool';
    case 'UTINYINT':
    case 'USMALLINT':
    case 'UINTEGER':
    case 'UBIGINT':
      return 'u64';
    case 'TINYINT':
    case 'SMALLINT':
    case 'INTEGER':
    case 'BIGINT':
      return 'i64';
    case 'HUGEINT':
      for (const value of all()) if (!fitsInt64(value)) return 'utf8';
      return 'i64';
    case 'FLOAT':
    case 'DOUBLE':
      return 'f64';
    case 'BLOB':
      return 'binary';
    default:
      return 'utf8';
  }
}

function arrowCell(type: ResultColumnType, value: SqlValue): ResultCell {
  if (value === null || value instanceof Uint8Array) return value;
  if (type !== 'utf8' && typeof value !== 'object') return value;
  return plain(value, false);
}

/** An Arrow IPC file, one record batch for each chunk. Lists, structs, dates are texts. */
export function formatArrow(result: Result): Uint8Array {
  const names = distinctNames(result.columns);
  const schema = result.columns.map((column, i) => {
    const all = function* (): Generator<SqlValue> {
      for (const { columns } of result.chunks()) yield* columns[i] ?? [];
    };
    return { name: names[i] ?? column.name, type: arrowType(column, all) };
  });
  const batches = function* (): Generator<ResultBatch> {
    for (const { rowCount, columns } of result.chunks()) {
      yield {
        rows: rowCount,
        columns: columns.map((values, i) =>
          values.map((value) => arrowCell(schema[i]?.type ?? 'utf8', value)),
        ),
      };
    }
  };
  return writeResultArrow(schema, batches());
}
