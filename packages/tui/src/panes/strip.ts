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

export function strip(world: World, state: WalkState, columns: number): Line {
  const { trace } = world;
  const { vcpu, seq } = state.position;
  const [low, high] = stripRange(trace.seqEnd(vcpu), seq, state.zoom);
  const from = ` ${formatCount(low)} `;
  const to = ` ${formatCount(Math.max(0, high - 1))} `;
  const width = Math.max(8, columns - widthOf(from) - widthOf(to));
  const columnOf = (at: number): number =>
    Math.max(0, Math.min(width - 1, Math.floor(((at - low) / (high - low)) * width)));
  const best = new Int32Array(width).fill(SIGNS.length);
  const marks = world.marks(vcpu);
  const end = firstMark(trace, marks, high + 1);
  for (let i = firstMark(trace, marks, low); i < end; i++) {
    const mark = marks[i] ?? 0;
    const kind = MARK_KINDS[trace.marks.kind[mark] ?? 0];
    const rank = SIGNS.findIndex(([one]) => one === kind);
    const column = columnOf(trace.marks.seq[mark] ?? 0);
    if (rank >= 0 && rank < (best[column] ?? 0)) best[column] = rank;
  }
  const cursor = columnOf(seq);
  const cells = Array.from(best, (rank, column): Span => {
    const sign = SIGNS[rank]?.[1];
    if (column === cursor) return span(sign === undefined ? '▲' : sign.letter, 'inverse');
    return sign === undefined ? span('─', 'dim') : span(sign.letter, sign.style);
  });
  return fitted([span(from, 'dim'), ...cells, span(to, 'dim')], columns);
}
