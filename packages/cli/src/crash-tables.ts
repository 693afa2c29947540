/** The call stack and the last transfers of a crash report, as tables of a page. */
import {
  type CrashFrame,
  type CrashMarkRow,
  type CrashReport,
  type CrashRow,
  type CrashSource,
  type CrashTransferRow,
  type Fold,
  foldLoops,
} from '@backtrail/analyzer';
import type { Block, PageRow } from './crash-page.ts';
import { cut, fileLine, formatCount, plural, type TableColumn } from './text.ts';

/** C++ names can be longer than any screen; JSON has them whole. */
const SYMBOL_COLUMNS_MAX = 60;
/** Frames shown at the inner and at the outer end. */
const INNER_ROWS_MAX = 12;
const OUTER_ROWS_MAX = 4;

const symbolText = (text: string): string => cut(text, SYMBOL_COLUMNS_MAX);

const lineText = (source: CrashSource | null): string =>
  source === null ? '' : fileLine(source.file, source.line);

const rangeText = ([min, max]: readonly [number, number]): string =>
  min === max ? formatCount(max) : `${formatCount(min)}–${formatCount(max)}`;

export function transferTable({ transfers }: CrashReport): Block {
  const columns: TableColumn[] = [
    { title: 'seq', align: 'right' },
    { title: 'kind', align: 'left' },
    { title: 'source', align: 'left' },
    { title: '', align: 'left' },
    { title: 'target', align: 'left' },
    { title: 'line', align: 'left' },
    { title: 'ran', align: 'right' },
    { title: 'instruction at source', align: 'left' },
  ];
  return tableBlock(
    columns,
    transfers.flatMap((row) => rowsOf(row, '')),
  );
}

/** @param bar drawn before what lies in a loop. */
function rowsOf(row: CrashRow, bar: string): PageRow[] {
  switch (row.row) {
    case 'transfer':
      return [{ cells: cellsOf(row, bar) }];
    case 'loop': {
      const open = row.isCut ? ' or more' : '';
      const note = `${bar}┌ ${rangeText(row.times)}${open} times, newest round shown:`;
      const body = row.body.flatMap((inner) => rowsOf(inner, `${bar}│ `));
      return [{ note }, ...body, { note: `${bar}└ ${plural(row.transfers, 'transfer')}` }];
    }
    case 'mark':
      return [{ note: `${bar}── ${markText(row)}`, isBad: row.kind === 'signal' }];
    case 'gap':
      return [{ note: `${bar}── ${plural(row.transfers, 'transfer')} lost here`, isBad: true }];
  }
}

function cellsOf(row: CrashTransferRow, bar: string): string[] {
  const times = row.times[1] > 1 ? ` × ${rangeText(row.times)}` : '';
  return [
    `${row.seq}`,
    `${bar}${row.kind ?? row.cause ?? '?'}${times}`,
    row.source === null ? '' : symbolText(row.source.symbol),
    '→',
    symbolText(row.target.symbol),
    lineText(row.source?.source ?? null),
    row.instructions === null ? '?' : formatCount(row.instructions),
    row.instruction ?? '',
  ];
}

function markText(row: CrashMarkRow): string {
  const at = row.place === null ? '' : ` at ${symbolText(row.place.symbol)}`;
  const name = row.name === null ? '' : ` (${row.name})`;
  const number = row.number === null ? '' : ` ${row.number}`;
  const code = row.kind === 'signal' && row.code !== null ? `, code ${row.code}` : '';
  const value = row.kind === 'signal' ? 'fault address' : 'value';
  const address = row.address === null ? '' : `, ${value} ${row.address}`;
  const detail = row.detail === null ? '' : `: ${row.detail}`;
  return `${row.kind}${number}${name}${code}${address}${at}${detail}`;
}

export function stackBlocks({ stack }: CrashReport): Block[] {
  if (stack === null || stack.frames.length === 0) return [];
  const columns: TableColumn[] = [
    { title: '#', align: 'right' },
    { title: 'at', align: 'left' },
    { title: 'line', align: 'left' },
    { title: 'entered by', align: 'left' },
    { title: 'transfer', align: 'right' },
  ];
  const outerFrom = stack.omitted > 0 ? outerLevel(stack.frames) : stack.frames.length;
  const inner = frameRows(stack.frames.slice(0, outerFrom));
  const outer = frameRows(stack.frames.slice(outerFrom));
  const rows =
    stack.omitted > 0
      ? [...inner.slice(0, INNER_ROWS_MAX), leftOut(stack.omitted), ...outer.slice(-OUTER_ROWS_MAX)]
      : shortened(inner);
  if (!stack.isBottomKnown) rows.push({ note: 'what called this is not known' });
  if (stack.parked > 0) {
    rows.push({ note: `${plural(stack.parked, 'other stack')} of this vCPU waiting` });
  }
  return [tableBlock(columns, rows)];
}

const leftOut = (frames: number): PageRow => ({ note: `… ${plural(frames, 'frame')} not shown` });

function shortened(rows: PageRow[]): PageRow[] {
  const most = INNER_ROWS_MAX + OUTER_ROWS_MAX;
  if (rows.length <= most + 1) return rows;
  const left = rows.length - most;
  return [
    ...rows.slice(0, INNER_ROWS_MAX),
    { note: `… ${plural(left, 'row')} not shown` },
    ...rows.slice(-OUTER_ROWS_MAX),
  ];
}

/** Where levels jump: what was left out lies before. */
function outerLevel(frames: readonly CrashFrame[]): number {
  const at = frames.findIndex(({ level }, i) => level !== i);
  return at < 0 ? frames.length : at;
}

/** Calls that repeat (recursion) as one round. */
function frameRows(frames: readonly CrashFrame[]): PageRow[] {
  const numbers = new Map<string, number>();
  const keys = Uint32Array.from(frames, ({ place, entry, moved, inlined }) => {
    const key = JSON.stringify([place.address, entry?.address, moved?.how, inlined.length]);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
  return foldLoops(keys).flatMap((fold) => foldRows(frames, fold, ''));
}

function foldRows(frames: readonly CrashFrame[], fold: Fold, bar: string): PageRow[] {
  const times = rangeText([fold.timesMin, fold.timesMax]);
  if (fold.body.length > 0) {
    const body = fold.body.flatMap((inner) => foldRows(frames, inner, `${bar}│ `));
    return [{ note: `${bar}┌ ${times} times` }, ...body, { note: `${bar}└` }];
  }
  const frame = frames[fold.at];
  if (frame === undefined) return [];
  const own = rowsOfFrame(frame, bar);
  return fold.timesMax === 1 ? own : [...own, { note: `${bar}  × ${times}` }];
}

function rowsOfFrame(frame: CrashFrame, bar: string): PageRow[] {
  const inlined = frame.inlined.flatMap(({ function: name, source }): PageRow[] => [
    { cells: ['', `${bar}${symbolText(name ?? '?')} (inlined)`, lineText(source), '', ''] },
    ...sourceRows(source, bar),
  ]);
  const { place, moved, entry, entered } = frame;
  const at = [`${frame.level}`, `${bar}${symbolText(place.symbol)}`, lineText(place.source)];
  const source = sourceRows(place.source, bar);
  if (moved === null) return [...inlined, { cells: [...at, entered, `${frame.seq}`] }, ...source];
  const how = `${moved.how} from ${symbolText(moved.source.symbol)}`;
  const cells = [...at, how, `${moved.seq}`];
  const before =
    entry === null
      ? []
      : [
          {
            cells: [
              '',
              `${bar}  in place of ${symbolText(entry.symbol)}`,
              '',
              entered,
              `${frame.seq}`,
            ],
          },
        ];
  const own = moved.how === 'broken-return' ? { cells, isBad: true } : { cells };
  return [...inlined, own, ...source, ...before];
}

/** The text of a line, where it is known. */
function sourceRows(source: CrashSource | null, bar: string): PageRow[] {
  const text = source?.text ?? null;
  return text === null ? [] : [{ note: `${bar}  │ ${text.trim()}` }];
}

/** A table without the columns in which there is nothing. */
function tableBlock(columns: readonly TableColumn[], rows: readonly PageRow[]): Block {
  const kept = columns.map((_column, i) =>
    rows.some((row) => 'cells' in row && row.cells[i] !== ''),
  );
  return {
    kind: 'table',
    columns: columns.filter((_column, i) => kept[i]),
    rows: rows.map((row) =>
      'cells' in row ? { ...row, cells: row.cells.filter((_cell, i) => kept[i]) } : row,
    ),
  };
}
