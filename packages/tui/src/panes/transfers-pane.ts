/** The list of transfers around the cursor, newest at the bottom. */
import { isJump, kindOf, sourceText, targetText } from '../edge-facts.ts';
import {
  cut,
  cutMiddle,
  fitted,
  formatCount,
  type Line,
  left,
  restyled,
  right,
  type Span,
  type Style,
  span,
  widthOf,
} from '../line.ts';
import { type LoopPart, type Row, type TransferRow, transferRows } from '../transfer-rows.ts';
import type { WalkState } from '../walk-state.ts';
import type { World } from '../world.ts';

const KIND_COLUMNS = 13;
const ARROW = ' → ';
const BRACKETS: Readonly<Record<LoopPart['part'], string>> = {
  first: '┐',
  inner: '│',
  last: '┘',
  only: ']',
};

interface Widths {
  readonly seq: number;
  readonly place: number;
  readonly loops: number;
}

/** Brackets of the loops that a row is in, innermost first, and how often they came. */
function loopText({ loops }: TransferRow): string {
  return loops
    .toReversed()
    .map(({ part, times }) => {
      const told = part === 'last' || part === 'only' ? times : '';
      return `${BRACKETS[part]}${told}`;
    })
    .join('');
}

function styleOf(world: World, edge: number): Style | undefined {
  if (isJump(world, edge)) return undefined;
  return kindOf(world, edge) === 'interrupt' ? 'magenta' : 'red';
}

function transferLine(world: World, state: WalkState, row: TransferRow, widths: Widths): Line {
  const { edge, seq, times } = row;
  const isHost = state.hasHostTerms;
  const timeNs = world.names.timeAt(state.position.vcpu, seq);
  const source = sourceText(world, edge, isHost, timeNs);
  const target = targetText(world, edge, isHost, timeNs);
  const count = times === '' ? '' : ` ${times}`;
  const room = widths.place - widthOf(count);
  return [
    span(`${right(String(seq), widths.seq)}  `),
    span(`${left(kindOf(world, edge), KIND_COLUMNS)} `, styleOf(world, edge)),
    span(left(cutMiddle(source, widths.place), widths.place)),
    span(source === '' ? '   ' : ARROW),
    span(left(cutMiddle(target, room) + count, widths.place)),
    span(loopText(row), 'cyan'),
  ];
}

function otherLine(world: World, row: Exclude<Row, TransferRow>, indent: number): Line {
  const at = ' '.repeat(indent);
  switch (row.row) {
    case 'mark':
      return [span(`${at}── ${world.names.mark(row.mark)}`, 'cyan')];
    case 'gap':
      return [span(`${at}── ${formatCount(row.transfers)} transfers are lost here`, 'red')];
    case 'far':
      return [span(`${at}── none of these in ${formatCount(row.transfers)} transfers`, 'dim')];
    case 'limit':
      return [span(`${at}── the record ${row.at === 'start' ? 'begins' : 'ends'}`, 'dim')];
  }
}

const titleLine = (widths: Widths, isHost: boolean): Line => [
  span(
    `  ${right('seq', widths.seq)}  ${left('kind', KIND_COLUMNS)} ` +
      `${left(isHost ? 'from (host)' : 'from', widths.place)}   ${isHost ? 'to (host)' : 'to'}`,
    'bold',
  ),
];

/** Exactly `height` lines of `columns`; a title, then rows. */
export function transfersPane(
  world: World,
  state: WalkState,
  columns: number,
  height: number,
): Line[] {
  const { vcpu, seq } = state.position;
  const { rows, cursor } = transferRows(world.trace, world.stretches, {
    vcpu,
    seq,
    rows: height - 1,
    isFolded: state.isFolded,
    marks: world.marks(vcpu),
    wanted: state.filter?.wanted ?? null,
  });
  const loops = Math.max(
    0,
    ...rows.map((row) => (row.row === 'transfer' ? widthOf(loopText(row)) : 0)),
  );
  const seqColumns = Math.max(3, String(Math.max(0, world.trace.seqEnd(vcpu) - 1)).length);
  const room = columns - 2 - seqColumns - 2 - KIND_COLUMNS - 1 - ARROW.length - loops;
  const widths = { seq: seqColumns, place: Math.max(8, Math.floor(room / 2)), loops };
  const lines = rows.map((row, i): Line => {
    if (row.row !== 'transfer') return otherLine(world, row, seqColumns + 4);
    const line: Line = [
      span(i === cursor ? '▸ ' : '  '),
      ...transferLine(world, state, row, widths),
    ];
    if (i === cursor) return restyled(fitted(line, columns), 'inverse');
    return i > cursor && cursor >= 0 ? restyled(line, 'dim') : line;
  });
  const blanks = Array.from({ length: height - 1 - lines.length }, (): Line => []);
  return [titleLine(widths, state.hasHostTerms), ...blanks, ...lines].map((line) =>
    fitted(line, columns),
  );
}

/** A line between panes, with what is below it. */
export function heading(title: string, columns: number): Line {
  const text: Span = span(`── ${cut(title, columns - 6)} `, 'bold');
  return fitted(
    [text, span('─'.repeat(Math.max(0, columns - widthOf(text.text))), 'dim')],
    columns,
  );
}
