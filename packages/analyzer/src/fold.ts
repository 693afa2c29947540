/**
 * Loops made short: rounds that follow each other in a list of numbers (edges, for example) become
 * one entry that says how often. Nested loops fold from the inside out, and rounds of a loop are
 * alike even if a loop within them ran more often in one than in another: its count is a range.
 *
 *   a b b c a b b b c d   →   (a b×2..3 c)×2 d
 *
 * Shorter rounds are folded first, and what a fold made alike is folded again. Where a loop was
 * left in the middle of a round, whole rounds are counted from the beginning of the list: a list of
 * what ran last, newest first, keeps the unfinished round at its far end.
 */

/** One number, or the rounds of a loop. */
export interface Fold {
  /** Index of the first number it stands for. */
  readonly at: number;
  /** Numbers it stands for; within a round, in the first round. */
  readonly length: number;
  /** How often it came, one after the other; a range if it is in a loop whose rounds differ. */
  readonly timesMin: number;
  readonly timesMax: number;
  /** The first round; empty for a number. */
  readonly body: readonly Fold[];
}

interface FoldOptions {
  /** Longest round that is looked for, entries; 64 if left out. */
  readonly roundMax?: number;
}

const ROUND_MAX = 64;
/** Each pass folds loops around those of the pass before: nobody reads more levels than that. */
const PASSES_MAX = 8;

/** A Fold that is still being made; on the top level its count is exact. */
interface Entry {
  at: number;
  length: number;
  timesMin: number;
  timesMax: number;
  body: readonly Entry[];
}

/** Entries in order; those with one number are alike, however often they came. */
interface Row {
  readonly entries: readonly Entry[];
  readonly shapes: Uint32Array;
}

/** Numbers shapes that begin with one above all keys. */
class Shapes {
  readonly #known = new Map<string, number>();
  #next: number;

  constructor(next: number) {
    this.#next = next;
  }

  of(round: Uint32Array): number {
    const key = round.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = this.#next++;
    this.#known.set(key, made);
    return made;
  }
}

/** @returns entries that stand for all of `keys`, in order. */
export function foldLoops(keys: Uint32Array, options: FoldOptions = {}): Fold[] {
  const roundMax = options.roundMax ?? ROUND_MAX;
  const { row: first, distinct } = dense(keys);
  const shapes = new Shapes(distinct);
  let row = first;
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const before = row;
    for (let round = 1; round <= roundMax; round++) row = foldRounds(row, round, shapes);
    if (row === before) break;
  }
  return [...row.entries];
}

/** One entry for each key; keys as numbers from 0, so that shapes can be numbered behind them. */
function dense(keys: Uint32Array): { row: Row; distinct: number } {
  const numbers = new Map<number, number>();
  const shapes = keys.map((key) => {
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
  const entries = Array.from(keys, (_key, at) => ({
    at,
    length: 1,
    timesMin: 1,
    timesMax: 1,
    body: [],
  }));
  return { row: { entries, shapes }, distinct: numbers.size };
}

/** The row itself if no two rounds of that length follow each other. */
function foldRounds(row: Row, round: number, shapes: Shapes): Row {
  const { entries, shapes: old } = row;
  const count = entries.length;
  if (count < 2 * round) return row;
  // How many entries from each on are like the one a round later.
  const alike = new Uint32Array(count);
  let isAny = false;
  for (let i = count - round - 1; i >= 0; i--) {
    if (old[i] !== old[i + round]) continue;
    alike[i] = (alike[i + 1] ?? 0) + 1;
    if ((alike[i] ?? 0) >= round) isAny = true;
  }
  if (!isAny) return row;
  const folded: Entry[] = [];
  const made = new Uint32Array(count);
  for (let i = 0; i < count; ) {
    const times = Math.floor((alike[i] ?? 0) / round) + 1;
    const entry = entries[i];
    if (entry === undefined) break;
    const shape = old[i] ?? 0;
    const isLong = times > 1 && round > 1;
    made[folded.length] = isLong ? shapes.of(old.subarray(i, i + round)) : shape;
    const part = entries.slice(i, i + times * round);
    folded.push(times === 1 ? entry : round === 1 ? oneOf(part) : loopOf(part, round));
    i += times === 1 ? 1 : times * round;
  }
  return { entries: folded, shapes: made.slice(0, folded.length) };
}

const lengthOf = (entries: readonly Entry[]): number =>
  entries.reduce((sum, entry) => sum + entry.length, 0);

/** Entries of one shape, as one that came as often as all of them. */
function oneOf(entries: readonly Entry[]): Entry {
  const [first = EMPTY, ...others] = entries;
  for (const other of others) join(first.body, other.body);
  const times = entries.reduce((sum, entry) => sum + entry.timesMin, 0);
  return { ...first, length: lengthOf(entries), timesMin: times, timesMax: times };
}

const EMPTY: Entry = { at: 0, length: 0, timesMin: 0, timesMax: 0, body: [] };

function loopOf(entries: readonly Entry[], round: number): Entry {
  const body = entries.slice(0, round);
  const times = entries.length / round;
  for (let i = round; i < entries.length; i += round) join(body, entries.slice(i, i + round));
  return {
    at: body[0]?.at ?? 0,
    length: lengthOf(entries),
    timesMin: times,
    timesMax: times,
    body,
  };
}

/** Widens the counts of a round by those of another. */
function join(round: readonly Entry[], other: readonly Entry[]): void {
  round.forEach((entry, i) => {
    const like = other[i];
    if (like === undefined) return;
    entry.timesMin = Math.min(entry.timesMin, like.timesMin);
    entry.timesMax = Math.max(entry.timesMax, like.timesMax);
    join(entry.body, like.body);
  });
}
