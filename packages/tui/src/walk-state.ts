/** What the screen shows, as one value: made anew by each key, never changed. */
import type { CallPath, Position } from '@backtrail/analyzer';

export const PANES = ['source', 'code', 'stack'] as const;
export type Pane = (typeof PANES)[number];

/** A line that is being typed, and what it is for. */
export interface Prompt {
  readonly kind: 'goto' | 'search-back' | 'search-forward' | 'bookmark' | 'filter' | 'sql';
  readonly text: string;
}

/** A place that can be gone to. */
export interface PlaceAt {
  readonly vcpu: number;
  readonly seq: number;
  readonly index: number;
}

export interface Choice {
  readonly text: string;
  /** Null for a row that is only to be read. */
  readonly to: PlaceAt | { readonly symbol: string; readonly start: bigint } | null;
}

/** A list to choose from. */
export interface Choices {
  readonly title: string;
  readonly head: string;
  readonly items: readonly Choice[];
  readonly selected: number;
  /** One end of a path whose other end is yet to be chosen. */
  readonly marked?: number | null;
}

/** Transfers that are shown and walked by. */
export interface Filter {
  readonly text: string;
  /** 1 for each edge that is wanted; null: all are. */
  readonly wanted: Uint8Array | null;
  /** Those that are shown and gone to; null: all are. */
  readonly vcpus: readonly number[] | null;
}

/** A path that is being looked for: how control got from one place to another. */
export interface PathWanted {
  readonly path: CallPath;
  /** What its two ends are called, the earlier first. */
  readonly from: string;
  readonly to: string;
}

export type Tone = 'plain' | 'good' | 'bad';

export interface WalkState {
  readonly position: Position;
  readonly screen: 'walk' | 'help' | 'choices';
  readonly pane: Pane;
  readonly isFolded: boolean;
  readonly hasHostTerms: boolean;
  /** Of the strip: the whole run at 0, half of it at 1, and so on. */
  readonly zoom: number;
  /** Digits typed before a movement. */
  readonly count: string;
  readonly message: { readonly text: string; readonly tone: Tone };
  readonly prompt: Prompt | null;
  readonly choices: Choices | null;
  /** Lines of the help page that are scrolled away. */
  readonly helpFrom: number;
  readonly search: { readonly text: string; readonly direction: 'backward' | 'forward' } | null;
  /** Null: all transfers. */
  readonly filter: Filter | null;
  /** Whether the list has the transfers of all vCPUs, by time. */
  readonly isMerged: boolean;
  readonly pathWanted: PathWanted | null;
  /** Lines of copied places, printed when the terminal is back. */
  readonly copied: readonly string[];
  /** Something that takes time is under way: its answer comes later. */
  readonly isBusy: boolean;
  readonly isDone: boolean;
}

/** @param hasLines whether the trace knows source lines at all */
export function firstState(position: Position, ended: string, hasLines = false): WalkState {
  return {
    position,
    screen: 'walk',
    pane: hasLines ? 'source' : 'code',
    isFolded: true,
    hasHostTerms: false,
    zoom: 0,
    count: '',
    message: { text: ended, tone: 'plain' },
    prompt: null,
    choices: null,
    helpFrom: 0,
    search: null,
    filter: null,
    isMerged: false,
    pathWanted: null,
    copied: [],
    isBusy: false,
    isDone: false,
  };
}

export const tell = (state: WalkState, text: string, tone: Tone = 'plain'): WalkState => ({
  ...state,
  // There is one line for it.
  message: { text: text.replace(/\s+/g, ' ').trim(), tone },
});
