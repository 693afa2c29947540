/**
 * What a terminal has to be told for one frame to become the next: of each line the cells that are
 * others now. Most steps change a third of the screen, and over ssh bytes are time.
 *
 * A line of characters that take one column each is compared cell by cell. Any other is written
 * whole where it changed: who is wrong about the width of a character is wrong in that line alone.
 */
import { ansi, isNarrow, type Line, type Style, sgr } from './line.ts';

const ESCAPE = '\u001b';
const RESET = `${ESCAPE}[0m`;
const HOME_AND_ERASE = `${ESCAPE}[H${ESCAPE}[J`;
/** Erased, not written: text that is copied from a terminal has no blanks there. */
const ERASE_REST = `${ESCAPE}[K`;
const ERASE_LINE = `${ESCAPE}[2K`;
/** Cells that did not change between two that did: to write them is as short as to go on. */
const SAME_CELLS_MAX = 8;

/** A line as it stands on the screen. */
interface Painted {
  /** As a terminal wants it. */
  readonly ansi: string;
  /** A character for each column; null if some character takes another number of them. */
  readonly cells: string | null;
  /** Of each cell. */
  readonly styles: readonly (Style | undefined)[];
  /** Cells up to the last that is not a blank without a style: the others are left erased. */
  readonly used: number;
}

export class Painter {
  #painted: readonly Painted[] = [];

  /** Somebody else wrote on the screen, or it has another size: the next frame is painted whole. */
  forget(): void {
    this.#painted = [];
  }

  /**
   * @param lines one for each row of the terminal, each as wide as it
   * @returns what turns the frame before into this one; empty if they look the same
   */
  paint(lines: readonly Line[], hasColor: boolean): string {
    const isWhole = this.#painted.length !== lines.length;
    const before = isWhole ? [] : this.#painted;
    const out = isWhole ? [HOME_AND_ERASE] : [];
    this.#painted = lines.map((line, row) => {
      const text = ansi(line, hasColor).trimEnd();
      const old = before[row];
      if (old?.ansi === text) return old;
      const painted = painting(line, text, hasColor);
      out.push(old === undefined ? at(row, 0) + text : changed(row, old, painted));
      return painted;
    });
    return out.join('');
  }
}

function painting(line: Line, text: string, hasColor: boolean): Painted {
  if (!line.every((piece) => isNarrow(piece.text))) {
    return { ansi: text, cells: null, styles: [], used: 0 };
  }
  const styles: (Style | undefined)[] = [];
  let used = 0;
  for (const { text: said, style: wanted } of line) {
    const style = sgr(wanted, hasColor) === null ? undefined : wanted;
    const length = style === undefined ? said.trimEnd().length : said.length;
    if (length > 0) used = styles.length + length;
    for (let i = 0; i < said.length; i++) styles.push(style);
  }
  return { ansi: text, cells: line.map((piece) => piece.text).join(''), styles, used };
}

/** Control sequence CUP: to a cell; both count from 0. */
const at = (row: number, column: number): string => `${ESCAPE}[${row + 1};${column + 1}H`;

/** What turns one line into another. */
function changed(row: number, from: Painted, to: Painted): string {
  const { cells, styles, used } = to;
  const old = from.cells;
  if (cells === null || old === null || cells.length !== old.length) {
    return at(row, 0) + ERASE_LINE + to.ansi;
  }
  const isSame = (i: number): boolean =>
    cells.charCodeAt(i) === old.charCodeAt(i) && styles[i] === from.styles[i];
  let out = '';
  for (let start = 0; start < used; start++) {
    if (isSame(start)) continue;
    let end = start + 1;
    for (let i = end; i < used && i - end < SAME_CELLS_MAX; i++) {
      if (!isSame(i)) end = i + 1;
    }
    out += at(row, start) + styled(cells, styles, start, end);
    start = end;
  }
  return used < from.used ? out + at(row, used) + ERASE_REST : out;
}

/** Cells `start` to before `end`, each in its style. */
function styled(cells: string, styles: Painted['styles'], start: number, end: number): string {
  let out = '';
  for (let i = start; i < end; ) {
    let next = i + 1;
    while (next < end && styles[next] === styles[i]) next++;
    const code = sgr(styles[i], true);
    const text = cells.slice(i, next);
    out += code === null ? text : `${code}${text}${RESET}`;
    i = next;
  }
  return out;
}
