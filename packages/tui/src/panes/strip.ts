/** The run as one line: where marks are, and where the cursor stands. Zoom narrows it. */
import { MARK_KINDS, type MarkKind } from '@backtrail/analyzer';
import { fitted, formatCount, type Line, type Span, type Style, span, widthOf } from '../line.ts';
import { firstMark } from '../names.ts';
import type { WalkState } from '../walk-state.ts';
import type { World } from '../world.ts';

interface Sign {
  readonly letter: string;
  readonly style?: Style;
}

/** The most important first: a column shows one. */
const SIGNS: readonly (readonly [MarkKind, Sign])[] = [
  ['gap', { letter: 'G', style: 'red' }],
  ['stop', { letter: 'G', style: 'red' }],
  ['signal', { letter: 'S', style: 'red' }],
  ['exception', { letter: 'x', style: 'red' }],
  ['trigger', { letter: '!', style: 'red' }],
  ['interrupt', { letter: 'i', style: 'magenta' }],
  ['fork', { letter: 'f' }],
  ['exec', { letter: 'f' }],
  ['thread-start', { letter: 't' }],
  ['thread-exit', { letter: 't' }],
  ['end', { letter: 'E' }],
  ['flush', { letter: 'c' }],
  ['syscall', { letter: '·', style: 'cyan' }],
];

export const STRIP_LEGEND =
  'S signal, x exception, i interrupt, · system call, t thread, f fork or exec, G gap, ' +
  '! trigger, c code thrown away, E end';

/** Seqs that the strip shows: the whole run, or a part of it around the cursor. */
export function stripRange(seqEnd: number, seq: number, zoom: number): readonly [number, number] {
  const length = Math.max(1, seqEnd / 2 ** zoom);
  const low = Math.max(0, Math.min(seq - length / 2, seqEnd - length));
  return [Math.floor(low), Math.max(Math.floor(low) + 1, Math.ceil(low + length))];
}

type Range = readonly [low: number, high: number];

const columnOf = (seq: number, [low, high]: Range, width: number): number =>
  Math.max(0, Math.min(width - 1, Math.floor(((seq - low) / (high - low)) * width)));

/** The sign of each column, by its place in SIGNS. A run may have a million marks: kept. */
function ranks(world: World, vcpu: number, range: Range, width: number): Int32Array {
  const key = `${vcpu} ${range.join(' ')} ${width}`;
  if (world.strip?.key === key) return world.strip.ranks;
  const { trace } = world;
  const best = new Int32Array(width).fill(SIGNS.length);
  const rankOf = MARK_KINDS.map((kind) => SIGNS.findIndex(([one]) => one === kind));
  const marks = world.marks(vcpu);
  const end = firstMark(trace, marks, range[1] + 1);
  for (let i = firstMark(trace, marks, range[0]); i < end; i++) {
    const mark = marks[i] ?? 0;
    const rank = rankOf[trace.marks.kind[mark] ?? 0] ?? -1;
    const column = columnOf(trace.marks.seq[mark] ?? 0, range, width);
    if (rank >= 0 && rank < (best[column] ?? 0)) best[column] = rank;
  }
  world.strip = { key, ranks: best };
  return best;
}

export function strip(world: World, state: WalkState, columns: number): Line {
  const { trace } = world;
  const { vcpu, seq } = state.position;
  const [low, high] = stripRange(trace.seqEnd(vcpu), seq, state.zoom);
  const from = ` ${formatCount(low)} `;
  const to = ` ${formatCount(Math.max(0, high - 1))} `;
  const width = Math.max(8, columns - widthOf(from) - widthOf(to));
  const best = ranks(world, vcpu, [low, high], width);
  const cursor = columnOf(seq, [low, high], width);
  const cells = Array.from(best, (rank, column): Span => {
    const sign = SIGNS[rank]?.[1];
    if (column === cursor) return span(sign === undefined ? '▲' : sign.letter, 'inverse');
    return sign === undefined ? span('─', 'dim') : span(sign.letter, sign.style);
  });
  return fitted([span(from, 'dim'), ...cells, span(to, 'dim')], columns);
}
