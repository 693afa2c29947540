/**
 * Small charts as SVG files: bars and curves over logarithmic axes. They are read on light and on
 * dark pages: every colour is said twice, and the page is left to shine through.
 */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Beside the bar. */
  readonly text: string;
  readonly isOurs: boolean;
}

export interface Curve {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const FONT = 'font:13px system-ui,-apple-system,"Segoe UI",sans-serif';
/** Readable beside each other, also by those who see few colours; light page, dark page. */
const COLOURS = [
  ['#0b62c4', '#6cb6ff'],
  ['#b54708', '#f5a524'],
  ['#0d7a4f', '#4fd19a'],
  ['#8a3ffc', '#c4a7ff'],
  ['#c2255c', '#ff8fb3'],
  ['#5c6370', '#b8c0cc'],
  ['#00798c', '#5fd3e6'],
  ['#7a5c00', '#d9c35b'],
] as const;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

function style(): string {
  const colours = (which: 0 | 1): string =>
    COLOURS.map((pair, i) => `.c${i}{fill:${pair[which]}}.l${i}{stroke:${pair[which]}}`).join('');
  const page = (text: string, grid: string, other: string): string =>
    `text{fill:${text}}.grid{stroke:${grid}}.other{fill:${other}}`;
  return (
    `<style>text{${FONT}}.title{font-weight:600}.line{fill:none;stroke-width:2}` +
    `.grid{stroke-width:1}${page('#1f2328', '#d1d9e0', '#8c959f')}${colours(0)}` +
    `@media (prefers-color-scheme:dark){${page('#e6edf3', '#3d444d', '#7d8590')}${colours(1)}}` +
    '</style>'
  );
}

function svg(width: number, height: number, title: string, body: readonly string[]): string {
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${escaped(title)}">`,
    style(),
    ...body,
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

const text = (x: number, y: number, what: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${more}>${escaped(what)}</text>`;

/** Powers of ten from at most `low` to at least `high`. */
function decades(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  return Array.from({ length: Math.max(1, last - first) + 1 }, (_, i) => 10 ** (first + i));
}

/** Where a value is on an axis that begins and ends with a power of ten. */
function scale(ticks: readonly number[], from: number, to: number): (value: number) => number {
  const low = Math.log10(ticks[0] ?? 1);
  const high = Math.log10(ticks.at(-1) ?? 10);
  return (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
}

const BARS = { width: 820, left: 320, right: 130, top: 44, row: 26 } as const;

/** Bars over a logarithmic axis; the shortest begins with the power of ten below it. */
export function barChart(title: string, bars: readonly Bar[], tick: (value: number) => string) {
  const { width, left, right, top, row } = BARS;
  const values = bars.map(({ value }) => value);
  const ticks = decades(Math.min(...values) / 1.5, Math.max(...values));
  const x = scale(ticks, left, width - right);
  const bottom = top + bars.length * row;
  const body = [text(12, 24, title, ' class="title"')];
  for (const at of ticks) {
    const where = x(at).toFixed(1);
    body.push(`<line class="grid" x1="${where}" y1="${top - 4}" x2="${where}" y2="${bottom}"/>`);
    body.push(text(x(at), bottom + 18, tick(at), ' text-anchor="middle"'));
  }
  for (const [i, bar] of bars.entries()) {
    const y = top + i * row;
    const length = Math.max(1, x(bar.value) - left).toFixed(1);
    const fill = bar.isOurs ? 'c0' : 'other';
    body.push(text(left - 8, y + 15, bar.label, ' text-anchor="end"'));
    const size = `width="${length}" height="${row - 8}" rx="2"`;
    body.push(`<rect class="${fill}" x="${left}" y="${y + 3}" ${size}/>`);
    body.push(text(x(bar.value) + 6, y + 15, bar.text));
  }
  return svg(width, bottom + 30, title, body);
}

const CURVES = { width: 820, height: 420, left: 70, right: 240, top: 44, bottom: 50 } as const;
/** Lines of text closer than this run into each other. */
const LABEL_ROW = 17;

/** Where labels of these heights go, in order, so that none covers another. */
function spread(heights: readonly number[]): number[] {
  const order = heights.map((_, i) => i).sort((a, b) => (heights[a] ?? 0) - (heights[b] ?? 0));
  const placed = [...heights];
  let free = Number.NEGATIVE_INFINITY;
  for (const i of order) {
    placed[i] = Math.max(heights[i] ?? 0, free);
    free = (placed[i] ?? 0) + LABEL_ROW;
  }
  return placed;
}

/** Curves over two logarithmic axes, each with its name at its end. */
export function curveChart(
  title: string,
  xName: string,
  curves: readonly Curve[],
  ticks: { readonly x: (value: number) => string; readonly y: (value: number) => string },
): string {
  const { width, height, left, right, top, bottom } = CURVES;
  const all = curves.flatMap(({ points }) => points);
  const across = (which: 0 | 1): number[] => {
    const values = all.map((point) => point[which]);
    return decades(Math.min(...values), Math.max(...values));
  };
  const [xs, ys] = [across(0), across(1)];
  const x = scale(xs, left, width - right);
  const y = scale(ys, height - bottom, top);
  const body = [text(12, 24, title, ' class="title"')];
  for (const at of xs) {
    const where = x(at).toFixed(1);
    body.push(
      `<line class="grid" x1="${where}" y1="${top}" x2="${where}" y2="${height - bottom}"/>`,
    );
    body.push(text(x(at), height - bottom + 18, ticks.x(at), ' text-anchor="middle"'));
  }
  for (const at of ys) {
    const where = y(at).toFixed(1);
    body.push(
      `<line class="grid" x1="${left}" y1="${where}" x2="${width - right}" y2="${where}"/>`,
    );
    body.push(text(left - 8, y(at) + 4, ticks.y(at), ' text-anchor="end"'));
  }
  body.push(text((left + width - right) / 2, height - 10, xName, ' text-anchor="middle"'));
  const labels = spread(curves.map(({ points }) => y(points.at(-1)?.[1] ?? 1) + 4));
  for (const [i, { label, points }] of curves.entries()) {
    const colour = i % COLOURS.length;
    const path = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(' ');
    body.push(`<polyline class="line l${colour}" points="${path}"/>`);
    for (const [px, py] of points) {
      const [cx, cy] = [x(px).toFixed(1), y(py).toFixed(1)];
      body.push(`<circle class="c${colour}" cx="${cx}" cy="${cy}" r="3"/>`);
    }
    // A style of its own: that of all text is stronger than a class of the colour.
    body.push(`<g class="c${colour}">${text(width - right + 26, labels[i] ?? 0, label)}</g>`);
    const [fromX, fromY] = [x(points.at(-1)?.[0] ?? 1), y(points.at(-1)?.[1] ?? 1)];
    const to = `${(width - right + 22).toFixed(1)},${((labels[i] ?? 0) - 4).toFixed(1)}`;
    const leader = `${(fromX + 5).toFixed(1)},${fromY.toFixed(1)} ${to}`;
    body.push(`<polyline class="line l${colour}" style="stroke-width:1" points="${leader}"/>`);
  }
  return svg(width, height, title, body);
}
