/** A crash report as text for a terminal, and as Markdown. */
import type { CrashReport } from '@backtrail/analyzer';
import { type Block, crashPage, type PageRow, type Sentence } from './crash-page.ts';
import type { Output } from './io.ts';
import { cut, printable, shellWords, table } from './text.ts';

/** What a renderer of text may ask of a terminal. */
type Screen = Pick<Output, 'isTerminal' | 'columns' | 'paint'>;

const PAGE_COLUMNS_MAX = 100;
const INDENT = '  ';

export function crashText(report: CrashReport, screen: Screen): string {
  const page = crashPage(report);
  const columns = Math.min(screen.columns, PAGE_COLUMNS_MAX);
  const lines = [
    screen.paint(page.isFailure ? 'red' : 'bold', printable(page.title)),
    ...page.head.flatMap((sentence) => wrapped(plain(sentence), columns)),
  ];
  for (const { title, blocks } of page.sections) {
    lines.push('', screen.paint('bold', title));
    for (const block of blocks) lines.push(...blockLines(block, screen, columns));
  }
  return `${lines.join('\n')}\n`;
}

const plain = (sentence: Sentence): string =>
  sentence.map((span) => printable(typeof span === 'string' ? span : span.code)).join('');

function blockLines(block: Block, screen: Screen, columns: number): string[] {
  const fitted = (line: string): string => (screen.isTerminal ? cut(line, screen.columns) : line);
  switch (block.kind) {
    case 'sentences':
      return block.list.flatMap((sentence) =>
        wrapped(plain(sentence), columns - 2 * INDENT.length).map((line, i) =>
          // A sentence that goes on is told from the next one.
          i === 0 ? INDENT + line : INDENT + INDENT + line,
        ),
      );
    case 'code':
      return codeLines(block).map(({ line, isHere }) =>
        isHere ? screen.paint('red', fitted(line)) : fitted(line),
      );
    case 'table': {
      const [head, ...lines] = tableLines(block);
      return [
        screen.paint('dim', fitted(head?.line ?? '')),
        ...lines.map(({ line, isBad }) =>
          isBad ? screen.paint('red', fitted(line)) : fitted(line),
        ),
      ];
    }
    case 'commands':
      return block.list.flatMap(({ says, words }) => [
        `${INDENT}${printable(says)}:`,
        `${INDENT}${INDENT}backtrail ${shellWords(words)}`,
      ]);
  }
}

function codeLines(block: Extract<Block, { kind: 'code' }>): { line: string; isHere: boolean }[] {
  const width = Math.max(...block.lines.map(({ address }) => address.length));
  return block.lines.map(({ address, text, isHere }) => ({
    line: `${isHere ? '→ ' : INDENT}${address.padStart(width)}  ${printable(text)}`,
    isHere,
  }));
}

interface TableLine {
  readonly line: string;
  readonly isBad: boolean;
}

/** The head, then the rows; notes stand across, from the second column on. */
function tableLines(block: Extract<Block, { kind: 'table' }>): TableLine[] {
  const cells = block.rows.flatMap((row) =>
    'cells' in row ? [row.cells.map((cell) => printable(cell))] : [],
  );
  const [head = '', ...lines] = table(block.columns, cells);
  const second = block.columns[1]?.title ?? '';
  const indent = ' '.repeat(Math.max(0, second === '' ? 0 : head.indexOf(second)));
  let next = 0;
  const lineOf = (row: PageRow): string =>
    'cells' in row ? (lines[next++] ?? '') : indent + printable(row.note);
  return [
    { line: INDENT + head, isBad: false },
    ...block.rows.map((row) => ({ line: INDENT + lineOf(row), isBad: row.isBad === true })),
  ];
}

/** Lines of at most so many columns, broken between words. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Markdown that GitHub and CommonMark show alike. */
export function crashMarkdown(report: CrashReport): string {
  const page = crashPage(report);
  const parts = [`# ${escaped(page.title)}`, ...page.head.map(marked)];
  for (const { title, blocks } of page.sections) {
    parts.push(`## ${title}`);
    for (const block of blocks) parts.push(blockMarkdown(block));
  }
  return `${parts.join('\n\n')}\n`;
}

function blockMarkdown(block: Block): string {
  switch (block.kind) {
    case 'sentences':
      return block.list.length === 1
        ? block.list.map(marked).join('')
        : block.list.map((sentence) => `- ${marked(sentence)}`).join('\n');
    case 'code':
      return fenced(codeLines(block).map(({ line }) => line));
    case 'table':
      return fenced(tableLines(block).map(({ line }) => line.slice(INDENT.length)));
    case 'commands':
      return block.list
        .map(
          ({ says, words }) => `${escaped(says)}:\n\n${fenced([`backtrail ${shellWords(words)}`])}`,
        )
        .join('\n\n');
  }
}

const marked = (sentence: Sentence): string =>
  sentence.map((span) => (typeof span === 'string' ? escaped(span) : inCode(span.code))).join('');

/** Punctuation that Markdown or HTML would act on. */
const escaped = (text: string): string =>
  printable(text).replace(/[\\`*_{}[\]<>#|&~]/g, (character) => `\\${character}`);

/** A code span: fenced by more backticks than it has in a row (CommonMark 6.1). */
function inCode(text: string): string {
  const shown = printable(text);
  const fence = '`'.repeat(longestRun(shown) + 1);
  return fence.length === 1 ? `\`${shown}\`` : `${fence} ${shown} ${fence}`;
}

function fenced(lines: readonly string[]): string {
  const fence = '`'.repeat(Math.max(3, longestRun(lines.join('\n')) + 1));
  return [fence, ...lines, fence].join('\n');
}

const longestRun = (text: string): number =>
  Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
