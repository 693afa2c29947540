/** Bars of the charts in a crash report: plain boxes that need no script to be seen. */
import type { CrashFlame, CrashRecent } from '@backtrail/analyzer';
import { formatCount, plural, printable, significant } from './text.ts';

export interface Bar {
  /** Of the chart's width, from 0 to 1. */
  readonly left: number;
  readonly width: number;
  /** From the top. */
  readonly row: number;
  readonly name: string;
  readonly says: string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand in HTML, in quotes too. */
export const escaped = (text: string): string =>
  printable(text).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');

const ROW_PIXELS = 18;
const HUES = 360;
/** Of the chart's width: less has no room for a letter. */
const THIN = 0.01;

export function flameBars({ flame, instructions }: CrashRecent): Bar[] {
  const bars: Bar[] = [];
  const add = (node: CrashFlame, row: number, from: number): void => {
    const share = significant((100 * node.instructions) / instructions);
    bars.push({
      left: from / instructions,
      width: node.instructions / instructions,
      row,
      name: node.name,
      says:
        `${plural(node.instructions, 'instruction')} (${share} %), ` +
        `entered ${plural(node.calls, 'time')}`,
    });
    let at = from;
    for (const child of node.children) {
      add(child, row + 1, at);
      at += child.instructions;
    }
  };
  let at = 0;
  for (const child of flame.children) {
    add(child, 0, at);
    at += child.instructions;
  }
  return bars;
}

export function spanBars({ spans, spanInstructions }: CrashRecent): Bar[] {
  if (spanInstructions === 0) return [];
  return spans.map(({ name, depth, from, to, seq }) => ({
    left: from / spanInstructions,
    width: (to - from) / spanInstructions,
    row: depth,
    name,
    says: `${plural(to - from, 'instruction')}, from transfer ${formatCount(seq)} on`,
  }));
}

/** A number of the name, the same in every chart. */
function hue(name: string): number {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9973;
  return sum % HUES;
}

const percent = (part: number): string => `${Number((100 * part).toFixed(4))}%`;

export function chart(bars: readonly Bar[]): string {
  const rows = bars.reduce((most, { row }) => Math.max(most, row + 1), 0);
  const boxes = bars.map(({ left, width, row, name, says }) => {
    const place = `left:${percent(left)};width:${percent(width)};top:${row * ROW_PIXELS}px`;
    const kind = width < THIN ? 'bar thin' : 'bar';
    const text = escaped(name);
    const style = `${place};--h:${hue(name)}`;
    return `<div class="${kind}" style="${style}" title="${text}: ${says}">${text}</div>`;
  });
  return `<div class="chart" style="height:${rows * ROW_PIXELS}px">\n${boxes.join('\n')}\n</div>`;
}
