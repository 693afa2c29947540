/**
 * Lines of a screen: pieces of text with a style, cut and padded to columns as a terminal counts
 * them. Styles are the terminal's own sixteen colours, so that they fit dark and light backgrounds;
 * nothing is told by colour alone.
 */
import stringWidth from 'string-width';

export type Style = 'bold' | 'dim' | 'inverse' | 'red' | 'green' | 'cyan' | 'magenta';

export interface Span {
  readonly text: string;
  readonly style?: Style;
}

export type Line = readonly Span[];

const SGR: Readonly<Record<Style, string>> = {
  bold: '1',
  dim: '2',
  inverse: '7',
  red: '31',
  green: '32',
  cyan: '36',
  magenta: '35',
};
/** What NO_COLOR leaves: these are no colours. */
const PLAIN_STYLES: readonly Style[] = ['bold', 'inverse'];

/** Printable ASCII, and what screens draw with: all of these take one column. */
const NARROW = /^[\x20-\x7e─│┐┘▸◂●○▲→←↑↓…×–⋯·]*$/;
const ELLIPSIS = '…';

/** Whether each UTF-16 unit of a text is a character that takes one column. */
export const isNarrow = (text: string): boolean => NARROW.test(text);

export const span = (text: string, style?: Style): Span =>
  style === undefined ? { text } : { text, style };

/** Columns that a text takes. */
export const widthOf = (text: string): number =>
  NARROW.test(text) ? text.length : stringWidth(text);

/** The longest start of a text that fits into `columns`. */
function startOf(text: string, columns: number): string {
  if (NARROW.test(text)) return text.slice(0, columns);
  let width = 0;
  let end = 0;
  for (const { segment, index } of new Intl.Segmenter().segment(text)) {
    width += stringWidth(segment);
    if (width > columns) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}

/** Cut to `columns`, with `…` in place of the rest. */
export function cut(text: string, columns: number): string {
  if (columns <= 0) return '';
  return widthOf(text) <= columns ? text : startOf(text, columns - 1) + ELLIPSIS;
}

/** Cut to `columns` in the middle: of a long symbol both ends tell something. */
export function cutMiddle(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  const tail = /\+0x[0-9a-f]+$/.exec(text)?.[0] ?? '';
  return tail.length + 4 > columns
    ? cut(text, columns)
    : cut(text.slice(0, text.length - tail.length), columns - tail.length) + tail;
}

/** Padded with blanks on the right; longer texts are cut. */
export function left(text: string, columns: number): string {
  const fitting = cut(text, columns);
  return fitting + ' '.repeat(Math.max(0, columns - widthOf(fitting)));
}

/** Padded with blanks on the left; longer texts are cut. */
export function right(text: string, columns: number): string {
  const fitting = cut(text, columns);
  return ' '.repeat(Math.max(0, columns - widthOf(fitting))) + fitting;
}

/** Exactly `columns` wide. */
export function fitted(line: Line, columns: number): Line {
  const pieces: Span[] = [];
  let room = columns;
  for (const { text, style } of line) {
    const piece = cut(text, room);
    if (piece !== '') pieces.push(span(piece, style));
    room -= widthOf(piece);
    if (piece !== text) break;
  }
  if (room > 0) pieces.push({ text: ' '.repeat(room) });
  return pieces;
}

/** All in one style, whatever its pieces had: a line that is selected. */
export const restyled = (line: Line, style: Style): Line =>
  line.map(({ text }) => span(text, style));

export const textOf = (line: Line): string => line.map(({ text }) => text).join('');

/** Two screens side by side; `above` and `beside` are of one height. */
export const beside = (one: readonly Line[], other: readonly Line[]): Line[] =>
  one.map((line, i) => [...line, span('│', 'dim'), ...(other[i] ?? [])]);

/**
 * A line as a terminal wants it. Texts of a trace are harmless before they are measured; here,
 * where all pass, none that was forgotten gets through.
 */
export function ansi(line: Line, hasColor: boolean): string {
  return line
    .map(({ text: said, style }) => {
      const text = NARROW.test(said) ? said : harmless(said);
      const code = sgr(style, hasColor);
      return code === null ? text : `${code}${text}\u001b[0m`;
    })
    .join('');
}

/** Control sequence SGR that begins a style; null where none is shown. */
export function sgr(style: Style | undefined, hasColor: boolean): string | null {
  if (style === undefined || (!hasColor && !PLAIN_STYLES.includes(style))) return null;
  return `\u001b[${SGR[style]}m`;
}

/**
 * A text of a trace, harmless: control characters, and those that turn text around, are shown and
 * never sent to a terminal.
 */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
  });
}

/** A text in lines of so many columns; a longer word is cut in pieces. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    const joined = line === '' ? word : `${line} ${word}`;
    if (widthOf(joined) <= columns) lines[lines.length - 1] = joined;
    else {
      if (line === '') lines.pop();
      let rest = Array.from(word);
      for (; widthOf(rest.join('')) > columns; rest = rest.slice(columns)) {
        lines.push(rest.slice(0, columns).join(''));
      }
      lines.push(rest.join(''));
    }
  }
  return lines;
}

/** `12,345,678`. */
export const formatCount = (count: number): string => count.toLocaleString('en-US');
