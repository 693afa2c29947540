/** The main screen: transfers, code, calls, source, the strip of marks, what happened, keys. */
import { BacktrailError } from '@backtrail/analyzer';
import { KEYS, shownKey } from '../keys.ts';
import {
  beside,
  cut,
  fitted,
  formatCount,
  harmless,
  type Line,
  type Style,
  span,
  widthOf,
} from '../line.ts';
import { shownVcpus } from '../moves.ts';
import { codePane, codeTitle, notePane } from '../panes/code-pane.ts';
import { hostPane, hostTitle } from '../panes/host-pane.ts';
import { hasSource, sourcePane, sourceTitle } from '../panes/source-pane.ts';
import { stackPane } from '../panes/stack-pane.ts';
import { strip } from '../panes/strip.ts';
import { heading, transfersPane } from '../panes/transfers-pane.ts';
import type { Pane, Tone, WalkState } from '../walk-state.ts';
import type { World } from '../world.ts';

/** From this width on code and calls stand beside the transfers. */
export const WIDE_COLUMNS = 130;
/** Title, strip, status and keys. */
const FRAME_LINES = 4;
const FILTER_COLUMNS = 20;
const TRANSFERS_SHARE = 0.48;
const THREE_PANES_LINES = 36;

const TONES: Readonly<Record<Tone, Style | undefined>> = {
  plain: undefined,
  good: 'green',
  bad: 'red',
};

function titleLine(world: World, state: WalkState, columns: number): Line {
  const { position, count, filter } = state;
  const { trace } = world;
  const { vcpu, seq, index, instructions, isWhole } = position;
  const name = harmless(trace.directory.replace(/\/+$/, '').replace(/^.*\//, ''));
  const last = formatCount(Math.max(0, trace.seqEnd(vcpu) - 1));
  const all = trace.vcpus.length === 1 ? '' : ` (${trace.vcpus.length} in all)`;
  const which = state.isMerged ? ` (${shownVcpus(world, state).length} by time)` : all;
  const ran = `${formatCount(instructions)}${isWhole ? '' : ' or more'}`;
  const at =
    instructions === 0 ? 'nothing ran after it' : `instruction ${formatCount(index + 1)} of ${ran}`;
  const only = filter === null ? '' : `  only ${cut(harmless(filter.text), FILTER_COLUMNS)}`;
  const typed = count === '' ? '' : `  ${count}×`;
  const where = `  transfer ${formatCount(seq)} of ${last}  ${at}${typed}`;
  const line: Line = [
    span(` ${name}  vCPU ${vcpu}${which}`, 'bold'),
    span(only, 'magenta'),
    span(where, 'bold'),
  ];
  return fitted(line, columns);
}

/** One line: the message, or what is being typed. */
export function statusLine(state: WalkState, columns: number): Line {
  const { prompt, message } = state;
  if (prompt === null || state.isBusy) {
    return fitted([span(` ${harmless(message.text)}`, TONES[message.tone])], columns);
  }
  const asked = {
    goto: 'go to seq, VCPU:SEQ, 0x… or function: ',
    'search-back': '/',
    'search-forward': '?',
    bookmark: 'name of this place: ',
    filter: 'only transfers of: ',
    sql: 'SQL: ',
  }[prompt.kind];
  const room = Math.max(4, columns - widthOf(asked) - 3);
  const text = Array.from(harmless(prompt.text)).slice(-room).join('');
  return fitted([span(` ${asked}`, 'bold'), span(text), span(' ', 'inverse')], columns);
}

/** What the most needed keys do. */
export function hintLine(columns: number): Line {
  const spans = KEYS.flatMap(({ keys, action, hint }) => {
    if (hint === undefined) return [];
    const other = KEYS.find((one) => one.action === action.replace(/-back$/, '-forward'));
    const both = [keys[0], other?.action === action ? undefined : other?.keys[0]];
    const names = both.flatMap((key) => (key === undefined ? [] : [shownKey(key)]));
    return [span(` ${names.join('')}`, 'bold'), span(` ${hint}`, 'dim')];
  });
  return fitted(spans, columns);
}

/** Damage in what a pane shows is told in the pane. */
function pane(
  world: World,
  state: WalkState,
  which: Pane,
  columns: number,
  height: number,
): Line[] {
  const inside = Math.max(1, height - 1);
  try {
    return paneOf(world, state, which, columns, inside);
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    return [heading(which, columns), ...notePane(harmless(error.message), columns, inside)];
  }
}

function paneOf(
  world: World,
  state: WalkState,
  which: Pane,
  columns: number,
  inside: number,
): Line[] {
  switch (which) {
    case 'code':
      return state.hasHostTerms
        ? [heading(hostTitle(world, state), columns), ...hostPane(world, state, columns, inside)]
        : [heading(codeTitle(world, state), columns), ...codePane(world, state, columns, inside)];
    case 'stack':
      return [heading('calls', columns), ...stackPane(world, state, columns, inside)];
    case 'source':
      // Where there is no source (a library, hand-written code) its code says more than a note.
      if (world.locator.hasLines && !hasSource(world, state)) {
        return paneOf(world, state, 'code', columns, inside);
      }
      return [
        heading(sourceTitle(world, state), columns),
        ...sourcePane(world, state, columns, inside),
      ];
  }
}

function body(world: World, state: WalkState, columns: number, height: number): Line[] {
  if (columns < WIDE_COLUMNS) {
    const upper = Math.floor(height * TRANSFERS_SHARE);
    return [
      ...transfersPane(world, state, columns, upper),
      ...pane(world, state, state.pane, columns, height - upper),
    ];
  }
  const leftColumns = Math.floor(columns / 2);
  const rightColumns = columns - leftColumns - 1;
  const shown = rightPanes(world, state, height);
  const each = Math.floor(height / shown.length);
  const right = shown.flatMap((which, i) => {
    const own = i === 0 ? height - each * (shown.length - 1) : each;
    return pane(world, state, which, rightColumns, own);
  });
  return beside(transfersPane(world, state, leftColumns, height), right);
}

/** Beside the transfers there is room for two panes, or three. */
function rightPanes(world: World, state: WalkState, height: number): readonly Pane[] {
  const withSource = hasSource(world, state);
  if (withSource && height >= THREE_PANES_LINES) return ['source', 'code', 'stack'];
  if (withSource && state.pane === 'source') return ['source', 'code'];
  return ['code', 'stack'];
}

export function walkScreen(world: World, state: WalkState, columns: number, rows: number): Line[] {
  return [
    titleLine(world, state, columns),
    ...body(world, state, columns, rows - FRAME_LINES),
    strip(world, state, columns),
    statusLine(state, columns),
    hintLine(columns),
  ];
}
