/**
 * The one table of keys: what they do, in which words, and in what order people need them. Key
 * handling, the help screen, the hints at the bottom and docs/walk.md are made from it.
 */

/** What a key asks for. */
export type Action =
  | 'transfer-back'
  | 'transfer-forward'
  | 'instruction-back'
  | 'instruction-forward'
  | 'line-back'
  | 'line-forward'
  | 'step-back'
  | 'step-forward'
  | 'over-back'
  | 'over-forward'
  | 'out-back'
  | 'out-forward'
  | 'into-back'
  | 'into-forward'
  | 'here-back'
  | 'here-forward'
  | 'mark-back'
  | 'mark-forward'
  | 'loop-back'
  | 'loop-forward'
  | 'page-back'
  | 'page-forward'
  | 'first'
  | 'last'
  | 'undo'
  | 'redo'
  | 'goto'
  | 'search-back'
  | 'search-forward'
  | 'search-next'
  | 'search-other'
  | 'vcpu-back'
  | 'vcpu-forward'
  | 'filter'
  | 'bookmark'
  | 'bookmarks'
  | 'merge'
  | 'pane'
  | 'host'
  | 'fold'
  | 'zoom-in'
  | 'zoom-out'
  | 'copy'
  | 'sql'
  | 'help'
  | 'quit';

export const KEY_GROUPS = ['Walk', 'Calls', 'Jump', 'Find', 'Show', 'Other'] as const;
export type KeyGroup = (typeof KEY_GROUPS)[number];

export interface KeySpec {
  /** Names as input.ts gives them; the first is the one that is shown first. */
  readonly keys: readonly string[];
  readonly action: Action;
  readonly group: KeyGroup;
  /** What it does, no full stop. */
  readonly says: string;
  /** A word for the bottom line; only of what is needed first. */
  readonly hint?: string;
  /** Whether digits typed before repeat it. */
  readonly isCounted?: boolean;
}

const moves = (
  keys: readonly string[],
  action: Action,
  group: KeyGroup,
  says: string,
  hint?: string,
): KeySpec => ({ keys, action, group, says, isCounted: true, ...(hint ? { hint } : {}) });

const one = (
  keys: readonly string[],
  action: Action,
  group: KeyGroup,
  says: string,
  hint?: string,
): KeySpec => ({ keys, action, group, says, ...(hint ? { hint } : {}) });

export const KEYS: readonly KeySpec[] = [
  moves(['up', 'k'], 'transfer-back', 'Walk', 'back to where the last transfer landed', 'transfer'),
  moves(['down', 'j'], 'transfer-forward', 'Walk', 'forward to where the next one landed'),
  moves(['left', 'i'], 'instruction-back', 'Walk', 'back by one instruction', 'step'),
  moves(['right', 'I'], 'instruction-forward', 'Walk', 'forward by one instruction'),
  moves(['l'], 'line-back', 'Walk', 'back by one source line, over calls'),
  moves(['L'], 'line-forward', 'Walk', 'forward by one source line, over calls'),
  moves(['s'], 'step-back', 'Walk', 'back by one source line, into calls'),
  moves(['S'], 'step-forward', 'Walk', 'forward by one source line, into calls'),
  moves(['pageup', 'ctrl+b'], 'page-back', 'Walk', 'back by a page of transfers'),
  moves(['pagedown', 'ctrl+f'], 'page-forward', 'Walk', 'forward by a page of transfers'),
  one(['['], 'loop-back', 'Walk', 'back over what the line above folds'),
  one([']'], 'loop-forward', 'Walk', 'forward over what the line below folds'),
  one(['G', 'end'], 'last', 'Walk', 'to the end of the run'),
  one(['<', 'home'], 'first', 'Walk', 'to the first transfer that was recorded'),
  moves(['c'], 'out-back', 'Calls', 'back to the call that entered this function', 'caller'),
  moves(['C'], 'out-forward', 'Calls', 'forward to where this function returned'),
  moves(['o'], 'over-back', 'Calls', 'back by one instruction, over calls'),
  moves(['O'], 'over-forward', 'Calls', 'forward by one instruction, over calls'),
  moves(['e'], 'into-back', 'Calls', 'back into the function that returned last'),
  moves(['E'], 'into-forward', 'Calls', 'forward into the function that is called next'),
  moves(['p'], 'here-back', 'Jump', 'to the previous execution of this instruction', 'again'),
  moves(['P'], 'here-forward', 'Jump', 'to the next execution of this instruction'),
  moves(['x'], 'mark-back', 'Jump', 'back to a signal, interrupt, exception, thread, gap'),
  moves(['X'], 'mark-forward', 'Jump', 'forward to one of these'),
  one(['g'], 'goto', 'Jump', 'to a seq, VCPU:SEQ, address or function', 'go to'),
  one(['v'], 'vcpu-forward', 'Jump', 'to the next vCPU (thread), at about the same time'),
  one(['V'], 'vcpu-back', 'Jump', 'to the vCPU before'),
  moves(['u'], 'undo', 'Jump', 'undo the last movement'),
  moves(['U', 'ctrl+r'], 'redo', 'Jump', 'movement that was undone, again'),
  one(['/'], 'search-back', 'Find', 'back to a transfer: function, address, cause or kind', 'find'),
  one(['?'], 'search-forward', 'Find', 'the same forward'),
  moves(['n'], 'search-next', 'Find', 'the same again, in that direction'),
  moves(['N'], 'search-other', 'Find', 'the same again, in the other direction'),
  one(['f'], 'filter', 'Find', 'only transfers of a function, address, cause, kind, vCPU, level'),
  one(['m'], 'bookmark', 'Find', 'give this place a name'),
  one(["'"], 'bookmarks', 'Find', 'places that have a name, and the path between two of them'),
  one([':'], 'sql', 'Find', 'ask in SQL; rows with vcpu and seq are places to go to'),
  one(['tab'], 'pane', 'Show', 'source, code or call stack in the lower part', 'pane'),
  one(['a'], 'merge', 'Show', 'all vCPUs (threads) in one list, by time'),
  one(['t'], 'host', 'Show', 'host addresses instead of guest ones'),
  one(['z'], 'fold', 'Show', 'fold loops, or every transfer by itself'),
  one(['+', '='], 'zoom-in', 'Show', 'a shorter part of the run in the strip'),
  one(['-'], 'zoom-out', 'Show', 'a longer part of the run in the strip'),
  one(['y'], 'copy', 'Other', 'the command that comes back here, also printed at the end'),
  one(['h', 'f1'], 'help', 'Other', 'this page', 'help'),
  one(['q', 'ctrl+c'], 'quit', 'Other', 'quit', 'quit'),
];

/** Names as people write them. */
const SHOWN: Readonly<Record<string, string>> = {
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
  tab: 'Tab',
  f1: 'F1',
};

export const shownKey = (key: string): string =>
  SHOWN[key] ??
  key.replace(/^ctrl\+(.)$/, (_all, letter: string) => `Ctrl-${letter.toUpperCase()}`);

export const shownKeys = ({ keys }: KeySpec): string => keys.map(shownKey).join(' ');

/** What a key does; undefined for one that does nothing. */
export const keySpec = (key: string): KeySpec | undefined =>
  KEYS.find((spec) => spec.keys.includes(key));
