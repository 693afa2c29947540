/**
 * A crash report as one HTML file that needs nothing else: no network, no font, no script of
 * others. Everything from the trace is escaped, and the page forbids itself whatever else it might
 * be made to load or to run. Without scripts it reads the same; only charts do not zoom.
 */
import { createHash } from 'node:crypto';
import type { CrashReport } from '@backtrail/analyzer';
import { type Bar, chart, escaped, flameBars, spanBars } from './crash-charts.ts';
import { type Block, crashPage, type PageRow, type Section, type Sentence } from './crash-page.ts';
import { SCRIPT, STYLE } from './crash-style.ts';
import { formatCount, shellWords } from './text.ts';

export function crashHtml(report: CrashReport): string {
  const page = crashPage(report);
  const hash = createHash('sha256').update(SCRIPT).digest('base64');
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`;
  const title = escaped(page.title);
  const sections = page.sections.map(sectionHtml);
  const charts = chartsHtml(report);
  // Charts stand behind what a reader needs first, before what is not known.
  const at = page.sections.findIndex(({ id }) => id === 'transfers') + 1;
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1${page.isFailure ? ' class="bad"' : ''}>${title}</h1>`,
    ...page.head.map((sentence) => `<p>${sentenceHtml(sentence)}</p>`),
    ...sections.slice(0, at),
    ...charts,
    ...sections.slice(at),
    `<script>${SCRIPT}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

const sentenceHtml = (sentence: Sentence): string =>
  sentence
    .map((span) =>
      typeof span === 'string' ? escaped(span) : `<code>${escaped(span.code)}</code>`,
    )
    .join('');

const sectionHtml = ({ id, title, blocks }: Section): string =>
  [
    `<section id="${id}">`,
    `<h2>${escaped(title)}</h2>`,
    ...blocks.map(blockHtml),
    '</section>',
  ].join('\n');

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'sentences': {
      const [first, ...others] = block.list.map(sentenceHtml);
      if (others.length === 0) return `<p>${first ?? ''}</p>`;
      return `<ul>\n${[first, ...others].map((one) => `<li>${one}</li>`).join('\n')}\n</ul>`;
    }
    case 'code': {
      const lines = block.lines.map(({ address, text, isHere }) => {
        const line = escaped(`${isHere ? '→' : ' '} ${address}  ${text}`);
        return isHere ? `<span class="here">${line}</span>` : line;
      });
      return `<pre>${lines.join('\n')}</pre>`;
    }
    case 'table':
      return tableHtml(block);
    case 'commands': {
      const list = block.list.map(
        ({ says, words }) =>
          `<dt>${escaped(says)}</dt><dd><code>backtrail ${escaped(shellWords(words))}</code></dd>`,
      );
      return `<dl>\n${list.join('\n')}\n</dl>`;
    }
  }
}

function tableHtml({ columns, rows }: Extract<Block, { kind: 'table' }>): string {
  const head = columns.map(({ title, align }) => `<th class="${align}">${escaped(title)}</th>`);
  const rowHtml = (row: PageRow): string => {
    const own = row.isBad === true ? '<tr class="bad">' : '<tr>';
    if (!('cells' in row)) {
      const span = Math.max(1, columns.length - 1);
      return `${own}<td></td><td class="note" colspan="${span}">${escaped(row.note)}</td></tr>`;
    }
    const cells = row.cells.map(
      (cell, i) => `<td class="${columns[i]?.align ?? 'left'}">${escaped(cell)}</td>`,
    );
    return `${own}${cells.join('')}</tr>`;
  };
  return [
    '<div class="wide"><table>',
    `<thead><tr>${head.join('')}</tr></thead>`,
    '<tbody>',
    ...rows.map(rowHtml),
    '</tbody>',
    '</table></div>',
  ].join('\n');
}

function chartsHtml({ recent }: CrashReport): string[] {
  if (recent === null) return [];
  const transfers = recent.seqEnd - recent.firstSeq;
  const figure = (id: string, title: string, says: string, bars: readonly Bar[]): string =>
    [
      `<section id="${id}">`,
      `<h2>${title}</h2>`,
      `<p class="dim">${says}</p>`,
      chart(bars),
      '</section>',
    ].join('\n');
  return [
    figure(
      'flame',
      'Flame graph of the last part of the run',
      `${formatCount(recent.instructions)} instructions in the last ${formatCount(transfers)} ` +
        'transfers: a bar is a function, as wide as the instructions in it and in what it ' +
        'called; callers stand above what they called.',
      flameBars(recent),
    ),
    figure(
      'timeline',
      'Timeline of the very last part',
      `${formatCount(recent.spanInstructions)} instructions from transfer ${recent.spansFrom} to ` +
        `${recent.seqEnd - 1}, oldest left: a bar is a stay in a function.`,
      spanBars(recent),
    ),
  ];
}
