/** How control got from one place to another, as a list to choose from. */
import { CallPath, type CallPathRow, NO_ROW } from '@backtrail/analyzer';
import { kindOf } from './edge-facts.ts';
import { formatCount, harmless, right } from './line.ts';
import { type Choice, type PlaceAt, tell, type WalkState } from './walk-state.ts';
import type { World } from './world.ts';

const SEQ_COLUMNS = 11;
/** A frame deeper than this is not moved further to the right. */
const DEPTH_SHOWN_MAX = 16;
const INDENT = '  ';

/** A place that a path may begin or end at. */
interface End {
  readonly name: string;
  readonly to: PlaceAt;
}

function endOf(choice: Choice | undefined): End | null {
  const to = choice?.to ?? null;
  if (choice === undefined || to === null || 'start' in to) return null;
  return { name: choice.text.replace(/\s{2,}.*$/, '').trim(), to };
}

/** Space: one end of a path is chosen, or the other. */
export function markEnd(world: World, state: WalkState): WalkState {
  const { choices } = state;
  if (choices === null) return state;
  const { selected, items } = choices;
  const marked = choices.marked ?? null;
  const end = endOf(items[selected]);
  if (end === null) return tell(state, 'That row names no place: a path goes from seq to seq.');
  if (marked === null || marked === selected) {
    const next = marked === null ? selected : null;
    const says = next === null ? '' : 'Space on another row tells the path between the two.';
    return tell({ ...state, choices: { ...choices, marked: next } }, says);
  }
  const other = endOf(items[marked]);
  return other === null ? state : askPath(world, state, other, end);
}

function askPath(world: World, state: WalkState, one: End, other: End): WalkState {
  if (one.to.vcpu !== other.to.vcpu) {
    const says = `vCPU ${one.to.vcpu} and vCPU ${other.to.vcpu}: a path is that of one vCPU.`;
    return tell(state, says, 'bad');
  }
  const [from, to] = one.to.seq <= other.to.seq ? [one, other] : [other, one];
  const path = new CallPath(world.stacks, from.to.vcpu, from.to.seq, to.to.seq);
  const pathWanted = { path, from: from.name, to: to.name };
  return { ...tell(state, 'On the way…'), isBusy: true, pathWanted };
}

/** The state with a path that was gone through to its end. */
export function pathFound(world: World, state: WalkState): WalkState {
  const { pathWanted } = state;
  if (pathWanted === null) return state;
  const { path, from, to } = pathWanted;
  const { vcpu, fromSeq, toSeq } = path;
  const ends = (name: string, seq: number): Choice => ({
    text: `${right(formatCount(seq), SEQ_COLUMNS)}  ── ${harmless(name)}`,
    to: { vcpu, seq, index: 0 },
  });
  const rows = path.rows().map((row) => rowChoice(world, vcpu, row));
  const items = [ends(from, fromSeq), ...rows, ends(to, toSeq)];
  const title = `Path from ${harmless(from)} to ${harmless(to)}`;
  const head = `${right('seq', SEQ_COLUMNS)}  ${formatCount(toSeq - fromSeq)} transfers`;
  return {
    ...tell({ ...state, isBusy: false, pathWanted: null, prompt: null }, ''),
    screen: 'choices',
    choices: { title, head, items, selected: 0 },
  };
}

/** Gives up a path that is being looked for. */
export const pathGivenUp = (state: WalkState): WalkState =>
  tell({ ...state, isBusy: false, pathWanted: null }, 'Given up.');

function rowChoice(world: World, vcpu: number, row: CallPathRow): Choice {
  const indent = INDENT.repeat(Math.min(DEPTH_SHOWN_MAX, row.depth));
  const seq = row.what === 'more' ? '' : formatCount(row.seq);
  const text = `${right(seq, SEQ_COLUMNS)}  ${indent}${rowText(world, vcpu, row)}`;
  return { text, to: { vcpu, seq: row.seq, index: 0 } };
}

function rowText(world: World, vcpu: number, row: CallPathRow): string {
  const { edges } = world.trace;
  const { what, edge, times, transfers, seq } = row;
  const timeNs = world.names.timeAt(vcpu, seq);
  const target = edge === NO_ROW ? '' : world.names.place(edges.target[edge] ?? 0n, timeNs);
  switch (what) {
    case 'enter':
      return edge === NO_ROW
        ? '→ (a frame that was entered unseen)'
        : `→ ${target}${how(world, edge)}`;
    case 'return':
      if (edge === NO_ROW) return `← ${frames(times)} left without a return`;
      return `← back in ${target}`;
    case 'call':
      return `  ${target} ×${formatCount(times)}, ${formatCount(transfers)} transfers`;
    case 'switch':
      return '⇄ to another stack';
    case 'gap':
      return `  ${formatCount(transfers)} transfers are lost`;
    case 'more':
      return `  … ${frames(times)} more`;
  }
}

const frames = (count: number): string => `${formatCount(count)} frame${count === 1 ? '' : 's'}`;

/** How a frame was entered, where that was no plain call. */
function how(world: World, edge: number): string {
  const kind = kindOf(world, edge);
  return kind === 'call' ? '' : ` (${kind})`;
}
