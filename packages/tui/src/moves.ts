/** Movements: each asks the cursor, and says in the status line what came of it. */
import type { Direction, MarkKind, Move } from '@backtrail/analyzer';
import { edgeMatcher } from './find.ts';
import type { Action } from './keys.ts';
import { formatCount } from './line.ts';
import { transferRows } from './transfer-rows.ts';
import { type PlaceAt, tell, type WalkState } from './walk-state.ts';
import type { World } from './world.ts';

/** What people look for when they go from mark to mark. */
const MARKS_WALKED: readonly MarkKind[] = [
  'signal',
  'exception',
  'interrupt',
  'thread-start',
  'thread-exit',
  'fork',
  'exec',
  'flush',
  'trigger',
  'gap',
  'stop',
  'end',
];

/** Rows that a page has where nobody knows the height of the list. */
const PAGE_ROWS = 10;
/** Rows around the cursor in which a folded loop is looked for. */
const LOOP_ROWS = 8;
const GAPS_NAMED_MAX = 2;

type Mover = (world: World, direction: Direction, state: WalkState) => Move;

/** The part of an action's name before `-back` or `-forward`. */
const MOVERS: Readonly<Record<string, Mover>> = {
  transfer: ({ cursor }, direction) => cursor.transfer(direction),
  instruction: ({ cursor }, direction) => cursor.instruction(direction),
  line: ({ cursor }, direction) => cursor.line(direction, true),
  step: ({ cursor }, direction) => cursor.line(direction),
  over: ({ cursor }, direction) => cursor.over(direction),
  out: ({ cursor }, direction) => cursor.out(direction),
  into: ({ cursor }, direction) => cursor.into(direction),
  here: ({ cursor }, direction, { position }) => cursor.address(direction, position.pc),
  mark: ({ cursor }, direction) => cursor.mark(direction, MARKS_WALKED),
  page: ({ cursor }, direction) => cursor.transfer(direction, PAGE_ROWS),
};

/** These take a count themselves, in one step that can be undone. */
const COUNTED: Readonly<Record<string, Mover>> = {
  transfer: ({ cursor }, direction, { count }) => cursor.transfer(direction, countOf(count)),
  instruction: ({ cursor }, direction, { count }) => cursor.instruction(direction, countOf(count)),
  page: ({ cursor }, direction, { count }) =>
    cursor.transfer(direction, countOf(count) * PAGE_ROWS),
};

/** More would be a slip of the finger. */
const REPEATS_MAX = 10_000;

const countOf = (digits: string): number => Math.max(1, Number(digits === '' ? '1' : digits));

/** With a filter, movement by transfer goes to those that it wants. */
const wantedMover =
  ({ text, wanted }: NonNullable<WalkState['filter']>): Mover =>
  ({ cursor }, direction) =>
    cursor.landing(direction, `filter ${text}`, (edge) => wanted[edge] === 1);

function repeated(world: World, state: WalkState, name: string, direction: Direction): Move | null {
  const { filter } = state;
  const isFiltered = filter !== null && (name === 'transfer' || name === 'page');
  const counted = COUNTED[name];
  if (counted !== undefined && !isFiltered) return counted(world, direction, state);
  const mover = isFiltered ? wantedMover(filter) : MOVERS[name];
  if (mover === undefined) return null;
  let last = mover(world, direction, state);
  const page = name === 'page' && isFiltered ? PAGE_ROWS : 1;
  const times = Math.min(REPEATS_MAX, countOf(state.count) * page);
  for (let i = 1; i < times && last.moved; i++) {
    const next = mover(world, direction, state);
    if (!next.moved) break;
    last = next;
  }
  return last;
}

/** The state after a movement; null if the action is none. */
export function move(world: World, state: WalkState, action: Action): WalkState | null {
  const [, name = '', way] = /^(.+)-(back|forward)$/.exec(action) ?? [];
  const direction: Direction = way === 'back' ? 'backward' : 'forward';
  if (name === 'loop') return arrived(state, overLoop(world, state, direction), action);
  const done = repeated(world, state, name, direction);
  return done === null ? moveElsewhere(world, state, action) : arrived(state, done, action);
}

function moveElsewhere(world: World, state: WalkState, action: Action): WalkState | null {
  const { cursor } = world;
  switch (action) {
    case 'first':
      return arrived(state, cursor.toEnd('backward'), action);
    case 'last':
      return arrived(state, cursor.toEnd('forward'), action);
    case 'undo':
      return arrived(state, cursor.undo(), action);
    case 'redo':
      return arrived(state, cursor.redo(), action);
    case 'search-next':
    case 'search-other':
      return searchAgain(world, state, action === 'search-other');
    default:
      return null;
  }
}

export function switchVcpu(world: World, state: WalkState, way: 1 | -1): WalkState {
  const { cursor, trace } = world;
  const at = trace.vcpus.indexOf(state.position.vcpu);
  const next = trace.vcpus[(at + way + trace.vcpus.length) % trace.vcpus.length];
  if (next === undefined || trace.vcpus.length === 1) {
    return tell(state, 'There is one vCPU only.');
  }
  const there = arrived(state, cursor.vcpu(next), 'vcpu-forward');
  const offMs = (Number(cursor.time.errorNs) / 1e6).toFixed(1);
  return tell(there, `vCPU ${next} at about the same time, at most ${offMs} ms off.`);
}

/** To the other end of what the row beside the cursor stands for. */
function overLoop(world: World, state: WalkState, direction: Direction): Move {
  const { cursor, trace, stretches } = world;
  const { vcpu, seq } = state.position;
  const { rows, cursor: at } = transferRows(trace, stretches, {
    vcpu,
    seq,
    rows: LOOP_ROWS * 4,
    isFolded: state.isFolded,
    marks: world.marks(vcpu),
    wanted: state.filter?.wanted ?? null,
  });
  const beside =
    direction === 'backward'
      ? rows.slice(0, Math.max(0, at)).findLast((row) => row.row === 'transfer')
      : rows.slice(at + 1).find((row) => row.row === 'transfer');
  if (beside?.row !== 'transfer') return cursor.transfer(direction);
  if (state.filter === null) return cursor.transfer(direction, beside.skip);
  const counted = { ...state, count: String(beside.skip) };
  return repeated(world, counted, 'transfer', direction) ?? cursor.transfer(direction);
}

/** To a place of the trace. */
export function goTo(world: World, state: WalkState, { vcpu, seq, index }: PlaceAt): WalkState {
  const { cursor } = world;
  const there = vcpu === state.position.vcpu ? null : cursor.vcpu(vcpu);
  if (there?.why === 'unknown') {
    return tell(state, `There is no vCPU ${vcpu}; there are ${world.trace.vcpus.length}.`, 'bad');
  }
  const done = cursor.to(seq, index);
  if (done.why === 'unknown') {
    if (there?.moved === true) cursor.undo();
    const end = formatCount(world.trace.seqEnd(vcpu) - 1);
    return tell(state, `vCPU ${vcpu} has no such place; its transfers go from 0 to ${end}.`, 'bad');
  }
  const next = arrived(state, done, 'goto');
  return done.position.seq === seq
    ? next
    : tell(next, `Transfer ${formatCount(seq)} is lost; this is the next one.`, 'bad');
}

/** To where code ran: backward, or if it did not, forward. */
export function goToCode(world: World, state: WalkState, starts: readonly bigint[]): WalkState {
  const { cursor } = world;
  if (starts.includes(state.position.pc)) {
    return tell(state, 'You are there; p goes to the time before.');
  }
  const ranges = starts.map((start) => ({ start, end: start + 1n }));
  const back = cursor.execution('backward', ranges);
  if (back.moved) return tell(arrived(state, back, 'goto'), 'Its last execution before.');
  const forward = cursor.execution('forward', ranges);
  if (forward.moved) {
    return tell(arrived(state, forward, 'goto'), 'It did not run before; this is the next time.');
  }
  return tell(state, 'That did not run on this vCPU.', 'bad');
}

/** Searches for what was typed, from where the cursor stands. */
export function search(
  world: World,
  state: WalkState,
  text: string,
  direction: Direction,
): WalkState {
  if (text === '') return state;
  const matcher = edgeMatcher(world, text);
  const done = world.cursor.landing(direction, `search ${text}`, matcher);
  const found = { ...arrived(state, done, 'search-next'), search: { text, direction } };
  if (done.moved) return found;
  const other = direction === 'backward' ? 'forward' : 'backward';
  return tell(found, `"${text}": nothing ${direction} from here. N looks ${other}.`, 'bad');
}

function searchAgain(world: World, state: WalkState, isOther: boolean): WalkState {
  if (state.search === null) return tell(state, 'Nothing was searched for yet: / or ?');
  const { text, direction } = state.search;
  const other = direction === 'backward' ? 'forward' : 'backward';
  const next = search(world, state, text, isOther ? other : direction);
  return { ...next, search: state.search };
}

const NOT_FOUND: Readonly<Record<string, string>> = {
  out: 'No caller was recorded in that direction.',
  into: 'No call in that direction.',
  over: 'Nothing at this depth of calls in that direction.',
  here: 'This instruction did not run in that direction.',
  mark: 'No mark in that direction.',
  line: 'No other source line in that direction.',
  step: 'No other source line in that direction.',
};

/** What a movement came to, in words. */
function arrived(state: WalkState, done: Move, action: Action): WalkState {
  const next = { ...state, position: done.position, count: '' };
  const gaps = done.gaps.slice(0, GAPS_NAMED_MAX).map(({ fromSeq, toSeq }) => {
    return `${formatCount(toSeq - fromSeq)} transfers are lost from ${formatCount(fromSeq)} on`;
  });
  const more = done.gaps.length > GAPS_NAMED_MAX ? ', and more' : '';
  const lost = gaps.length === 0 ? '' : `${gaps.join('; ')}${more}. `;
  const why = whyText(done, action);
  return tell(next, `${lost}${why}`, lost === '' && done.moved ? 'plain' : 'bad');
}

function whyText({ why, moved }: Move, action: Action): string {
  switch (why) {
    case null:
      return moved ? '' : 'You are there.';
    case 'start':
      return 'Here the record begins.';
    case 'end':
      return 'Here the record ends.';
    case 'not-found':
      return NOT_FOUND[action.replace(/-(?:back|forward)$/, '')] ?? 'Nothing in that direction.';
    case 'unknown':
      return 'There is no such place.';
    case 'no-lines':
      return 'The trace has no source lines: record a program that was compiled with -g.';
    case 'no-history':
      return action === 'undo' ? 'Nothing to undo.' : 'Nothing was undone.';
  }
}
