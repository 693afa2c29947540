/** The call stack at the cursor, innermost first, from calls and returns alone. */
import type { Frame } from '@backtrail/analyzer';
import { formatCount, type Line, right, span } from '../line.ts';
import type { WalkState } from '../walk-state.ts';
import type { World } from '../world.ts';
import { notePane, window } from './code-pane.ts';

const ENTERED: Readonly<Record<Frame['entered'], string>> = {
  call: '',
  'indirect-call': 'by a pointer',
  exception: 'by an exception',
  syscall: 'by a system call',
  interrupt: 'by an interrupt',
  signal: 'by a signal',
  start: 'where it began',
  switch: 'another stack',
  other: 'by something unseen',
  unknown: 'not known',
};

const MOVED: Readonly<Record<NonNullable<Frame['moved']>['how'], string>> = {
  'tail-jump': 'jumped here from',
  'broken-return': 'RETURNED here, not to its caller, from',
  restorer: 'the handler returned from',
  return: 'returned from',
  redirect: 'sent here from',
};

function frameLine(world: World, frame: Frame): Line {
  const { names } = world;
  const moved = frame.moved;
  const how =
    moved === null ? ENTERED[frame.entered] : `${MOVED[moved.how]} ${names.place(moved.source)}`;
  const isOdd = moved?.how === 'broken-return';
  return [
    span(`${right(String(frame.level), 3)}  `, 'dim'),
    span(`${names.place(frame.pc)}  `),
    span(how === '' ? '' : `${how}  `, isOdd ? 'red' : 'cyan'),
    span(`since ${frame.seq}`, 'dim'),
  ];
}

export function stackPane(world: World, state: WalkState, columns: number, height: number): Line[] {
  const stack = world.stackAt(state.position, Math.max(2, height - 2), state.pane === 'stack');
  if (typeof stack === 'string') return notePane(stack, columns, height);
  const lines = stack.frames.map((frame) => frameLine(world, frame));
  if (stack.omitted > 0) {
    const outer = stack.frames.findIndex(({ level }, i) => level !== i);
    lines.splice(outer, 0, [span(`     ⋯ ${formatCount(stack.omitted)} frames`, 'dim')]);
  }
  if (!stack.isBottomKnown) lines.push([span('     what was below is not recorded', 'dim')]);
  if (stack.parked > 0) {
    lines.push([span(`     ${formatCount(stack.parked)} other stacks wait`, 'dim')]);
  }
  return window(lines, 0, columns, height);
}
