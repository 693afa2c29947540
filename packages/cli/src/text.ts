/** Numbers and tables as people read them. */

/** `12,345,678`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `1 transfer`, `2 transfers`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** `512 bytes`, `77.6 KiB`, `1.25 GiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return plural(bytes, 'byte');
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${significant(value)} ${units[unit]}`;
}

/** Three significant digits, but no fewer than the whole ones: `1.25`, `77.6`, `512`. */
export function significant(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  return digits === 0 ? text : text.replace(/\.?0+$/, '');
}

/** `12.3 ms`, `1.25 s`, `3 min 5 s`. */
export function formatDuration(ns: number): string {
  if (ns < 1e6) return `${significant(ns / 1e3)} µs`;
  if (ns < 1e9) return `${significant(ns / 1e6)} ms`;
  if (ns < 60e9) return `${significant(ns / 1e9)} s`;
  const seconds = Math.round(ns / 1e9);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`;
}

/** `0x401136`. */
export function formatAddress(address: bigint): string {
  return `0x${address.toString(16)}`;
}

/** A command line that a shell reads back as the same words. */
export function shellWords(words: readonly string[]): string {
  const quoted = words.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return quoted.map(printable).join(' ');
}

/** What a terminal would act on, or would turn the text around, is shown and never sent. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
  });
}

/** The same for a text of several lines. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');

/** Cut to `columns`, with `…` in place of the rest. */
export function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}

/** Of a file's name and a line; the number at its end is what counts. */
const LINE_COLUMNS_MAX = 24;

/** `main.c:12`, cut on the left. */
export function fileLine(file: string, line: number | null): string {
  const name = printable(file.slice(file.lastIndexOf('/') + 1) || file);
  const text = line === null ? name : `${name}:${line}`;
  return text.length <= LINE_COLUMNS_MAX ? text : `…${text.slice(1 - LINE_COLUMNS_MAX)}`;
}

/** Name and value, names padded: `name    value`. Lines of a value go below each other. */
export function fields(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => {
    const [first = '', ...rest] = value.split('\n');
    return [`${name.padEnd(width)}${first}`, ...rest.map((line) => ' '.repeat(width) + line)];
  });
  return `${lines.flat().join('\n')}\n`;
}

export interface TableColumn {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** Columns with two spaces between, no trailing blanks. */
export function table(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
): string[] {
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => {
        const cell = cells[i] ?? '';
        const width = widths[i] ?? 0;
        return column.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...rows.map(line)];
}
