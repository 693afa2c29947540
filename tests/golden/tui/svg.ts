/** A screen as a picture: an SVG that needs no font but a monospaced one, and no script. */

export interface Style {
  /** `#rrggbb`; null: the terminal's own. */
  readonly color: string | null;
  readonly background: string | null;
  readonly isBold: boolean;
  readonly isDim: boolean;
  readonly isUnderlined: boolean;
}

/** Cells of one style in one row, from a column on. */
export interface Run extends Style {
  readonly row: number;
  readonly column: number;
  /** Columns it takes; a wide character takes two. */
  readonly columns: number;
  readonly text: string;
}

const CELL = { width: 8, height: 17, baseline: 13 };
const MARGIN = 10;
const COLOR = '#d4d4d4';
const BACKGROUND = '#1e1e1e';
const FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace";

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (one) => ESCAPES[one] ?? one);

/** The first 16 colours as xterm has them, the cube and the greys by its formula. */
const BASIC = [
  ['#2e3436', '#cd5c5c', '#6a9955', '#c4a000', '#5c8fd6', '#b07cc6', '#3aa6a6', '#d3d7cf'],
  ['#7f848e', '#f14c4c', '#8ae234', '#fce94f', '#82aaff', '#d79bf0', '#56d6d6', '#ffffff'],
].flat();
const CUBE = [0, 95, 135, 175, 215, 255];
const CUBE_FIRST = 16;
const GREY_FIRST = 232;

/** Of a number of the 256-colour palette. */
export function paletteColor(index: number): string {
  const basic = BASIC[index];
  if (basic !== undefined) return basic;
  if (index >= GREY_FIRST) return rgbColor((8 + 10 * (index - GREY_FIRST)) * 0x01_01_01);
  const at = index - CUBE_FIRST;
  const [red = 0, green = 0, blue = 0] = [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map(
    (step) => CUBE[step],
  );
  return rgbColor((red << 16) | (green << 8) | blue);
}

export const rgbColor = (rgb: number): string => `#${rgb.toString(16).padStart(6, '0')}`;

/** Cells have a code point each, or one and what combines with it. */
const lettersOf = (text: string): number => Array.from(text).length;

function shape(run: Run): string {
  const { row, column, columns, text, color, background } = run;
  const y = MARGIN + row * CELL.height;
  const xOf = (place: number): number => MARGIN + (column + place) * CELL.width;
  const looks = [
    ...(color === null ? [] : [`fill="${color}"`]),
    ...(run.isBold ? ['font-weight="bold"'] : []),
    ...(run.isDim ? ['opacity="0.65"'] : []),
    ...(run.isUnderlined ? ['text-decoration="underline"'] : []),
  ];
  const shapes: string[] = [];
  if (background !== null) {
    const size = `width="${columns * CELL.width}" height="${CELL.height}"`;
    shapes.push(`<rect x="${xOf(0)}" y="${y}" ${size} fill="${background}"/>`);
  }
  // Browsers make one blank of several, so words that are further apart have their own places.
  for (const { 0: words, index } of text.matchAll(/\S+(?: \S+)*/g)) {
    const place = lettersOf(text.slice(0, index));
    const wide = text.length === words.length ? columns : lettersOf(words);
    const where = `x="${xOf(place)}" y="${y + CELL.baseline}" textLength="${wide * CELL.width}"`;
    shapes.push(`<text ${[where, ...looks].join(' ')}>${escaped(words)}</text>`);
  }
  return shapes.join('');
}

/** @param title what the picture shows, for who cannot see it */
export function svgOf(
  runs: readonly Run[],
  { columns, rows, title }: { columns: number; rows: number; title: string },
): string {
  const width = columns * CELL.width + 2 * MARGIN;
  const height = rows * CELL.height + 2 * MARGIN;
  const shapes = runs.map(shape).filter((one) => one !== '');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="6" fill="${BACKGROUND}"/>`,
    `<g font-family="${FONT}" font-size="13" fill="${COLOR}">`,
    ...shapes,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Neighbours of one style become one run; blanks of no style none. */
export function joined(cells: readonly Run[]): Run[] {
  const runs: Run[] = [];
  for (const cell of cells) {
    const last = runs.at(-1);
    const isNext =
      last !== undefined &&
      last.row === cell.row &&
      last.column + last.columns === cell.column &&
      last.columns === lettersOf(last.text) &&
      cell.columns === 1 &&
      LOOKS.every((look) => last[look] === cell[look]);
    if (isNext) {
      runs[runs.length - 1] = {
        ...last,
        columns: last.columns + cell.columns,
        text: last.text + cell.text,
      };
    } else {
      runs.push(cell);
    }
  }
  return runs.filter((run) => run.background !== null || run.text.trim() !== '').map(trimmed);
}

const LOOKS = ['color', 'background', 'isBold', 'isDim', 'isUnderlined'] as const;

/** Without blanks at its ends, unless they have a colour. */
function trimmed(run: Run): Run {
  if (run.background !== null) return run;
  const text = run.text.trimStart();
  const cut = run.text.length - text.length;
  const kept = text.trimEnd();
  const blanks = text.length - kept.length;
  return { ...run, text: kept, column: run.column + cut, columns: run.columns - cut - blanks };
}

/** Of a cell whose colours are exchanged. */
export function inverted(style: Style): Style {
  return { ...style, color: style.background ?? BACKGROUND, background: style.color ?? COLOR };
}
