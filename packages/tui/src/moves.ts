/** Movements: each asks the cursor, and says in the status line what came of it. */
import type { Direction, MarkKind, Move } from '@backtrail/analyzer';
import { edgeMatcher, filterOf } from './find.ts';
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
  line: ({ cursor }, direction) => cursor.line(direction, true),
  step: ({ cursor }, direction) => cursor.line(direction),
  over: ({ cursor }, direction) => cursor.over(direction),
  out: ({ cursor }, direction) => cursor.out(direction),
  into: ({ cursor }, direction) => cursor.into(direction),
  here: ({ cursor }, direction, { position }) => cursor.address(direction, position.pc),
  mark: (world, direction, state) =>
    world.cursor.mark(direction, MARKS_WALKED, amongVcpus(world, state)),
};

/** These take a count themselves, in one step that can be undone. */
const COUNTED: Readonly<Record<string, Mover>> = {
  transfer: (world, direction, state) => byTransfers(world, state, direction, 1),
  instruction: ({ cursor }, direction, { count }) => cursor.instruction(direction, countOf(count)),
  page: (world, direction, state) => byTransfers(world, state, direction, PAGE_ROWS),
};

/** vCPUs that are shown. */
export const shownVcpus = ({ trace }: World, { filter }: WalkState): readonly number[] =>
  filter?.vcpus ?? trace.vcpus;

/** Those that a search looks through; undefined: the cursor's own. */
const amongVcpus = (world: World, state: WalkState): readonly number[] | undefined =>
  state.isMerged ? shownVcpus(world, state) : undefined;

function byTransfers(world: World, state: WalkState, direction: Direction, each: number): Move {
  const count = countOf(state.count) * each;
  return state.isMerged
    ? world.cursor.merged(direction, shownVcpus(world, state), Math.min(count, REPEATS_MAX))
    : world.cursor.transfer(direction, count);
}

/** More would be a slip of the finger. */
const REPEATS_MAX = 10_000;

const countOf = (digits: string): number => Math.max(1, Number(digits === '' ? '1' : digits));

/** With a filter, movement by transfer goes to those that it wants. */
const wantedMover =
  (text: string, wanted: Uint8Array): Mover =>
  (world, direction, state) =>
    world.cursor.landing(
      direction,
      `filter ${text}`,
      (edge) => wanted[edge] === 1,
      amongVcpus(world, state),
    );

function repeated(world: World, state: WalkState, name: string, direction: Direction): Move | null {
  const { filter } = state;
  const wanted = name === 'transfer' || name === 'page' ? (filter?.wanted ?? null) : null;
  const counted = COUNTED[name];
  if (counted !== undefined && wanted === null) return counted(world, direction, state);
  const mover = wanted === null ? MOVERS[name] : wantedMover(filter?.text ?? '', wanted);
  if (mover === undefined) return null;
  let last = mover(world, direction, state);
  const page = name === 'page' ? PAGE_ROWS : 1;
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
  const { cursor } = world;
  const vcpus = shownVcpus(world, state);
  const at = vcpus.indexOf(state.position.vcpu);
  const next = vcpus[(at + way + vcpus.length) % vcpus.length];
  if (next === undefined || next === state.position.vcpu) {
    return tell(state, 'There is one vCPU only.');
  }
  const there = arrived(state, cursor.vcpu(next), 'vcpu-forward');
  return tell(there, `vCPU ${next} at about the same time, at most ${offText(world)} off.`);
}

/** How far off the time at the cursor may be. */
function offText({ cursor }: World): string {
  const offUs = Number(cursor.time.errorNs) / 1e3;
  return offUs < 1000 ? `${offUs.toFixed(1)} µs` : `${(offUs / 1e3).toFixed(1)} ms`;
}

/** All vCPUs in one list, or the cursor's own again. */
export function merge(world: World, state: WalkState): WalkState {
  const vcpus = shownVcpus(world, state);
  if (state.isMerged) return tell({ ...state, isMerged: false }, 'This vCPU alone.');
  if (vcpus.length < 2) return tell(state, 'There is one vCPU only.');
  const says = `${vcpus.length} vCPUs by time; here the time is at most ${offText(world)} off.`;
  return tell({ ...state, isMerged: true }, says);
}

/** An empty filter takes the one there is away. */
export function filtered(world: World, state: WalkState, text: string): WalkState {
  if (text === '') return tell({ ...state, filter: null }, 'All transfers.');
  const filter = filterOf(world, text);
  if (filter === null) return tell(state, `"${text}": no transfer is of that.`, 'bad');
  const { wanted, vcpus } = filter;
  const all = world.trace.edges.count;
  const count = wanted?.reduce((sum, one) => sum + one, 0) ?? all;
  const of = vcpus === null ? '' : `vCPU ${vcpus.join(', ')}: `;
  const says = `${of}${formatCount(count)} of ${formatCount(all)} distinct transfers.`;
  const isMerged = vcpus === null ? state.isMerged : vcpus.length > 1;
  const only = { ...state, filter, isMerged };
  const [first = state.position.vcpu] = vcpus ?? [];
  const isShown = vcpus === null || vcpus.includes(state.position.vcpu);
  const there = isShown ? only : arrived(only, world.cursor.vcpu(first), 'vcpu-forward');
  return tell(there, `${says} f and Enter shows all again.`);
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
  if ((state.filter?.wanted ?? null) === null) return cursor.transfer(direction, beside.skip);
  const counted = { ...state, isMerged: false, count: String(beside.skip) };
  return repeated(world, counted, 'transfer', direction) ?? cursor.transfer(direction);
}

/** To a place of the trace. */
export function goTo(world: World, state: WalkState, { vcpu, seq, index }: PlaceAt): WalkState {
  const { cursor, trace } = world;
  if (!trace.vcpus.includes(vcpu)) {
    return tell(state, `There is no vCPU ${vcpu}; there are ${trace.vcpus.length}.`, 'bad');
  }
  const done = cursor.to(seq, index, vcpu);
  if (done.why === 'unknown') {
    const end = formatCount(trace.seqEnd(vcpu) - 1);
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
  const among = amongVcpus(world, state);
  const done = world.cursor.landing(direction, `search ${text}`, matcher, among);
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
