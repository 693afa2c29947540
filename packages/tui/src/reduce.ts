/**
 * A key, and what the screen shows after it. All state is in the value that comes in and the one
 * that goes out; the cursor remembers movements, so that they can be undone.
 */
import { BacktrailError } from '@backtrail/analyzer';
import { bookmarkChoices, keepBookmark } from './bookmark-choices.ts';
import { fuzzy, targetOf } from './find.ts';
import { type Action, keySpec } from './keys.ts';
import { filtered, goTo, goToCode, merge, move, search, switchVcpu } from './moves.ts';
import { markEnd, pathGivenUp } from './path-choices.ts';
import { type Choice, PANES, type Prompt, tell, type WalkState } from './walk-state.ts';
import type { World } from './world.ts';

const ZOOM_MAX = 40;
/** Symbols offered; typing more narrows them. */
const CHOICES_MAX = 500;
const PAGE_LINES = 10;
const PROMPT_CHARACTERS_MAX = 1000;
const COUNT_DIGITS_MAX = 12;

/** The state after a key. What a damaged trace does to it is told in the status line. */
export function press(world: World, state: WalkState, key: string): WalkState {
  try {
    if (key === 'ctrl+c') return { ...state, isDone: true };
    if (state.isBusy) return key === 'escape' ? givenUp(state) : state;
    if (state.prompt !== null) return typeInto(world, state, state.prompt, key);
    if (state.screen === 'help') return inHelp(state, key);
    if (state.screen === 'choices') return inChoices(world, state, key);
    return inWalk(world, state, key);
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    return tell({ ...state, prompt: null, count: '' }, error.message, 'bad');
  }
}

/** A question to the database cannot be taken back. */
const givenUp = (state: WalkState): WalkState =>
  state.pathWanted === null ? state : pathGivenUp(state);

/** Actions that may look through the whole run. */
const FAR: readonly Action[] = [
  'line-back',
  'line-forward',
  'step-back',
  'step-forward',
  'here-back',
  'here-forward',
  'search-next',
  'search-other',
  'into-back',
  'into-forward',
  'out-back',
  'out-forward',
  'over-back',
  'over-forward',
];

/** Whether the answer to a key may lie anywhere in the run. */
export function looksFar(state: WalkState, key: string): boolean {
  const { prompt, screen, position, filter } = state;
  if (prompt !== null) {
    if (key !== 'enter') return false;
    if (prompt.kind === 'goto') return targetOf(prompt.text, position.vcpu).is !== 'place';
    return prompt.kind === 'search-back' || prompt.kind === 'search-forward';
  }
  const action = screen === 'walk' ? keySpec(key)?.action : undefined;
  if (action === undefined) return false;
  const isFiltered = filter !== null && filter.wanted !== null;
  return FAR.includes(action) || (isFiltered && /^(?:transfer|page)-/.test(action));
}

function inWalk(world: World, state: WalkState, key: string): WalkState {
  if (/^[0-9]$/.test(key) && (key !== '0' || state.count !== '')) {
    return { ...state, count: (state.count + key).slice(-COUNT_DIGITS_MAX) };
  }
  const spec = keySpec(key);
  if (key === 'escape') return tell({ ...state, count: '' }, world.options.ended);
  if (spec === undefined) return tell({ ...state, count: '' }, `${key}: no such key. h tells all.`);
  const next = move(world, state, spec.action) ?? show(world, state, spec.action);
  return { ...next, count: '' };
}

const open = (state: WalkState, kind: Prompt['kind']): WalkState => ({
  ...state,
  prompt: { kind, text: '' },
});

/** What changes the screen and not the place. */
function show(world: World, state: WalkState, action: Action): WalkState {
  switch (action) {
    case 'vcpu-forward':
      return switchVcpu(world, state, 1);
    case 'vcpu-back':
      return switchVcpu(world, state, -1);
    case 'goto':
      return withSymbols(world, open(state, 'goto'));
    case 'search-back':
    case 'search-forward':
    case 'bookmark':
    case 'filter':
      return open(state, action);
    case 'sql':
      return world.options.query === undefined
        ? tell(state, 'There is no database here.', 'bad')
        : open(state, 'sql');
    case 'bookmarks':
      return bookmarkChoices(world, state);
    case 'merge':
      return merge(world, state);
    case 'pane':
      return { ...state, pane: PANES[(PANES.indexOf(state.pane) + 1) % PANES.length] ?? 'code' };
    case 'host':
      return tell(
        { ...state, hasHostTerms: !state.hasHostTerms },
        state.hasHostTerms ? 'Guest addresses.' : 'Host addresses; t shows those of the guest.',
      );
    case 'fold':
      return tell(
        { ...state, isFolded: !state.isFolded },
        state.isFolded ? 'Every transfer by itself.' : 'Loops are folded.',
      );
    case 'zoom-in':
      return { ...state, zoom: Math.min(ZOOM_MAX, state.zoom + 1) };
    case 'zoom-out':
      return { ...state, zoom: Math.max(0, state.zoom - 1) };
    case 'copy': {
      const line = world.command(state.position);
      const copied = state.copied.includes(line) ? state.copied : [...state.copied, line];
      return tell({ ...state, copied }, line, 'good');
    }
    case 'help':
      return { ...state, screen: 'help', helpFrom: 0 };
    case 'quit':
      return { ...state, isDone: true };
    default:
      return state;
  }
}

function inHelp(state: WalkState, key: string): WalkState {
  const steps: Readonly<Record<string, number>> = {
    up: -1,
    k: -1,
    down: 1,
    j: 1,
    pageup: -PAGE_LINES,
    pagedown: PAGE_LINES,
    home: Number.NEGATIVE_INFINITY,
  };
  const step = steps[key];
  if (step === undefined) return { ...state, screen: 'walk', helpFrom: 0 };
  return { ...state, helpFrom: Math.max(0, state.helpFrom + step) };
}

function inChoices(world: World, state: WalkState, key: string): WalkState {
  const { choices } = state;
  if (choices === null) return { ...state, screen: 'walk' };
  const selected = selectedAfter(key, choices.selected, choices.items.length);
  if (selected !== null) return { ...state, choices: { ...choices, selected } };
  if (key === ' ') return markEnd(world, state);
  const walk: WalkState = { ...state, screen: 'walk', choices: null };
  if (key !== 'enter') return walk;
  return choose(world, walk, choices.items[choices.selected]);
}

function choose(world: World, state: WalkState, choice: Choice | undefined): WalkState {
  const to = choice?.to ?? null;
  if (to === null) return tell(state, 'That row names no place: it needs vcpu and seq.');
  return 'start' in to ? goToCode(world, state, [to.start]) : goTo(world, state, to);
}

/** Null for a key that does not move in a list. */
function selectedAfter(key: string, selected: number, count: number): number | null {
  const steps: Readonly<Record<string, number>> = {
    up: -1,
    down: 1,
    pageup: -PAGE_LINES,
    pagedown: PAGE_LINES,
    home: -count,
    end: count,
  };
  const step = steps[key];
  return step === undefined ? null : Math.max(0, Math.min(count - 1, selected + step));
}

/** While the place to go to is typed, functions that fit are offered. */
function withSymbols(world: World, state: WalkState): WalkState {
  const { prompt } = state;
  if (prompt?.kind !== 'goto') return state;
  const target = targetOf(prompt.text, state.position.vcpu);
  const fitting = target.is === 'words' ? fuzzy(world.symbols, target.text, CHOICES_MAX) : [];
  const items = fitting.map(
    ({ name, start }): Choice => ({ text: name, to: { symbol: name, start } }),
  );
  const head = `${world.symbols.length} functions ran`;
  return {
    ...state,
    screen: 'choices',
    choices: { title: 'Go to', head, items, selected: 0 },
  };
}

function typeInto(world: World, state: WalkState, prompt: Prompt, key: string): WalkState {
  if (key === 'escape') return closed(state);
  if (key === 'enter') return enter(world, state, prompt);
  const { choices } = state;
  if (prompt.kind === 'goto' && choices !== null) {
    const selected = selectedAfter(key, choices.selected, choices.items.length);
    if (selected !== null) return { ...state, choices: { ...choices, selected } };
  }
  const text = edited(prompt.text, key);
  return text === null ? state : withSymbols(world, { ...state, prompt: { ...prompt, text } });
}

/** Null for a key that types nothing. */
function edited(text: string, key: string): string | null {
  if (key === 'backspace') return Array.from(text).slice(0, -1).join('');
  if (key === 'ctrl+u') return '';
  if (key === 'ctrl+w') return text.replace(/\S+\s*$/, '');
  // Names of keys are words; what was typed is one character.
  return Array.from(key).length === 1 && text.length < PROMPT_CHARACTERS_MAX ? text + key : null;
}

const closed = (state: WalkState): WalkState => ({
  ...state,
  prompt: null,
  choices: null,
  screen: 'walk',
});

function enter(world: World, state: WalkState, prompt: Prompt): WalkState {
  const walk = closed(state);
  const text = prompt.text.trim();
  switch (prompt.kind) {
    case 'search-back':
      return search(world, walk, text || (state.search?.text ?? ''), 'backward');
    case 'search-forward':
      return search(world, walk, text || (state.search?.text ?? ''), 'forward');
    case 'bookmark':
      return keepBookmark(world, walk, text);
    case 'filter':
      return filtered(world, walk, text);
    case 'sql':
      // Whoever draws the screen asks the database, and comes back with the answer.
      return text === '' ? walk : { ...tell(walk, 'Asking…'), isBusy: true, prompt };
    case 'goto': {
      const target = targetOf(text, state.position.vcpu);
      if (target.is === 'place') return goTo(world, walk, target.to);
      if (target.is === 'code') {
        return goToCode(world, walk, world.placesOf(target.text));
      }
      const chosen = state.choices?.items[state.choices.selected];
      if (chosen !== undefined) return choose(world, walk, chosen);
      return tell(walk, `"${text}": no function of that name ran.`, 'bad');
    }
  }
}
