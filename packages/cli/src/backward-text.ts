/** What `backtrail back` prints: a table with marks in between, or JSON. */
import { markText } from '@backtrail/analyzer';
import type { BackRow, Backward, LastBlock, MarkRow, Place, TransferRow } from './backward.ts';
import type { Output } from './io.ts';
import { tellEnd } from './summary.ts';
import {
  cut,
  fileLine,
  formatAddress,
  formatCount,
  plural,
  printable,
  type TableColumn,
  table,
} from './text.ts';

/** Rows that are aligned with each other and written at once. */
const PAGE_ROWS = 1024;
/** C++ names can be longer than any screen; --json has them whole. */
const SYMBOL_COLUMNS_MAX = 60;
const VCPUS_NAMED_MAX = 8;

const COLUMNS: readonly TableColumn[] = [
  { title: 'seq', align: 'right' },
  { title: 'kind', align: 'left' },
  { title: 'source', align: 'left' },
  { title: '', align: 'left' },
  { title: 'target', align: 'left' },
  { title: 'ran', align: 'right' },
  { title: 'instruction at source', align: 'left' },
];
/** The same where source lines are known. */
const COLUMNS_WITH_LINES: readonly TableColumn[] = [
  ...COLUMNS.slice(0, -1),
  { title: 'line', align: 'left' },
  ...COLUMNS.slice(-1),
];

const symbolText = (place: Place): string => cut(printable(place.symbol), SYMBOL_COLUMNS_MAX);

function lineText({ sourceLine }: TransferRow): string {
  if (sourceLine === null || sourceLine.file === null) return '';
  return fileLine(sourceLine.file, sourceLine.line);
}

function transferCells(row: TransferRow, withLines: boolean): string[] {
  return [
    String(row.seq),
    row.kind ?? row.cause ?? '?',
    row.source === null ? '' : symbolText(row.source),
    '→',
    symbolText(row.target),
    row.instructions === null ? '?' : formatCount(row.instructions),
    ...(withLines ? [lineText(row)] : []),
    row.instruction ?? '',
  ];
}

const markOf = (row: MarkRow, isa: string): string =>
  markText({ ...row, place: row.place === null ? null : symbolText(row.place) }, isa);

function lastBlockLines(row: LastBlock): string[] {
  const width = Math.max(...row.instructions.map((one) => formatAddress(one.address).length));
  return [
    `last in ${symbolText(row.place)}, as far as it ran:`,
    ...row.instructions.map(
      ({ address, text }) => `  ${formatAddress(address).padStart(width)}  ${text}`,
    ),
  ];
}

/** Tables cut to the terminal; marks stand across, indented to the kind. */
function pageText(rows: readonly BackRow[], back: Backward, isFirst: boolean, out: Output): string {
  const { isa } = back.trace.manifest.guest;
  const transfers = rows.filter((row) => row.row === 'transfer');
  const [title = '', ...lines] = table(
    back.hasLines ? COLUMNS_WITH_LINES : COLUMNS,
    transfers.map((row) => transferCells(row, back.hasLines)),
  );
  const fitted = (line: string): string => (out.isTerminal ? cut(line, out.columns) : line);
  const indent = ' '.repeat(title.indexOf('kind'));
  const text: string[] = isFirst ? [out.paint('bold', fitted(title))] : [];
  let next = 0;
  for (const row of rows) {
    if (row.row === 'transfer') {
      text.push(fitted(lines[next++] ?? ''));
      const { sourceText = null } = row;
      if (sourceText !== null) text.push(out.paint('dim', fitted(`${indent}│ ${sourceText}`)));
    } else if (row.row === 'mark') {
      const paint = row.kind === 'gap' || row.kind === 'signal' ? 'red' : 'cyan';
      text.push(out.paint(paint, fitted(`${indent}── ${markOf(row, isa)}`)));
    } else {
      for (const line of lastBlockLines(row)) text.push(fitted(`${indent}${line}`));
    }
  }
  return `${text.join('\n')}\n`;
}

/** How the run ended, which vCPU this is, and which others there are. */
function headText(back: Backward): string {
  const { manifest, vcpus, transfers, state } = back.trace;
  const partial = state === 'partial' ? 'Partial trace. ' : '';
  const others = vcpus.filter((vcpu) => vcpu !== back.vcpu);
  const named = others.slice(0, VCPUS_NAMED_MAX).map((vcpu) => {
    return `${vcpu} (${formatCount(back.trace.seqEnd(vcpu))})`;
  });
  const more = others.length - named.length;
  const list = `${named.join(', ')}${more > 0 ? ` and ${formatCount(more)} more` : ''}`;
  return (
    `${partial}${tellEnd(manifest)}; ` +
    `${plural(transfers, 'transfer')} recorded.\n` +
    `vCPU ${back.vcpu}, newest first.` +
    `${others.length === 0 ? '' : ` Others, with their transfers: ${list}; see --vcpu.`}\n\n`
  );
}

export function writeText(back: Backward, out: Output): void {
  out.write(headText(back));
  let page: BackRow[] = [];
  let isFirst = true;
  const flush = (): void => {
    if (page.length > 0) out.write(pageText(page, back, isFirst, out));
    isFirst = false;
    page = [];
  };
  for (const row of back.rows()) {
    page.push(row);
    if (page.length === PAGE_ROWS) flush();
  }
  flush();
}

/** Addresses as 0x…, other big numbers as numbers where they are exact, else as text. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (key, member: unknown) => {
    if (typeof member !== 'bigint') return member;
    if (key === 'number' || key === 'code') {
      return Number.isSafeInteger(Number(member)) ? Number(member) : member.toString();
    }
    return formatAddress(member);
  });
}

/** One JSON object, a line for each row. */
export function writeJson(back: Backward, out: Output): void {
  const { manifest, state, directory, vcpus } = back.trace;
  const head = {
    directory,
    state,
    command: manifest.command,
    end: manifest.end,
    vcpu: back.vcpu,
    vcpus: vcpus.map((vcpu) => ({ vcpu, seqEnd: back.trace.seqEnd(vcpu) })),
  };
  out.write(`${jsonText(head).slice(0, -1)},"rows":[`);
  let lines: string[] = [];
  let separator = '\n';
  const flush = (): void => {
    if (lines.length === 0) return;
    out.write(separator + lines.join(',\n'));
    separator = ',\n';
    lines = [];
  };
  for (const row of back.rows()) {
    lines.push(jsonText(row));
    if (lines.length === PAGE_ROWS) flush();
  }
  flush();
  out.write('\n]}\n');
}
