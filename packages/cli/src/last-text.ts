/** What `backtrail last` prints: a table, or JSON. */
import type { Gap, SourceLine } from '@backtrail/analyzer';
import type { Output } from './io.ts';
import type { LastAnswer, LastHit, LastSearch } from './last.ts';
import {
  cut,
  formatAddress,
  formatCount,
  plural,
  printable,
  type TableColumn,
  table,
} from './text.ts';

const SYMBOL_COLUMNS_MAX = 60;
const FILE_COLUMNS_MAX = 40;

const COLUMNS: readonly TableColumn[] = [
  { title: 'vCPU', align: 'right' },
  { title: 'seq', align: 'right' },
  { title: 'transfers ago', align: 'right' },
  { title: 'place', align: 'left' },
  { title: 'line', align: 'left' },
  { title: 'instruction', align: 'left' },
];

/** Left away where no module has lines. */
const LINE = COLUMNS.findIndex(({ title }) => title === 'line');

/** `dir/file.c:12`: the end of a path says more than its beginning. */
export function lineText(line: SourceLine | null): string {
  if (line === null || line.file === null || line.line === null) return '';
  const parts = printable(line.file).split('/');
  return `${cut(parts.slice(-2).join('/'), FILE_COLUMNS_MAX)}:${line.line}`;
}

function cellsOf(hit: LastHit): string[] {
  return [
    String(hit.vcpu),
    formatCount(hit.seq),
    formatCount(hit.transfersAgo),
    cut(printable(hit.symbol), SYMBOL_COLUMNS_MAX),
    lineText(hit.line),
    hit.instruction ?? '',
  ];
}

const lostIn = (gaps: readonly Gap[]): number =>
  gaps.reduce((sum, gap) => sum + gap.toSeq - gap.fromSeq, 0);

/** What is not known of the past: transfers that were not recorded may have been there too. */
function lostText(vcpu: number, gaps: readonly Gap[]): string {
  const lost = plural(lostIn(gaps), 'transfer');
  return `── ${lost} of vCPU ${vcpu} lost here: it may have run in between`;
}

function searchedText({ vcpu, from, found, gaps }: LastSearch): string {
  const lost = lostIn(gaps);
  const but = lost === 0 ? '' : `, of which ${formatCount(lost)} are lost`;
  const before = found > 0 ? 'not before that' : 'never';
  return `vCPU ${vcpu}: ${before}, in ${plural(from + 1, 'transfer')} back from seq ${from}${but}`;
}

/** @param wanted the place as it was asked for */
export function lastText(answer: LastAnswer, wanted: string, out: Output): string {
  const { hits, searches, place } = answer;
  const starts = place.starts.map((start) => formatAddress(start)).join(', ');
  const fitted = (line: string): string => (out.isTerminal ? cut(line, out.columns) : line);
  const lines = [`${printable(wanted)} is at ${cut(starts, SYMBOL_COLUMNS_MAX)}.`];
  if (hits.length > 0) {
    const hasLines = hits.some((hit) => hit.line !== null);
    const isShown = (_cell: unknown, column: number): boolean => hasLines || column !== LINE;
    const cells = hits.map((hit) => cellsOf(hit).filter(isShown));
    const [title = '', ...rows] = table(COLUMNS.filter(isShown), cells);
    lines.push(out.paint('bold', fitted(title)));
    hits.forEach((hit, i) => {
      if (hit.gaps.length > 0) lines.push(out.paint('red', fitted(lostText(hit.vcpu, hit.gaps))));
      lines.push(fitted(rows[i] ?? ''));
    });
  }
  for (const search of searches) {
    const listed = hits.filter((hit) => hit.vcpu === search.vcpu).length;
    if (search.isExhausted && listed === search.found) lines.push(searchedText(search));
  }
  return `${lines.join('\n')}\n`;
}

export function lastJson(answer: LastAnswer): string {
  const plain = (_key: string, value: unknown): unknown =>
    typeof value === 'bigint' ? value.toString() : value;
  const { place, hits, searches } = answer;
  const text = {
    place: { is: place.is, starts: place.starts.map((start) => formatAddress(start)) },
    hits: hits.map((hit) => ({ ...hit, address: formatAddress(hit.address) })),
    searches,
  };
  return `${JSON.stringify(text, plain, 2)}\n`;
}
