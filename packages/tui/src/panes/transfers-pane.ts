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
import { type MergedRow, mergedRows } from '../merged-rows.ts';
import { shownVcpus } from '../moves.ts';
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
  /** 0 where all rows are of one vCPU. */
  readonly vcpu: number;
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
  const kind = kindOf(world, edge);
  if (kind === 'filtered') return 'dim';
  return kind === 'interrupt' ? 'magenta' : 'red';
}

function transferLine(
  world: World,
  state: WalkState,
  { vcpu, row }: { readonly vcpu: number; readonly row: TransferRow },
  widths: Widths,
): Line {
  const { edge, seq, times } = row;
  const isHost = state.hasHostTerms;
  const timeNs = world.names.timeAt(vcpu, seq);
  const source = sourceText(world, edge, isHost, timeNs);
  const target = targetText(world, edge, isHost, timeNs);
  const count = times === '' ? '' : ` ${times}`;
  const room = widths.place - widthOf(count);
  return [
    span(vcpuText(String(vcpu), widths), 'bold'),
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

const vcpuText = (text: string, { vcpu }: Widths): string =>
  vcpu === 0 ? '' : `${right(text, vcpu)}  `;

const titleLine = (widths: Widths, isHost: boolean): Line => [
  span(
    `  ${vcpuText('vCPU', widths)}${right('seq', widths.seq)}  ${left('kind', KIND_COLUMNS)} ` +
      `${left(isHost ? 'from (host)' : 'from', widths.place)}   ${isHost ? 'to (host)' : 'to'}`,
    'bold',
  ),
];

function rowsOf(
  world: World,
  state: WalkState,
  rows: number,
): { readonly rows: readonly MergedRow[]; readonly cursor: number } {
  const { position, isFolded } = state;
  const { vcpu, seq } = position;
  const wanted = state.filter?.wanted ?? null;
  if (state.isMerged) {
    const vcpus = shownVcpus(world, state);
    return mergedRows(world, { vcpu, seq, vcpus, rows, isFolded, wanted });
  }
  const marks = world.marks(vcpu);
  const own = transferRows(world.trace, world.stretches, {
    vcpu,
    seq,
    rows,
    isFolded,
    marks,
    wanted,
  });
  return { rows: own.rows.map((row) => ({ vcpu, row })), cursor: own.cursor };
}

function widthsOf(
  world: World,
  state: WalkState,
  rows: readonly MergedRow[],
  columns: number,
): Widths {
  const loops = Math.max(
    0,
    ...rows.map(({ row }) => (row.row === 'transfer' ? widthOf(loopText(row)) : 0)),
  );
  const vcpus = state.isMerged ? shownVcpus(world, state) : [state.position.vcpu];
  const ends = vcpus.map((vcpu) => world.trace.seqEnd(vcpu) - 1);
  const seq = Math.max(3, String(Math.max(0, ...ends)).length);
  const vcpu = state.isMerged ? Math.max(4, ...vcpus.map((one) => String(one).length)) : 0;
  const before = 2 + (vcpu === 0 ? 0 : vcpu + 2) + seq + 2 + KIND_COLUMNS + 1;
  const room = columns - before - ARROW.length - loops;
  return { vcpu, seq, place: Math.max(8, Math.floor(room / 2)), loops };
}

/** Exactly `height` lines of `columns`; a title, then rows. */
export function transfersPane(
  world: World,
  state: WalkState,
  columns: number,
  height: number,
): Line[] {
  const { rows, cursor } = rowsOf(world, state, height - 1);
  const widths = widthsOf(world, state, rows, columns);
  const indent = widths.seq + 4;
  const lines = rows.map(({ vcpu, row }, i): Line => {
    if (row.row !== 'transfer') {
      const of = vcpu < 0 ? '' : String(vcpu);
      return [span(`  ${vcpuText(of, widths)}`), ...otherLine(world, row, indent - 2)];
    }
    const line: Line = [
      span(i === cursor ? '▸ ' : '  '),
      ...transferLine(world, state, { vcpu, row }, widths),
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
